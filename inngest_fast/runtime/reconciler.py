"""The safety net (design §3.6, §3.7): jobs that the queue lost, runs that nothing would move."""

import asyncio
import logging

from inngest_fast.domain.apps import Function
from inngest_fast.domain.errors import QueueError, StoreError
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import Transition
from inngest_fast.engine.lifecycle.repair import repair
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.queue import Queue
from inngest_fast.ports.store import Store
from inngest_fast.runtime.counters import Counters
from inngest_fast.runtime.queue_limits import restore_throttles
from inngest_fast.runtime.run_changes import RunChanges

INTERVAL_S = 5.0
# After a loss: until every server has said which jobs it is at work on.
SETTLE_S = 1.0
FEW = 100
ON_THEIR_WAY_S = 0.5
PAGE = 2_000
STUCK_AFTER_MS = 30_000
LOOK_AT = 10_000  # runs each time

_log = logging.getLogger(__name__)


class Reconciler:
    """Scans the store's jobs in turn, a page each interval, and compares them with the queue; all of them at
    once when the queue says that it may have lost some.

    Nothing depends on it in normal operation: what it repairs is counted, and is worth a look.
    """

    def __init__(
        self,
        store: Store,
        queue: Queue,
        changes: RunChanges,
        clock: Clock,
        entropy: Entropy,
        counters: Counters,
    ) -> None:
        self._store = store
        self._queue = queue
        self._changes = changes
        self._clock = clock
        self._entropy = entropy
        self._counters = counters
        self._last = ""
        self._last_run = ""
        self._cursor = ""
        self._over: list[str] = []
        self._missing: list[str] = []
        self._loss = asyncio.Event()
        queue.on_loss(self._loss.set)

    async def run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(INTERVAL_S):
                    await self._loss.wait()
            except TimeoutError:
                pass
            try:
                if self._loss.is_set():
                    await self._refill()
                await self.sweep()
            except (StoreError, QueueError) as error:
                _log.warning("could not check for lost work", extra={"error": str(error)})
            except Exception:
                _log.exception("the check for lost work failed")

    async def _refill(self) -> None:
        """Makes up for a loss. One that happens meanwhile is made up for after this.

        Raises StoreError or QueueError; then it is due again.
        """
        self._loss.clear()
        try:
            await restore_throttles(self._store, self._queue, self._clock)
            await asyncio.sleep(SETTLE_S)
            await self.rebuild()
        except (StoreError, QueueError):
            self._loss.set()
            raise

    async def rebuild(self) -> None:
        """Queues every job of the store that the queue does not have.

        Raises StoreError, QueueError.
        """
        last, rearmed = "", 0
        while jobs := await self._store.jobs(last, PAGE):
            missing = set(await self._queue.missing([job.id for job in jobs]))
            if 0 < len(missing) <= FEW:  # on their way to the queue perhaps
                await asyncio.sleep(ON_THEIR_WAY_S)
                missing = set(await self._queue.missing(list(missing)))
            if missing:  # or over by now
                missing.difference_update(await self._store.jobs_over(list(missing)))
            if missing:
                rearmed += len(await self._queue.add_missing([job for job in jobs if job.id in missing]))
            last = jobs[-1].id
        if not self._loss.is_set():
            self._queue.rebuilt()
        if rearmed:
            self._counters.add("reconciler_jobs_rearmed", rearmed)
            _log.warning("the queue had lost jobs; they are queued again", extra={"jobs": rearmed})

    async def sweep(self) -> None:
        """One round. A job counts as lost when two rounds in a row found it in the store only.

        Raises StoreError, QueueError.
        """
        await self._rearm()
        jobs = await self._store.jobs(self._last, PAGE)
        self._last = jobs[-1].id if len(jobs) == PAGE else ""
        self._missing = await self._queue.missing([job.id for job in jobs]) if jobs else []
        queued_before = self._clock.now_ms() - STUCK_AFTER_MS
        await self._drop_over()
        stuck, self._last_run = await self._store.stuck_runs(self._last_run, LOOK_AT, queued_before)
        for run_id in stuck:
            await self._repair(run_id)

    async def _drop_over(self) -> None:
        """Changes of several servers may overtake each other: a job queued after it was over would stay.

        A job counts as one of these when it was over, and in the queue, in two rounds.
        """
        over, self._over = self._over, []
        if over:
            gone = set(await self._queue.missing(over))
            for job_id in await self._store.jobs_over([id for id in over if id not in gone]):
                self._counters.add("reconciler_jobs_dropped")
                self._queue.drop(job_id)
        ids, self._cursor = await self._queue.scan(self._cursor)
        # What is in the queue was in the store before: what is not there now is over.
        self._over = await self._store.jobs_over(ids) if ids else []

    async def _rearm(self) -> None:
        found, self._missing = self._missing, []
        for job_id in await self._queue.missing(found) if found else ():
            job = await self._store.job(job_id)
            if job is not None and await self._queue.add_missing([job]):
                self._counters.add("reconciler_jobs_rearmed")
                _log.warning("a job was missing from the queue and is queued again", extra={"job": job_id})

    async def _repair(self, run_id: str) -> None:
        committed = await self._changes.change(run_id, self._decide)
        if committed is not None and committed.applied and committed.jobs:
            self._counters.add("reconciler_runs_repaired")
            _log.warning(
                "a run had nothing that would move it; its app is asked again", extra={"run": run_id}
            )

    def _decide(self, run: Run, function: Function) -> Transition | None:
        if run.status.ended:
            return None
        return repair(run, function, self._clock.now_ms(), self._entropy)
