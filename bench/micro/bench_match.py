"""What an event costs beside few and many waits and triggers, and a wait to come and go."""

from collections.abc import Callable
from typing import Any

import pytest

from inngest_fast._native.match import TriggerIndex, WaitIndex

ID = ("data", "id")
Benchmark = Callable[..., Any]


@pytest.fixture(params=[10, 100_000], ids="{:,} waits".format, scope="module")
def waits(request: pytest.FixtureRequest) -> WaitIndex:
    index = WaitIndex()
    for n in range(request.param):
        index.insert(n, "app/order.paid", [(ID, f"id-{n}")])
    return index


def test_an_event_that_meets_one_wait(benchmark: Benchmark, waits: WaitIndex) -> None:
    assert benchmark(waits.candidates, "app/order.paid", lambda _: "id-7") == [7]


def test_an_event_that_meets_none(benchmark: Benchmark, waits: WaitIndex) -> None:
    assert benchmark(waits.candidates, "app/order.paid", lambda _: "other") == []


def test_a_wait_that_comes_and_goes(benchmark: Benchmark, waits: WaitIndex) -> None:
    keys = [(ID, "new")]

    def come_and_go() -> bool:
        waits.insert(-1, "app/order.paid", keys)
        return waits.remove(-1)

    assert benchmark(come_and_go) is True


@pytest.mark.parametrize("functions", [10, 10_000])
def test_the_functions_of_an_event(benchmark: Benchmark, functions: int) -> None:
    index = TriggerIndex()
    for n in range(functions):
        index.insert(f"app/order{n}.paid", f"function-{n}")
    index.insert("app/*", "every")
    assert benchmark(index.match, "app/order7.paid") == ["function-7", "every"]
