"""Jobs that need no call (sdk-protocol §8, flow-control §§5.8, 6, 7)."""

import pytest
from engine_builders import (
    NOW,
    QUEUED_AT,
    RUN_ID,
    done,
    fall_due,
    function,
    job,
    plain,
    pure,
    queued,
    run,
    step,
)

from inngest_fast.domain.functions import Timeouts
from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.ops import Opcode
from inngest_fast.domain.runs import RunStatus, StepStatus
from inngest_fast.domain.transitions import DropJob
from inngest_fast.engine.lifecycle import due

LOCAL = [
    JobKind.SLEEP,
    JobKind.WAIT_TIMEOUT,
    JobKind.RESUME,
    JobKind.CANCEL,
    JobKind.START_TIMEOUT,
    JobKind.FINISH_TIMEOUT,
]
EVENT = b'{"data":{},"id":"e","name":"w/e","ts":1700000000000,"user":{}}'
CANCELLED = ["inngest/function.finished", "inngest/function.cancelled"]
INVOKE_TIMEOUT = {
    "error": {
        "name": "InngestInvokeTimeoutError",
        "message": "Timed out waiting for invoked function to complete",
        "error": "InngestInvokeTimeoutError: Timed out waiting for invoked function to complete",
    }
}


def waiting(op=Opcode.WAIT_FOR_EVENT, **fields):
    return step("w", StepStatus.WAITING, op, wait_id=41, **fields)


def asleep(**fields):
    return step("w", StepStatus.SLEEPING, Opcode.SLEEP, **fields)


@pytest.mark.parametrize(
    ("kind", "state", "payload", "memo", "status", "suffix"),
    [
        (JobKind.SLEEP, asleep(), b"", b"null", StepStatus.COMPLETED, "-resumed"),
        (JobKind.RESUME, waiting(), EVENT, EVENT, StepStatus.COMPLETED, "-resumed"),
        (JobKind.WAIT_TIMEOUT, waiting(), b"", b"null", StepStatus.TIMED_OUT, "-expired"),
        (
            JobKind.WAIT_TIMEOUT,
            waiting(Opcode.WAIT_FOR_SIGNAL),
            b"",
            b"null",
            StepStatus.TIMED_OUT,
            "-expired",
        ),
        (
            JobKind.RESUME,
            waiting(Opcode.WAIT_FOR_SIGNAL),
            b'{"data":{"data":1,"signal":"s"}}',
            b'{"data":{"data":1,"signal":"s"}}',
            StepStatus.COMPLETED,
            "-resumed",
        ),
        (
            JobKind.RESUME,
            waiting(Opcode.INVOKE_FUNCTION),
            b'{"data":1}',
            b'{"data":1}',
            StepStatus.COMPLETED,
            "-resumed",
        ),
        (
            JobKind.RESUME,
            waiting(Opcode.INVOKE_FUNCTION),
            b'{"error":{"name":"E"}}',
            b'{"error":{"name":"E"}}',
            StepStatus.FAILED,
            "-resumed",
        ),
    ],
)
def test_a_step_ends_and_the_app_is_asked_again(kind, state, payload, memo, status, suffix):
    before = run([done("a", 0), state])
    the_job = job(kind, "w", payload=payload)
    decided = fall_due(before, the_job)
    assert decided.run.steps["w"].memo == memo
    assert decided.run.steps["w"].status is status
    assert decided.run.steps["w"].ended_at == NOW
    assert decided.run.stack == ("a", "w")
    assert decided.run.state_size == before.state_size + len(memo)
    assert decided.added == [("edge", "w" + suffix, 0)]
    assert decided.named("job")[0].step_id == "w"
    assert decided.transition.job == the_job
    assert not decided.ended


def test_an_invocation_that_takes_too_long_is_an_error():
    decided = fall_due(run([waiting(Opcode.INVOKE_FUNCTION)]), job(JobKind.WAIT_TIMEOUT, "w"))
    assert plain(decided.run.steps["w"].memo) == INVOKE_TIMEOUT
    assert decided.run.steps["w"].status is StepStatus.TIMED_OUT


def test_a_timeout_counts_only_if_its_wait_is_still_there():
    assert fall_due(run([waiting()]), job(JobKind.WAIT_TIMEOUT, "w")).transition.wait_id == 41


def test_a_met_wait_takes_its_timeout_with_it():
    decided = fall_due(run([waiting()]), job(JobKind.RESUME, "w", payload=EVENT))
    assert [a.job_id for a in decided.of(DropJob)] == [f"{RUN_ID}:w-timeout"]
    assert decided.transition.wait_id == 0


