"""`/v1/checkpoint…`: what is asked of the server, and what it answers (sdk-protocol §7)."""

import json

import pytest
from fake_services import FUNCTION, NOW, RUN_ID, SIGNING_KEY, UNKNOWN_ID, a_run

from inngest_fast.domain.errors import CheckpointRefusedError
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.ops import Opcode
from inngest_fast.domain.runs import RunStatus
from inngest_fast.engine import limits
from inngest_fast.engine.lifecycle.dispatches import Dispatch, dispatch_name

PREFIXES = ["/v1/checkpoint", "/v1/http/runs"]
JOB = Job(f"{RUN_ID}:start", JobKind.START, FUNCTION.app_id, FUNCTION.id, NOW, NOW, RUN_ID, generation=2)
DURING = {
    "run_id": RUN_ID,
    "fn_id": FUNCTION.id,
    "qi_id": dispatch_name(JOB).decode(),
    "request_id": "01",
    "generation_id": 2,
    "request_started_at": NOW - 8,
    "ts": NOW,
    "steps": [
        {"op": "StepRun", "id": "a", "name": "A", "opts": {}, "data": {"z": 1.0, "a": 2}, "mode": "sync"}
    ],
}
DATA = {"domain": "https://x.test", "method": "GET", "path": "/a", "body": ""}
NEW = {
    "run_id": RUN_ID,
    "event": {"name": "inngest/http.request", "data": DATA},
    "request_version": 2,
    "retries": 3,
    "steps": [{"op": "StepRun", "id": "a", "data": 1}],
}


# During a call


@pytest.mark.parametrize("prefix", PREFIXES)
def test_steps_of_a_call(dev, prefix):
    reply = dev("POST", f"{prefix}/{RUN_ID}/async", DURING)
    assert reply.status == 200
    [(run_id, dispatch, ops, started_at)] = dev.services.checkpoints.taken
    assert (run_id, dispatch, started_at) == (RUN_ID, Dispatch(JOB.id, 2), NOW - 8)
    assert [(each.op, each.id, each.data) for each in ops] == [(Opcode.STEP_RUN, "a", b'{"a":2,"z":1}')]


def test_what_a_call_need_not_say(dev):
    reply = dev("POST", f"/v1/checkpoint/{RUN_ID}/async", {"qi_id": DURING["qi_id"]})
    assert reply.status == 200
    assert dev.services.checkpoints.taken == [(RUN_ID, Dispatch(JOB.id, 2), (), NOW)]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"qi_id": ""}, 400),
        ({"qi_id": None}, 400),
        ({"qi_id": "bm90aGluZw=="}, 400),
        ({"generation_id": 1}, 409),
        ({"generation_id": 0}, 200),
        ({"generation_id": None}, 200),
        ({"generation_id": "2"}, 400),
        ({"steps": [{"op": "Unheard"}]}, 400),
        ({"steps": 7}, 400),
        ({"steps": [{"op": "StepRun", "data": 1}]}, 400),
        ({"steps": [{"op": "StepRun", "id": "a", "data": "x" * limits.MAX_STEP_SIZE}]}, 413),
    ],
)
def test_what_a_call_may_say(dev, change, status):
    reply = dev("POST", f"/v1/checkpoint/{RUN_ID}/async", {**DURING, **change})
    assert reply.status == status
    assert status == 200 or reply.json["status"] == status
    assert len(dev.services.checkpoints.taken) == (status == 200)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"null"])
@pytest.mark.parametrize("path", ["", f"/{RUN_ID}/async", f"/{RUN_ID}/steps"])
def test_what_is_no_request(dev, path, body):
    assert dev("POST", f"/v1/checkpoint{path}", body).status == 400


def test_an_id_that_is_none(dev):
    for part in ("async", "steps"):
        assert dev("POST", f"/v1/checkpoint/nonsense/{part}", DURING).status == 400


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("invalid", 400),
        ("unknown", 404),
        ("stale", 409),
        ("exists", 409),
        ("too_many", 400),
        ("too_large", 413),
    ],
)
def test_refusals(dev, code, status):
    refusal = CheckpointRefusedError("not so", code)
    dev.services.checkpoints.refusal = dev.services.sync_runs.refusal = refusal
    for path, body in ((f"/{RUN_ID}/async", DURING), (f"/{RUN_ID}/steps", {"steps": []}), ("", NEW)):
        reply = dev("POST", f"/v1/checkpoint{path}", body)
        assert reply.status == status
        assert reply.json == {"error": "not so", "data": None, "status": status}


# Endpoints


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_new_run(dev, prefix):
    reply = dev("POST", prefix, NEW, {"x-inngest-sdk": "inngest-js:v4.24.0"})
    assert reply.status == 200
    data = reply.json["data"]
    assert (data["run_id"], data["fn_id"], data["app_id"]) == (RUN_ID, FUNCTION.id, FUNCTION.app_id)
    assert data["token"]
    assert data["realtime_token"]
    [(run_id, event, ops, more)] = dev.services.sync_runs.begun
    assert (run_id, json.loads(event), len(ops)) == (RUN_ID, DATA, 1)
    assert more == {"version": 2, "retries": 3, "coding": "text", "sdk": "js:v4.24.0", "idempotency": ""}


