"""Any sequence of changes, beside a list of jobs: no wake-up is lost, no limit is passed, nothing comes twice."""

import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from inngest_fast.domain.jobs import Job
from inngest_fast.ports.queue import Depth
from tests.conformance.queue.scene import Scene

APPS = {"f": "a", "g": "a", "h": "b"}
which = st.integers(0, 3)
after = st.sampled_from([0, 0, 5, 20])
score = st.integers(0, 2)
change = st.one_of(
    st.tuples(st.just("add"), st.sampled_from("1234567"), st.sampled_from("ffgh"), after, score),
    st.tuples(st.just("requeue"), which, after, score),
    st.tuples(st.just("done"), which),
    st.tuples(st.just("done"), which),
    st.tuples(st.just("drop"), which),
    st.tuples(st.just("limit"), st.sampled_from("ab"), st.sampled_from([None, 0, 1, 1, 2])),
    st.tuples(st.just("wait"), st.integers(1, 3), st.booleans()),
    st.tuples(st.just("cancel"), which),
    st.tuples(st.just("pass"), st.sampled_from([1, 5, 20])),
)
# Whether all that follows from a change happens before the next one.
changes = st.lists(st.tuples(change, st.sampled_from([True, True, False])), min_size=20, max_size=60)


class Beside:
    """The queue's jobs as plain lists. A ready job stays ready."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.queued: dict[str, Job] = {}
        self.leased: dict[str, Job] = {}
        self.limits: dict[str, int | None] = {}
        self.waiting: list[asyncio.Task[None]] = []
        self.closed = False

    def has_room(self, group: str) -> bool:
        limit = self.limits.get(group)
        return limit is None or sum(job.group == group for job in self.leased.values()) < limit

    def could_run(self) -> list[Job]:
        now = self.scene.now
        return [job for job in self.queued.values() if job.due <= now and self.has_room(job.group)]

    def take(self, job: Job) -> None:
        known = self.queued.pop(job.id)
        assert known == replace(job, doubtful=False)  # one that a cancelled lease gave back
        assert job.due <= self.scene.now
        assert self.has_room(job.group)
        self.leased[job.id] = job

    async def settle(self) -> None:
        await self.scene.settle()
        for leasing in [leasing for leasing in self.waiting if leasing.done()]:
            self.waiting.remove(leasing)
            if not leasing.cancelled():
                leasing.result()
        if self.waiting:
            assert self.could_run() == [], "a lease waits beside a job that could run"
        await self.compare()

    async def compare(self) -> None:
        scene, now = self.scene, self.scene.now
        assert await scene.size() == len(self.queued) + len(self.leased)
        assert all([await scene.has(id) for id in [*self.queued, *self.leased]])
        depth: dict[str, Depth] = {}
        for job in [*self.queued.values(), *self.leased.values()]:
            was = depth.get(job.partition, Depth(0, 0, 0))
            leased = job.id in self.leased
            ready = not leased and job.due <= now
            depth[job.partition] = Depth(
                was.scheduled + (not leased and not ready), was.ready + ready, was.leased + leased
            )
        assert await scene.depth() == depth
        assert await scene.oldest_ready() == min((job.due for job in self.could_run()), default=None)

    async def lease(self, n: int, again: bool) -> None:
        while jobs := await self.scene.queue.lease(n):
            assert len(jobs) <= n
            assert not self.closed
            for job in jobs:
                self.take(job)
            if not again:
                return
        assert self.closed

    async def apply(self, kind: str, *how: Any) -> None:
        if kind == "pass":
            await self.settle()
            await self.scene.pass_ms(*how)
        else:
            changing: Callable[..., None] = getattr(self, "_" + kind)
            changing(*how)

    def _add(self, id: str, function: str, after: int, score: int) -> None:
        job = self.scene.job(id, function=function, app=APPS[function], after=after, score=score)
        if id not in self.queued and id not in self.leased:
            self.queued[id] = job
        self.scene.queue.add(job)

    def _requeue(self, which: int, after: int, score: int) -> None:
        for old in list(self.leased.values())[which : which + 1]:
            job = self.scene.job(
                old.id,
                function=old.function_id,
                app=old.app_id,
                after=after,
                score=score,
                attempt=old.attempt + 1,
            )
            del self.leased[old.id]
            self.queued[old.id] = job
            self.scene.queue.requeue(job)

    def _done(self, which: int) -> None:
        for id in list(self.leased)[which : which + 1]:
            del self.leased[id]
            self.scene.queue.done(id)

    def _drop(self, which: int) -> None:
        for id in [*self.leased, *self.queued][which : which + 1]:
            self.leased.pop(id, None)
            self.queued.pop(id, None)
            self.scene.queue.drop(id)

    def _limit(self, group: str, limit: int | None) -> None:
        self.limits[group] = limit
        self.scene.queue.limit_group(group, limit)

    def _wait(self, n: int, again: bool) -> None:
        self.waiting.append(asyncio.ensure_future(self.lease(n, again)))

    def _cancel(self, place: int) -> None:
        if place < len(self.waiting):
            self.waiting[place].cancel()


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(changes=changes)
def test_beside_a_list_of_jobs(on_scene: Callable[..., None], changes: list[tuple[Any, bool]]) -> None:
    async def told(scene: Scene) -> None:
        beside = Beside(scene)
        for start in [("limit", "a", 1), ("limit", "b", 2), ("wait", 1, True), ("wait", 2, True)]:
            await beside.apply(*start)
        for change, settles in changes:
            await beside.apply(*change)
            # What is on its way over a network may be overtaken by a drop; the list knows no such thing.
            if settles or scene.networked:
                await beside.settle()
        await beside.settle()
        beside.closed = True
        scene.queue.close()
        await asyncio.gather(*beside.waiting)

    on_scene(told)
