"""REST v2: invoking, cancelling, running again, scoring, sending."""

import json

import pytest
from fake_services import EVENT_ID, FUNCTION, RERUN_ID, RUN_ID, UNKNOWN_ID, a_run

from inngest_fast.domain.errors import AnnotationRefusedError, InvalidEventError, RerunRefusedError
from inngest_fast.domain.invocations import Invoked, InvokeOutcome
from inngest_fast.domain.runs import RunStatus
from inngest_fast.engine.intake.events import MAX_EVENT
from inngest_fast.engine.trace.metadata import Entry, Place

INVOKE = "/api/v2/apps/demo/functions/always-fails/invoke"
RERUN = f"/api/v2/runs/{RUN_ID}/rerun"
CANCEL = f"/api/v2/runs/{RUN_ID}/cancel"
SCORES = f"/api/v2/runs/{RUN_ID}/scores"


def error(reply):
    [found] = reply.json["errors"]
    return reply.status, found["code"], found["message"]


@pytest.mark.parametrize("key", ["idempotencyKey", "idempotency_key"])
def test_invoke(dev, key):
    reply = dev("POST", INVOKE, {"data": {"b": 1, "a": [2]}, key: "k"})
    assert (reply.status, reply.json["data"]) == (200, {"runId": RUN_ID})
    [(function, data, options)] = dev.services.runs.invocations
    assert (function, json.loads(data), options) == (FUNCTION, {"b": 1, "a": [2]}, {"idempotency_key": "k"})


def test_a_repeated_invocation_is_409_with_the_same_body(dev):
    first = dev("POST", INVOKE, {"data": {}})
    dev.services.runs.invoked = Invoked(InvokeOutcome.DUPLICATE, EVENT_ID, RUN_ID)
    again = dev("POST", INVOKE, {"data": {}})
    assert (first.status, again.status, again.body) == (200, 409, first.body)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (InvokeOutcome.RATE_LIMITED, "rate_limited"),
        (InvokeOutcome.DEBOUNCED, "function_debounced"),
        (InvokeOutcome.BATCHED, "function_debounced"),
        (InvokeOutcome.SKIPPED, "function_skipped"),
        (InvokeOutcome.NOTHING, "function_skipped"),
    ],
)
def test_an_invocation_that_starts_no_run(dev, outcome, code):
    dev.services.runs.invoked = Invoked(outcome, EVENT_ID)
    assert error(dev("POST", INVOKE, {"data": {}}))[:2] == (422, code)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b"", "missing_field", "Input data is required"),
        ({}, "missing_field", "Input data is required"),
        ({"data": None}, "missing_field", "Input data is required"),
        ({"data": [1]}, "invalid_field_format", "data must be an object"),
        ({"data": {}, "idempotencyKey": 5}, "invalid_field_format", "idempotencyKey must be a string"),
        ({"data": {}, "nope": 5}, "api_error", "unknown field: nope"),
        (
            {"data": {}, "idempotencyKey": "a", "idempotency_key": "b"},
            "api_error",
            "idempotencyKey is given twice",
        ),
        ([], "api_error", "the body must be a JSON object"),
        (b"{", "api_error", "the body is no JSON"),
    ],
)
def test_bad_invocations(dev, body, code, message):
    status, found, text = error(dev("POST", INVOKE, body))
    assert (status, found) == (400, code)
    assert message in text
    assert dev.services.runs.invocations == []


def test_an_invocation_that_intake_refuses(dev):
    dev.services.runs.refusal = InvalidEventError("Invalid invocation event")
    assert error(dev("POST", INVOKE, {"data": {}})) == (400, "validation_error", "Invalid invocation event")


def test_an_unknown_function_is_not_invoked(dev):
    reply = dev("POST", INVOKE.replace("always-fails", "nope"), {"data": {}})
    assert error(reply) == (404, "not_found", "Function not found")


def test_cancel(dev):
    assert dev("POST", CANCEL).json["data"] == {"runId": RUN_ID}
    reply = dev("POST", CANCEL.replace(RUN_ID, UNKNOWN_ID))
    assert error(reply) == (404, "not_found", "Run not found")


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (RunStatus.COMPLETED, "run_already_ended", "Cannot cancel an ended run"),
        (RunStatus.CANCELLED, "run_already_cancelled", "Run is already cancelled"),
    ],
)
def test_an_ended_run_cannot_be_cancelled(dev, status, code, message):
    dev.services.runs.results[RUN_ID] = "ended"
    dev.services.store.known_runs[RUN_ID] = a_run(status=status)
    assert error(dev("POST", CANCEL)) == (409, code, message)


@pytest.mark.parametrize("body", [b"", {}, {"fromStep": None}])
def test_rerun(dev, body):
    assert dev("POST", RERUN, body).json["data"] == {"runId": RERUN_ID}
    assert dev.services.runs.reruns == [(RUN_ID, "", None)]