def test_other_sdks_write_bodies_in_base64(dev):
    dev("POST", "/v1/checkpoint", NEW, {"x-inngest-sdk": "inngest-go:v0.15.1"})
    assert dev.services.sync_runs.begun[0][3]["coding"] == "base64"


def test_a_run_without_steps_gets_no_token_for_its_output(dev):
    for steps in ({"steps": None}, {"steps": []}):
        assert "token" not in dev("POST", "/v1/checkpoint", {**NEW, **steps}).json["data"]


@pytest.mark.parametrize(
    "change",
    [{"run_id": "x"}, {"event": {"name": "a/b", "data": DATA}}, {"event": None}, {"steps": [{"op": "?"}]}],
)
def test_what_is_no_new_run(dev, change):
    assert dev("POST", "/v1/checkpoint", {**NEW, **change}).status == 400
    assert dev.services.sync_runs.begun == []


def test_a_new_run_has_a_bound(dev):
    large = {**NEW, "event": {"name": "inngest/http.request", "data": {**DATA, "body": "x" * (4 << 20)}}}
    assert dev("POST", "/v1/checkpoint", large).status == 413


def test_steps_of_a_run(dev):
    reply = dev(
        "POST", f"/v1/checkpoint/{RUN_ID}/steps", {"fn_id": "f", "app_id": "a", "steps": NEW["steps"]}
    )
    assert reply.status == 200
    [(run_id, ops)] = dev.services.sync_runs.reported
    assert (run_id, [each.id for each in ops]) == (RUN_ID, ["a"])


# Output


def token_of(client, run_id=RUN_ID):
    headers = {"authorization": f"Bearer {SIGNING_KEY}"}
    return client("POST", "/v1/checkpoint", {**NEW, "run_id": run_id}, headers).json["data"]["token"]


def over(client, **fields):
    client.services.run_ends.run = a_run(**fields)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_response_of_an_endpoint_is_given_again(start, prefix):
    headers = {"Content-Type": "text/html", "X-Mine": "1", "content-length": "99", "connection": "close"}
    output = json.dumps({"status": 418, "headers": headers, "body": "<p>é", "version": 2}).encode()
    over(start, status=RunStatus.COMPLETED, output=output)
    reply = start("GET", f"{prefix}/{RUN_ID}/output?token={token_of(start)}")
    assert (reply.status, reply.text) == (418, "<p>é")
    assert reply.headers["content-type"] == "text/html"
    assert reply.headers["x-mine"] == "1"
    assert start.services.run_ends.asked == [(RUN_ID, 300)]


def test_no_response_splits_another(dev):
    output = json.dumps({"status": 200, "headers": {"x-a": "1\r\nx-b: 2", "x\n": "1"}, "body": ""}).encode()
    over(dev, status=RunStatus.COMPLETED, output=output)
    reply = dev("GET", f"/v1/checkpoint/{RUN_ID}/output?token={token_of(dev)}")
    assert reply.status == 200
    assert not {"x-a", "x-b", "x\n"} & set(reply.headers)


@pytest.mark.parametrize(
    ("fields", "status", "body"),
    [
        ({"status": RunStatus.COMPLETED, "output": b'{"a":1}'}, 200, {"a": 1}),
        ({"status": RunStatus.COMPLETED, "output": None}, 200, None),
        ({"status": RunStatus.FAILED, "error": b'{"message":"m"}', "output": b'"x"'}, 500, {"message": "m"}),
        (
            {"status": RunStatus.CANCELLED},
            409,
            {"error": "the run was cancelled", "data": None, "status": 409},
        ),
        (
            {"status": RunStatus.RUNNING},
            200,
            {"status": "running", "message": "run did not end within 5 minutes"},
        ),
    ],
)
def test_other_ends(dev, fields, status, body):
    over(dev, **fields)
    reply = dev("GET", f"/v1/checkpoint/{RUN_ID}/output?token={token_of(dev)}")
    assert (reply.status, reply.json) == (status, body)


def test_an_output_is_for_who_has_its_token(start):
    over(start, status=RunStatus.COMPLETED, output=b"1")
    token = token_of(start)
    other = token_of(start, UNKNOWN_ID)
    for query in ("", "?token=", f"?token={other}", f"?token={token[:-4]}AAAA", f"?token={SIGNING_KEY}"):
        reply = start("GET", f"/v1/checkpoint/{RUN_ID}/output{query}", headers={"authorization": SIGNING_KEY})
        assert reply.status == 401
        assert reply.json["error"] == "Unable to find run with auth token"
    assert start.services.run_ends.asked == []
    assert start("GET", f"/v1/checkpoint/{RUN_ID}/output?token={token}").status == 200


def test_all_else_is_for_who_has_the_signing_key(start):
    for path, body in ((f"/{RUN_ID}/async", DURING), (f"/{RUN_ID}/steps", {}), ("", NEW)):
        for prefix in PREFIXES:
            assert start("POST", prefix + path, body).status == 401
            headers = {"authorization": f"Bearer {SIGNING_KEY}"}
            assert start("POST", prefix + path, body, headers).status == 200
