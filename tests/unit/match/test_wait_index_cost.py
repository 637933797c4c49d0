"""What an event costs beside many waits, and what a wait weighs."""

import gc
import time
import tracemalloc

import pytest

from inngest_fast._native.match import WaitIndex

ID = ("data", "id")
MANY = 100_000
# With the texts and tuples of its key: about 340 when each has its own value, 300 when all share one.
BYTES_PER_WAIT = 500


def filled(waits: int, *, one_event: bool) -> WaitIndex:
    index = WaitIndex()
    for n in range(waits):
        index.insert(n, "e" if one_event else f"e{n}", [(ID, f"id-{n}")])
    index.insert(waits, "e", [(ID, "wanted")])
    return index


def cost(index: WaitIndex) -> float:
    """Seconds for a thousand events that meet one wait: the best of several."""
    best = 1.0
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(1_000):
            index.candidates("e", lambda _: "wanted")
        best = min(best, time.perf_counter() - start)
    return best


@pytest.mark.parametrize("one_event", [True, False], ids=["one name", "many names"])
def test_an_event_costs_the_same_beside_many_waits(one_event: bool) -> None:
    few, many = filled(10, one_event=one_event), filled(MANY, one_event=one_event)
    # A search would cost ten thousand times as much.
    assert cost(many) < 5 * cost(few)


def test_an_event_is_looked_into_once_for_each_path() -> None:
    index = WaitIndex()
    for n in range(10_000):
        index.insert(n, "e", [(("data", f"f{n % 3}"), str(n)), (("ts",), float(n))])
        index.insert(-1 - n, "other", [(("data", f"g{n}"), str(n))])
    asked: list[tuple[str, ...]] = []
    assert index.candidates("e", asked.append) == []
    assert sorted(asked) == [("data", "f0"), ("data", "f1"), ("data", "f2"), ("ts",)]


def test_paths_that_no_wait_has_any_more_are_not_looked_at() -> None:
    index = WaitIndex()
    for n in range(100):
        index.insert(n, "e", [((f"f{n}",), "x")])
    index.insert(100, "e", [(ID, "x")])
    for n in range(100):
        index.remove(n)
    asked: list[tuple[str, ...]] = []
    index.candidates("e", asked.append)
    assert asked == [ID]


@pytest.mark.parametrize("same", [False, True], ids=["each its own value", "all of one value"])
def test_the_weight_of_a_wait(same: bool) -> None:
    gc.collect()
    tracemalloc.start()
    try:
        index = WaitIndex()
        for n in range(MANY):
            index.insert(n, "e", [(ID, "same" if same else f"id-{n}")])
        weight = tracemalloc.get_traced_memory()[0] / MANY
        for n in range(MANY):
            index.remove(n)
        gc.collect()
        left = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert weight < BYTES_PER_WAIT
    # Dictionaries keep the room that they once needed: about a tenth.
    assert left < BYTES_PER_WAIT * MANY * 0.25
    assert len(index) == 0


def test_nothing_is_left_of_waits_under_passing_names_and_paths() -> None:
    index = WaitIndex()
    gc.collect()
    tracemalloc.start()
    try:
        for n in range(20_000):
            index.insert(n, f"e{n}", [((f"f{n}",), str(n))])
            index.insert(-1, "e", [((f"f{n}",), str(n))])
            index.remove(n)
        gc.collect()
        left = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert left < 20_000
