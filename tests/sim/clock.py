"""Wall time on the virtual loop."""

from tests.fixtures.virtual_loop import START_MS
from tests.sim.loop import SimLoop


class Clock:
    """ports.clock.Clock; steps like a wall clock that is set."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop
        self._offset = START_MS

    def now_ms(self) -> int:
        return self._offset + round(self._loop.time() * 1_000)

    def step(self, ms: int) -> None:
        self._offset += ms


class SkewedClock(Clock):
    """A clock that is always so far from another one."""

    def __init__(self, clock: Clock, ms: int) -> None:
        self._clock = clock
        self._ms = ms

    def now_ms(self) -> int:
        return self._clock.now_ms() + self._ms
