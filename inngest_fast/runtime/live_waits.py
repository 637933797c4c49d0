"""Live waits: found through the index, read from the store, or from memory while not yet committed."""

from collections.abc import Iterable

from inngest_fast.domain.waits import Wait
from inngest_fast.engine.routing.meeting import Lookup, index_entry
from inngest_fast.ports.store import Store
from inngest_fast.ports.wait_index import WaitIndex


class LiveWaits:
    """A wait is findable from the moment its transition is handed to the store.

    Whoever finds one hands in its own transition later, so the store sees them in that order: no event
    that arrives after a wait was asked for can miss it.
    """

    def __init__(self, store: Store, index: WaitIndex) -> None:
        self._store = store
        self._index = index
        self._uncommitted: dict[int, Wait] = {}

    def __len__(self) -> int:
        return len(self._index)

    def load(self, wait: Wait) -> None:
        """Takes in a wait that is in the store."""
        self._index.insert(wait.id, *index_entry(wait))

    def announce(self, waits: Iterable[Wait]) -> None:
        """Waits that a transition is about to add."""
        for wait in waits:
            self._uncommitted[wait.id] = wait
            self._index.insert(wait.id, *index_entry(wait))

    def settle(self, waits: Iterable[Wait], *, stored: bool) -> None:
        """The transition of announced waits was committed, or was not."""
        for wait in waits:
            self._uncommitted.pop(wait.id, None)
            if not stored:
                self._index.remove(wait.id)

    def forget(self, ids: Iterable[int]) -> None:
        """Waits that are gone from the store."""
        for id in ids:
            self._uncommitted.pop(id, None)
            self._index.remove(id)

    def candidates(self, name: str, lookup: Lookup) -> list[int]:
        return self._index.candidates(name, lookup)

    async def read(self, ids: list[int]) -> list[Wait]:
        """The live ones of these, oldest first."""
        waits = [wait for id in ids if (wait := self._uncommitted.get(id)) is not None]
        rest = [id for id in ids if id not in self._uncommitted]
        if rest:
            waits += await self._store.waits(rest)
            waits.sort(key=lambda wait: wait.id)
        return waits
