"""One order: what the memory queue gives, the Redis queue gives, job by job."""

import itertools
import os
from typing import Any

import pytest
from msgspec.structs import replace

from inngest_fast.adapters.memory import MemoryQueue
from inngest_fast.adapters.redis import RedisQueue
from inngest_fast.domain.flow import NO_LIMITS, FunctionLimits
from inngest_fast.domain.jobs import Job
from tests.conformance.queue.changes import Chance, again, following, job_of
from tests.conformance.queue.networked import run_networked
from tests.conformance.queue.scene import Scene
from tests.fixtures.virtual_loop import VirtualClock


class Both:
    def __init__(self, scenes: list[Scene]) -> None:
        self.scenes = scenes
        self.queued: dict[str, None] = {}
        self.leased: list[Job] = []
        self.runs = itertools.count()

    async def apply(self, kind: str, how: tuple[Any, ...]) -> None:
        await getattr(self, kind)(*how)
        answers = [(await s.depth(), await s.oldest_ready(), await s.size()) for s in self.scenes]
        assert answers[0] == answers[1]

    async def add(self, jobs: list[Any]) -> None:
        new = [job_of(self.scenes[0], f"run {next(self.runs)}", *about) for about in jobs]
        answers = [await scene.queue.add_missing(new) for scene in self.scenes]
        assert answers[0] == answers[1]
        self.queued.update(dict.fromkeys(answers[0]))

    async def take(self, n: int) -> None:
        given_by = [await self.given_by(scene, n) for scene in self.scenes]
        assert given_by[0] == given_by[1]
        self.leased += given_by[0]
        for job in given_by[0]:
            del self.queued[job.id]

    async def given_by(self, scene: Scene, n: int) -> list[Job]:
        leasing = await scene.waiting(n)
        if leasing.done():
            # Whether it may be over already is nothing that the memory queue can be unsure of.
            return [replace(job, doubtful=False) for job in leasing.result()]
        leasing.cancel()
        await scene.settle()
        return []

    async def requeue(self, which: int, *how: Any) -> None:
        for job in self.leased[which : which + 1]:
            self.leased.remove(job)
            self.queued[job.id] = None
            for scene in self.scenes:
                scene.queue.requeue(again(scene, job, *how))

    async def done(self, which: int, followers: list[Any]) -> None:
        for job in self.leased[which : which + 1]:
            self.leased.remove(job)
            ids = [f"{job.run_id} {next(self.runs)}" for _ in followers]
            self.queued.update(dict.fromkeys(ids))
            for scene in self.scenes:
                come = [following(scene, job, id, *how) for id, how in zip(ids, followers, strict=True)]
                scene.queue.done(job.id, come)

    async def drop(self, which: int) -> None:
        for id in [*[job.id for job in self.leased], *self.queued][which : which + 1]:
            self.leased = [job for job in self.leased if job.id != id]
            self.queued.pop(id, None)
            for scene in self.scenes:
                scene.queue.drop(id)

    async def limit_group(self, group: str, limit: int | None) -> None:
        for scene in self.scenes:
            scene.queue.limit_group(group, limit)

    async def limit_function(self, function: str, limits: FunctionLimits) -> None:
        for scene in self.scenes:
            scene.queue.limit_function(function, limits)

    async def restore(self, throttle: str, ahead: int) -> None:
        for scene in self.scenes:
            scene.queue.restore_throttles({throttle: scene.now + ahead})

    async def explain(self, id: str) -> None:
        places = [await scene.explain(id) for scene in self.scenes]
        assert places[0] == places[1]

    async def pass_ms(self, ms: int) -> None:
        await self.scenes[1].pass_ms(ms)

    async def work_off(self) -> None:
        """All that is there, without limits."""
        for function in "fgh":
            await self.apply("limit_function", (function, NO_LIMITS))
        for group in "abc":
            await self.apply("limit_group", (group, None))
        await self.pass_ms(20)
        while self.queued:
            await self.apply("take", (3,))
            while self.leased:
                await self.apply("done", (0, []))


@pytest.mark.parametrize("seed", range(40))
def test_beside_the_memory_queue(redis_address: str, seed: int) -> None:
    async def main(loop: Any, clock: VirtualClock) -> None:
        queue = RedisQueue(
            redis_address, prefix=f"order-{os.urandom(6).hex()}", clock=clock, node_id="n1", settle_ms=0
        )
        await queue.open()
        loop.waits_for(lambda: queue.busy)
        try:
            both = Both(
                [Scene(MemoryQueue(clock), loop, clock), Scene(queue, loop, clock, busy=lambda: queue.busy)]
            )
            for change in Chance(seed).changes(100):
                await both.apply(*change)
            await both.work_off()
        finally:
            await queue.leave()

    run_networked(main)
