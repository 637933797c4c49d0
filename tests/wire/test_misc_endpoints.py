"""http-api §0 and §3, as they stand there."""

from typing import Any

import pytest

from tests.fixtures.waiting import eventually
from tests.wire.cases import TEXT, Case, envelope
from tests.wire.normal import normal
from tests.wire.scene import Scene

URL = "http://localhost:1/x"
STEP = {
    "id": "step",
    "name": "step",
    "runtime": {"type": "http", "url": f"{URL}?fnId=other-f&stepId=step"},
    "retries": {"attempts": 0},
}
FUNCTION = {
    "id": "other-f",
    "name": "F",
    "triggers": [{"event": "other/f"}],
    "steps": {"step": STEP},
}


def registration(*functions: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {
        "url": URL,
        "deployType": "ping",
        "sdk": "js:v4.18.1",
        "v": "0.1",
        "framework": "stub",
        "appName": "other",
        "functions": list(functions),
        **changed,
    }


REGISTERED = {"ok": True, "modified": True, "sync_id": "<uuid>", "app_id": "<uuid>"}


def test_an_app_comes_changes_and_goes(scene: Scene) -> None:
    Case("POST", "/fn/register", 200, REGISTERED, registration(FUNCTION)).check(scene)
    same = {**REGISTERED, "modified": False}
    Case("POST", "/fn/register", 200, same, registration(FUNCTION)).check(scene)
    Case("POST", "/fn/register", 200, REGISTERED, registration()).check(scene)
    Case("DELETE", f"/fn/remove?url={URL}", 200, b"", content_type=None).check(scene)
    gone = envelope(f"App not found: {URL}", 404)
    Case("DELETE", f"/fn/remove?url={URL}", 404, gone).check(scene)


def test_an_app_without_a_name_is_refused(scene: Scene) -> None:
    reply = scene.call("POST", "/fn/register", registration(FUNCTION, appName=""))
    assert (reply.status, reply.json()["error"]) == (400, "App ID required")


def test_a_registration_that_is_no_json_is_refused(scene: Scene) -> None:
    reply = scene.call("POST", "/fn/register", body=b"{")
    assert reply.status == 400
    assert reply.json()["error"].startswith("Invalid request")


def test_a_server_of_another_kind_is_expected(scene: Scene) -> None:
    headers = {"X-Inngest-Expected-Server-Kind": "cloud"}
    told = scene.call("POST", "/fn/register", registration(FUNCTION), headers=headers)
    assert told.status == 400
    assert told.json() == {"error": "Expected server kind dev, got cloud"}


def test_an_invalid_function_is_refused(scene: Scene) -> None:
    broken = {**FUNCTION, "triggers": [{"event": "a", "expression": "event.data ="}]}
    reply = scene.call("POST", "/fn/register", registration(broken))
    assert reply.status == 400
    assert "At least one function is invalid" in reply.json()["error"]


def test_an_sdk_with_a_hole_is_refused(scene: Scene) -> None:
    reply = scene.call("POST", "/fn/register", registration(FUNCTION, sdk="js:v3.30.0"))
    assert (reply.status, reply.json()["code"]) == (400, "sdk_version_denied")


def test_dev(scene: Scene) -> None:
    """The keys are those of the reference, all of them; JS tests read what is below `functions`."""
    reply = scene.call("GET", "/dev")
    info = reply.json()
    assert reply.status == 200
    assert list(info) == [
        "version",
        "authed",
        "startOpts",
        "functions",
        "handlers",
        "isSingleNodeService",
        "isMissingSigningKey",
        "isMissingEventKeys",
        "features",
    ]
    assert (info["authed"], info["handlers"]) == (False, None)
    assert (info["isSingleNodeService"], info["isMissingSigningKey"], info["isMissingEventKeys"]) == (
        False,
        False,
        False,
    )
    assert info["features"] == {
        "FEATURE_CEL_SEARCH": False,
        "enable-step-metadata": True,
        "run-details-v4": True,
    }
    [fails] = [each for each in info["functions"] if each["slug"] == "demo-always-fails"]
    url = f"http://localhost:{scene.app.port}/api/inngest?fnId=demo-always-fails&stepId=step"
    assert normal(fails) == {
        "id": "<uuid>",
        "fv": 1,
        "name": "Always fails",
        "slug": "demo-always-fails",
        "triggers": [{"event": "shop/fail"}],
        "steps": [{"id": "step", "name": "step", "uri": url, "retries": 1}],
    }
    options = info["startOpts"]
    grpc = options["connectGRPCConfig"]
    assert {name: list(each) for name, each in grpc.items()} == {
        "Gateway": ["IP", "Port"],
        "Executor": ["IP", "Port"],
    }
    shown = {name: type(value).__name__ for name, value in options.items()}
    assert shown == {
        "dir": "str",
        "urls": "list",
        "autodiscover": "bool",
        "poll": "bool",
        "poll_interval": "int",
        "tick": "int",
        "retry_interval": "int",
        "queue_workers": "int",
        "require_keys": "bool",
        "connectGatewayPort": "int",
        "connectGatewayHost": "str",
        "connectGRPCConfig": "dict",
        "NoUI": "bool",
        "persist": "bool",
        "redis_uri": "str",
        "postgres_uri": "str",
        "postgres-max-idle-conns": "int",
        "postgres-max-open-conns": "int",
        "postgres-conn-max-idle-time": "int",
        "postgres-conn-max-lifetime": "int",
        "sqlite_dir": "str",
        "debugAPIPort": "int",
    }


def test_a_step_limit_ends_a_run(scene: Scene) -> None:
    asked = f"functionId={scene.function_id('demo-order-flow')}"
    Case("POST", f"/fn/step-limit?{asked}&limit=1", 200, b"", content_type=None).check(scene)
    try:
        _, run_id = scene.begin("shop/order.placed", {"amount": 1})
        run = scene.ended(run_id)
        assert (run["status"], run["output"]["name"]) == ("Failed", "InngestErrFunctionOverflowed")
    finally:
        Case("DELETE", f"/fn/step-limit?{asked}", 200, b"", content_type=None).check(scene)
    _, run_id = scene.begin("shop/order.placed", {"amount": 1})
    assert scene.ended(run_id)["status"] == "Completed"


def test_a_state_limit_ends_a_run(scene: Scene) -> None:
    form = f"functionId={scene.function_id('demo-order-flow')}&limit=10".encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    path = "/fn/state-size-limit"
    Case("POST", path, 200, b"", form, content_type=None, headers=kind).check(scene)
    _, run_id = scene.begin("shop/order.placed", {"amount": 1})
    assert scene.ended(run_id)["output"]["name"] == "InngestErrStateOverflowed"
    Case("DELETE", path, 200, b"", form, content_type=None, headers=kind).check(scene)


@pytest.mark.parametrize(
    "case",
    [
        Case("POST", "/fn/step-limit?functionId=x&limit=z", 400, envelope("Invalid limit: z", 400)),
        Case(
            "DELETE",
            "/fn/step-limit?functionId=x",
            404,
            envelope("No step limit set for function: x", 404),
        ),
        Case("POST", "/v0/telemetry", 200, b"", {"a": 1}, content_type=None),
        Case("GET", "/test", 200, b"OK", content_type=TEXT),
        Case("GET", "/test/queue/function-queue-size?fnId=x", 400, b"Invalid fnId", content_type=TEXT),
        Case("POST", "/test/function/pause?fnId=x", 400, b"Invalid fnId", content_type=TEXT),
        Case("GET", "/v1/nothing", 404, envelope("404 page not found", 404)),
    ],
    ids=str,
)
def test_small_ones(scene: Scene, case: Case) -> None:
    case.check(scene)


def test_health(scene: Scene) -> None:
    """More than the reference's `{"status":200,"message":"OK"}`: what api-v1 promises."""
    reply = scene.call("GET", "/health")
    assert (reply.status, reply.json()["status"]) == (200, "ok")


def test_metrics(scene: Scene) -> None:
    reply = scene.call("GET", "/metrics")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b"\ninngest_queue_depth " in reply.body
    for name in (
        "inngest_function_run_scheduled_total",
        "inngest_function_run_started_total",
        "inngest_function_run_ended_total",
        "inngest_sdk_req_scheduled_total",
        "inngest_sdk_req_started_total",
        "inngest_sdk_req_ended_total",
    ):
        assert f"# TYPE {name} counter".encode() in reply.body


def test_a_preflight(scene: Scene) -> None:
    asked = {
        "Origin": "http://dashboard.test",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-a",
    }
    reply = scene.call("OPTIONS", "/v1/signals", headers=asked)
    assert reply.status == 200
    assert reply.headers["access-control-allow-origin"] == "http://dashboard.test"
    assert reply.headers["access-control-allow-methods"] == "POST"
    assert reply.headers["access-control-allow-headers"].lower() == "x-a"
    assert scene.call("OPTIONS", "/v1/signals").status == 405


def test_a_test_cancels_a_run_and_counts_calls(scene: Scene) -> None:
    function = scene.function_id("demo-waits")
    _, run_id = scene.begin("shop/wait")
    scene.until_asleep(run_id)
    path = f"/test/queue/function-queue-size?accountId=a&fnId={function}"
    eventually(lambda: scene.call("GET", path).json() == {"count": 0}, what="the end of its call")
    path = f"/test/function/runs/cancel?accountId=a&fnId={function}&runId={run_id}"
    Case("POST", path, 200, b"ok", content_type=TEXT).check(scene)
    assert scene.run(run_id)["status"] == "Cancelled"


def test_a_test_pauses_a_function(scene: Scene) -> None:
    function = scene.function_id("demo-child")
    Case("POST", f"/test/function/pause?fnId={function}", 200, b"ok", content_type=TEXT).check(scene)
    try:
        _, run_id = scene.begin("shop/child")
        assert scene.run(run_id)["status"] == "Skipped"
    finally:
        assert scene.call("POST", f"/v1/functions/{function}/resume").status == 200


def test_a_reset_forgets_all_but_the_app(scene: Scene) -> None:
    event_id, run_id = scene.begin("shop/wait")
    scene.until_asleep(run_id)
    waiting = scene.call("GET", "/metrics").body
    Case("POST", "/test/reset", 200, b"ok", content_type=TEXT).check(scene)
    for name in ("completed", "repeated", "failed", "sleeping"):
        scene.__dict__.pop(name, None)
    assert scene.call("GET", f"/v1/events/{event_id}").status == 404
    assert scene.call("GET", f"/v1/runs/{run_id}").status == 404
    assert scene.call("GET", "/v1/events").json()["data"] == []
    assert waiting != scene.call("GET", "/metrics").body
    assert scene.completed
    crons = eventually(lambda: scene.call("GET", "/health").json()["counters"]["queue_jobs"] == 1)
    assert crons, "the cron is armed again, and nothing else is left"
