"""Very many runs that are queued, without limits, and with one run at a time of each of very many keys."""

import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from typing import Final

from bench.app import App
from bench.backends import placed
from bench.backlog import Backlog, piled_up
from bench.functions import noop
from bench.result import Result
from bench.server import started
from bench.stage import Stage, staged

KEY: Final = "event.data.key"
_COMPARED: Final = (
    ("rate_vs_unlimited", "rate_per_s"),
    ("cpu_vs_unlimited", "cpu_ms"),
    ("peak_vs_unlimited", "pss_peak_mib"),
)


async def play(stage: Stage) -> list[Result]:
    """Both on servers that have done nothing else.

    Work begins when the app, which kept all first calls, answers them. A `ts` that makes all due at once
    would have to be guessed, late enough for the last event, and would measure the waking of timers too.
    """
    keys = stage.options.keys
    unlimited = await _worked_off(stage, "keys unlimited", {})
    async with _another(stage) as fresh:
        limited = await _worked_off(
            fresh, f"keys {keys}", {"keyed": {"concurrency": [{"limit": 1, "key": KEY}]}}
        )
    for name, figure in _COMPARED:
        ours, theirs = limited.figure(figure), unlimited.figure(figure)
        if ours and theirs:
            limited.figures[name] = ours / theirs
    return [unlimited, limited]


async def _worked_off(stage: Stage, name: str, flow: Mapping[str, Mapping[str, object]]) -> Result:
    options = stage.options
    result = Result("keys", name, "run")

    def key(i: int) -> Mapping[str, object]:
        return {"key": i % options.keys}

    async with App(stage.journal, stage.sender, "flow", {"keyed": noop}, flow) as app:
        warm = Backlog(stage, "flow/keyed", options.warmup, key)
        await warm.send()
        await warm.ended()
        backlog = Backlog(stage, "flow/keyed", options.count(100_000), key)
        cpu, begun = stage.processes.cpu_seconds(), time.perf_counter()
        hold = await piled_up(stage, app, "keyed", backlog)
        result.figures["queued_per_s"] = len(backlog.numbers) / (time.perf_counter() - begun)
        if cpu is not None:
            used = (stage.processes.cpu_seconds() or 0.0) - cpu
            result.figures["queued_cpu_ms"] = used / len(backlog.numbers) * 1e3
        kept = hold.kept
        async with stage.measured(result, len(backlog.numbers)):
            hold.open()
            lost = await backlog.ended()
    sent = len(backlog.numbers)
    result.counts |= {"sent": sent, "accepted": sent, "held": kept, "lost": lost}
    return result


@contextlib.asynccontextmanager
async def _another(stage: Stage) -> AsyncIterator[Stage]:
    """With a server of its own, unless there is only the one that runs already."""
    options = stage.options
    if options.target:
        yield stage
        return
    with (
        placed(stage.backends) as place,
        started(options.mode, options.server_arguments, place, options.replicas) as server,
    ):
        async with staged(server, options, stage.backends) as fresh:
            yield fresh
