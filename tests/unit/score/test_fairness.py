"""Fair shares, scored: 1 is perfect. The minimum is far above what first come, first served would get."""

from collections import Counter, deque
from collections.abc import Iterable

import pytest

from inngest_fast._native.score import FairQueue

Queue = FairQueue[tuple[str, str]]  # (group, partition)


def fill(queue: Queue, group: str, partition: str, jobs: int, now: int = 0) -> None:
    for n in range(jobs):
        queue.add(f"{group} {partition} {now} {n}", partition, group, now, n, (group, partition), now)


def jain(shares: Iterable[int]) -> float:
    """1 if all have the same, 1/n if one has all."""
    shares = list(shares)
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares))


def promptness(queue: Queue, wanted: tuple[str, str], n: int, now: int = 0) -> float:
    """One over how many leases of n it takes until one brings `wanted`."""
    for leases in range(1, 1_000):
        if wanted in queue.lease(n, now):
            return 1 / leases
    return 0.0


@pytest.mark.parametrize("group", ["g", "other"])
def test_one_job_beside_a_partition_of_100_000(group: str) -> None:
    queue: Queue = FairQueue()
    fill(queue, "g", "many", 100_000)
    queue.lease(1_000, 0)
    fill(queue, group, "one", 1)
    assert promptness(queue, (group, "one"), 1) >= 0.5


def test_a_group_of_one_beside_a_group_of_fifty_partitions() -> None:
    queue: Queue = FairQueue()
    for n in range(50):
        fill(queue, "fifty", f"p{n}", 100)
    fill(queue, "one", "q", 500)
    shares = Counter(group for group, _ in queue.lease(200, 0))
    assert jain(shares[group] for group in ("fifty", "one")) >= 0.99


def test_partitions_of_a_group_whatever_they_hold() -> None:
    queue: Queue = FairQueue()
    for n in range(50):
        fill(queue, "g", f"p{n}", 20 * (n + 1))
    shares = Counter(partition for _, partition in queue.lease(1_000, 0))
    assert len(shares) == 50
    assert jain(shares.values()) >= 0.99


def test_a_limited_group_shares_its_places() -> None:
    """Jobs end in the order they began; ten groups of ten partitions, three places each."""
    queue: Queue = FairQueue()
    for g in range(10):
        queue.limit_group(f"g{g}", 3)
        for p in range(10):
            fill(queue, f"g{g}", f"g{g} p{p}", 100 * (p + 1))
    running: deque[str] = deque()
    left: dict[str, deque[str]] = {
        f"g{g} p{p}": deque(f"g{g} g{g} p{p} 0 {n}" for n in range(100 * (p + 1)))
        for g in range(10)
        for p in range(10)
    }
    shares: Counter[str] = Counter()
    for _ in range(5_000):
        for _, partition in queue.lease(100, 0):
            shares[partition] += 1
            running.append(left[partition].popleft())
        assert len(running) == 30
        assert queue.done(running.popleft())
    assert len(shares) == 100
    assert jain(shares.values()) >= 0.99


def test_who_was_blocked_is_not_behind_for_long() -> None:
    queue: Queue = FairQueue()
    for p in range(10):
        fill(queue, "g", f"p{p}", 1_000)
    fill(queue, "g", "held", 1)
    queue.hold("held", "g", 50)
    queue.lease(1_000, 0)
    # All others have their turn first, at worst.
    assert promptness(queue, ("g", "held"), 1, now=50) >= 1 / 11
