"""Every queue under one suite."""

from collections.abc import Awaitable, Callable

import pytest

from inngest_fast.adapters.memory import MemoryQueue
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.queue import Queue

OpenQueue = Callable[[Clock], Awaitable[Queue]]


async def memory(clock: Clock) -> Queue:
    return MemoryQueue(clock)


@pytest.fixture(params=[memory], ids=lambda opening: opening.__name__)
def open_queue(request: pytest.FixtureRequest) -> OpenQueue:
    """How a queue is opened, from within the loop that it will live in."""
    return request.param
