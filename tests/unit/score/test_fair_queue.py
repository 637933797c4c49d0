"""FairQueue: each rule by itself, and what it costs."""

import gc
import random
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from inngest_fast._native.score import FairQueue


@pytest.fixture
def queue() -> FairQueue[str]:
    return FairQueue()


def add(
    queue: FairQueue[str],
    id: str,
    partition: str = "p",
    group: str = "g",
    due: int = 0,
    score: int = 0,
    **gates: Any,
) -> bool:
    return queue.add(id, partition, group, "p", due, score, id, 0, **gates)


def test_the_payload_itself_comes_back(queue: FairQueue[object]) -> None:
    payload = object()
    queue.add("j", "p", "g", "p", 0, 0, payload, 0)
    assert queue.lease(1, 0)[0] is payload


def test_a_partition_stays_in_the_group_of_its_first_job(queue: FairQueue[str]) -> None:
    queue.limit_group("first", 0)
    add(queue, "1", "p", "first")
    add(queue, "2", "p", "second")
    assert queue.lease(9, 0) == []


def test_a_partition_that_is_empty_may_come_back_in_another_group(queue: FairQueue[str]) -> None:
    queue.limit_group("first", 0)
    add(queue, "1", "p", "first")
    queue.drop("1")
    add(queue, "2", "p", "second")
    assert queue.lease(9, 0) == ["2"]


def test_due_and_throttle_end_to_the_unit(queue: FairQueue[str]) -> None:
    queue.limit_function("p", 0, rate="t", emission=10, cap=1)
    add(queue, "1", due=10, throttle="t/x")
    add(queue, "2", due=10, throttle="t/x")
    assert queue.next_due() == 10
    assert queue.lease(9, 9) == []
    assert queue.lease(9, 10) == ["1"]
    assert queue.next_due() == 20
    assert queue.lease(9, 19) == []
    assert queue.lease(9, 20) == ["2"]
    assert queue.next_due() is None


def test_who_paid_comes_with_the_arrival_time(queue: FairQueue[str]) -> None:
    queue.limit_function("p", 0, rate="t", emission=10, cap=2)
    for id, throttle in [("free", ""), ("1", "t/x"), ("other", "u/x"), ("2", "t/x")]:
        add(queue, id, throttle=throttle)
    arrivals: dict[int, int] = {}
    assert queue.lease(9, 5, arrivals) == ["free", "1", "other", "2"]
    assert arrivals == {1: 15, 3: 25}


def test_calls_and_pause_are_for_the_partition_of_the_functions_name(queue: FairQueue[str]) -> None:
    queue.limit_function("p", 0, calls=1, paused=True)
    for n in range(2):
        add(queue, f"p{n}", "p")
        add(queue, f"local{n}", "local:p")
    assert queue.lease(9, 0) == ["local0", "local1"]
    queue.limit_function("p", 0, calls=1)
    assert queue.lease(9, 0) == ["p0"]


def test_rules_are_for_all_partitions_of_a_function(queue: FairQueue[str]) -> None:
    queue.limit_function("p", 0, rules={"k": 1})
    for n in range(2):
        add(queue, f"p{n}", "p", counters=("k/x",))
        add(queue, f"local{n}", "local:p", counters=("k/x",))
    assert queue.lease(9, 0) == ["p0"]


def test_limits_come_to_partitions_that_are_there(queue: FairQueue[str]) -> None:
    for n in range(3):
        add(queue, str(n), counters=("k/x",))
    assert queue.lease(1, 0) == ["0"]
    queue.limit_function("p", 0, rules={"k": 2})
    assert queue.lease(9, 0) == ["1"]
    queue.limit_function("p", 0)
    assert queue.lease(9, 0) == ["2"]


def test_what_is_requeued_comes_in_place_of_what_was_there(queue: FairQueue[str]) -> None:
    add(queue, "leased")
    assert queue.lease(1, 0) == ["leased"]
    add(queue, "queued", due=9)
    again = ("p", "g", "p", 0, 0, "again", 0)
    for id in ("leased", "queued", "new"):
        queue.requeue(id, *again)
    assert len(queue) == 3
    assert queue.lease(9, 0) == ["again"] * 3


def test_both_limits_count(queue: FairQueue[str]) -> None:
    queue.limit_group("g", 3)
    queue.limit_function("p", 0, calls=1)
    for n in range(3):
        add(queue, f"p{n}", "p")
        add(queue, f"q{n}", "q")
    assert queue.lease(9, 0) == ["p0", "q0", "q1"]
    queue.done("q0")
    assert queue.lease(9, 0) == ["q2"]
    queue.done("p0")
    assert queue.lease(9, 0) == ["p1"]


