"""What a job costs in the queue: to come, to be leased and to be done."""

from collections.abc import Callable
from typing import Any

import pytest

from inngest_fast._native.score import FairQueue, GcraTable

Benchmark = Callable[..., Any]


def one_job(queue: "FairQueue[str]") -> Callable[[], list[str]]:
    def work() -> list[str]:
        queue.add("job", "free", "free", "free", 0, 0, "job", 0)
        leased = queue.lease(16, 0)
        queue.done("job")
        return leased

    return work


@pytest.mark.parametrize("partitions", [1, 1_000])
def test_a_thousand_jobs(benchmark: Benchmark, partitions: int) -> None:
    """A thousand jobs over so many partitions."""
    queue: FairQueue[str] = FairQueue()
    jobs = [(f"{n}", f"p{n % partitions}", f"g{n % partitions % 10}") for n in range(1_000)]

    def work() -> int:
        for id, partition, group in jobs:
            queue.add(id, partition, group, partition, 0, 0, id, 0)
        leased = 0
        while taken := queue.lease(16, 0):
            leased += len(taken)
            for id in taken:
                queue.done(id)
        return leased

    assert benchmark(work) == 1_000


@pytest.mark.parametrize("blocked", [10, 10_000])
def test_one_job_beside_blocked_partitions(benchmark: Benchmark, blocked: int) -> None:
    queue: FairQueue[str] = FairQueue()
    for n in range(blocked):
        queue.limit_function(f"p{n}", 0, paused=True)
        queue.add(str(n), f"p{n}", "g", f"p{n}", 0, 0, "", 0)
    assert benchmark(one_job(queue)) == ["job"]


@pytest.mark.parametrize("queued", [10, 100_000])
def test_one_job_beside_scheduled_ones(benchmark: Benchmark, queued: int) -> None:
    queue: FairQueue[str] = FairQueue()
    for n in range(queued):
        queue.add(str(n), f"p{n % 100}", "g", f"p{n % 100}", 1_000 + n, 0, "", 0)
    assert benchmark(one_job(queue)) == ["job"]


def test_a_rate(benchmark: Benchmark) -> None:
    table = GcraTable()
    now = iter(range(1, 1 << 60))
    assert benchmark(lambda: table.take("key", next(now), 1, 1)[0]) is True
