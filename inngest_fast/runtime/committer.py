"""The way of every transition: expand, hand in, and tell the queue and the index what became of it."""

from inngest_fast.domain.errors import OverloadedError
from inngest_fast.domain.transitions import (
    AddWait,
    Committed,
    ConsumeWait,
    CreateRun,
    DropWait,
    MoveJob,
    PutEvent,
    Transition,
)
from inngest_fast.domain.waits import Wait
from inngest_fast.ports.queue import Queue
from inngest_fast.ports.store import Store
from inngest_fast.runtime.counters import Counters
from inngest_fast.runtime.live_waits import LiveWaits
from inngest_fast.runtime.router import Router

MAX_BACKLOG = 20_000


class Committer:
    def __init__(
        self, store: Store, queue: Queue, waits: LiveWaits, router: Router, counters: Counters
    ) -> None:
        self._store = store
        self._queue = queue
        self._waits = waits
        self._router = router
        self._counters = counters

    def admit(self, n: int) -> None:
        """Raises OverloadedError when the store is too far behind to take n more from outside (design §3.9)."""
        if self._store.backlog + n > MAX_BACKLOG:
            self._counters.add("ingest_overloaded")
            raise OverloadedError("the store is behind with writing; try again shortly")

    async def commit(self, transition: Transition) -> Committed:
        """Commits a transition with all that its events cause; what that changed is known to the queue and
        the index on return. Raises StoreError, with nothing committed.

        A crash before the store's commit leaves everything as it was, the job included; one after it leaves
        jobs in the store that the queue finds at the next start.
        """
        if any(isinstance(action, PutEvent) for action in transition.actions):
            await self._router.expand(transition)
        waits = _added(transition)
        if waits:
            self._waits.announce(waits)
        try:
            committed = await self._store.commit(transition)
        except BaseException:
            if waits:
                self._waits.settle(waits, stored=False)
            raise
        if committed.reason:
            if waits:
                self._waits.settle(waits, stored=False)
            self._counters.add(f"dropped_by_{committed.reason}")
            if committed.reason == "job" and transition.job is not None:
                await self._moved_on(transition.job.id)
            return committed
        self._settle(transition, committed, waits)
        return committed

    def _settle(self, transition: Transition, committed: Committed, waits: list[Wait]) -> None:
        queue = self._queue
        if waits or transition.wait_id or committed.dropped_waits:
            refused = committed.refused_runs
            if refused:
                self._waits.settle([w for w in waits if w.run_id in refused], stored=False)
                waits = [w for w in waits if w.run_id not in refused]
            self._waits.settle(waits, stored=True)
            self._waits.forget(committed.dropped_waits)
        if transition.wait_id:
            self._waits.forget((transition.wait_id,))
        moved = False
        for action in transition.actions:
            kind = type(action)
            if kind is ConsumeWait or kind is DropWait:
                self._waits.forget((action.wait_id,))  # type: ignore[union-attr]
            elif kind is MoveJob:
                moved = True
                queue.requeue(action.job)  # type: ignore[union-attr]
        if transition.job is not None and not moved:
            queue.done(transition.job.id)
        for job_id in committed.dropped_jobs:
            queue.drop(job_id)
        for job in committed.jobs:
            if not moved or job.id != transition.job.id:  # type: ignore[union-attr]
                queue.add(job)

    async def _moved_on(self, job_id: str) -> None:
        """A job of the queue that the store has otherwise, or not at all: the store is right."""
        self._queue.drop(job_id)
        job = await self._store.job(job_id)
        if job is not None:
            self._queue.add(job)


def _added(transition: Transition) -> list[Wait]:
    waits: list[Wait] = []
    for action in transition.actions:
        if isinstance(action, AddWait):
            waits.append(action.wait)
        elif isinstance(action, CreateRun):
            waits.extend(action.waits)
    return waits


