"""What one observation costs, and all of those that a run without steps makes."""

from typing import Any

import pytest

from inngest_fast.domain.runs import RunStatus
from inngest_fast.runtime.measures import MAX_FUNCTIONS, SECONDS, Histogram, Measures

Benchmark = Any  # pytest_benchmark has no types

EACH = 1_000
RUNS = range(EACH)


@pytest.mark.parametrize("value", [0.0004, 0.03, 60.0])
def test_observe(benchmark: Benchmark, value: float) -> None:
    """A thousand observations."""
    observe = Histogram(SECONDS).observe

    def all() -> None:
        for _ in RUNS:
            observe(value)

    benchmark(all)


@pytest.mark.parametrize("functions", [1, MAX_FUNCTIONS, 10 * MAX_FUNCTIONS])
def test_a_run_without_steps(benchmark: Benchmark, functions: int) -> None:
    """All that a thousand runs without steps count beside the times of day, by functions that take turns."""
    measures = Measures(str)
    ids = [f"function-{number % functions}" for number in range(EACH)]

    def all() -> None:
        for id in ids:
            found = measures.of(id)  # the event's commit
            found.runs_scheduled += 1
            measures.of(id).calls_scheduled += 1
            measures.commit_seconds.observe(0.0004)
            measures.commit_sizes.observe(4)
            found = measures.of(id)  # the call
            found.calls_started += 1
            found.runs_started += 1
            found.call_seconds.observe(0.002)
            found.calls_succeeded += 1
            measures.of(id).runs_ended[RunStatus.COMPLETED] += 1  # the end's commit
            measures.commit_seconds.observe(0.0004)
            measures.commit_sizes.observe(4)

    benchmark(all)
