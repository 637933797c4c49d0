"""Runs of durable endpoints, which work by themselves and report (sdk-protocol §7.2)."""

import json

import pytest
from engine_builders import (
    NOW,
    QUEUED_AT,
    RUN_ID,
    URL,
    answer,
    done,
    event,
    fall_due,
    function,
    job,
    op,
    ops,
    pure,
    run,
)

from inngest_fast.domain.errors import CheckpointRefusedError
from inngest_fast.domain.events import HTTP_REQUEST, wire_form
from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.runs import RunStatus, StepStatus
from inngest_fast.engine import limits
from inngest_fast.engine.call import endpoint
from inngest_fast.engine.call.request import call_request
from inngest_fast.engine.lifecycle import sync_run
from inngest_fast.engine.lifecycle.sync_run import COMPLETE_ID

ENDPOINT = function(endpoint="text", retries=2)
SILENCE = job(JobKind.SILENCE, id="silence")
ERROR = b'{"message":"boom","name":"Error"}'


def reported(state, *found, function=ENDPOINT, by_itself=True):
    state.by_itself = by_itself
    return pure(lambda r, e: sync_run.decide(r, function, found, {}, NOW, 0, e), state)


def dropped(decided):
    return [a.job_id.removeprefix(RUN_ID + ":") for a in decided.actions if type(a).__name__ == "DropJob"]


# Its beginning


def test_a_run_begins_without_a_call():
    create = sync_run.begin(ENDPOINT, event(HTTP_REQUEST), RUN_ID, 2, "key", NOW)
    assert (create.run.status, create.run.started_at) == (RunStatus.RUNNING, NOW)
    assert (create.run.request_version, create.run.key) == (2, "key")
    assert create.key_until == NOW + limits.KEY_LIFE
    assert [(j.kind, j.id, j.due) for j in create.jobs] == [
        (JobKind.SILENCE, f"{RUN_ID}:silence", NOW + limits.SILENCE)
    ]


# While it works by itself


def test_steps_get_their_memos_and_no_call_follows():
    decided = reported(run(), op("StepRun", "a", data=b"1"), op("StepRun", "b", data=b"2"))
    assert decided.kinds == ["UpdateRun", "PutStep", "PutStep"]
    assert decided.run.stack == ("a", "b")


@pytest.mark.parametrize(("said", "is_"), [(NOW - 9, NOW - 9), (0, NOW), (1, QUEUED_AT + 10), (NOW + 9, NOW)])
def test_a_step_began_when_the_endpoint_says_so(said, is_):
    found = reported(run(), op("StepRun", "a", data=b"1", began_at=said)).steps["a"]
    assert (found.queued_at, found.started_at, found.ended_at, found.attempts) == (is_, is_, NOW, 1)


def test_what_is_known_changes_nothing():
    assert reported(run([done("a", 0)]), op("StepRun", "a", data=b'"a"')).transition is None


def test_another_result_than_the_known_one_is_refused():
    with pytest.raises(CheckpointRefusedError):
        reported(run([done("a", 0)]), op("StepRun", "a", data=b"1"), op("StepRun", "b", data=b"2"))


def test_it_ends_with_the_response():
    response = b'{"body":"x","headers":{},"status":200}'
    decided = reported(run(), op("StepRun", "a", data=b"1"), op("RunComplete", COMPLETE_ID, data=response))
    assert (decided.run.status, decided.run.output) == (RunStatus.COMPLETED, response)
    assert decided.run.stack == ("a",)
    assert decided.ended


@pytest.mark.parametrize(
    ("status", "is_"), [(200, RunStatus.COMPLETED), (404, RunStatus.COMPLETED), (503, RunStatus.FAILED)]
)
def test_a_response_of_5xx_is_a_failure(status, is_):
    response = b'{"body":"x","status":%d}' % status
    decided = reported(run(), op("SyncRunComplete", COMPLETE_ID, data=b'{"data":' + response + b"}"))
    assert (decided.run.status, decided.run.output) == (is_, response)


