"""Whether the store takes writes: known from those it gets, and asked for only while it does not."""

import asyncio

from inngest_fast.domain.apps import App
from inngest_fast.domain.transitions import Committed, PutApp, RemoveApp, Transition
from inngest_fast.ports.store import Store

PROBE_EVERY_S = 1.0

_PROBE = App(id="store-watch", name="store-watch", url="", created_at=0, updated_at=0)


class StoreWatch:
    """`trouble` is what the last failure said, and is gone with the next write that works."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._failed = asyncio.Event()
        self.trouble = ""

    @property
    def backlog(self) -> int:
        return self._store.backlog

    async def run(self) -> None:
        """While there is trouble, writes what has no effect.

        Whoever is kept away by the trouble would send nothing that shows that it is over.
        """
        while True:
            await self._failed.wait()
            await asyncio.sleep(PROBE_EVERY_S)
            if self.trouble:
                probe = self._store.commit(Transition([PutApp(_PROBE), RemoveApp(_PROBE.id)]))
                probe.add_done_callback(self.seen)
                await asyncio.wait((probe,))

    def failed(self, error: BaseException) -> None:
        """Takes note of a failure; where reads fail, writes are not to be expected to work."""
        self.trouble = str(error)
        self._failed.set()

    def seen(self, stored: "asyncio.Future[Committed]") -> None:
        """Takes note of the outcome of a commit. A dropped one wrote nothing, and so proves nothing."""
        if stored.cancelled():
            return
        error = stored.exception()
        if error is not None:
            self.failed(error)
        elif self.trouble and stored.result().applied:
            self.trouble = ""
            self._failed.clear()
