"""Bulk cancellation (flow-control §6.3): stored, then done by a job that walks a function's live runs."""

import asyncio
from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from inngest_fast.domain.apps import Function
from inngest_fast.domain.cancellations import Cancellation
from inngest_fast.domain.ids import Entropy, ulid
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import (
    AddJob,
    DropCancellation,
    DropJob,
    MoveJob,
    PutCancellation,
    Transition,
)
from inngest_fast.engine.expressions import over_event
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.store import Store
from inngest_fast.runtime.committer import Committer
from inngest_fast.runtime.counters import Counters
from inngest_fast.runtime.persistence import consume, until_stored
from inngest_fast.runtime.run_control import RunControl

MAX_AHEAD_MS = 5_000  # of `started_before`
# Runs are dated when they are decided on: one of before may be stored so much later.
LATE_MS = 10_000

_PAGE = 200


class Cancellations:
    def __init__(
        self,
        store: Store,
        runs: RunControl,
        committer: Committer,
        clock: Clock,
        entropy: Entropy,
        counters: Counters,
    ) -> None:
        self._store = store
        self._runs = runs
        self._committer = committer
        self._clock = clock
        self._entropy = entropy
        self._counters = counters

    async def add(
        self,
        function: Function,
        *,
        started_after: int = 0,
        started_before: int,
        expression: str = "",
        id: str = "",
    ) -> Cancellation:
        """Durable on return, and under way. `started_before` is at most MAX_AHEAD_MS ahead: it goes on until
        then. With an `id`, a ULID, that was given before: the one that there is, whatever is asked for now.
        Raises InvalidExpressionError, StoreError.
        """
        if expression:
            over_event(expression)
        known = await self._store.cancellation(id) if id else None
        if known is not None:
            return known
        now = self._clock.now_ms()
        cancellation = Cancellation(
            id=id or self._entropy.ulid(now),
            app_id=function.app_id,
            function_id=function.id,
            started_after=started_after,
            started_before=min(started_before, now + MAX_AHEAD_MS),
            expression=expression,
            created_at=now,
        )
        await self._committer.commit(
            Transition([PutCancellation(cancellation), AddJob(_job(cancellation, now))])
        )
        return cancellation

    async def remove(self, id: str) -> bool:
        """Whether there was one; what it has cancelled stays so. Raises StoreError."""
        if await self._store.cancellation(id) is None:
            return False
        await self._committer.commit(Transition([DropCancellation(id), DropJob(_job_id(id))]))
        return True

    async def walk(self, job: Job) -> None:
        """A CANCELLATION job is due. After a crash it begins anew, and finds what is left."""
        id = job.payload.decode()
        cancellation = await until_stored(lambda: self._store.cancellation(id), self._entropy)
        if cancellation is None:
            await consume(job, self._committer, self._entropy)
            return
        began = self._clock.now_ms()
        cancelled = cancellation.cancelled + await self._cancel_all(cancellation)
        changed = replace(cancellation, cancelled=cancelled)
        last = cancellation.started_before + LATE_MS
        if began <= last:
            due = last + 1
            moved = replace(job, attempt=job.attempt + 1, due=due, score=due)
            transition = Transition([PutCancellation(changed), MoveJob(moved)], job)
        else:
            done = replace(changed, done_at=self._clock.now_ms())
            transition = Transition([PutCancellation(done)], job)
        await until_stored(lambda: self._committer.commit(transition), self._entropy)

    async def _cancel_all(self, cancellation: Cancellation) -> int:
        first, last = cancellation.started_after - 1, cancellation.started_before
        after = ulid(first, b"\xff" * 10) if first >= 0 else ""
        until = ulid(last, b"\xff" * 10)
        cancelled = 0
        while True:
            read = partial(self._store.live_runs, cancellation.function_id, after, until, _PAGE)
            page = await until_stored(read, self._entropy)
            cancelled += await self._cancel_page(cancellation, page)
            if len(page) < _PAGE:
                self._counters.add("runs_cancelled_in_bulk", cancelled)
                return cancelled
            after = page[-1].id

    async def _cancel_page(self, cancellation: Cancellation, page: Sequence[Run]) -> int:
        if cancellation.expression:
            asked = await asyncio.gather(*(self._meant(cancellation.expression, run) for run in page))
            page = [run for run, meant in zip(page, asked, strict=True) if meant]
        results = await asyncio.gather(
            *(until_stored(partial(self._runs.cancel, run.id), self._entropy) for run in page)
        )
        return results.count("cancelled")

    async def _meant(self, expression: str, run: Run) -> bool:
        event = await until_stored(lambda: self._store.event(run.event_ids[0]), self._entropy)
        if event is None:
            return False
        return over_event(expression).matches(event.wire, now_ms=self._clock.now_ms())


def _job_id(id: str) -> str:
    return f"cancellation:{id}"


def _job(cancellation: Cancellation, now: int) -> Job:
    return Job(
        id=_job_id(cancellation.id),
        kind=JobKind.CANCELLATION,
        app_id=cancellation.app_id,
        function_id=cancellation.function_id,
        due=now,
        score=now,
        payload=cancellation.id.encode(),
    )
