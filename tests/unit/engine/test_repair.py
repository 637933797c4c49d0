"""A run that nothing would move (design §3.7)."""

import pytest
from engine_builders import EDGE, NOW, START, answer, done, function, op, ops, pure, queued, result, run, step

from inngest_fast.domain.runs import RunStatus, StepStatus
from inngest_fast.domain.transitions import DropWait
from inngest_fast.engine.lifecycle.repair import repair


@pytest.mark.parametrize(
    ("before", "kind", "delay"),
    [
        (queued(), "start", 0),
        (queued(due_at=NOW + 9_000), "start", 9_000),
        (run(), "edge", 0),
        (run([done("a", 0)]), "edge", 0),
    ],
)
def test_the_app_is_asked_again(before, kind, delay):
    decided = pure(repair, before, function(), NOW)
    assert [(each[0], each[2]) for each in decided.added] == [(kind, delay)]
    assert decided.transition.job is None
    assert decided.run.status is before.status
    assert decided.run.branched
    assert decided.run.steps == before.steps


def test_repairs_do_not_share_an_id():
    once = pure(repair, run(), function(), NOW)
    again = pure(repair, once.run, function(), NOW)
    assert once.added != again.added


OPEN = [
    (step("a", StepStatus.PLANNED), op("StepPlanned", "a"), "plan"),
    (step("a", StepStatus.SLEEPING, "Sleep"), op("Sleep", "a", name="1s"), "sleep"),
    (
        step("a", StepStatus.WAITING, "WaitForEvent", wait_id=41),
        op("WaitForEvent", "a", name="w/e", timeout="1h"),
        "wait-timeout",
    ),
    (
        step("a", StepStatus.WAITING, "InvokeFunction", wait_id=41),
        op("InvokeFunction", "a", function_id="f"),
        "wait-timeout",
    ),
]


@pytest.mark.parametrize(("state", "found", "kind"), OPEN)
def test_an_open_step_whose_job_is_lost_is_started_anew(state, found, kind):
    """Its job would have moved the run: reported again, it must not count as under way."""
    repaired = pure(repair, run([state], pending=("a",), group="k"), function(), NOW)
    decided = answer(repaired.run, EDGE, ops(found))
    assert [each[0] for each in decided.added] == [kind]


@pytest.mark.parametrize(("state", "found", "kind"), OPEN)
def test_a_wait_without_its_timeout_does_not_outlive_the_repair(state, found, kind):
    """A wait of the step that stayed would keep out the new one, whose timeout could then never end it."""
    repaired = pure(repair, run([state]), function(), NOW)
    assert [a.wait_id for a in repaired.of(DropWait)] == ([41] if state.wait_id else [])


def test_a_group_that_lost_its_jobs_does_not_hold_the_run():
    before = run([step("a"), step("b")], pending=("a", "b"), group="k", force_plan=True)
    repaired = pure(repair, before, function(), NOW)
    decided = answer(repaired.run, EDGE, ops(op("StepRun", "c")))
    assert [each[0] for each in decided.added] == ["edge"]


def test_a_repaired_run_can_end():
    repaired = pure(repair, queued(), function(), NOW)
    assert answer(repaired.run, START, result()).run.status is RunStatus.COMPLETED
