"""Whether the simulation finds what is wrong with a server, its store or its queue."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.sim.world import simulate

Break = Callable[[pytest.MonkeyPatch], None]


def convicts(seeds: int, **how: Any) -> bool:
    """Whether one of the first so many seeds tells."""
    for seed in range(seeds):
        try:
            simulate(seed, **how)
        except AssertionError:
            return True
    return False
