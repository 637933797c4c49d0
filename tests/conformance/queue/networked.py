"""Virtual time beside a real server: time stands still while an answer is on its way."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any

from tests.fixtures.virtual_loop import DeadlockError, VirtualClock

ANSWER_S = 10.0  # real seconds


class _Selector(selectors.DefaultSelector):
    """Waits for the server when something is to come from there, and otherwise moves the time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.busy: Callable[[], bool] = lambda: True

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if self.busy():
            ready = super().select(ANSWER_S)
            assert ready, "the server does not answer"
            return ready
        if timeout is None:
            raise DeadlockError("nothing is ready and no timer is set")
        self.now += timeout
        return []


class NetworkedLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._moved = _Selector()
        super().__init__(self._moved)
        self._clock_resolution = 1e-9  # as in tests.fixtures.virtual_loop
        self.faults: list[dict[str, Any]] = []
        self.set_exception_handler(lambda _, context: self.faults.append(context))

    def time(self) -> float:
        return self._moved.now

    def waits_for(self, busy: Callable[[], bool]) -> None:
        """Time moves from now on, except while `busy`."""
        self._moved.busy = busy


def run_networked(main: Callable[[Any, VirtualClock], Awaitable[None]]) -> None:
    """As tests.fixtures.virtual_loop.run_virtual."""
    loop = NetworkedLoop()
    try:
        asyncio.set_event_loop(loop)
        clock = VirtualClock(loop)  # type: ignore[arg-type]
        loop.run_until_complete(main(loop, clock))
        loop.waits_for(lambda: False)
        left = [task for task in asyncio.all_tasks(loop) if not task.done()]
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    assert not loop.faults, loop.faults
