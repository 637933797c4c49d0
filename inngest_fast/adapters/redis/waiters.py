"""Who waits in this process for jobs, and what wakes them."""

import asyncio
from collections import deque


class Waiters:
    """A wake-up is for one of those who wait. If nobody does, the next one does not wait."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._woken = False
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    async def wait(self) -> None:
        """Until woken."""
        if self._woken:
            self._woken = False
            return
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            await waiting
        except BaseException:
            if waiting.done() and not waiting.cancelled():
                self.wake_next()  # it was meant for one that still waits
            elif waiting in self._waiting:
                self._waiting.remove(waiting)
            raise

    def wake_next(self) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)
                return
        self._woken = True

    def wake_all(self) -> None:
        while self._waiting:
            self.wake_next()
        self._woken = True

    def set_timer(self, delay: float | None) -> None:
        """Wakes one after so many seconds; takes the place of the timer before. None is no timer."""
        self.stop_timer()
        if delay is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(delay, self._due)

    def stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        self.wake_next()