@pytest.mark.parametrize("kind", [JobKind.SLEEP, JobKind.RESUME, JobKind.WAIT_TIMEOUT])
@pytest.mark.parametrize("steps", [[], [done("w", 0, b"1")]])
def test_a_step_that_has_its_memo_keeps_it(kind, steps):
    decided = fall_due(run(steps), job(kind, "w", payload=EVENT))
    assert decided.actions == []
    assert decided.transition.wait_id == 0
    assert decided.transition.job is not None


@pytest.mark.parametrize("kind", LOCAL)
@pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED])
def test_a_run_that_has_ended_takes_nothing_more(kind, status):
    timeouts = function(timeouts=Timeouts(start_ms=1, finish_ms=1))
    state = run([waiting()], status=status)
    decided = fall_due(state, job(kind, "w", payload=b'{"event":"x"}'), function=timeouts)
    assert decided.actions == []
    assert decided.transition.job is not None


def test_members_of_a_group_wait_for_each_other():
    """Several waits that one event meets are followed by one discovery (flow-control §7.2)."""
    state = run(
        [waiting(), step("v", StepStatus.WAITING, Opcode.WAIT_FOR_EVENT, wait_id=42)],
        pending=("w", "v"),
        group="k",
        force_plan=True,
    )
    first = fall_due(state, job(JobKind.RESUME, "w", payload=EVENT))
    assert first.added == []
    assert first.run.pending == ("v",)
    second = fall_due(first.run, job(JobKind.RESUME, "v", payload=EVENT))
    assert second.added == [("edge", "k-discover", 0)]
    assert not second.run.force_plan


# Cancellation


def test_an_event_cancels_a_run():
    decided = fall_due(run([waiting()]), job(JobKind.CANCEL, payload=b'{"event":"01OTHER"}'))
    assert decided.run.status is RunStatus.CANCELLED
    assert [e.name for e in decided.events] == CANCELLED
    assert decided.named("job") == []


def test_an_event_does_not_cancel_the_run_that_it_started():
    decided = fall_due(run(), job(JobKind.CANCEL, payload=b'{"event":"01EVENT"}'))
    assert decided.actions == []


@pytest.mark.parametrize("before", [queued(), run(), run([waiting()]), run([done("a", 0)])])
def test_a_run_is_cancelled_from_outside_whatever_it_does(before):
    decided = pure(due.cancel, before, function(), NOW)
    assert decided.run.status is RunStatus.CANCELLED
    assert decided.run.ended_at == NOW
    assert decided.run.branched, "its job must be swept: this transition does not consume it"
    assert decided.run.output is None
    assert decided.run.error is None
    assert decided.transition.job is None
    assert [e.name for e in decided.events] == CANCELLED


# Timeouts: the config of now counts (flow-control §5.8)


@pytest.mark.parametrize(
    ("before", "limit", "outcome"),
    [
        (queued(), 5_000, "cancelled"),
        (queued(), 4_999, "cancelled"),
        (queued(), 5_001, 1),
        (queued(), 65_000, 60_000),
        (queued(), 0, "cancelled"),
        (queued(), None, "nothing"),
        (run(), 1, "nothing"),
    ],
)
def test_a_start_timeout(before, limit, outcome):
    timeouts = function(timeouts=Timeouts(start_ms=limit))
    the_job = job(JobKind.START_TIMEOUT, id="start-timeout")
    expect(fall_due(before, the_job, function=timeouts), the_job, outcome)


@pytest.mark.parametrize(
    ("limit", "outcome"),
    [(4_000, "cancelled"), (4_001, 1), (3_600_000, 3_596_000), (0, "cancelled"), (None, "nothing")],
)
def test_a_finish_timeout(limit, outcome):
    timeouts = function(timeouts=Timeouts(finish_ms=limit))
    the_job = job(JobKind.FINISH_TIMEOUT, id="finish-timeout")
    before = run([asleep()], started_at=QUEUED_AT + 1_000)
    expect(fall_due(before, the_job, function=timeouts), the_job, outcome)


def expect(decided, the_job, outcome):
    assert decided.transition.job == the_job
    if outcome == "nothing":
        assert decided.actions == []
    elif outcome == "cancelled":
        assert decided.run.status is RunStatus.CANCELLED
        assert decided.moved is None
        assert [e.name for e in decided.events] == CANCELLED
    else:
        assert not decided.ended
        assert decided.moved.due == NOW + outcome
        assert decided.moved.attempt == the_job.attempt + 1
        assert decided.run.status is not RunStatus.CANCELLED


def test_a_run_that_gives_way_leaves_nothing():
    """A singleton sends the cancellation: the run has more than the one job it knows of."""
    decided = fall_due(run(), job(JobKind.CANCEL, payload=b'{"event":""}'))
    assert decided.ended
    assert decided.run.branched
