"""Everything forgotten but apps and functions, between tests of apps (http-api §3.5)."""

from inngest_fast.ports.queue import Queue
from inngest_fast.ports.store import Store
from inngest_fast.runtime.crons import Crons
from inngest_fast.runtime.live_waits import LiveWaits
from inngest_fast.runtime.run_cache import RunCache

_PAGE = 5_000


class CleanSlate:
    """For one server alone, in test mode. Answers to calls that are under way come to nothing."""

    def __init__(self, store: Store, queue: Queue, waits: LiveWaits, cache: RunCache, crons: Crons) -> None:
        self._store = store
        self._queue = queue
        self._waits = waits
        self._cache = cache
        self._crons = crons

    async def wipe(self) -> None:
        """Raises StoreError."""
        last = ""
        while jobs := await self._store.jobs(last, _PAGE):
            for job in jobs:
                self._queue.drop(job.id)
            last = jobs[-1].id
        after = 0
        while waits := await self._store.live_waits(after, _PAGE):
            self._waits.forget(wait.id for wait in waits)
            after = waits[-1].id
        await self._store.clear()
        self._cache.clear()
        await self._crons.arm_missing()
