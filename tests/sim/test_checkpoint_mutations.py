"""Servers that take checkpoints wrongly: some seed must tell."""

import itertools
from typing import Any

import pytest

from inngest_fast.engine.lifecycle import answered, checkpoint
from inngest_fast.engine.lifecycle.dispatches import Dispatch
from tests.sim.conviction import Break, convicts
from tests.sim.programs import Program, Run
from tests.sim.world import simulate

_SEEDS = 1_500
_PROGRAMS = {
    "f0": Program(
        "f0",
        (Run("f0-1"), Run("f0-2", fails=1), Run("f0-3"), Run("f0-4")),
        event="app/a",
        checkpoints=True,
        retries=4,
    )
}


def hears_all(patch: pytest.MonkeyPatch) -> None:
    """A call that is over may report steps."""
    patch.setattr(Dispatch, "is_of", lambda self, job: True)


def heedless(patch: pytest.MonkeyPatch) -> None:
    """Two calls under one name may have different results for a step."""
    for module in (checkpoint, answered):
        patch.setattr(module, "conflicts", lambda run, ops: False)


def believes(patch: pytest.MonkeyPatch) -> None:
    """A call that had to give way ends its run."""
    patch.setattr(answered, "superseded", lambda *_: False)


def forgets(patch: pytest.MonkeyPatch) -> None:
    """Every tenth checkpoint is acknowledged and not stored."""
    decide, count = checkpoint.decide, itertools.count(1)

    def forgetful(*arguments: Any) -> checkpoint.Taken:
        taken = decide(*arguments)
        return taken if next(count) % 10 else checkpoint.Taken()

    patch.setattr(checkpoint, "decide", forgetful)


def consumes(patch: pytest.MonkeyPatch) -> None:
    """A checkpoint ends the job of the call that goes on."""
    decide = checkpoint.decide

    def greedy(run: Any, function: Any, job: Any, *more: Any) -> checkpoint.Taken:
        taken = decide(run, function, job, *more)
        if taken.transition is not None:
            taken.transition.job = job
        return taken

    patch.setattr(checkpoint, "decide", greedy)


def test_a_right_server_is_not_convicted() -> None:
    for seed in range(100):
        simulate(seed, controlled=False, programs=_PROGRAMS)


@pytest.mark.parametrize("fault", [hears_all, heedless, believes, forgets, consumes])
def test_a_wrong_server_is_found(fault: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    fault(monkeypatch)
    assert convicts(_SEEDS, controlled=False, programs=_PROGRAMS)
