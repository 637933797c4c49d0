"""Ops that cannot be taken, and answers that end a run (sdk-protocol §§4.2, 4.3)."""

import pytest
from engine_builders import (
    EDGE,
    NOW,
    START,
    answer,
    done,
    failure,
    function,
    op,
    ops,
    plain,
    queued,
    result,
    run,
)

from inngest_fast.domain.runs import RunStatus

# Ops that cannot be taken


@pytest.mark.parametrize(
    ("found", "name", "message"),
    [
        (
            op("Sleep", "s", name="367d"),
            "InngestErrTimeoutTooLong",
            'The sleep "367d" ends more than one year in the future; sleeps may last at most one year.',
        ),
        (
            op("WaitForEvent", "w", name="w/e", timeout="367d"),
            "InngestErrTimeoutTooLong",
            'The wait "367d" ends more than one year in the future; waits for events may last at most one year.',
        ),
        (
            op("WaitForEvent", "w", name="w/e", timeout="1d", expression="event.data ="),
            "InvalidExpression",
            None,
        ),
        (
            op("WaitForEvent", "w", name="w/e", timeout="1d", expression='async.data.x == "'),
            "InvalidExpression",
            None,
        ),
    ],
)
def test_what_can_never_work_fails_the_run_at_once(found, name, message):
    decided = answer(run([done("z", 0)]), EDGE, ops(op("StepRun", "a"), found))
    assert decided.run.status is RunStatus.FAILED
    error = plain(decided.run.error)
    assert error["name"] == name
    assert message is None or error["message"] == message
    assert decided.run.output is None
    assert decided.named("job") == []
    assert decided.waits == []
    assert set(decided.run.steps) == {"z"}


@pytest.mark.parametrize(
    "found",
    [
        op("Sleep", "s", name="soon"),
        op("WaitForEvent", "w", name="w/e", timeout="soon"),
        op("WaitForEvent", "w", timeout="1d"),
        op("WaitForSignal", "w", signal="sig", timeout="soon"),
        op("WaitForSignal", "w"),
        op("InvokeFunction", "i", function_id="f", timeout="soon"),
        op("InvokeFunction", "i"),
        op("InvokeFunction", "i", function_id="f", payload=b'{"data":[1]}'),
        op("Gateway", "g"),
        op("AIGateway", "g"),
    ],
)
def test_what_cannot_be_done_is_a_failed_attempt(found):
    decided = answer(run(), EDGE, ops(op("StepRun", "a"), found))
    assert decided.moved.attempt == 1
    assert decided.moved.due == NOW + 15_000
    assert decided.kinds == ["UpdateRun", "PutTrace", "MoveJob"]
    assert decided.run.steps == {}
    last = answer(run(), EDGE, ops(found), function=function(retries=0))
    assert last.run.status is RunStatus.FAILED
    assert plain(last.run.error)["name"] == "Error"
    assert plain(last.run.error)["message"]


# The end


def test_run_complete_ends_the_run_with_its_data():
    decided = answer(run(), EDGE, ops(op("RunComplete", "c", data=b'{"hello":"world"}')))
    assert decided.run.status is RunStatus.COMPLETED
    assert decided.run.output == b'{"hello":"world"}'
    assert decided.run.error is None
    assert decided.run.ended_at == NOW
    assert decided.kinds == ["EndRun", "PutEvent"]
    assert answer(run(), EDGE, ops(op("RunComplete", "c"))).run.output == b"null"


@pytest.mark.parametrize("data", [b'"ok"', b"null", b"0", b'{"a":1}', None])
def test_a_result_ends_the_run(data):
    decided = answer(queued(), START, result(data))
    assert decided.run.status is RunStatus.COMPLETED
    assert decided.run.output == data
    assert decided.run.started_at == NOW - 40
    assert decided.kinds == ["EndRun", "PutEvent"]


def test_steps_that_come_with_the_end_are_stored_before_it():
    found = ops(op("RunComplete", "c", data=b"1"), op("StepRun", "a", data=b"2"), op("StepFailed", "b"))
    decided = answer(run(), EDGE, found)
    assert decided.run.status is RunStatus.COMPLETED
    assert decided.run.stack == ("a", "b")
    assert set(decided.steps) == {"a", "b"}
    assert decided.named("job") == []


@pytest.mark.parametrize(
    "late",
    [
        op("Sleep", "x", name="1h"),
        op("StepPlanned", "x"),
        op("WaitForEvent", "x", name="w/e", timeout="1h"),
        op("InvokeFunction", "x", function_id="shop-target"),
        op("StepError", "x"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_nothing_begins_with_the_end(late, first):
    end = op("RunComplete", "c", data=b"1")
    decided = answer(run(), EDGE, ops(*((late, end) if first else (end, late))))
    assert decided.run.status is RunStatus.COMPLETED
    assert decided.named("job") == []
    assert decided.moved is None
    assert decided.waits == []
    assert [e.name for e in decided.events] == ["inngest/function.finished"]


@pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED])
@pytest.mark.parametrize(
    "late",
    [result(), failure(), failure(no_retry=True), ops(op("StepRun", "a")), ops(), ops(op("Sleep", "s"))],
)
def test_a_run_that_has_ended_takes_nothing_more(status, late):
    decided = answer(run(status=status, ended_at=NOW - 1), EDGE, late)
    assert decided.actions == []
    assert decided.transition.job == EDGE