def test_the_same_ends_a_run_that_goes_on_by_calls():
    response = b'{"body":"x","status":500}'
    decided = answer(
        run(), job(), ops(op("SyncRunComplete", COMPLETE_ID, data=b'{"data":' + response + b"}"))
    )
    assert (decided.run.status, decided.run.output) == (RunStatus.FAILED, response)
    assert json.loads(decided.run.error)["message"] == "invalid status code: 500"


def test_an_end_is_taken_once():
    over = run([done("a", 0)], status=RunStatus.COMPLETED)
    assert reported(over, op("RunComplete", COMPLETE_ID, data=b"1")).transition is None
    assert reported(over, op("StepRun", "a", data=b'"a"')).transition is None


@pytest.mark.parametrize("status", [RunStatus.CANCELLED, RunStatus.COMPLETED, RunStatus.FAILED])
def test_a_run_that_is_over_takes_no_steps(status):
    with pytest.raises(CheckpointRefusedError) as error:
        reported(run(status=status), op("StepRun", "a", data=b"1"))
    assert error.value.code == "stale"


# Going on by calls


def test_a_sleep_makes_it_go_on_by_calls():
    decided = reported(run(), op("Sleep", "s", name="10s"))
    assert decided.added == [("sleep", "s-sleep", 10_000)]
    assert dropped(decided) == ["silence"]
    assert decided.steps["s"].status is StepStatus.SLEEPING


def test_several_steps_are_planned_as_a_group():
    decided = reported(run(), op("StepPlanned", "a"), op("StepPlanned", "b"))
    assert decided.added == [("plan", "a-plan", 0), ("plan", "b-plan", 0)]
    assert decided.run.pending == ("a", "b")
    assert decided.run.force_plan


def test_an_endpoint_that_ran_out_of_time_is_called():
    decided = reported(run(), op("DiscoveryRequest", "d"))
    assert [kind for kind, _, due in decided.added if not due] == ["edge"]
    assert dropped(decided) == ["silence"]


def test_a_step_that_failed_for_good_is_for_the_function_to_catch():
    decided = reported(run(), op("StepFailed", "a", error=ERROR))
    assert decided.steps["a"].memo == b'{"error":' + ERROR + b"}"
    assert [kind for kind, *_ in decided.added] == ["edge"]


@pytest.mark.parametrize("id", ["a", COMPLETE_ID])
def test_what_failed_is_tried_again_by_a_call(id):
    decided = reported(run(), op("StepError", id, error=ERROR))
    [(kind, _, due)] = decided.added
    assert (kind, due) == ("edge", 15_000)
    [added] = decided.named("job")
    assert added.attempt == 1
    assert dropped(decided) == ["silence"]


def test_what_failed_is_not_tried_again_without_retries():
    once = function(endpoint="text", retries=0)
    decided = reported(run(), op("StepError", "a", error=ERROR), function=once)
    assert decided.steps["a"].status is StepStatus.FAILED
    assert [kind for kind, *_ in decided.added] == ["edge"]
    decided = reported(run(), op("StepError", COMPLETE_ID, error=ERROR), function=once)
    assert decided.run.status is RunStatus.FAILED
    assert json.loads(decided.run.error)["message"] == "boom"


def test_a_function_that_failed_for_good_has_failed():
    assert reported(run(), op("StepFailed", COMPLETE_ID, error=ERROR)).run.status is RunStatus.FAILED


def test_what_cannot_be_done_is_refused():
    with pytest.raises(CheckpointRefusedError):
        reported(run(), op("Sleep", "s", duration="a while"))


def test_too_many_steps_end_it():
    full = run([done(str(n), n) for n in range(limits.MAX_STEPS)])
    decided = reported(full, op("StepRun", "one more", data=b"1"))
    assert b"InngestErrFunctionOverflowed" in decided.run.error


@pytest.mark.parametrize(
    "found",
    [
        op("StepError", COMPLETE_ID, error=ERROR),
        op("StepError", "a", error=ERROR),
        op("DiscoveryRequest", "d"),
        op("Sleep", "s", name="10s"),
        op("StepPlanned", "p"),
    ],
)
def test_it_goes_on_by_calls_once(found):
    """The report is repeated when its answer was lost."""
    once = reported(run(), found)
    assert not once.run.by_itself
    assert reported(once.run, found, by_itself=False).transition is None


