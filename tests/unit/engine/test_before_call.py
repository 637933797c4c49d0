"""What is checked and noted before an app is called (flow-control §5.8)."""

import pytest
from engine_builders import EDGE, NOW, RUN_ID, START, done, function, job, plan, pure, queued, run, step

from inngest_fast.domain.functions import Timeouts
from inngest_fast.domain.runs import RunStatus, next_version
from inngest_fast.domain.transitions import DropJob
from inngest_fast.engine.lifecycle import before_call


@pytest.mark.parametrize("job", [START, EDGE, plan("a")])
@pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED])
def test_a_run_that_has_ended_is_not_called(job, status):
    decided = pure(before_call.obstacle, run(status=status), function(), job, NOW)
    assert decided.actions == []
    assert decided.transition.job == job


@pytest.mark.parametrize(
    ("steps", "called"), [([done("a", 0)], False), ([step("a")], True), ([], True), ([done("b", 0)], True)]
)
def test_a_planned_step_that_has_its_memo_is_not_called_again(steps, called):
    decided = pure(before_call.obstacle, run(steps), function(), plan("a"), NOW)
    assert (decided.transition is None) is called
    assert called or (decided.actions == [] and decided.transition.job == plan("a"))


def test_a_discovery_goes_on_whatever_step_it_follows():
    edge = job(step_id="a")
    assert pure(before_call.obstacle, run([done("a", 0)]), function(), edge, NOW).transition is None


@pytest.mark.parametrize(
    ("before", "timeouts", "cancelled"),
    [
        (queued(queued_at=NOW - 1_000), Timeouts(start_ms=1_000), False),
        (queued(queued_at=NOW - 1_001), Timeouts(start_ms=1_000), True),
        (queued(queued_at=NOW - 1_001), Timeouts(finish_ms=1), False),
        (queued(queued_at=NOW - 1_001), Timeouts(), False),
        (run(queued_at=NOW - 9_000, started_at=NOW - 1_000), Timeouts(start_ms=1), False),
        (run(queued_at=NOW - 9_000, started_at=NOW - 1_000), Timeouts(finish_ms=1_000), False),
        (run(queued_at=NOW - 9_000, started_at=NOW - 1_001), Timeouts(finish_ms=1_000), True),
        (run(queued_at=NOW - 9_000, started_at=NOW - 1_001), Timeouts(start_ms=1, finish_ms=0), True),
    ],
)
def test_a_run_that_is_out_of_time_is_cancelled_in_place_of_the_call(before, timeouts, cancelled):
    decided = pure(before_call.obstacle, before, function(timeouts=timeouts), EDGE, NOW)
    if not cancelled:
        assert decided.transition is None
        return
    assert decided.run.status is RunStatus.CANCELLED
    assert decided.transition.job == EDGE
    assert [e.name for e in decided.events] == ["inngest/function.finished", "inngest/function.cancelled"]


@pytest.mark.parametrize(
    ("before", "timeouts", "needed"),
    [
        (queued(), Timeouts(), False),
        (queued(), Timeouts(start_ms=1), True),
        (queued(), Timeouts(finish_ms=1), True),
        (run(), Timeouts(start_ms=1, finish_ms=1), False),
    ],
)
def test_the_start_is_stored_first_where_a_timeout_counts_from_it(before, timeouts, needed):
    assert before_call.is_begin_due(before, function(timeouts=timeouts)) is needed


@pytest.mark.parametrize(
    ("timeouts", "dropped", "added"),
    [
        (Timeouts(), [], []),
        (Timeouts(start_ms=9_000), ["start-timeout"], []),
        (Timeouts(finish_ms=9_000), [], [("finish-timeout", "finish-timeout", 9_000)]),
        (
            Timeouts(start_ms=1, finish_ms=9_000),
            ["start-timeout"],
            [("finish-timeout", "finish-timeout", 9_000)],
        ),
    ],
)
def test_a_start_trades_one_timeout_for_the_other(timeouts, dropped, added):
    before = queued()
    decided = pure(before_call.begin, before, function(timeouts=timeouts), NOW)
    assert decided.run.status is RunStatus.RUNNING
    assert decided.run.started_at == NOW
    assert decided.run.version == next_version(before.version, 0)
    assert decided.transition.job is None
    assert [a.job_id for a in decided.of(DropJob)] == [f"{RUN_ID}:{id}" for id in dropped]
    assert decided.added == added
    assert decided.run.branched is bool(added)
