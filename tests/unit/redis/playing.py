"""What the tests of Redis queues share."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from inngest_fast.adapters.redis import RedisQueue
from inngest_fast.adapters.system.clock import SystemClock
from inngest_fast.domain.jobs import Job, JobKind
from tests.fixtures.redis_server import RedisProcess

T = TypeVar("T")

SOON_S = 10.0


class SteppedClock(SystemClock):
    """The wall clock, `stepped` ms away."""

    stepped = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.stepped


def job(
    id: str,
    *,
    function: str = "f",
    app: str = "a",
    after: int = 0,
    payload: bytes = b"",
    attempt: int = 0,
    since: int = 0,
    kind: JobKind = JobKind.EDGE,
    run: str = "",
    counters: tuple[str, ...] = (),
    run_counter: str = "",
    throttle: str = "",
) -> Job:
    """A counter is named rule/value."""
    now = time.time_ns() // 1_000_000
    return Job(
        id=id,
        kind=kind,
        app_id=app,
        function_id=function,
        due=now + after,
        score=now,
        payload=payload,
        attempt=attempt,
        since=since,
        run_id=run,
        counters=counters,
        run_counter=run_counter,
        throttle=throttle,
    )


def start(run: str, **how: Any) -> Job:
    """The first call of a run; it has the same id."""
    return job(run, kind=JobKind.START, run=run, **how)


@asynccontextmanager
async def opened(*queues: RedisQueue) -> AsyncIterator[None]:
    for queue in queues:
        await queue.open()
    try:
        yield
    finally:
        for queue in queues:
            await soon(queue.leave())


async def soon(awaited: Awaitable[T]) -> T:
    return await asyncio.wait_for(awaited, SOON_S)


async def until(ask: Callable[[], Awaitable[bool]], *, within: float = SOON_S) -> None:
    """Asks until it is true."""
    async with asyncio.timeout(within):
        while not await ask():  # noqa: ASYNC110 - Redis answers, it raises no event
            await asyncio.sleep(0.005)


async def take(queue: RedisQueue, n: int = 1) -> list[str]:
    return [job.id for job in await soon(queue.lease(n))]


async def fill(queue: RedisQueue, jobs: Iterable[Job]) -> None:
    """Adds them; not all at once, for a busy server."""
    for n, one in enumerate(jobs):
        queue.add(one)
        if n % 200 == 199:
            await queue.size()
    await queue.size()


async def doubts(queue: RedisQueue, n: int = 9) -> dict[str, bool]:
    """What is leased now, and whether it is doubtful."""
    return {job.id: job.doubtful for job in await soon(queue.lease(n))}


async def waits(queue: RedisQueue) -> bool:
    return queue.waiting == 1 and not queue.busy


def keys(server: RedisProcess, queue: RedisQueue) -> set[str]:
    """What the queue has on its server, without what is before it in all names."""
    with server.client() as client:
        found = [key.decode() for key in client.scan_iter(f"{queue._link._base}:*")]
    return {key.removeprefix(f"{queue._link._base}:") for key in found}


async def is_leased(queue: RedisQueue, id: str) -> bool:
    place = await queue.explain(id)
    return place is not None and place.state == "leased"


async def lose(queue: RedisQueue) -> None:
    """Breaks the connection. It is not back yet, but on its way."""
    assert queue._link._connection is not None
    queue._link._connection.abort()
    while queue.connected:  # noqa: ASYNC110 - it is back in the next moment
        await asyncio.sleep(0)


def vanish(queue: RedisQueue) -> None:
    """As a process that was killed: nothing is said to anybody."""
    queue._held.stop()
    queue.close()
    queue._link._closed = True
    assert queue._link._connection is not None
    queue._link._connection.abort()
