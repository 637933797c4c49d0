"""Answers that an app keeps back, so that what is queued behind them piles up."""

import asyncio
from collections.abc import Callable


class Hold:
    """While it is closed answers are kept; from then on each comes after as many seconds as `takes` says."""

    def __init__(self) -> None:
        self.takes: Callable[[], float] | None = None
        self._closed = False
        self._kept: list[Callable[[], None]] = []

    @property
    def kept(self) -> int:
        """Calls that wait for `open`."""
        return len(self._kept)

    def close(self) -> None:
        self._closed = True

    def open(self) -> None:
        """Lets every kept answer go, and those that come."""
        self._closed = False
        kept, self._kept = self._kept, []
        for answer in kept:
            self.pass_on(answer)

    def pass_on(self, answer: Callable[[], None]) -> None:
        """Calls it now, after a while, or once this is open."""
        if self._closed:
            self._kept.append(answer)
        elif self.takes is not None:
            asyncio.get_running_loop().call_later(self.takes(), answer)
        else:
            answer()