def test_what_is_done_counts_when_it_goes_on_by_calls_too():
    decided = reported(run(), op("StepRun", "a", data=b"1"), by_itself=False)
    assert (decided.run.stack, decided.added) == (("a",), [])
    assert reported(run(), op("RunComplete", COMPLETE_ID, data=b"1"), by_itself=False).ended


# Silence


def test_a_silent_endpoint_is_called():
    state = run([done("a", 0, ended_at=NOW - limits.SILENCE)], started_at=QUEUED_AT - limits.SILENCE)
    decided = fall_due(state, SILENCE, function=ENDPOINT)
    assert [kind for kind, *_ in decided.added] == ["edge"]
    assert decided.transition.job == SILENCE
    assert not decided.run.by_itself


def test_one_that_was_heard_lately_is_not():
    heard = NOW - limits.SILENCE + 7_000
    state = run([done("a", 0, ended_at=heard)], started_at=NOW - 2 * limits.SILENCE)
    decided = fall_due(state, SILENCE, function=ENDPOINT)
    assert decided.added == []
    assert decided.moved.due == NOW + 7_000


# Its calls


def asked(**data):
    fields = {"domain": "https://x.test", "method": "GET", "path": "/a", **data}
    encoded = json.dumps(fields).encode()
    return wire_form(name=HTTP_REQUEST, id="e", ts=1, data=encoded)


def test_a_call_is_the_request_of_its_caller():
    state = run(events=(asked(query_params="q=1&r=%20"),), force_plan=True)
    call = call_request(state, ENDPOINT, job(JobKind.PLAN, "s"))
    assert (call.method, call.url, call.body) == ("GET", "https://x.test/a?q=1&r=%20", b"")
    headers = dict(call.headers)
    assert headers["X-Run-ID"] == RUN_ID
    assert headers["X-Inngest-Step-ID"] == "s"
    assert headers["X-Inngest-Force-Step-Plan"] == "true"
    assert call.signed == b""


def test_a_body_is_sent_as_it_came_and_signed_as_sdks_check_it():
    state = run(events=(asked(method="POST", body='{"b": 1.0, "a": 2}', content_type="application/json"),))
    call = call_request(state, ENDPOINT, job())
    assert call.body == b'{"b": 1.0, "a": 2}'
    assert call.signed == b'{"a":2,"b":1}'
    assert dict(call.headers)["Content-Type"] == "application/json"
    assert "X-Inngest-Force-Step-Plan" not in dict(call.headers)


@pytest.mark.parametrize(("coding", "body"), [("text", b"aGk="), ("base64", b"hi")])
def test_bodies_are_read_as_their_sdk_writes_them(coding, body):
    state = run(events=(asked(method="POST", body="aGk="),))
    assert call_request(state, function(endpoint=coding), job()).body == body


def test_other_functions_are_called_as_ever():
    call = call_request(run(), function(), job())
    assert (call.method, call.url, call.signed) == ("POST", URL, None)


@pytest.mark.parametrize(
    "data",
    [
        {"domain": "ftp://x.test"},
        {"domain": "https://"},
        {"domain": "https://x.test/path"},
        {"path": "a"},
        {"path": "/a b"},
        {"path": "/a\r\nb: c"},
        {"method": "GET X"},
        {"method": ""},
        {"query_params": "\n"},
        {"path": None},
    ],
)
def test_what_is_no_request_is_refused(data):
    fields = {"domain": "https://x.test", "method": "GET", "path": "/a", **data}
    with pytest.raises(ValueError, match=r"\S"):
        endpoint.read_request(json.dumps(fields).encode())


def test_a_function_is_named_by_itself_or_its_route():
    read = endpoint.read_request
    fields = {"domain": "https://x.test", "method": "GET", "path": "/a"}
    assert read(json.dumps(fields).encode()).slug == "GET /a"
    assert read(json.dumps({**fields, "fn": ""}).encode()).slug == "GET /a"
    assert read(json.dumps({**fields, "fn": "mine"}).encode()).slug == "mine"
