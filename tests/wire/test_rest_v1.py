"""http-api §4, as it stands there, but with real status codes (§10.3)."""

from typing import Any

import pytest

from tests.wire.cases import Case, data, envelope
from tests.wire.normal import normal
from tests.wire.scene import Scene

ZERO = "00000000-0000-0000-0000-000000000000"
UNKNOWN = "01M83V3VBVR6R0H8CD7M65N9TC"
EVENT = {
    "internal_id": "<ulid>",
    "account_id": ZERO,
    "environment_id": ZERO,
    "source": "",
    "source_id": None,
    "received_at": "<time>",
    "id": "<ulid>",
    "name": "shop/order.placed",
    "data": {"amount": 12, "id": "o-order.placed"},
    "ts": "<ms>",
}
RUN = {
    "run_id": "<ulid>",
    "run_started_at": "<time>",
    "function_id": "<uuid>",
    "function_version": 1,
    "environment_id": ZERO,
    "event_id": "<ulid>",
    "status": "Completed",
    "ended_at": "<time>",
    "output": {"charged": 12},
}
SLEEPING = {name: value for name, value in RUN.items() if name != "output"} | {
    "status": "Running",
    "ended_at": None,
}


def ids(scene: Scene) -> dict[str, str]:
    event_id, run_id = scene.completed
    return {
        "event": event_id,
        "run": run_id,
        "failed": scene.failed[1],
        "sleeping": scene.sleeping[1],
        "unknown": UNKNOWN,
    }


JOB = {
    "JobID": "<ulid>:<step>-sleep",
    "at": "<time>",
    "position": 0,
    "kind": "sleep",
    "attempt": 0,
    "state": "scheduled",
    "reason": "sleeping until <time>",
}
GONE = "runtime state is no longer available for runID: <ulid>"
NO_RUN = "Unable to load function run: <ulid>"


@pytest.mark.parametrize(
    "case",
    [
        Case("GET", "/v1/events/{event}", 200, data(EVENT)),
        Case("GET", "/v1/events/{unknown}", 404, envelope("Event not found", 404)),
        Case("GET", "/v1/events/{event}/runs", 200, data([RUN])),
        Case("GET", "/v1/events/{unknown}/runs", 200, data([])),
        Case("GET", "/v1/events?name=shop/order.placed&limit=1", 200, data([EVENT])),
        Case("GET", "/v1/events?name=nobody", 200, data([])),
        Case("GET", "/v1/events?received_before=2020-01-01T00:00:00Z", 200, data([])),
        Case("GET", "/v1/events?cursor=x", 400, envelope("Invalid cursor query parameter", 400)),
        Case(
            "GET",
            "/v1/events?received_after=x",
            400,
            envelope("Invalid received_after query parameter", 400),
        ),
        Case("GET", "/v1/runs/{run}", 200, data(RUN)),
        Case("GET", "/v1/runs/{sleeping}", 200, data(SLEEPING)),
        Case("GET", "/v1/runs/{unknown}", 404, envelope(NO_RUN, 404)),
        Case("GET", "/v1/runs/{sleeping}/jobs", 200, data([JOB])),
        Case("GET", "/v1/runs/{run}/jobs", 200, data([])),
        Case("DELETE", "/v1/runs/{run}", 200, b"", content_type=None),
        Case("DELETE", "/v1/runs/{unknown}", 404, envelope(NO_RUN, 404)),
        Case("DELETE", "/v1/runs/x", 400, envelope("Invalid run ID: x", 400)),
        Case("GET", "/v1/apps/nobody/functions", 200, []),
        Case("POST", "/v1/signals", 404, envelope("No signal found", 404), {"signal": "order-77"}),
        Case("POST", "/v1/signals", 400, envelope("Invalid signal data", 400), b"{"),
        Case(
            "POST",
            "/v1/cancellations",
            400,
            envelope("app_id is required\nfunction_id is required\nstarted_before is required", 400),
            {},
        ),
        Case("GET", "/v1/prom/dev", 501, envelope("not implemented", 501)),
        Case("GET", "/v0/runs/{sleeping}/actions", 200, {"<step>": {"data": 1}}),
        Case(
            "GET",
            "/v0/runs/{sleeping}/batch",
            200,
            [{"data": {"id": "o-wait"}, "id": "<ulid>", "name": "shop/wait", "ts": "<ms>", "user": {}}],
        ),
        Case("GET", "/v0/runs/{run}/actions", 410, envelope(GONE, 410)),
        Case("GET", "/v0/runs/{unknown}/batch", 410, envelope(GONE, 410)),
        Case("DELETE", "/v0/runs/x", 400, envelope("The run ID specified is invalid", 400)),
        Case(
            "DELETE",
            "/v0/runs/{unknown}",
            404,
            envelope("A function run with the given ID could not be found", 404),
        ),
        Case("DELETE", "/v0/runs/{run}", 409, envelope("This function has already completed", 409)),
    ],
    ids=str,
)
def test_answers(scene: Scene, case: Case) -> None:
    case.check(scene, **ids(scene))