def test_rerun_from_a_step(dev):
    dev("POST", RERUN, {"fromStep": {"stepId": "charge", "input": [1, {"a": 2}]}})
    dev("POST", RERUN, {"from_step": {"step_id": "charge"}})
    (first, second) = dev.services.runs.reruns
    assert (first[1], json.loads(first[2])) == ("charge", [1, {"a": 2}])
    assert second == (RUN_ID, "charge", None)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"fromStep": {}}, "missing_field", "Step ID is required"),
        ({"fromStep": {"stepId": ""}}, "missing_field", "Step ID is required"),
        ({"fromStep": {"stepId": 1}}, "invalid_field_format", "fromStep.stepId must be a string"),
        ({"fromStep": "charge"}, "api_error", "fromStep must be a JSON object"),
        ({"fromStep": {"stepId": "s", "x": 1}}, "api_error", "unknown field: fromStep.x"),
        (
            {"fromStep": {"stepId": "s", "input": {}}},
            "invalid_field_format",
            "fromStep.input must be an array",
        ),
    ],
)
def test_bad_reruns(dev, body, code, message):
    assert error(dev("POST", RERUN, body)) == (400, code, message)
    assert dev.services.runs.reruns == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("unknown", (404, "not_found")),
        ("function_unknown", (404, "not_found")),
        ("step_unknown", (400, "validation_error")),
        ("input_invalid", (400, "validation_error")),
        ("too_large", (413, "invalid_request")),
    ],
)
def test_a_refused_rerun(dev, code, expected):
    dev.services.runs.refusal = RerunRefusedError("Step not found in original run", code)
    assert error(dev("POST", RERUN)) == (*expected, "Step not found in original run")


def test_scores(dev):
    experiment = {"id": "e", "variant": "b"}
    body = [
        {"name": "helpful", "value": True},
        {"name": "length", "value": 0.5, "stepId": "s1", "experiment": experiment},
        {"name": "tone", "value": 3, "step_id": "s1"},
    ]
    assert dev("POST", SCORES, body).json["data"] == {"count": 3}
    assert dev.services.annotations.notes == [
        (RUN_ID, Place(), [Entry("inngest.score", {"helpful": {"value": True}})]),
        (
            RUN_ID,
            Place(step_id="s1"),
            [
                Entry(
                    "inngest.score",
                    {"length": {"value": 0.5, "experiment": experiment}, "tone": {"value": 3}},
                )
            ],
        ),
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[", "api_error"),
        ({"name": "a", "value": 1}, "api_error"),
        ([], "invalid_request"),
        ([{"name": "a", "value": 1}] * 101, "invalid_request"),
        ([1], "api_error"),
        ([{"value": 1}], "missing_field"),
        ([{"name": "a"}], "missing_field"),
        ([{"name": "a", "value": "1"}], "validation_error"),
        ([{"name": "it's", "value": 1}], "validation_error"),
        ([{"name": "a\n", "value": 1}], "validation_error"),
        ([{"name": "é" * 65, "value": 1}], "validation_error"),
        ([{"name": "a", "value": 1, "x": 1}], "api_error"),
        ([{"name": "a", "value": 1, "stepId": 1}], "invalid_field_format"),
        ([{"name": "a", "value": 1, "experiment": {"id": "e"}}], "validation_error"),
        ([{"name": "a", "value": 1, "experiment": {"id": "e", "variant": 1}}], "invalid_field_format"),
        ([{"name": "ok", "value": 1}, {"name": "a", "value": None}], "missing_field"),
        (b'[{"name":"a","value":1e999}]', "api_error"),
    ],
)
def test_bad_scores_leave_nothing(dev, body, code):
    assert error(dev("POST", SCORES, body))[:2] == (400, code)
    assert dev.services.annotations.notes == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [("unknown", (404, "not_found", "Run not found")), ("too_large", (413, "invalid_request", "text"))],
)
def test_refused_scores(dev, code, expected):
    dev.services.annotations.refusal = AnnotationRefusedError("text", code)
    assert error(dev("POST", SCORES, [{"name": "a", "value": 1}])) == expected


def test_send_an_event(dev):
    body = {"name": "shop/x", "data": {"b": 1}, "user": {"id": 2}, "id": "mine", "ts": "1795425430900"}
    reply = dev("POST", "/api/v2/events", body)
    [event] = dev.services.ingest.events
    assert reply.json["data"] == {"eventId": event.id}
    assert (event.name, event.external_id, event.ts) == ("shop/x", "mine", 1_795_425_430_900)
    assert json.loads(event.wire)["data"] == {"b": 1}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing_field"),
        ({"name": ""}, "missing_field"),
        ({"name": 1}, "invalid_field_format"),
        ({"name": "x" * 513}, "validation_error"),
        ({"name": "inngest/x"}, "validation_error"),
        ({"name": "x", "data": 1}, "invalid_field_format"),
        ({"name": "x", "ts": "soon"}, "invalid_field_format"),
        ({"name": "x", "ts": 1}, "validation_error"),
        ({"name": "x", "v": "1"}, "api_error"),
        ([{"name": "x"}], "api_error"),
    ],
)
def test_bad_events(dev, body, code):
    assert error(dev("POST", "/api/v2/events", body))[:2] == (400, code)
    assert dev.services.ingest.events == []


def test_an_event_that_is_too_large(dev):
    reply = dev("POST", "/api/v2/events", {"name": "x", "data": {"a": "x" * MAX_EVENT}})
    assert error(reply)[:2] == (413, "invalid_request")
