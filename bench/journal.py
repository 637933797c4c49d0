"""What happened to each event: when it was sent, first called for, and answered for the last time."""

import asyncio
import time


class Journal:
    """Events have numbers, which travel in their data, so that a call tells whose it is."""

    def __init__(self) -> None:
        self.sent: dict[int, float] = {}
        self.accepted: dict[int, float] = {}
        self.called: dict[int, float] = {}
        self.ended: dict[int, float] = {}
        self.calls = 0
        self.retried = 0
        self.ended_again = 0
        self.refused = 0
        self._ends: dict[int, asyncio.Future[None]] = {}

    def send(self, n: int, at: float | None = None) -> asyncio.Future[None]:
        """`n` is sent, now or when it should have been. The result: its end."""
        self.sent[n] = time.perf_counter() if at is None else at
        self.called.pop(n, None)
        self.ended.pop(n, None)
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ends[n] = end
        return end

    def accept(self, n: int) -> None:
        self.accepted[n] = time.perf_counter()

    def call(self, n: int, attempt: int) -> None:
        self.calls += 1
        if attempt:
            self.retried += 1
        if n not in self.called:
            self.called[n] = time.perf_counter()

    def end(self, n: int) -> None:
        if n in self.ended:
            self.ended_again += 1
            return
        self.ended[n] = time.perf_counter()
        end = self._ends.pop(n, None)
        if end is not None and not end.done():
            end.set_result(None)

    def forget(self) -> None:
        """What was before the measured part does not count."""
        for times in (self.sent, self.accepted, self.called, self.ended):
            times.clear()
        self.calls = self.retried = self.ended_again = self.refused = 0

    def latencies(self, until: dict[int, float]) -> list[float]:
        """Seconds from sent, of those that came so far."""
        return [until[n] - sent for n, sent in self.sent.items() if n in until]
