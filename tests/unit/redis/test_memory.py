"""What a pending job costs in Redis."""

import asyncio
from collections.abc import Callable

import pytest

from inngest_fast.domain.jobs import Job
from tests.fixtures.redis_server import RedisProcess
from tests.unit.redis.conftest import NewQueue
from tests.unit.redis.playing import fill, job, keys, opened

JOBS = 10_000
RUN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
SHARED = "a:0123456789ab/0123456789ab"


def plain(n: int, after: int = 0, counters: tuple[str, ...] = ()) -> Job:
    return job(f"{RUN}:{n:08}", function=f"f{n % 10}", after=after, since=5 << 32, counters=counters)


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (plain, 350),
        (lambda n: plain(n, after=3_600_000), 350),
        (lambda n: plain(n, counters=(f"f:0123456789ab/{n % 100:012}", SHARED)), 440),
        (lambda n: plain(n, counters=(f"f:0123456789ab/{n:012}", SHARED)), 720),
    ],
    ids=["ready", "scheduled", "with two counters", "with a key of its own"],
)
def test_a_pending_job_takes_little_memory_and_leaves_none(
    new_queue: NewQueue, server: RedisProcess, make: Callable[[int], Job], most: int
) -> None:
    async def main() -> None:
        queue = new_queue("n", uri=server.uri)
        async with opened(queue):
            with server.client() as client:
                await queue.size()
                before = client.info("memory")["used_memory"]
                await fill(queue, map(make, range(JOBS)))
                assert await queue.size() == JOBS
                used = client.info("memory")["used_memory"] - before
                assert 100 < used / JOBS < most, f"{used / JOBS:.0f} bytes a job"
                for n in range(JOBS):
                    queue.drop(make(n).id)
                    if n % 200 == 199:
                        await queue.size()
                assert await queue.size() == 0
                assert keys(server, queue) == {"begun", "counter", "nodes"}

    asyncio.run(main())
