"""Time as an input, so that the whole engine runs under a virtual clock."""

from typing import Protocol


class Clock(Protocol):
    """Where every `now` comes from. Timers are the event loop's own; a virtual loop moves both."""

    def now_ms(self) -> int:
        """Unix time in ms. May step, as wall clocks do."""
        ...
