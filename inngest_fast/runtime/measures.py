"""What is measured on the hot path: numbers in their places, put into a form when somebody reads them."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Final

from inngest_fast.domain.metrics import Distribution
from inngest_fast.domain.runs import RunStatus

MAX_FUNCTIONS: Final = 200
OTHER: Final = "other"  # the label of functions above that number

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LONG_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
SIZES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)


class Histogram:
    """Counts values by the first bound that they do not pass."""

    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def read(self) -> Distribution:
        return Distribution(self._bounds, tuple(self._counts), self._total)


class FunctionMeasures:
    """Of the runs of a function and of the calls that they make. The names are those of http-api §3.4."""

    __slots__ = (
        "call_seconds",
        "calls_errored",
        "calls_failed",
        "calls_scheduled",
        "calls_started",
        "calls_succeeded",
        "fn",
        "runs_ended",
        "runs_scheduled",
        "runs_started",
    )

    def __init__(self, fn: str) -> None:
        self.fn = fn
        self.runs_scheduled = 0
        self.runs_started = 0
        self.runs_ended = {RunStatus.COMPLETED: 0, RunStatus.FAILED: 0, RunStatus.CANCELLED: 0}
        self.calls_scheduled = 0
        self.calls_started = 0
        self.calls_succeeded = 0
        self.calls_errored = 0  # and made again
        self.calls_failed = 0  # for good
        self.call_seconds = Histogram(LONG_SECONDS)


class Measures:
    """`of` is a look-up in a dict; the rest adds to ints. Used from one thread."""

    def __init__(self, slug_of: Callable[[str], str]) -> None:
        """`slug_of` a function's id; "" for an unknown one."""
        self.commit_seconds = Histogram(SECONDS)
        self.commit_sizes = Histogram(SIZES)
        self._slug_of = slug_of
        self._other = FunctionMeasures(OTHER)
        self._by_slug = {OTHER: self._other}
        self._by_id: dict[str, FunctionMeasures] = {}

    def of(self, function_id: str) -> FunctionMeasures:
        """The measures of a function: its own for the first MAX_FUNCTIONS that were seen."""
        return self._by_id.get(function_id) or self._first(function_id)

    def functions(self) -> Iterator[FunctionMeasures]:
        """All that there are, in the order in which they were seen; those of the others last."""
        yield from (each for each in self._by_slug.values() if each is not self._other)
        yield self._other

    def _first(self, function_id: str) -> FunctionMeasures:
        slug = self._slug_of(function_id)
        found = self._by_slug.get(slug)
        if found is None:
            if not slug or len(self._by_slug) > MAX_FUNCTIONS:
                return self._other
            found = self._by_slug[slug] = FunctionMeasures(slug)
        if found is not self._other and len(self._by_id) < 2 * MAX_FUNCTIONS:
            self._by_id[function_id] = found
        return found
