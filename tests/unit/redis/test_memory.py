"""What a pending job costs in Redis."""

import asyncio

import pytest

from tests.fixtures.redis_server import RedisProcess
from tests.unit.redis.conftest import NewQueue
from tests.unit.redis.playing import job, opened

JOBS = 10_000
BYTES = 350
RUN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.mark.parametrize("after", [0, 3_600_000], ids=["ready", "scheduled"])
def test_a_pending_job_takes_little_memory_and_leaves_none(
    new_queue: NewQueue, server: RedisProcess, after: int
) -> None:
    async def main() -> None:
        queue = new_queue("n", uri=server.uri)
        async with opened(queue):
            with server.client() as client:
                await queue.size()
                before = client.info("memory")["used_memory"]
                for n in range(JOBS):
                    queue.add(job(f"{RUN}:{n:08}", function=f"f{n % 10}", after=after, since=5 << 32))
                assert await queue.size() == JOBS
                used = client.info("memory")["used_memory"] - before
                assert 100 < used / JOBS < BYTES, f"{used / JOBS:.0f} bytes a job"
                for n in range(JOBS):
                    queue.drop(f"{RUN}:{n:08}")
                assert await queue.size() == 0
                left = {key.split(b":", 1)[1] for key in client.keys("{*")}
                assert left == {b"counter", b"nodes"}

    asyncio.run(main())