def test_a_failed_run(scene: Scene) -> None:
    run = scene.run(scene.failed[1])
    output = run.pop("output")
    assert normal(run) == {name: value for name, value in RUN.items() if name != "output"} | {
        "status": "Failed"
    }
    assert (output["name"], output["message"]) == ("BoomError", "kaboom")


@pytest.mark.parametrize(("path", "status"), [("/v1/runs", 200), ("/v0/runs", 204)])
def test_a_run_is_cancelled_once(scene: Scene, path: str, status: int) -> None:
    _, run_id = scene.begin("shop/wait")
    scene.until_asleep(run_id)
    Case("DELETE", f"{path}/{run_id}", status, b"", content_type=None).check(scene)
    run = scene.run(run_id)
    assert (run["status"], bool(run["ended_at"])) == ("Cancelled", True)
    again = scene.call("DELETE", f"{path}/{run_id}")
    assert again.status == (200 if path == "/v1/runs" else 409)


def test_functions_of_an_app(scene: Scene) -> None:
    """A bare array. How the config is shown is this server's own affair."""
    items = scene.call("GET", "/v1/apps/demo/functions").json()
    assert [item["id"] for item in items] == sorted(item["id"] for item in items)
    [item] = [item for item in items if item["id"] == "demo-order-flow"]
    config: dict[str, Any] = item.pop("config")
    assert normal(item) == {
        "internal_id": "<uuid>",
        "env_id": ZERO,
        "app_id": "<uuid>",
        "id": "demo-order-flow",
        "name": "Order flow",
        "created_at": "<time>",
        "archived_at": "0001-01-01T00:00:00Z",
        "paused_at": None,
    }
    assert (config["slug"], config["retries"]) == ("demo-order-flow", 2)


def test_events_are_paged_newest_first(scene: Scene) -> None:
    sent = [scene.send("shop/paged", {"n": n}) for n in range(3)]
    found = scene.call("GET", "/v1/events?name=shop/paged&limit=2").json()["data"]
    assert [each["internal_id"] for each in found] == sent[:0:-1]
    rest = scene.call("GET", f"/v1/events?name=shop/paged&cursor={sent[1]}").json()["data"]
    assert [each["internal_id"] for each in rest] == sent[:1]


def test_internal_events_are_not_listed(scene: Scene) -> None:
    assert scene.failed
    found = scene.call("GET", "/v1/events?limit=51").json()["data"]
    assert found
    assert not [each["name"] for each in found if each["name"].startswith("inngest/")]


def test_a_cancellation_in_bulk(scene: Scene) -> None:
    """What the reference's server has no store for (§4.7)."""
    _, run_id = scene.begin("shop/wait", {"region": "north"})
    asked = {
        "app_id": "demo",
        "function_id": "demo-waits",
        "started_before": scene.run(run_id)["run_started_at"],
        "if": "event.data.region == 'north'",
    }
    reply = scene.call("POST", "/v1/cancellations", asked)
    assert reply.status == 201
    assert normal(reply.json()) == data(
        {
            "id": "<ulid>",
            "environment_id": ZERO,
            "app_id": "demo",
            "function_id": "demo-waits",
            "function_internal_id": "<uuid>",
            "started_after": None,
            "started_before": "<time>",
            "if": "event.data.region == 'north'",
            "created_at": "<time>",
            "done_at": None,
            "cancelled": 0,
        }
    )
    assert scene.ended(run_id)["status"] == "Cancelled"