@pytest.mark.parametrize("scheduled", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_order_is_kept_when_jobs_are_taken_out_of_the_middle(seed: int, scheduled: bool) -> None:
    chance = random.Random(seed)
    queue: FairQueue[int] = FairQueue()
    scores = [chance.randrange(50) for _ in range(100)]
    for n, score in enumerate(scores):
        queue.add(str(n), "p", "g", "p", score + 1 if scheduled else 0, score, n, 0)
    dropped = chance.sample(range(100), 60)
    assert all(queue.drop(str(n)) for n in dropped)
    left = sorted((score, n) for n, score in enumerate(scores) if n not in dropped)
    assert [queue.lease(1, queue.next_due() or 0)[0] for _ in left] == [n for _, n in left]


@pytest.mark.parametrize("bad", [None, 3, b"j"])
def test_ids_are_text(queue: FairQueue[str], bad: object) -> None:
    with pytest.raises(TypeError):
        queue.add(bad, "p", "g", "p", 0, 0, "", 0)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        queue.drop(bad)  # type: ignore[arg-type]
    assert len(queue) == 0


def test_times_beyond_64_bits_are_refused_whole(queue: FairQueue[str]) -> None:
    with pytest.raises(OverflowError):
        queue.add("j", "p", "g", "p", 1 << 63, 0, "", 0)
    assert queue.depth() == {}


def test_nothing_is_left_of_jobs_that_are_gone(queue: FairQueue[str]) -> None:
    queue.limit_function("p", 0, rules={"k": 1, "m": 1}, rate="t", emission=1, cap=1)
    come_and_go(queue, 1_000)
    # Up to 1,024 arrival times wait to be swept.
    assert grown_by(lambda: come_and_go(queue, 3_000)) < 200_000
    assert queue.depth() == {}
    assert queue.next_due() is None


def test_nothing_is_left_to_the_garbage_collector(queue: FairQueue[str]) -> None:
    queue.limit_function("p", 0, rules={"k": 1, "m": 1}, rate="t", emission=1, cap=1)
    gc.collect()
    gc.disable()
    try:
        come_and_go(queue, 1_000)
        assert gc.collect() < 100
    finally:
        gc.enable()


def come_and_go(queue: FairQueue[str], rounds: int) -> None:
    """Jobs with every gate there is, which are leased, requeued and dropped."""
    for n in range(rounds):
        gates: dict[str, Any] = {
            "counters": (f"k/{n}", f"l/{n}"),
            "throttle": f"t/{n}",
            "run_counter": f"m/{n}",
        }
        add(queue, "j", f"p{n}", f"g{n}", due=n + n % 3, **gates, run="r", entering=True)
        add(queue, "k", f"p{n}", f"g{n}", **gates, run="s", entering=True)
        queue.lease(1, n)
        add(queue, "l", f"p{n}", f"g{n}", **gates, run="r", under_way=True)
        queue.requeue("j", f"p{n}", f"g{n}", "p", 0, 0, "j", 0, (f"k/{n}",))
        queue.lease(1, n)
        for id in "jkl":
            queue.drop(id)


@pytest.mark.parametrize("group", ["full", "free"])
def test_nothing_is_left_of_jobs_that_are_dropped_before_their_turn(
    queue: FairQueue[str], group: str
) -> None:
    queue.limit_group("full", 0)

    def come_and_go() -> None:
        for n in range(5_000):
            add(queue, "j", f"p{n}", group if group == "full" else f"g{n}")
            queue.drop("j")

    assert grown_by(come_and_go) < 20_000
    assert queue.lease(9, 0) == []


GATES: dict[str, dict[str, Any]] = {
    "key": {"counters": ("k/full",)},
    "key of one": {"counters": ("k/{}",)},
    "throttle": {"throttle": "t/closed"},
    "runs": {"run_counter": "m/full", "run": "{}", "entering": True},
}


@pytest.mark.parametrize("gates", GATES.values(), ids=GATES)
def test_nothing_is_left_of_jobs_that_waited(queue: FairQueue[str], gates: dict[str, Any]) -> None:
    queue.limit_function("p", 0, rules={"k": 0, "m": 0}, rate="t", emission=10, cap=1)
    queue.restore_throttles({"t/closed": 10}, 0)
    add(queue, "stays", due=1_000)  # and its partition with it

    def come_and_go() -> None:
        for n in range(3_000):
            add(queue, "j", **named(gates, n))
            add(queue, "k", **named(gates, n), score=1)
            assert queue.lease(9, 0) == []
            queue.drop("j")
            queue.drop("k")

    assert grown_by(come_and_go) < 20_000
    assert queue.next_due() == 1_000


def test_limits_that_are_lifted_are_forgotten(queue: FairQueue[str]) -> None:
    def come_and_go() -> None:
        for n in range(3_000):
            queue.limit_function(f"f{n}", 0, calls=1)
            queue.limit_function(f"f{n}", 0)
            queue.limit_group(f"g{n}", 1)
            queue.limit_group(f"g{n}", None)

    assert grown_by(come_and_go) < 20_000


def named(gates: dict[str, Any], n: int) -> dict[str, Any]:
    """With its own number where a name has a place for it."""
    return {
        gate: tuple(name.format(n) for name in value)
        if isinstance(value, tuple)
        else value.format(n)
        if isinstance(value, str)
        else value
        for gate, value in gates.items()
    }


def grown_by(work: Callable[[], object]) -> int:
    """Bytes that are left after it."""
    gc.collect()
    tracemalloc.start()
    try:
        work()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
