"""Starts what runs that have ended deferred (sdk-protocol §4.6)."""

from inngest_fast.domain.defers import KEY_PREFIX, deferred
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.transitions import Transition
from inngest_fast.engine.lifecycle.deferred import start
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.store import Store
from inngest_fast.runtime.catalog_upkeep import CatalogUpkeep
from inngest_fast.runtime.committer import Committer
from inngest_fast.runtime.persistence import until_stored


class DeferredRuns:
    def __init__(
        self, store: Store, upkeep: CatalogUpkeep, committer: Committer, clock: Clock, entropy: Entropy
    ) -> None:
        self._store = store
        self._upkeep = upkeep
        self._committer = committer
        self._clock = clock
        self._entropy = entropy

    async def start(self, job: Job) -> None:
        """A DEFERS job is due: the events it stands for take its place."""
        await until_stored(lambda: self._start(job), self._entropy)

    async def _start(self, job: Job) -> None:
        """Raises StoreError, with nothing committed."""
        run = await self._store.run(job.payload.decode())
        function = await self._upkeep.function(job.function_id)
        transition = Transition([], job)
        if run is not None and function is not None:
            rows = await self._store.trace_rows(run.id, KEY_PREFIX)
            noted = deferred(run.defers, rows)
            transition = start(run, function, noted, job, self._clock.now_ms())
        await self._committer.commit(transition)
