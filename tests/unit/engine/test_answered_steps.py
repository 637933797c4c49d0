"""What finished steps, and failed attempts, of an answer do to its run (sdk-protocol §§4.2, 5)."""

import pytest
from engine_builders import (
    EDGE,
    ERROR,
    NOW,
    RUN_ID,
    START,
    answer,
    done,
    failure,
    function,
    op,
    ops,
    plan,
    queued,
    result,
    run,
    step,
)
from msgspec.structs import replace

from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.runs import RunStatus, StepStatus, next_version

# Steps that have their memo


@pytest.mark.parametrize(
    ("found", "memo", "status"),
    [
        (op("StepRun", "a", data=b'{"x":1}'), b'{"data":{"x":1}}', StepStatus.COMPLETED),
        (op("StepRun", "a"), b'{"data":null}', StepStatus.COMPLETED),
        (op("Step", "a", data=b'{"x":1}'), b'{"x":1}', StepStatus.COMPLETED),
        (op("Step", "a"), b"null", StepStatus.COMPLETED),
        (op("StepFailed", "a", error=b'{"message":"m"}'), b'{"error":{"message":"m"}}', StepStatus.FAILED),
        (
            op("StepFailed", "a", error=b'{"message":"m"}', data=b'{"__serialized":true}'),
            b'{"error":{"message":"m"}}',
            StepStatus.FAILED,
        ),
        (
            op("StepFailed", "a"),
            b'{"error":{"message":"Function execution error","name":"Error"}}',
            StepStatus.FAILED,
        ),
    ],
)
@pytest.mark.parametrize("job", [START, EDGE, plan("a")])
def test_a_finished_step_is_stored_and_the_app_asked_again(found, memo, status, job):
    before = run([step("a")] if job.kind is JobKind.PLAN else ())
    decided = answer(before, job, ops(found))
    after = decided.run
    assert decided.steps["a"].memo == memo
    assert decided.steps["a"].status is status
    assert decided.steps["a"].seq == 0
    assert after.steps["a"] == decided.steps["a"]
    assert after.stack == ("a",)
    assert after.state_size == before.state_size + len(memo)
    assert after.version == next_version(before.version, 0)
    suffix = "-failure" if status is StepStatus.FAILED else ""
    assert decided.added == [("edge", "a" + suffix, 0)]
    assert decided.transition.job == job
    assert decided.kinds == ["UpdateRun", "PutStep", "AddJob"]


def test_the_next_job_is_a_first_attempt_in_the_place_of_its_run():
    decided = answer(run(), job_of_attempt(3), ops(op("StepRun", "a")))
    (new,) = decided.named("job")
    assert (new.attempt, new.generation, new.run_id, new.step_id) == (0, 1, RUN_ID, "a")
    assert new.score == run().score
    assert decided.steps["a"].attempts == 4


def job_of_attempt(attempt):
    return replace(EDGE, attempt=attempt, generation=attempt + 1)


def test_a_step_that_is_reported_again_keeps_its_first_memo_and_its_continuation():
    before = run([done("a", 0, b'{"data":1}')])
    decided = answer(before, EDGE, ops(op("StepRun", "a", data=b"2")))
    assert decided.steps == {}
    assert decided.run.steps["a"].memo == b'{"data":1}'
    assert decided.run.stack == ("a",)
    assert decided.run.state_size == before.state_size
    assert decided.added == [("edge", "a", 0)]


def test_a_first_answer_starts_the_run_and_names_its_version():
    decided = answer(queued(), START, ops(op("StepRun", "a"), version=1))
    assert decided.run.status is RunStatus.RUNNING
    assert decided.run.started_at == NOW - 40
    assert decided.run.request_version == 1
    assert decided.run.version == next_version(0, 0)


def test_the_version_of_the_first_answer_stays():
    assert answer(run(request_version=1), EDGE, ops(op("StepRun", "a"), version=2)).run.request_version == 1
    assert answer(queued(), START, ops(op("StepRun", "a"), version=None)).run.request_version == -1
    assert answer(queued(), START, failure(version=2)).run.request_version == 2
    assert answer(queued(), START, result(version=2)).run.request_version == 2


# Failed attempts of steps


