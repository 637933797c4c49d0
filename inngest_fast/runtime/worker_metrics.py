"""Metrics of all workers under one port: whichever is asked, asks the others."""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from inngest_fast.domain.metrics import Family, Sample
from inngest_fast.ports.peers import Peers
from inngest_fast.runtime.counted import PREFIX
from inngest_fast.runtime.metrics import Metrics

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Family]).decode


class WorkerMetrics:
    """What workers measure is apart by the label `worker`: a sum would fall whenever one starts again, and be
    taken for a restart of all. What they share is there once.
    """

    def __init__(self, own: Metrics, peers: Peers) -> None:
        self._own = own
        self._peers = peers
        self.refused = own.refused

    async def start(self) -> None:
        await self._peers.serve(self._answer)

    async def stop(self) -> None:
        await self._peers.close()

    async def read(self) -> list[Family]:
        own = self._own
        found = {self._peers.number: own.of_this()}
        for number, answer in (await self._peers.ask()).items():
            try:
                found[number] = _decode(answer)
            except msgspec.DecodeError:
                pass  # of another version: it is about to be replaced
        up = [
            Sample(int(number in found), (("worker", str(number)),))
            for number in range(1, self._peers.count + 1)
        ]
        return [
            *await own.of_all(),
            Family(PREFIX + "worker_up", "gauge", "Whether a worker answered this scrape.", up),
            *_merged((number, found[number]) for number in sorted(found)),
        ]

    async def _answer(self) -> bytes:
        return _encode(self._own.of_this())


def _merged(found: Iterable[tuple[int, Sequence[Family]]]) -> list[Family]:
    """One family of each name, with the samples of all workers."""
    families: dict[str, Family] = {}
    samples: dict[str, list[Sample]] = {}
    for number, of_one in found:
        worker = ("worker", str(number))
        for family in of_one:
            families.setdefault(family.name, family)
            labelled = (replace(sample, labels=(*sample.labels, worker)) for sample in family.samples)
            samples.setdefault(family.name, []).extend(labelled)
    return [replace(family, samples=samples[name]) for name, family in families.items()]
