"""Fair shares, scored: 1 is perfect. The minimum is far above what first come, first served would get."""

import itertools
import random
from collections import Counter, deque
from collections.abc import Iterable

import pytest

from inngest_fast._native.score import FairQueue

Queue = FairQueue[tuple[str, str]]  # (group, partition)


def fill(queue: Queue, group: str, partition: str, jobs: int, now: int = 0) -> None:
    for n in range(jobs):
        queue.add(
            f"{group} {partition} {now} {n}", partition, group, partition, now, n, (group, partition), now
        )


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
    fill(queue, "g", "paused", 1)
    queue.limit_function("paused", 0, paused=True)
    queue.lease(1_000, 0)
    queue.limit_function("paused", 0)
    # All others have their turn first, at worst.
    assert promptness(queue, ("g", "paused"), 1) >= 1 / 11


class Keys:
    """One function with jobs of many keys, ended in the order in which they began, or by chance."""

    def __init__(self, calls: int, *, more: int = 0, seed: int | None = None, **rules: int) -> None:
        self.queue: Queue = FairQueue()
        self.queue.limit_function("f", 0, calls=calls, rules=rules)
        self.queue.limit_function("g", 0, calls=more, rules=rules)
        self.chance = random.Random(seed) if seed is not None else None
        self.running: list[tuple[str, str]] = []
        self.left: Counter[str] = Counter()
        self.served: list[str] = []

    def fill(self, key: str, jobs: int, function: str = "f", counters: tuple[str, ...] = ()) -> None:
        for n in range(jobs):
            id = f"{function} {key} {n}"
            flow = counters or (f"k/{key}",)
            self.queue.add(id, function, "g", function, 0, n, (id, key), 0, flow)
        self.left[key] += jobs

    def work(self, jobs: int) -> None:
        """Until so many more were leased."""
        wanted = len(self.served) + jobs
        while len(self.served) < wanted:
            for id, key in self.queue.lease(wanted - len(self.served), 0):
                self.running.append((id, key))
                self.served.append(key)
                self.left[key] -= 1
            over = self.chance.randrange(len(self.running)) if self.chance else 0
            self.queue.done(self.running.pop(over)[0])

    def longest_wait(self, key: str) -> int:
        """How many others were served between two of a key, or before the first."""
        places = [-1, *(n for n, served in enumerate(self.served) if served == key)]
        return max(after - before - 1 for before, after in itertools.pairwise(places))


@pytest.mark.parametrize("seed", [None, 1, 2], ids=["in order", "by chance", "by another chance"])
@pytest.mark.parametrize("key_limit", [0, 1], ids=["no key limit", "one of a key at once"])
def test_a_key_of_10_000_jobs_beside_99_keys_of_ten(key_limit: int, seed: int | None) -> None:
    keys = Keys(10, seed=seed, **({"k": key_limit} if key_limit else {}))
    keys.fill("many", 10_000)
    for n in range(99):
        keys.fill(f"few {n}", 10)
    names = ["many", *(f"few {n}" for n in range(99))]
    keys.work(10 * 100 - 100)  # all have work up to here
    assert jain(Counter(keys.served)[name] for name in names) >= 0.95
    keys.work(100)
    assert all(keys.longest_wait(name) < 2 * len(names) for name in names)
    assert all(keys.left[name] == 0 for name in names[1:])


def test_a_key_that_others_share_goes_round_among_them() -> None:
    """One place, which a hundred users of one tenant share with another function."""
    keys = Keys(0, k=1)
    for n in range(100):
        keys.fill(f"f{n}", 10, "f", ("k/tenant", f"u/{n}"))
        keys.fill(f"g{n}", 10, "g", ("k/tenant", f"u/{n}"))
    keys.work(1_800)
    shares = Counter(keys.served)
    assert len(shares) == 200
    assert jain(shares.values()) >= 0.95
    assert jain(Counter(key[0] for key in keys.served).values()) >= 0.999
    assert max(keys.longest_wait(name) for name in shares) <= 2 * 200


def test_a_function_with_many_keys_leaves_a_shared_place_to_one_with_few() -> None:
    keys = Keys(0, k=1)
    for n in range(1_000):
        keys.fill(f"many {n}", 5, "f", ("k/tenant", f"u/{n}"))
    keys.fill("one", 500, "g", ("k/tenant",))
    keys.work(500)
    shares = Counter(key == "one" for key in keys.served)
    assert jain(shares.values()) >= 0.99
