"""Whether the store takes writes: known from those it gets, asked for by none."""

from asyncio import Future

from inngest_fast.domain.transitions import Committed
from inngest_fast.ports.store import Store


class StoreWatch:
    """`trouble` is what the last write said when it failed, and is gone with the next that works."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.trouble = ""

    @property
    def backlog(self) -> int:
        return self._store.backlog

    def seen(self, stored: "Future[Committed]") -> None:
        """Takes note of the outcome of a commit."""
        if stored.cancelled():
            return
        error = stored.exception()
        self.trouble = "" if error is None else str(error)
