"""Any sequence of changes, beside a list of jobs: no wake-up is lost, no limit is passed, no token is spent twice,
nothing comes twice, and nothing that could run is left.
"""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from inngest_fast.domain.flow import NO_LIMITS, FunctionLimits, rule_of
from inngest_fast.domain.jobs import Job
from inngest_fast.ports.queue import Depth
from tests.conformance.queue.changes import Chance, again, following, job_of
from tests.conformance.queue.scene import Scene


class Beside:
    """The queue's jobs as plain lists. A ready job stays ready."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.queued: dict[str, Job] = {}
        self.leased: dict[str, Job] = {}
        self.limits: dict[str, int | None] = {}
        self.function_limits: dict[str, FunctionLimits] = {}
        self.arrivals: dict[str, int] = {}
        self.waiting: list[asyncio.Task[None]] = []
        self.runs = itertools.count()
        self.closed = False

    def nothing_blocks(self, job: Job) -> bool:
        limit = self.limits.get(job.group)
        if limit is not None and sum(other.group == job.group for other in self.leased.values()) >= limit:
            return False
        limits = self.function_limits.get(job.function_id, NO_LIMITS)
        if job.partition == job.function_id:
            calls = sum(other.partition == job.partition for other in self.leased.values())
            if limits.paused or (limits.calls and calls >= limits.calls):
                return False
        for counter in job.counters:
            in_use = sum(counter in other.counters for other in self.leased.values())
            if in_use >= limits.rules.get(rule_of(counter), in_use + 1):
                return False
        runs = self.live_runs(job.run_counter)
        if job.entering and len(runs) >= limits.rules.get(rule_of(job.run_counter), len(runs) + 1):
            return False
        return self.opens_at(job) <= self.scene.now

    def live_runs(self, run_counter: str) -> set[str]:
        jobs = [job for job in self.queued.values() if job.under_way]
        jobs += [job for job in self.leased.values() if job.under_way or job.entering]
        return {job.run_id for job in jobs if job.run_counter == run_counter}

    def paid(self, job: Job) -> int:
        """The arrival time after it; 0 if it need not pay."""
        rate = self.function_limits.get(job.function_id, NO_LIMITS).throttle
        if rate is None or rule_of(job.throttle) != rate.rule:
            return 0
        return max(self.arrivals.get(job.throttle, 0), self.scene.now) + rate.emission

    def opens_at(self, job: Job) -> int:
        rate = self.function_limits.get(job.function_id, NO_LIMITS).throttle
        return self.paid(job) - rate.emission * rate.cap if rate and self.paid(job) else 0

    def could_run(self) -> list[Job]:
        now = self.scene.now
        return [job for job in self.queued.values() if job.due <= now and self.nothing_blocks(job)]

    def take(self, job: Job) -> None:
        known = self.queued[job.id]
        assert known == replace(job, doubtful=False, arrival=0)  # one that a cancelled lease gave back
        assert job.due <= self.scene.now
        assert self.nothing_blocks(known)
        assert job.score == min(other.score for other in self.could_run() if line(other) == line(job))
        assert job.arrival == self.paid(known)
        if job.arrival:
            self.arrivals[job.throttle] = job.arrival
        self.leased[job.id] = replace(job, doubtful=False)
        del self.queued[job.id]

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

    async def apply(self, kind: str, how: tuple[Any, ...]) -> None:
        if kind == "pass_ms":
            await self.settle()
            await self.scene.pass_ms(*how)
        else:
            changing: Callable[..., None] = getattr(self, "_" + kind)
            changing(*how)

    def _add(self, jobs: list[Any]) -> None:
        for about in jobs:
            job = job_of(self.scene, f"run {next(self.runs)}", *about)
            if job.id not in self.queued and job.id not in self.leased:
                self.queued[job.id] = job
            self.scene.queue.add(job)

    def _requeue(self, which: int, *how: Any) -> None:
        for job in list(self.leased.values())[which : which + 1]:
            del self.leased[job.id]
            self.queued[job.id] = again(self.scene, job, *how)
            self.scene.queue.requeue(self.queued[job.id])

    def _done(self, which: int, followers: list[Any]) -> None:
        for job in list(self.leased.values())[which : which + 1]:
            come = [following(self.scene, job, f"{job.run_id} {next(self.runs)}", *how) for how in followers]
            del self.leased[job.id]
            self.queued.update({other.id: other for other in come})
            self.scene.queue.done(job.id, come)

    def _drop(self, which: int) -> None:
        for id in [*self.leased, *self.queued][which : which + 1]:
            self.leased.pop(id, None)
            self.queued.pop(id, None)
            self.scene.queue.drop(id)

    def _limit_group(self, group: str, limit: int | None) -> None:
        self.limits[group] = limit
        self.scene.queue.limit_group(group, limit)

    def _limit_function(self, function: str, limits: FunctionLimits) -> None:
        self.function_limits[function] = limits
        self.scene.queue.limit_function(function, limits)

    def _restore(self, throttle: str, ahead: int) -> None:
        arrival = self.scene.now + ahead
        self.arrivals[throttle] = max(self.arrivals.get(throttle, arrival), arrival)
        self.scene.queue.restore_throttles({throttle: arrival})

    def _take(self, n: int, again: bool = False) -> None:
        self.waiting.append(asyncio.ensure_future(self.lease(n, again)))

    def _cancel(self) -> None:
        for leasing in self.waiting[-1:]:
            leasing.cancel()


def line(job: Job) -> tuple[Any, ...]:
    """Jobs of one line pass the same gates. Those of others may have to wait until one had its chance."""
    return job.partition, job.counters, job.throttle, job.entering and job.run_counter


@pytest.mark.parametrize("seed", range(40))
def test_beside_a_list_of_jobs(on_scene: Callable[..., None], seed: int) -> None:
    """Some wait for jobs all the time, or nobody does for long."""

    async def told(scene: Scene) -> None:
        beside = Beside(scene)
        chance = Chance(seed)
        if chance.pick(True, False):
            await beside.apply("take", (1, True))
            await beside.apply("take", (2, True))
        for kind, how in chance.changes(100, explain=0):
            await beside.apply(kind, how)
            if chance.pick(True, False, False, False, False):
                beside._cancel()
            # What is on its way over a network may be overtaken by a drop; the list knows no such thing.
            if scene.networked or chance.pick(True, True, False):
                await beside.settle()
        await beside.settle()
        beside.closed = True
        scene.queue.close()
        ends = await asyncio.gather(*beside.waiting, return_exceptions=True)
        assert all(end is None or isinstance(end, asyncio.CancelledError) for end in ends), ends

    on_scene(told)
