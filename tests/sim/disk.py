"""The store of a process on a disk that outlives it: group commit, failures, delays, and what a crash leaves."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from inngest_fast.domain.apps import App, Function
from inngest_fast.domain.cancellations import Cancellation
from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.events import Event
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import Action, Admission, Admit, Committed, Transition
from inngest_fast.domain.waits import Wait
from inngest_fast.ports.store import EventQuery, RunQuery
from tests.fixtures.model_store import ModelStore, Snapshot
from tests.sim.faults import Faults
from tests.sim.loop import SimLoop

T = TypeVar("T")


class Disk(ModelStore):
    """What is durable. Whoever overrides `decide` sees every transition."""

    admissions: list[tuple[Admission, list[Action]]] = []  # of the last transition, and what each came to

    @property
    def tables(self) -> Snapshot:
        return self._tables

    def decide(self, transition: Transition) -> Committed:
        """Applies a transition now. Raises StoreError."""
        self.admissions = []
        return self.commit(transition).result()

    def _do(self, action: Action, now: int, committed: Committed, ended: list[str]) -> None:
        before = len(committed.admitted)
        super()._do(action, now, committed, ended)
        if isinstance(action, Admit):
            self.admissions.append((action.admission, committed.admitted[before:]))


class ProcessStore:
    """ports.store.Store for one process; the disk stays.

    Transitions handed in while a group is under way make the next one. They become durable one by one, their
    results come after the whole group: a crash may fall in between.
    """

    name = "simulated"

    def __init__(
        self, disk: Disk, loop: SimLoop, faults: Faults, handed_in: Callable[[Transition], None]
    ) -> None:
        self._disk = disk
        self._handed_in = handed_in
        self._loop = loop
        self._faults = faults
        self._line: deque[tuple[Transition, asyncio.Future[Committed]]] = deque()
        self._group: deque[tuple[Transition, asyncio.Future[Committed]]] = deque()
        self._decided: deque[tuple[asyncio.Future[Committed], Committed | StoreError]] = deque()
        self._busy = False
        self._dead = False

    def die(self) -> None:
        """The process is gone: nothing it still says or hears counts."""
        self._dead = True
        for _, future in (*self._group, *self._line):
            future.cancel()
        for future, _ in self._decided:
            future.cancel()
        self._group.clear()
        self._line.clear()
        self._decided.clear()

    @property
    def backlog(self) -> int:
        return len(self._line) + len(self._group) + len(self._decided)

    async def open(self) -> None:
        await self.read(lambda: None)

    async def close(self) -> None:
        while self.backlog:  # noqa: ASYNC110 - virtual time costs nothing
            await asyncio.sleep(0.01)
        self._dead = True

    def commit(self, transition: Transition) -> asyncio.Future[Committed]:
        future: asyncio.Future[Committed] = self._loop.create_future()
        if self._dead:
            future.cancel()
            return future
        self._handed_in(transition)
        self._line.append((transition, future))
        if not self._busy:
            self._busy = True
            self._loop.call_later(self._faults.delay(self._faults.commit_delay), self._begin)
        return future

    def _begin(self) -> None:
        self._group, self._line = self._line, deque()
        if self._faults.happens(self._faults.commit_failures / 2):
            failed = StoreError("the disk is full")
            self._decided.extend((future, failed) for _, future in self._group)
            self._group.clear()
        self._next()

    def _next(self) -> None:
        if self._dead:
            return
        if not self._group:
            self._loop.call_later(self._faults.delay(self._faults.commit_delay), self._deliver)
            return
        transition, future = self._group.popleft()
        outcome: Committed | StoreError
        try:
            if self._faults.happens(self._faults.commit_failures / 2):
                raise StoreError("this one could not be written")
            outcome = self._disk.decide(transition)
        except StoreError as error:
            outcome = error
        self._decided.append((future, outcome))
        self._loop.call_soon(self._next)

    def _deliver(self) -> None:
        while self._decided:
            future, outcome = self._decided.popleft()
            if future.done():
                continue
            if isinstance(outcome, StoreError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        if self._line:
            self._loop.call_later(self._faults.delay(self._faults.commit_delay), self._begin)
        else:
            self._busy = False

    async def read(self, what: Callable[[], T]) -> T:
        """What was there at some moment between question and answer."""
        faults = self._faults
        await asyncio.sleep(faults.delay(faults.read_delay))
        if self._dead:
            raise asyncio.CancelledError
        if faults.happens(faults.read_failures):
            raise StoreError("the disk cannot be read")
        found = what()
        await asyncio.sleep(faults.delay(faults.read_delay))
        return found

    async def run(self, run_id: str) -> Run | None:
        return await self.read(lambda: read_now(self._disk.run(run_id)))

    async def runs(self, query: RunQuery) -> list[Run]:
        return await self.read(lambda: read_now(self._disk.runs(query)))

    async def event(self, event_id: str) -> Event | None:
        return await self.read(lambda: read_now(self._disk.event(event_id)))

    async def events(self, query: EventQuery) -> list[Event]:
        return await self.read(lambda: read_now(self._disk.events(query)))

    async def waits(self, ids: Sequence[int]) -> list[Wait]:
        return await self.read(lambda: read_now(self._disk.waits(ids)))

    async def live_waits(self, after: int, limit: int) -> list[Wait]:
        return await self.read(lambda: read_now(self._disk.live_waits(after, limit)))

    async def jobs(self, after: str, limit: int) -> list[Job]:
        return await self.read(lambda: read_now(self._disk.jobs(after, limit)))

    async def run_jobs(self, run_id: str) -> list[Job]:
        return await self.read(lambda: read_now(self._disk.run_jobs(run_id)))

    async def job(self, job_id: str) -> Job | None:
        return await self.read(lambda: read_now(self._disk.job(job_id)))

    async def jobs_over(self, job_ids: Sequence[str]) -> list[str]:
        return await self.read(lambda: read_now(self._disk.jobs_over(job_ids)))

    async def apps(self) -> list[App]:
        return await self.read(lambda: read_now(self._disk.apps()))

    async def functions(self) -> list[Function]:
        return await self.read(lambda: read_now(self._disk.functions()))

    async def count_live_runs(self) -> int:
        return await self.read(lambda: read_now(self._disk.count_live_runs()))

    async def rows(self, keys: Sequence[str]) -> list[FlowRow]:
        return await self.read(lambda: read_now(self._disk.rows(keys)))

    async def rows_of(self, kind: str, after: str, limit: int, until_after: int = 0) -> list[FlowRow]:
        return await self.read(lambda: read_now(self._disk.rows_of(kind, after, limit, until_after)))

    async def batch(self, batch_id: str) -> list[Event]:
        return await self.read(lambda: read_now(self._disk.batch(batch_id)))

    async def live_runs(self, function_id: str, after: str, until: str, limit: int) -> list[Run]:
        return await self.read(lambda: read_now(self._disk.live_runs(function_id, after, until, limit)))

    async def cancellation(self, id: str) -> Cancellation | None:
        return await self.read(lambda: read_now(self._disk.cancellation(id)))

    async def cancellations(self, before_id: str, limit: int) -> list[Cancellation]:
        return await self.read(lambda: read_now(self._disk.cancellations(before_id, limit)))

    async def stuck_runs(self, after: str, limit: int, queued_before: int) -> tuple[list[str], str]:
        return await self.read(lambda: read_now(self._disk.stuck_runs(after, limit, queued_before)))


def read_now(work: Any) -> Any:
    """The result of a coroutine that never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the disk waited")
