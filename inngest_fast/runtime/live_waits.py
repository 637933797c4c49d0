"""Live waits: found through the index, read from the store, or from memory while not yet committed."""

from collections.abc import Iterable, Sequence

from inngest_fast.domain.waits import Wait, WaitKind
from inngest_fast.engine.routing.meeting import Lookup, by_invoke, index_entry
from inngest_fast.ports.store import Store
from inngest_fast.ports.wait_index import WaitIndex
from inngest_fast.ports.wait_search import Found, WaitSearch


class LiveWaits:
    """A wait is findable from the moment its transition is handed to the store.

    Whoever finds one hands in its own transition later, so the store sees them in that order: no event
    that arrives after a wait was asked for can miss it.

    With a `search`, other servers write to the store too: then the index holds only the waits that this one
    has handed in and that are not yet committed, and the store is asked for the rest. An event that arrives
    at any server after a wait was committed finds it.
    """

    def __init__(self, store: Store, index: WaitIndex, search: WaitSearch | None = None) -> None:
        self._store = store
        self._index = index
        self._search = search
        self._uncommitted: dict[int, Wait] = {}

    def __len__(self) -> int:
        return len(self._index)

    @property
    def whole(self) -> bool:
        """Whether all waits are in the index, so that it can tell how many there are."""
        return self._search is None

    async def load(self, page: int) -> None:
        """Takes in what is in the store. Raises StoreError."""
        if self._search is not None:
            return
        after = 0
        while waits := await self._store.live_waits(after, page):
            for wait in waits:
                self._index.insert(wait.id, *index_entry(wait))
            after = waits[-1].id

    def announce(self, waits: Iterable[Wait]) -> None:
        """Waits that a transition is about to add."""
        for wait in waits:
            self._uncommitted[wait.id] = wait
            self._index.insert(wait.id, *index_entry(wait))

    def settle(self, waits: Iterable[Wait], *, stored: bool) -> None:
        """The transition of announced waits was committed, or was not."""
        for wait in waits:
            self._uncommitted.pop(wait.id, None)
            if not stored or self._search is not None:
                self._index.remove(wait.id)

    def forget(self, ids: Iterable[int]) -> None:
        """Waits that are gone from the store."""
        for id in ids:
            self._uncommitted.pop(id, None)
            self._index.remove(id)

    async def invoking(self, correlation_id: str) -> list[Wait]:
        """The live wait for an invoked function, if there is one. Raises StoreError."""
        found = await self.find([by_invoke(correlation_id)])
        return [w for w in found.waits if w.kind is WaitKind.INVOKE and w.key == correlation_id]

    async def find(self, asked: Sequence[tuple[str, Lookup]]) -> Found:
        """Live waits by name and values: a superset of those met, oldest first. Raises StoreError."""
        ids = [id for name, lookup in asked for id in self._index.candidates(name, lookup)]
        waits = {id: wait for id in ids if (wait := self._uncommitted.get(id)) is not None}
        version = 0
        if self._search is not None:
            found = await self._search.find(asked)
            version = found.apps_version
            waits.update({wait.id: wait for wait in found.waits})
        elif len(waits) < len(ids):
            rest = await self._store.waits([id for id in ids if id not in waits])
            waits.update({wait.id: wait for wait in rest})
        return Found([waits[id] for id in sorted(waits)] if len(waits) > 1 else list(waits.values()), version)
