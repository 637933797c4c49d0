"""Cron ticks (flow-control §3). A tick and the job of the next one are one commit."""

import logging

from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.transitions import AddJob, Transition
from inngest_fast.engine.lifecycle import tick
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.store import Store
from inngest_fast.runtime.catalog import Catalog
from inngest_fast.runtime.catalog_upkeep import CatalogUpkeep
from inngest_fast.runtime.committer import Committer
from inngest_fast.runtime.counters import Counters
from inngest_fast.runtime.persistence import consume, until_stored

_log = logging.getLogger(__name__)


class Crons:
    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        upkeep: CatalogUpkeep,
        committer: Committer,
        clock: Clock,
        entropy: Entropy,
        counters: Counters,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._upkeep = upkeep
        self._committer = committer
        self._clock = clock
        self._entropy = entropy
        self._counters = counters

    async def fire(self, job: Job) -> None:
        """A CRON job is due: the latest tick runs, the missed ones are counted."""
        function = await until_stored(lambda: self._upkeep.function(job.function_id), self._entropy)
        if function is None:
            await consume(job, self._committer, self._entropy)
            return
        fired = tick.fire(function, job, self._clock.now_ms(), self._entropy)
        committed = await until_stored(lambda: self._committer.commit(fired.transition), self._entropy)
        if not committed.applied or fired.tick is None:
            return
        self._counters.add("cron_ticks")
        if fired.missed:
            self._counters.add("cron_ticks_missed", fired.missed)
            _log.warning(
                "cron ticks were missed and are not made up for; the latest one runs",
                extra={
                    "function": function.slug,
                    "cron": tick.payload(job).cron,
                    "missed": f"at least {fired.missed}" if fired.at_least else fired.missed,
                },
            )

    async def arm_missing(self) -> int:
        """Stores a job for every live cron that has none. How many. Raises StoreError."""
        now, armed = self._clock.now_ms(), 0
        for function in self._catalog.functions():
            for trigger in function.config.triggers:
                if not trigger.cron or await self._store.job(tick.cron_job_id(function.id, trigger.cron)):
                    continue
                job = tick.arm(function, trigger, now)
                if job is not None:
                    await self._committer.commit(Transition([AddJob(job)]))
                    armed += 1
        return armed
