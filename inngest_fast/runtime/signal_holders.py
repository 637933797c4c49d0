"""Who waits for a signal that a run asks for (sdk-protocol §8.3)."""

from collections.abc import Mapping, Sequence
from functools import partial

from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.waits import Wait
from inngest_fast.engine.routing.meeting import by_signal
from inngest_fast.runtime.live_waits import LiveWaits
from inngest_fast.runtime.persistence import until_stored


async def signal_holders(
    waits: LiveWaits, signals: Sequence[str], run_id: str, entropy: Entropy
) -> Mapping[str, Sequence[Wait]]:
    """The live waits for these signals that are not the run's own."""
    holders: dict[str, list[Wait]] = {}
    for signal in signals:
        found = await until_stored(partial(waits.find, [by_signal(signal)]), entropy)
        for wait in found.waits:
            if wait.key == signal and wait.run_id != run_id:
                holders.setdefault(signal, []).append(wait)
    return holders
