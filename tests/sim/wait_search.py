"""ports.wait_search.WaitSearch on the disk: what is committed at the time it answers."""

from collections.abc import Callable, Sequence

from inngest_fast.domain.waits import Wait
from inngest_fast.engine.routing.meeting import index_entry
from inngest_fast.ports.wait_search import Found, Lookup
from tests.sim.disk import Disk, ProcessStore


class DiskSearch:
    """Of one process; it fails as the process's reads do."""

    def __init__(self, disk: Disk, store: ProcessStore, apps_version: Callable[[], int]) -> None:
        self._disk = disk
        self._store = store
        self._apps_version = apps_version

    async def find(self, asked: Sequence[tuple[str, Lookup]]) -> Found:
        return await self._store.read(lambda: Found(self._found(asked), self._apps_version()))

    async def apps_version(self) -> int:
        return await self._store.read(self._apps_version)

    def _found(self, asked: Sequence[tuple[str, Lookup]]) -> list[Wait]:
        return [
            wait
            for _, wait in sorted(self._disk.tables["waits"].items())
            if any(_may_meet(wait, name, lookup) for name, lookup in asked)
        ]


def _may_meet(wait: Wait, name: str, lookup: Lookup) -> bool:
    event, keys = index_entry(wait)
    return name == event and any(key is None or lookup(key[0]) == key[1] for key in keys)
