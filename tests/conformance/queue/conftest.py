"""Every queue under one suite."""

import itertools
import os
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from inngest_fast.adapters.memory import MemoryQueue
from inngest_fast.adapters.redis import RedisQueue
from tests.conformance.queue.networked import run_networked
from tests.conformance.queue.scene import Scene
from tests.fixtures.redis_server import redis_uri
from tests.fixtures.virtual_loop import VirtualClock, VirtualLoop, run_virtual

# The sign of life of a node is not what a test counts that says that nothing polls.
LEASE_MS = 30 * 24 * 3_600_000

Told = Callable[[Scene], Awaitable[None]]
OnScene = Callable[[Told], None]

_numbers = itertools.count()


def memory(request: pytest.FixtureRequest) -> OnScene:
    def tell(told: Told) -> None:
        async def main(loop: VirtualLoop, clock: VirtualClock) -> None:
            queue = MemoryQueue(clock)
            await queue.open()
            await told(Scene(queue, loop, clock))
            await queue.leave()

        run_virtual(main)

    return tell


def redis(request: pytest.FixtureRequest) -> OnScene:
    uri = request.getfixturevalue("redis_address")

    def tell(told: Told) -> None:
        async def main(loop: Any, clock: VirtualClock) -> None:
            prefix = f"suite-{os.getpid()}-{next(_numbers)}"
            queue = RedisQueue(uri, prefix=prefix, clock=clock, node_id="n1", lease_ms=LEASE_MS, settle_ms=0)
            await queue.open()
            loop.waits_for(lambda: queue.busy)
            try:
                await told(Scene(queue, loop, clock, busy=lambda: queue.busy))
            finally:
                await queue.leave()

        run_networked(main)

    return tell


@pytest.fixture(scope="session")
def redis_address() -> Iterator[str]:
    with redis_uri() as uri:
        yield uri


@pytest.fixture(params=[memory, redis], ids=lambda opening: opening.__name__)
def on_scene(request: pytest.FixtureRequest) -> OnScene:
    """Tells a test on a scene with a new queue, from its first moment to its end."""
    return request.param(request)