@pytest.mark.parametrize("kind", ["start", "edge", "plan"])
@pytest.mark.parametrize(
    ("attempt", "retries", "again"), [(0, 4, True), (3, 4, True), (4, 4, False), (0, 0, False)]
)
def test_a_step_error_is_retried_while_attempts_are_left(kind, attempt, retries, again):
    job = replace({"start": START, "edge": EDGE, "plan": plan("a")}[kind], attempt=attempt, generation=9)
    before = run([step("a")] if kind == "plan" else ())
    decided = answer(
        before,
        job,
        ops(op("StepError", "a", error=b'{"message":"m"}')),
        function=function(retries=retries),
        draw=7,
    )
    if again:
        moved = decided.moved
        assert (moved.id, moved.attempt, moved.generation) == (job.id, attempt + 1, 10)
        assert moved.due == NOW + [15_000, 30_000, 60_000, 120_000][attempt] + 7
        assert decided.added == []
        assert decided.run.steps["a"].memo is None
        assert decided.run.steps["a"].attempts == attempt + 1
        assert decided.run.steps["a"].reserved is (kind == "plan")
        assert decided.run.stack == ()
    else:
        assert decided.moved is None
        assert decided.run.steps["a"].memo == b'{"error":{"message":"m"}}'
        assert decided.run.steps["a"].status is StepStatus.FAILED
        assert decided.added == [("edge", "a-failure", 0)]
    assert decided.run.status is RunStatus.RUNNING


@pytest.mark.parametrize("draw", [0, 30_000])
def test_retry_after_replaces_the_backoff_of_a_step(draw):
    decided = answer(run(), EDGE, ops(op("StepError", "a"), retry_at=NOW + 90_000), draw=draw)
    assert decided.moved.due == NOW + 90_000
    assert decided.moved.score == NOW + 90_000


def test_a_configured_interval_replaces_the_backoff():
    decided = answer(run(), EDGE, ops(op("StepError", "a")), retry_interval_ms=1_000, draw=99)
    assert decided.moved.due == NOW + 1_000
    assert decided.moved.score == run().score


def test_no_retry_makes_a_step_error_final():
    decided = answer(run(), EDGE, ops(op("StepError", "a", error=b"{}"), no_retry=True, retry_at=NOW + 1))
    assert decided.run.steps["a"].memo == b'{"error":{}}'
    assert decided.moved is None
    assert not decided.ended


def test_no_retry_beside_a_finished_step_changes_nothing():
    decided = answer(run(), EDGE, ops(op("StepRun", "a", data=b"1"), no_retry=True))
    assert decided.added == [("edge", "a", 0)]


def test_an_error_of_a_step_that_has_its_memo_only_goes_on():
    before = run([done("a", 0)])
    decided = answer(before, EDGE, ops(op("StepError", "a", error=b"{}")))
    assert decided.run.steps == before.steps
    assert decided.moved is None
    assert decided.added == [("edge", "a", 0)]


def test_an_error_of_another_step_than_the_called_one_does_not_reserve_it():
    """Nothing would ever finish a step that is reserved without a job."""
    decided = answer(run([step("a")]), plan("a"), ops(op("StepError", "b")))
    assert decided.moved.id == plan("a").id
    assert decided.run.steps["a"].reserved
    assert not decided.run.steps["b"].reserved


def test_attempts_of_a_step_are_counted_until_it_is_done():
    retried = answer(run([step("a")]), plan("a"), ops(op("StepError", "a"))).run
    finished = answer(retried, replace(plan("a"), attempt=1), ops(op("StepRun", "a")))
    assert finished.steps["a"].attempts == 2
    assert finished.steps["a"].memo == b'{"data":null}'


# Failed attempts of the function


@pytest.mark.parametrize(
    ("fields", "attempt", "retries", "again"),
    [
        ({}, 0, 4, True),
        ({}, 3, 4, True),
        ({}, 4, 4, False),
        ({}, 0, 0, False),
        ({"no_retry": True}, 0, 4, False),
        ({"no_retry": True, "retry_at": NOW + 1}, 0, 4, False),
        ({"code": "not_sdk"}, 0, 4, True),
        ({"code": "unreachable", "output": None}, 4, 4, False),
    ],
)
@pytest.mark.parametrize("kind", ["start", "edge", "plan"])
def test_a_failed_attempt_is_made_again_or_fails_the_run(fields, attempt, retries, again, kind):
    job = replace({"start": START, "edge": EDGE, "plan": plan("a")}[kind], attempt=attempt)
    before = run([step("a")] if kind == "plan" else ())
    failed = failure(**fields)
    decided = answer(before, job, failed, function=function(retries=retries))
    if again:
        assert decided.moved.attempt == attempt + 1
        assert decided.run.status is RunStatus.RUNNING
        assert decided.added == []
        if kind == "plan":
            assert decided.steps["a"].reserved
            assert decided.steps["a"].attempts == attempt + 1
    else:
        assert decided.run.status is RunStatus.FAILED
        assert decided.run.error == ERROR
        assert decided.run.output == failed.output
        assert [e.name for e in decided.events] == ["inngest/function.finished", "inngest/function.failed"]
        assert decided.moved is None


def test_retry_after_replaces_the_backoff_of_a_call():
    assert answer(run(), EDGE, failure(retry_at=NOW + 5_000), draw=9).moved.due == NOW + 5_000
