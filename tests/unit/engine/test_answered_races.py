"""Races (sdk-protocol §4.4)."""

import pytest
from engine_builders import (
    EDGE,
    START,
    answer,
    fall_due,
    job,
    op,
    ops,
    plan,
    queued,
    result,
)
from msgspec.structs import replace

from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.runs import RunStatus

RACE = {"parallel_mode": "race"}


def discoveries(decided):
    return [id for kind, id, _ in decided.added if kind == "edge"]


def reported(*ids, version=2, race=False):
    """The state of a run whose first answer planned these steps together."""
    mode = RACE if race else {}
    found = [op("StepPlanned", id, **mode) for id in ids]
    return answer(queued(), START, ops(*found, version=version)).run


# Race


@pytest.mark.parametrize("winner", ["a", "b"])
def test_every_step_of_a_race_is_followed_by_a_discovery_of_its_own(winner):
    state = reported("a", "b", race=True)
    assert state.pending == ("a", "b")
    loser = "ab".replace(winner, "")
    first = answer(state, plan(winner), ops(op("StepRun", winner)))
    assert discoveries(first) == [winner]
    assert first.run.force_plan
    last = answer(first.run, plan(loser), ops(op("StepRun", loser)))
    assert discoveries(last) == [loser]
    assert last.run.force_plan  # both discoveries may be in flight: neither is to run what the other plans


def test_an_op_that_says_race_itself_is_in_one():
    state = reported("a", "b")
    decided = answer(state, plan("a"), ops(op("StepRun", "a", **RACE)))
    assert discoveries(decided) == ["a"]


@pytest.mark.parametrize("mode", ["wait", "", "Race"])
def test_any_other_mode_is_none(mode):
    found = [op("StepPlanned", id, parallel_mode=mode) for id in "ab"]
    state = answer(queued(), START, ops(*found)).run
    assert discoveries(answer(state, plan("a"), ops(op("StepRun", "a")))) == []


def test_waits_and_sleeps_of_a_race_wake_the_run():
    state = answer(
        queued(),
        START,
        ops(
            op("Sleep", "s", name="1h", **RACE),
            op("WaitForEvent", "w", name="w/e", timeout="1h", **RACE),
            op("StepPlanned", "a", **RACE),
        ),
    ).run
    assert len(discoveries(fall_due(state, job(JobKind.SLEEP, "s")))) == 1
    assert len(discoveries(fall_due(state, job(JobKind.RESUME, "w", payload=b"{}")))) == 1
    assert len(discoveries(fall_due(state, job(JobKind.WAIT_TIMEOUT, "w")))) == 1


def test_a_failed_step_of_a_race_wakes_the_run():
    state = reported("a", "b", race=True)
    decided = answer(state, replace(plan("a"), attempt=4), ops(op("StepError", "a")))
    assert discoveries(decided) == ["a-failure"]


def test_a_race_may_end_the_run_while_others_are_open():
    state = reported("a", "b", race=True)
    state = answer(state, plan("a"), ops(op("StepRun", "a"))).run
    decided = answer(state, EDGE, result())
    assert decided.run.status is RunStatus.COMPLETED
    assert decided.run.branched, "the other step's job must be swept"
