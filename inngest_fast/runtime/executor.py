"""The loop that takes due jobs and works on them."""

import asyncio
import logging
from functools import partial

from msgspec.structs import replace

from inngest_fast.domain.apps import Function
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import CALLS, Job, JobKind
from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import Transition
from inngest_fast.engine.lifecycle import due
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.queue import Queue
from inngest_fast.ports.store import Store
from inngest_fast.runtime.calls import Calls
from inngest_fast.runtime.cancellations import Cancellations
from inngest_fast.runtime.committer import Committer
from inngest_fast.runtime.counters import Counters
from inngest_fast.runtime.crons import Crons
from inngest_fast.runtime.deferred_runs import DeferredRuns
from inngest_fast.runtime.deferred_starts import DeferredStarts
from inngest_fast.runtime.gateway import Gateway
from inngest_fast.runtime.persistence import consume, until_stored
from inngest_fast.runtime.run_changes import RunChanges

LEASE = 64
LOCAL_AT_ONCE = 1_000
_AFTER_FAULT_MS = 5_000
_STARTS = frozenset((JobKind.DEBOUNCE, JobKind.BATCH))

_log = logging.getLogger(__name__)


class Executor:
    """Every leased job is a task; how many at once is the queue's to bound, per app."""

    def __init__(
        self,
        *,
        queue: Queue,
        calls: Calls,
        gateway: Gateway,
        deferred: DeferredRuns,
        crons: Crons,
        starts: DeferredStarts,
        cancellations: Cancellations,
        changes: RunChanges,
        committer: Committer,
        store: Store,
        clock: Clock,
        entropy: Entropy,
        counters: Counters,
    ) -> None:
        self._queue = queue
        self._calls = calls
        self._gateway = gateway
        self._deferred = deferred
        self._crons = crons
        self._starts = starts
        self._cancellations = cancellations
        self._changes = changes
        self._committer = committer
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._counters = counters
        self._tasks: set[asyncio.Task[None]] = set()
        queue.limit_group("local", LOCAL_AT_ONCE)

    @property
    def in_flight(self) -> int:
        return len(self._tasks)

    async def run(self) -> None:
        """Works until the queue is closed."""
        loop = asyncio.get_running_loop()
        while jobs := await self._queue.lease(LEASE):
            for job in jobs:
                task = loop.create_task(self._work(job))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def drain(self, timeout: float) -> int:
        """Waits for what is in flight, at most so many seconds; the rest is let go. How many that were.

        Their jobs are still in the store, and are worked on by others, or after the next start.
        """
        if self._tasks and timeout > 0:
            await asyncio.wait(self._tasks, timeout=timeout)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
        return len(left)

    async def _work(self, job: Job) -> None:
        try:
            if job.doubtful and not await self._still_due(job):
                return
            if job.kind is JobKind.GATEWAY:
                await self._gateway.work(job)
            elif job.kind in CALLS:
                await self._calls.work(job)
            elif job.kind is JobKind.CRON:
                await self._crons.fire(job)
            elif job.kind in _STARTS:
                await self._starts.fire(job)
            elif job.kind is JobKind.DEFERS:
                await self._deferred.start(job)
            elif job.kind is JobKind.CANCELLATION:
                await self._cancellations.walk(job)
            else:
                await self._due(job)
        except asyncio.CancelledError:
            raise
        except Exception:  # a bug must neither stop the loop nor lose the job
            self._counters.add("jobs_faulted")
            _log.exception("a job failed inside the server and is tried again", extra={"job": job.id})
            self._queue.requeue(replace(job, due=self._clock.now_ms() + _AFTER_FAULT_MS))

    async def _still_due(self, job: Job) -> bool:
        """Whether a job that another server may have been at work on is still to be done."""
        stored = await until_stored(lambda: self._store.job(job.id), self._entropy)
        if stored is None:
            self._queue.done(job.id)
        elif (stored.attempt, stored.since) != (job.attempt, job.since):
            self._queue.requeue(stored)
        else:
            return True
        self._counters.add("jobs_over_already")
        return False

    async def _due(self, job: Job) -> None:
        """A job that needs no call."""
        run_id = job.payload.decode() if job.kind is JobKind.JOIN else job.run_id
        change = partial(self._changes.change, run_id, partial(self._decide, job), job.since)
        committed = await until_stored(change, self._entropy)
        if committed is None:
            await consume(job, self._committer, self._entropy)
        elif committed.reason == "wait":
            # An event came first; its own job will drop this one.
            self._queue.requeue(replace(job, due=self._clock.now_ms() + _AFTER_FAULT_MS))

    def _decide(self, job: Job, run: Run, function: Function) -> Transition:
        return due.decide(run, function, job, self._clock.now_ms(), self._entropy)
