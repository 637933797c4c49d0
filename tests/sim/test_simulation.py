"""The whole server on a virtual clock, killed between any two actions; a failing seed says how to see it again."""

import os

import pytest

from tests.sim.world import simulate

FIRST = int(os.environ.get("SIM_FIRST_SEED", "0"))
SEEDS = int(os.environ.get("SIM_SEEDS", "2000"))
_SHARE = 500  # seeds of one test: far below its timeout

_SHARES = range(FIRST, FIRST + SEEDS, _SHARE)


@pytest.mark.parametrize("first", _SHARES)
def test_seeds(first: int) -> None:
    for seed in range(first, min(first + _SHARE, FIRST + SEEDS)):
        simulate(seed)


def test_a_seed_tells_the_same_story_again() -> None:
    for seed in range(FIRST, FIRST + 20):
        once, again = simulate(seed), simulate(seed)
        assert [entry[:3] for entry in once.trace] == [entry[:3] for entry in again.trace]
        assert once.loop.steps == again.loop.steps
