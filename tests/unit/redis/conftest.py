"""Redis queues in real time, on a server of the test's own or a shared one."""

import itertools
from collections.abc import Callable, Iterator

import pytest

from inngest_fast.adapters.redis import RedisQueue
from inngest_fast.adapters.system.clock import SystemClock
from inngest_fast.ports.clock import Clock
from tests.fixtures.redis_server import RedisProcess

_numbers = itertools.count()

NewQueue = Callable[..., RedisQueue]


@pytest.fixture(scope="module")
def shared() -> Iterator[RedisProcess]:
    server = RedisProcess().start()
    yield server
    server.stop()


@pytest.fixture
def server() -> Iterator[RedisProcess]:
    server = RedisProcess().start()
    yield server
    server.stop()


@pytest.fixture
def new_queue(shared: RedisProcess) -> NewQueue:
    """A node of this test's queue. Not open yet."""
    prefix = f"test-{next(_numbers)}"

    def new(
        node_id: str, *, uri: str = shared.uri, prefix: str = prefix, clock: Clock | None = None, **how: int
    ) -> RedisQueue:
        how = {"settle_ms": 0, **how}
        return RedisQueue(uri, prefix=prefix, clock=clock or SystemClock(), node_id=node_id, **how)

    return new
