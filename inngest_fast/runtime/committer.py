"""The way of every transition: route its events, hand it in, tell the queue and the index what came of it."""

import asyncio
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import partial
from time import perf_counter

from inngest_fast.domain.errors import OverloadedError, StoreError
from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import (
    Action,
    AddWait,
    Admit,
    Committed,
    ConsumeWait,
    CreateRun,
    DropWait,
    EndRun,
    MoveJob,
    PutEvent,
    Transition,
    UpdateRun,
)
from inngest_fast.domain.waits import Wait
from inngest_fast.ports.queue import Queue
from inngest_fast.ports.store import Store
from inngest_fast.runtime.counters import Counters
from inngest_fast.runtime.live_waits import LiveWaits
from inngest_fast.runtime.measures import Measures
from inngest_fast.runtime.router import Router
from inngest_fast.runtime.run_cache import RunCache
from inngest_fast.runtime.store_watch import StoreWatch

MAX_BACKLOG = 20_000

_SDK_CALLS = frozenset((JobKind.START, JobKind.EDGE, JobKind.PLAN))


class Committer:
    """What a commit changed is known to queue, index and cache before its caller goes on, and also if the
    caller was cancelled meanwhile.

    A crash before the store's commit leaves everything as it was, the consumed job included; one after it
    leaves jobs in the store, which the next start finds.
    """

    def __init__(
        self,
        store: Store,
        queue: Queue,
        waits: LiveWaits,
        router: Router,
        cache: RunCache,
        watch: StoreWatch,
        counters: Counters,
        measures: Measures,
    ) -> None:
        self._store = store
        self._watch = watch
        self._queue = queue
        self._waits = waits
        self._router = router
        self._cache = cache
        self._counters = counters
        self._measures = measures
        self._tasks: set[asyncio.Task[None]] = set()
        self.on_end: Callable[[str], None] = lambda _: None  # of a run
        self.export: Callable[[Run], None] | None = None  # of the trace of one that has ended

    def admit(self, n: int) -> None:
        """Raises OverloadedError when the store is too far behind to take n more (design §3.9)."""
        if self._store.backlog + n > MAX_BACKLOG:
            self._counters.add("ingest_overloaded")
            raise OverloadedError("the store is behind with writing; try again shortly")

    @staticmethod
    def emits(transition: Transition) -> bool:
        """Whether there is something to `route`."""
        return any(type(action) is PutEvent for action in transition.actions)

    async def route(self, transition: Transition) -> None:
        """Adds all that the transition's events cause to it. Raises StoreError."""
        try:
            await self._router.expand(transition)
        except StoreError as error:
            self._watch.failed(error)
            raise

    def hand_in(self, transition: Transition) -> asyncio.Future[Committed]:
        """Puts a routed transition in line. The result may be StoreError; then nothing was committed."""
        waits = _added(transition)
        if waits:
            self._waits.announce(waits)
        result: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        try:
            stored = self._store.commit(transition)
        except BaseException:
            self._waits.settle(waits, stored=False)
            raise
        stored.add_done_callback(partial(self._decided, transition, waits, result, perf_counter()))
        return result

    async def commit(self, transition: Transition) -> Committed:
        """`route` and `hand_in`. Raises StoreError, with nothing committed."""
        if self.emits(transition):
            await self.route(transition)
        return await self.hand_in(transition)

    def _decided(
        self,
        transition: Transition,
        waits: Sequence[Wait],
        result: asyncio.Future[Committed],
        began: float,
        stored: asyncio.Future[Committed],
    ) -> None:
        self._watch.seen(stored)
        if stored.cancelled():
            self._waits.settle(waits, stored=False)
            result.cancel()
            return
        error = stored.exception()
        if error is not None:
            self._waits.settle(waits, stored=False)
            self._counters.add("commits_failed")
            if not result.done():
                result.set_exception(error)
            return
        self._measures.commit_seconds.observe(perf_counter() - began)
        committed = stored.result()
        if committed.reason:
            self._waits.settle(waits, stored=False)
            self._dropped(transition, committed.reason)
        else:
            self._counters.add("commits")
            self._settle(transition, committed, waits)
        if not result.done():
            result.set_result(committed)

    def _settle(self, transition: Transition, committed: Committed, waits: Sequence[Wait]) -> None:
        queue, refused, measures = self._queue, committed.refused_runs, self._measures
        actions: Sequence[Action] = transition.actions
        if committed.admitted:
            actions = [*actions, *committed.admitted]
        if waits:
            stored = {wait.id for wait in _stored(actions, refused)}
            self._waits.settle([wait for wait in waits if wait.id not in stored], stored=False)
            self._waits.settle([wait for wait in waits if wait.id in stored], stored=True)
        if committed.dropped_waits:
            self._waits.forget(committed.dropped_waits)
        if transition.wait_id:
            self._waits.forget((transition.wait_id,))
        job = transition.job
        moved = ""
        for action in actions:
            kind = type(action)
            if kind is CreateRun:
                run = action.run  # type: ignore[union-attr]
                if run.id in refused:
                    continue
                if run.status.ended:
                    self._counters.add("runs_skipped")
                else:
                    self._counters.add("runs_created")
                    found = measures.of(run.function_id)
                    found.runs_scheduled += 1
                    if run.started_at:
                        found.runs_started += 1
                    if self._cache.get(run.id) is None:  # whoever read it meanwhile may be ahead
                        self._cache.put(run)
            elif kind is UpdateRun or kind is EndRun:
                self._cache.outdate(action.run)  # type: ignore[union-attr]
                if kind is EndRun:
                    self._ended(action.run)  # type: ignore[union-attr]
            elif kind is ConsumeWait or kind is DropWait:
                self._waits.forget((action.wait_id,))  # type: ignore[union-attr]
            elif kind is MoveJob:
                moved = action.job.id  # type: ignore[union-attr]
                queue.requeue(action.job)  # type: ignore[union-attr]
        for added in committed.jobs:
            if added.kind in _SDK_CALLS:
                measures.of(added.function_id).calls_scheduled += 1
        dropped: Sequence[str] = committed.dropped_jobs
        if (
            dropped and committed.jobs
        ):  # one that comes again goes first; the others when the run has new ones
            again = {added.id for added in committed.jobs}.intersection(dropped)
            for job_id in again:
                queue.drop(job_id)
            dropped = [job_id for job_id in dropped if job_id not in again]
        if job is not None and not moved:
            # What follows comes with it: so the run keeps its place among the live ones.
            queue.done(job.id, committed.jobs)
        else:
            for added in committed.jobs:
                if added.id != moved:
                    queue.add(added)
        for job_id in dropped:
            queue.drop(job_id)

    def _ended(self, run: Run) -> None:
        self._measures.of(run.function_id).runs_ended[run.status] += 1
        self.on_end(run.id)
        if self.export is not None:
            self.export(run)

    def _dropped(self, transition: Transition, reason: str) -> None:
        self._counters.add(f"dropped_by_{reason}")
        if reason == "job" and transition.job is not None:
            task = asyncio.get_running_loop().create_task(self._moved_on(transition.job.id))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _moved_on(self, job_id: str) -> None:
        """A job of the queue that the store has otherwise, or not at all: the store is right."""
        self._queue.done(job_id)
        try:
            job = await self._store.job(job_id)
        except StoreError:
            return  # the reconciler will find it
        if job is None:
            self._queue.drop(job_id)
        else:  # another server may have queued it already, or be at work on it: then this changes nothing
            self._queue.add(job)


def _added(transition: Transition) -> list[Wait]:
    """Every wait that a transition may add."""
    waits: list[Wait] = []
    for action in transition.actions:
        kind = type(action)
        if kind is AddWait:
            waits.append(action.wait)  # type: ignore[union-attr]
        elif kind is CreateRun:
            waits.extend(action.waits)  # type: ignore[union-attr]
        elif kind is Admit:
            possible = action.admission.possible  # type: ignore[union-attr]
            waits.extend(wait for each in possible if isinstance(each, CreateRun) for wait in each.waits)
    return waits


def _stored(actions: Iterable[Action], refused: Container[str]) -> Iterator[Wait]:
    """The waits that actions which were committed have added."""
    for action in actions:
        if isinstance(action, AddWait):
            yield action.wait
        elif isinstance(action, CreateRun) and action.run.id not in refused:
            yield from action.waits
