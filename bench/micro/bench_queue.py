"""What jobs cost in a queue of the port, with and without limits on very many keys."""

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import uvloop

from bench.backends import redis
from inngest_fast.adapters.memory import MemoryQueue
from inngest_fast.adapters.redis import RedisQueue
from inngest_fast.adapters.system.clock import SystemClock
from inngest_fast.domain.flow import FunctionLimits
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.ports.queue import Queue

Benchmark = Any  # pytest_benchmark has no types

KEYS, JOBS_OF_KEY = 10_000, 10
_AT_ONCE = 64  # as the executor leases
_numbers = itertools.count()

pytestmark = pytest.mark.timeout(600)


def job(id: str, *counters: str) -> Job:
    return Job(id, JobKind.EDGE, "app", "function", due=0, score=0, counters=counters)


@pytest.fixture(scope="session")
def redis_address() -> Iterator[str]:
    with redis.opened("") as server:
        yield server.uri


class Bench:
    """A queue, and a loop for it."""

    def __init__(self, queue: Queue, runner: asyncio.Runner) -> None:
        self.queue = queue
        self.runner = runner

    def limit(self, number: int) -> None:
        """At most so many at once of each key."""

        async def limit() -> None:
            self.queue.limit_function("function", FunctionLimits(rules={"k": number}))

        self.runner.run(limit())

    def fill(self, jobs: list[Job]) -> None:
        async def fill() -> None:
            for i in range(0, len(jobs), 1_000):
                await self.queue.add_missing(jobs[i : i + 1_000])

        self.runner.run(fill())

    def work_off(self, count: int) -> int:
        async def work_off() -> int:
            left = count
            while left:
                leased = await self.queue.lease(_AT_ONCE)
                left -= len(leased)
                for one in leased:
                    self.queue.done(one.id)
            return await self.queue.size()

        return self.runner.run(work_off())

    def one_by_one(self, count: int) -> set[str]:
        """Adds a job that nothing blocks, leases it and has it done, so many times. What was leased."""

        async def come_and_go() -> set[str]:
            leased: set[str] = set()
            for _ in range(count):
                self.queue.add(job("one"))
                leased.update(one.id for one in await self.queue.lease(_AT_ONCE))
                self.queue.done("one")
            return leased

        return self.runner.run(come_and_go())


@pytest.fixture(params=["memory", "redis"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        queue: Queue
        if request.param == "memory":
            queue = MemoryQueue(SystemClock())
        else:
            uri, prefix = request.getfixturevalue("redis_address"), f"bench-{next(_numbers)}"
            queue = RedisQueue(uri, prefix=prefix, clock=SystemClock(), node_id="n1")
        runner.run(queue.open())
        yield Bench(queue, runner)
        runner.run(queue.leave())


@pytest.mark.parametrize("limit", [0, 1], ids=["no limit", "1 at once of a key"])
def test_every_job_of_many_keys(benchmark: Benchmark, bench: Bench, limit: int) -> None:
    """100,000 leased and done, 64 at a time."""
    if limit:
        bench.limit(limit)
    jobs = [
        job(f"{n}.{key}", *([f"k/{key}"] if limit else [])) for n in range(JOBS_OF_KEY) for key in range(KEYS)
    ]

    def fill() -> None:
        bench.fill(jobs)

    assert benchmark.pedantic(bench.work_off, (len(jobs),), setup=fill, rounds=3) == 0


@pytest.mark.parametrize("lanes", [0, 1, 100_000], ids="{:,} blocked".format)
def test_a_hundred_jobs_beside_blocked_keys(benchmark: Benchmark, bench: Bench, lanes: int) -> None:
    bench.limit(0)
    bench.fill([job(f"blocked {key}", f"k/{key}") for key in range(lanes)])
    assert bench.one_by_one(1) == {"one"}  # by now the others are known to be blocked
    assert benchmark(bench.one_by_one, 100) == {"one"}
