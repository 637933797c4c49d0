"""FairQueue: each rule by itself, and what it costs."""

import gc
import random
import time
import tracemalloc
from collections.abc import Callable

import pytest

from inngest_fast._native.score import FairQueue


@pytest.fixture
def queue() -> FairQueue[str]:
    return FairQueue()


def add(
    queue: FairQueue[str], id: str, partition: str = "p", group: str = "g", due: int = 0, score: int = 0
) -> bool:
    return queue.add(id, partition, group, due, score, id, 0)


def test_the_payload_itself_comes_back(queue: FairQueue[object]) -> None:
    payload = object()
    queue.add("j", "p", "g", 0, 0, payload, 0)
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


def test_due_and_hold_end_to_the_unit(queue: FairQueue[str]) -> None:
    add(queue, "j", due=10)
    queue.hold("p", "g", 20)
    assert queue.next_due() == 10
    assert queue.lease(1, 10) == []
    assert queue.next_due() == 20
    assert queue.lease(1, 19) == []
    assert queue.lease(1, 20) == ["j"]
    assert queue.next_due() is None


def test_a_hold_is_replaced_and_lifted(queue: FairQueue[str]) -> None:
    add(queue, "j")
    queue.hold("p", "g", 10)
    queue.hold("p", "g", 20)
    assert queue.lease(1, 10) == []
    queue.hold("p", "g", None)
    assert queue.next_due() is None
    assert queue.lease(1, 10) == ["j"]


def test_a_hold_takes_nothing_back(queue: FairQueue[str]) -> None:
    add(queue, "leased")
    assert queue.lease(1, 0) == ["leased"]
    queue.hold("p", "g", 10)
    assert queue.done("leased")


def test_explain_names_the_nearest_reason(queue: FairQueue[str]) -> None:
    queue.limit_group("g", 0)
    add(queue, "j", due=-5, score=7)
    assert queue.explain("j") == ("ready", -5, 7, 0, "group limit", 0, 0)
    queue.limit_partition("p", "g", 0)
    assert queue.explain("j") == ("ready", -5, 7, 0, "partition limit", 0, 0)
    queue.hold("p", "g", 10)
    assert queue.explain("j") == ("ready", -5, 7, 0, "hold", 0, 0)


def test_both_limits_count(queue: FairQueue[str]) -> None:
    queue.limit_group("g", 3)
    queue.limit_partition("p", "g", 1)
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
        queue.add(str(n), "p", "g", score + 1 if scheduled else 0, score, n, 0)
    dropped = chance.sample(range(100), 60)
    assert all(queue.drop(str(n)) for n in dropped)
    left = sorted((score, n) for n, score in enumerate(scores) if n not in dropped)
    assert [queue.lease(1, queue.next_due() or 0)[0] for _ in left] == [n for _, n in left]


@pytest.mark.parametrize("bad", [None, 3, b"j"])
def test_ids_are_text(queue: FairQueue[str], bad: object) -> None:
    with pytest.raises(TypeError):
        queue.add(bad, "p", "g", 0, 0, "", 0)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        queue.drop(bad)  # type: ignore[arg-type]
    assert len(queue) == 0


def test_times_beyond_64_bits_are_refused_whole(queue: FairQueue[str]) -> None:
    with pytest.raises(OverflowError):
        queue.add("j", "p", "g", 1 << 63, 0, "", 0)
    assert queue.depth() == {}


def test_nothing_is_left_of_jobs_that_are_gone(queue: FairQueue[str]) -> None:
    def come_and_go(rounds: int) -> None:
        for n in range(rounds):
            add(queue, "j", f"p{n}", f"g{n}", due=n % 3)
            queue.limit_partition(f"p{n}", f"g{n}", 5)
            queue.hold(f"p{n}", f"g{n}", 9)
            queue.lease(1, n % 2)
            queue.drop("j")
            queue.limit_partition(f"p{n}", f"g{n}", None)
            queue.hold(f"p{n}", f"g{n}", None)

    assert grown_by(lambda: come_and_go(20_000)) < 20_000
    assert queue.depth() == {}
    assert queue.next_due() is None


@pytest.mark.parametrize("group", ["full", "free"])
def test_nothing_is_left_of_jobs_that_are_dropped_before_their_turn(
    queue: FairQueue[str], group: str
) -> None:
    queue.limit_group("full", 0)

    def come_and_go() -> None:
        for n in range(20_000):
            add(queue, "j", f"p{n}", group if group == "full" else f"g{n}")
            queue.drop("j")

    assert grown_by(come_and_go) < 20_000
    assert queue.lease(9, 0) == []


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


def lease_cost(blocked: int, block: Callable[[FairQueue[str], int], None]) -> float:
    """Seconds for a job to come, be leased and go, beside so many blocked partitions: the best of several."""
    queue: FairQueue[str] = FairQueue()
    for n in range(blocked):
        block(queue, n)
    assert queue.lease(9, 0) == []
    assert len(queue) == blocked
    best = 1.0
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(200):
            queue.add("j", "free", "free", 0, 0, "j", 0)
            assert queue.lease(9, 0) == ["j"]
            queue.done("j")
        best = min(best, time.perf_counter() - start)
    return best


def full_group(queue: FairQueue[str], n: int) -> None:
    queue.limit_group(f"g{n}", 0)
    add(queue, str(n), f"p{n}", f"g{n}")


def full_partition(queue: FairQueue[str], n: int) -> None:
    queue.limit_partition(f"p{n}", "g", 0)
    add(queue, str(n), f"p{n}")


def held_partition(queue: FairQueue[str], n: int) -> None:
    queue.hold(f"p{n}", "g", 1_000)
    add(queue, str(n), f"p{n}")


def one_full_group(queue: FairQueue[str], n: int) -> None:
    queue.limit_group("g", 0)
    add(queue, str(n), f"p{n}")


@pytest.mark.parametrize("block", [full_group, full_partition, held_partition, one_full_group])
def test_what_is_blocked_costs_nothing(block: Callable[[FairQueue[str], int], None]) -> None:
    # A search through the blocked would cost a thousand times as much.
    assert lease_cost(10_000, block) < 5 * lease_cost(10, block)
