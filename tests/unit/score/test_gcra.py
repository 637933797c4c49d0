"""The rate algorithm: the tables of flow-control §5.1 and §5.2, row by row, and what must always hold."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inngest_fast._native.score import GcraTable, gcra

S = 1_000  # ms, as throttles count
NS = 1_000_000_000  # as rate limits count


def starts(emission: int, cap: int, jobs: int, step: int) -> list[int]:
    """When each of so many jobs, all there at 0, is let through by who retries when told to."""
    table = GcraTable()
    out: list[int] = []
    now = 0
    while len(out) < jobs:
        allowed, retry_at = table.take("k", now, emission, cap)
        if allowed:
            out.append(now)
        else:
            assert retry_at > now
            assert not table.take("k", retry_at - 1, emission, cap)[0]
            now = retry_at
    return out


# limit, period, burst → at once from cold, then one every
THROTTLES = [
    (1, 5 * S, 0, 1, 5 * S),
    (2, 5 * S, 0, 2, 2_500),
    (1, 5 * S, 1, 2, 5 * S),
    (2, 5 * S, 1, 3, 2_500),
    (10, 60 * S, 0, 10, 6 * S),
]


@pytest.mark.parametrize(("limit", "period", "burst", "at_once", "then"), THROTTLES)
def test_throttle(limit: int, period: int, burst: int, at_once: int, then: int) -> None:
    out = starts(period // limit, limit + burst, at_once + 5, S)
    assert out == [0] * at_once + [then * n for n in range(1, 6)]


def test_throttle_of_ten_a_minute_worked_through() -> None:
    out = starts(6 * S, 10, 25, S)
    assert out == [0] * 10 + list(range(6 * S, 91 * S, 6 * S))


# limit, period → at once from cold, then one every, how many of five events at once pass
RATE_LIMITS = [
    (1, 86_400 * NS, 1, 86_400 * NS, 1),
    (5, 60 * NS, 1, 12 * NS, 1),
    (9, 60 * NS, 1, 6_666_666_666, 1),
    (10, 60 * NS, 2, 6 * NS, 2),
    (20, 60 * NS, 3, 3 * NS, 3),
    (100, 60 * NS, 11, 600_000_000, 5),
]


@pytest.mark.parametrize(("limit", "period", "at_once", "then", "of_five"), RATE_LIMITS)
def test_rate_limit(limit: int, period: int, at_once: int, then: int, of_five: int) -> None:
    emission, cap = period // limit, limit // 10 + 1
    table = GcraTable()
    now = 1_700_000_000 * NS
    assert [table.take("five", now, emission, cap)[0] for _ in range(5)].count(True) == of_five
    assert [table.take("k", now, emission, cap)[0] for _ in range(at_once + 1)] == [True] * at_once + [False]
    for _ in range(3):
        assert not table.take("k", now + then - 1, emission, cap)[0]
        now += then
        assert table.take("k", now, emission, cap) == (True, now)


def test_keys_are_apart() -> None:
    table = GcraTable()
    assert [table.take(key, 0, 10, 1)[0] for key in ("a", "b", "a", ("b", 1), None)] == [
        True,
        True,
        False,
        True,
        True,
    ]


def test_what_is_refused_is_not_counted() -> None:
    table = GcraTable()
    table.take("k", 0, 10, 1)
    kept = table.peek("k")
    for now in range(9):
        assert table.take("k", now, 10, 1) == (False, 10)
        assert table.peek("k") == kept == 10
    assert table.take("new", 0, 10, 1, 2) == (False, 10)
    assert table.peek("new") is None


def test_a_cost_counts_as_so_many() -> None:
    table = GcraTable()
    assert table.take("k", 0, 10, 5, 3) == (True, 0)
    assert table.peek("k") == 30
    assert table.take("k", 0, 10, 5, 3) == (False, 10)
    assert table.take("k", 0, 10, 5, 2) == (True, 0)


def test_a_restored_time_counts() -> None:
    table = GcraTable()
    table.restore("k", 100)
    assert table.take("k", 0, 100, 1) == (False, 100)
    assert table.take("k", 100, 100, 1) == (True, 100)


def test_a_clock_that_went_back_makes_no_one_wait_longer_than_a_full_bucket() -> None:
    table = GcraTable()
    for _ in range(3):
        assert table.take("k", 1_000_000, 10, 3)[0]
    assert table.take("k", 0, 10, 3) == (False, 10)
    assert not table.take("k", 9, 10, 3)[0]
    assert table.take("k", 10, 10, 3) == (True, 10)


def test_sweep_forgets_what_has_caught_up() -> None:
    table = GcraTable()
    for tat in (99, 100, 101):
        table.restore(str(tat), tat)
    table.sweep(100)
    assert [table.peek(key) for key in ("99", "100", "101")] == [None, None, 101]


def test_keys_that_come_once_do_not_pile_up() -> None:
    table = GcraTable()
    most = 0
    for now in range(20_000):
        table.take(now, now, 10, 1)
        most = max(most, len(table))
    assert most <= 1_025


@given(
    limit=st.integers(1, 20),
    cap=st.integers(1, 20),
    emission=st.integers(1, 50),
    steps=st.lists(st.integers(0, 200), max_size=60),
)
def test_no_window_lets_more_through(limit: int, cap: int, emission: int, steps: list[int]) -> None:
    """In any span at most `cap` and one per emission pass, and who is refused could not have passed."""
    table = GcraTable()
    now = 0
    passed: Counter[int] = Counter()
    for step in steps:
        now += step
        for _ in range(limit):
            allowed, retry_at = table.take("k", now, emission, cap)
            passed[now] += allowed
            assert (retry_at == now) if allowed else (now < retry_at <= now + emission)
    times = sorted(passed.elements())
    for i, start in enumerate(times):
        for j in range(i, len(times)):
            assert j - i + 1 <= cap + (times[j] - start) / emission


@given(
    tat=st.one_of(st.none(), st.integers(-(10**15), 10**15)),
    now=st.integers(-(10**15), 10**15),
    emission=st.integers(0, 10**9),
    cap=st.integers(1, 1_000),
    cost=st.integers(0, 1_000),
)
def test_beside_the_recurrence(tat: int | None, now: int, emission: int, cap: int, cost: int) -> None:
    start = now if tat is None else min(max(now, tat), now + emission * cap)
    allowed, kept, retry_at = gcra(tat, now, emission, cap, cost)
    assert allowed == (now >= start + emission * cost - emission * cap)
    if allowed:
        assert (kept, retry_at) == (start + emission * cost, now)
    else:
        assert kept == start
        assert retry_at == start + emission * cost - emission * cap
        if cost <= cap:
            assert gcra(kept, retry_at, emission, cap, cost)[0]
            assert not gcra(kept, retry_at - 1, emission, cap, cost)[0]
