"""How late this machine is: what comes later than it should when it has more to do than it can."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterable

from tests.e2e.flow.scenario import call, function

CANARY = function("canary", call())  # nothing limits it
_EVERY_S = 0.1
_AROUND_MS = 500.0


class Lateness:
    """From an event to the call that it leads to where nothing is in the way: how long that takes at any
    moment. On an idle machine a few milliseconds.
    """

    def __init__(self) -> None:
        self._sent: dict[int, float] = {}
        self._took: list[tuple[float, float]] = []  # begin and end, unix ms

    async def measure(self, send: Callable[[int], Awaitable[bool]]) -> None:
        """For ever. `send` sends a canary's event with this number, and says whether it was taken."""
        due = time.monotonic()
        for number in itertools.count():
            due = max(due + _EVERY_S, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            began = time.time() * 1_000
            if await send(number):
                self._sent[number] = began

    def note(self, calls: Iterable[tuple[int, float]]) -> None:
        """The numbers of canaries' calls, and when they began."""
        self._took = [(self._sent[number], begun) for number, begun in calls if number in self._sent]

    def dismiss(self, time: float) -> None:
        """Forgets who was under way at that time, when something else than the machine was to blame."""
        self._took = [(begin, end) for begin, end in self._took if not begin <= time <= end]

    def at(self, *times: float) -> float:
        """The most that any took around these; ms."""
        return max(
            (
                end - begin
                for begin, end in self._took
                for time in times
                if begin <= time + _AROUND_MS and end >= time - _AROUND_MS
            ),
            default=0.0,
        )

    @property
    def worst(self) -> float:
        return max((end - begin for begin, end in self._took), default=0.0)

    @property
    def typical(self) -> float:
        """The median."""
        took = sorted(end - begin for begin, end in self._took)
        return took[len(took) // 2] if took else 0.0
