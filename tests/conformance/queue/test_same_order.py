"""One order: what the memory queue gives, the Redis queue gives, job by job.

Left out: a partition whose last ready job is dropped, and a group whose limit is lowered, keep their turn in
memory until it comes, and lose it at once in Redis.
"""

import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inngest_fast.adapters.memory import MemoryQueue
from inngest_fast.adapters.redis import RedisQueue
from tests.conformance.queue.networked import run_networked
from tests.conformance.queue.scene import Scene
from tests.fixtures.virtual_loop import VirtualClock

APPS = {"f": "a", "g": "a", "h": "b", "i": "c"}
which = st.integers(0, 5)
after = st.sampled_from([0, 0, 0, 5, 20])
score = st.integers(-1, 2)
change = st.one_of(
    st.tuples(st.just("add"), st.integers(0, 30), st.sampled_from("ffghi"), after, score),
    st.tuples(st.just("add"), st.integers(0, 30), st.sampled_from("ffghi"), after, score),
    st.tuples(st.just("take"), st.integers(1, 4)),
    st.tuples(st.just("requeue"), which, after, score),
    st.tuples(st.just("done"), which),
    st.tuples(st.just("drop"), which),
    st.tuples(st.just("pass"), st.sampled_from([1, 5, 20])),
)
changes = st.lists(change, min_size=20, max_size=80)


class Both:
    def __init__(self, scenes: list[Scene]) -> None:
        self.scenes = scenes
        self.leased: list[str] = []

    async def apply(self, kind: str, *how: Any) -> None:
        first = self.scenes[0]
        if kind == "take":
            given_by = [await self.taken(scene, *how) for scene in self.scenes]
            assert given_by[0] == given_by[1]
            self.leased += given_by[0]
        elif kind == "pass":
            await self.scenes[1].pass_ms(*how)
        elif kind == "add":
            id, function, after, score = how
            job = first.job(str(id), function=function, app=APPS[function], after=after, score=score)
            answers = [await scene.added(job) for scene in self.scenes]
            assert answers[0] == answers[1]
        elif how[0] < len(self.leased):
            id = self.leased.pop(how[0])
            again = first.job(id, function="f", app="a", after=how[1], score=how[2]) if how[1:] else None
            for scene in self.scenes:
                if kind == "drop":
                    scene.queue.drop(id)
                elif again is None:
                    scene.queue.done(id)
                else:
                    scene.queue.requeue(again)
        answers = [(await s.depth(), await s.oldest_ready(), await s.size()) for s in self.scenes]
        assert answers[0] == answers[1]

    async def taken(self, scene: Scene, n: int) -> list[str]:
        leasing = await scene.waiting(n)
        if leasing.done():
            return [job.id for job in leasing.result()]
        leasing.cancel()
        await scene.settle()
        return []


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(limits=st.lists(st.sampled_from([None, 1, 2, 4]), min_size=3, max_size=3), changes=changes)
def test_beside_the_memory_queue(redis_address: str, limits: list[int | None], changes: list[Any]) -> None:
    async def main(loop: Any, clock: VirtualClock) -> None:
        queue = RedisQueue(redis_address, prefix=f"order-{os.urandom(6).hex()}", clock=clock, node_id="n1")
        await queue.open()
        loop.waits_for(lambda: queue.busy)
        try:
            both = Both(
                [Scene(MemoryQueue(clock), loop, clock), Scene(queue, loop, clock, busy=lambda: queue.busy)]
            )
            for scene in both.scenes:
                for group, limit in zip("abc", limits, strict=True):
                    scene.queue.limit_group(group, limit)
            for made in changes:
                await both.apply(*made)
            while True:
                await both.apply("take", 3)
                if not both.leased:
                    break
                while both.leased:
                    await both.apply("done", 0)
        finally:
            await queue.leave()

    run_networked(main)
