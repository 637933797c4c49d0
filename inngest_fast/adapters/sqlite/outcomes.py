"""How the threads tell the event loop."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any


class Outcomes:
    """Results and errors for futures, handed over from a thread: one wake-up for many."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def tell(
        self,
        outcomes: Sequence[tuple["asyncio.Future[Any]", Any]],
        then: Callable[[int], None] | None = None,
    ) -> None:
        """Each future gets its result, or its exception; futures that are done stay as they are."""
        self.call(_resolve, outcomes, then)

    def call(self, function: Callable[..., None], *args: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            pass  # the loop is closed: nobody waits any more


def _resolve(
    outcomes: Sequence[tuple["asyncio.Future[Any]", Any]], then: Callable[[int], None] | None
) -> None:
    if then is not None:
        then(len(outcomes))
    for future, outcome in outcomes:
        if future.done():
            continue
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
