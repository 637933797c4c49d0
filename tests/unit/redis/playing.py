"""What the tests of Redis queues share."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from inngest_fast.adapters.redis import RedisQueue
from inngest_fast.domain.jobs import Job, JobKind

T = TypeVar("T")

SOON_S = 10.0


def job(
    id: str,
    *,
    function: str = "f",
    app: str = "a",
    after: int = 0,
    payload: bytes = b"",
    attempt: int = 0,
    since: int = 0,
) -> Job:
    now = time.time_ns() // 1_000_000
    return Job(
        id=id,
        kind=JobKind.EDGE,
        app_id=app,
        function_id=function,
        due=now + after,
        score=now,
        payload=payload,
        attempt=attempt,
        since=since,
    )


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


async def doubts(queue: RedisQueue, n: int = 9) -> dict[str, bool]:
    """What is leased now, and whether it is doubtful."""
    return {job.id: job.doubtful for job in await soon(queue.lease(n))}


async def waits(queue: RedisQueue) -> bool:
    return queue.waiting == 1 and not queue.busy


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
