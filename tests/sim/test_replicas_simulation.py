"""Several servers at once on one store and one queue, on a virtual clock; each is killed, stalled and stopped on its own."""

import os
from collections import Counter

import pytest

from tests.sim import rest
from tests.sim.replica_world import ReplicaWorld
from tests.sim.world import simulate

FIRST = int(os.environ.get("SIM_FIRST_SEED", "0"))
SEEDS = int(os.environ.get("SIM_SEEDS", "500"))
_SHARE = 250  # seeds of one test: far below its timeout

_SHARES = range(FIRST, FIRST + SEEDS, _SHARE)


@pytest.mark.parametrize("first", _SHARES)
def test_seeds(first: int) -> None:
    for seed in range(first, min(first + _SHARE, FIRST + SEEDS)):
        simulate(seed, world_type=ReplicaWorld)


def test_a_seed_tells_the_same_story_again() -> None:
    for seed in range(FIRST, FIRST + 20):
        once, again = (simulate(seed, world_type=ReplicaWorld) for _ in range(2))
        assert [entry[:3] for entry in once.trace] == [entry[:3] for entry in again.trace]
        assert once.loop.steps == again.loop.steps


def test_the_simulation_has_seen_it_all() -> None:
    seen: Counter[str] = Counter()
    for seed in range(300):
        world = simulate(seed, world_type=ReplicaWorld)
        assert isinstance(world, ReplicaWorld)
        seen += rest.tally(world)
        seen["executed again"] += world.executed_again
        seen["called in vain"] += sum(world.called_in_vain.values())
    for what in (
        "COMPLETED",
        "FAILED",
        "CANCELLED",
        "crash",
        "stop",
        "did not start",
        "no answer",
        "clock",
        "lost",
        "stall",
        "flush",
        "failover",
        "registered",
        "cancelled",
        "signalled",
        "dropped_by_job",
        "dropped_by_run",
        "dropped_by_wait",
        "queue_leases_lost",
        "queue_losses",
        "jobs_over_already",
        "reconciler_jobs_rearmed",
        "crash within commits",
        "met",
        "timed out",
        "invoked",
        "executed again",
    ):
        assert seen[what], (what, sorted(seen.items()))
