"""http-api §2, as it stands there. Where this server differs, §10.3 says that it may."""

import base64
import json
from typing import Any

import pytest

from tests.wire.cases import JSON, Case, envelope
from tests.wire.scene import Scene


def refused(error: str, ids: int = 0) -> dict[str, Any]:
    return {"ids": ["<ulid>"] * ids, "status": 400, "error": error}


TAKEN = {"ids": ["<ulid>"], "status": 200}
NO_EVENT = "Request body must contain an event object or an array of event objects"
WRONG_DATA = "json: cannot unmarshal string into Go struct field raw.data of type map[string]interface {}"
EARLY, LATE = "timestamp is before Jan 1, 1980", "timestamp is after Jan 1, 2100"
SESSIONS = {f"s{i}": "x" for i in range(6)}


@pytest.mark.parametrize(
    "case",
    [
        Case("POST", "/e/key", 200, TAKEN, {"name": "shop/none"}),
        Case("POST", "/e/key", 200, TAKEN, {"name": "shop/none", "data": None}),
        Case("POST", "/e/key", 200, {**TAKEN, "ids": ["<ulid>"] * 2}, [{"name": "a"}, {"name": "b"}]),
        Case("POST", "/e/key", 200, {"ids": [], "status": 200}, []),
        Case("POST", "/e/key", 400, refused("event name is empty"), {}),
        Case("POST", "/e/key", 400, refused("event name is empty", 1), [{"name": "a"}, {}, {"name": "b"}]),
        Case(
            "POST",
            "/e/key",
            400,
            refused("event name is reserved for internal use: inngest/foo"),
            {"name": "inngest/foo"},
        ),
        Case("POST", "/e/key", 400, refused(NO_EVENT), b'"a"'),
        Case("POST", "/e/key", 400, refused(NO_EVENT), b"1"),
        Case("POST", "/e/key", 400, refused("unexpected end of JSON input"), b'{"name":"a"'),
        Case(
            "POST",
            "/e/key",
            400,
            refused("invalid character '{' after top-level value"),
            b'{"name":"a"}\n{"name":"b"}',
        ),
        Case("POST", "/e/key", 400, refused(WRONG_DATA), {"name": "a", "data": "x"}),
        Case(
            "POST",
            "/e/key",
            400,
            refused("json: cannot unmarshal string into Go struct field raw.ts of type int64"),
            {"name": "a", "ts": "x"},
        ),
        Case(
            "POST",
            "/e/key",
            400,
            refused("json: cannot unmarshal number into Go struct field raw.name of type string"),
            {"name": 1},
        ),
        Case("POST", "/e/key", 400, refused(EARLY), {"name": "a", "ts": 1}),
        Case("POST", "/e/key", 400, refused(LATE), {"name": "a", "ts": 4_200_000_000_000}),
        Case(
            "POST",
            "/e/key",
            400,
            refused('event session "b" must be a string, number, or null'),
            {"name": "a", "meta": {"sessions": {"b": []}}},
        ),
        Case(
            "POST",
            "/e/key",
            400,
            refused('event session "a" cannot have an empty ID'),
            {"name": "a", "meta": {"sessions": {"a": ""}}},
        ),
        Case(
            "POST",
            "/e/key",
            400,
            refused("event sessions can include at most 5 entries"),
            {"name": "a", "meta": {"sessions": SESSIONS}},
        ),
    ],
    ids=str,
)
def test_events(scene: Scene, case: Case) -> None:
    case.check(scene)


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_events_are_posted(scene: Scene, method: str) -> None:
    """The reference server has no body there; this one says why."""
    reply = scene.call(method, "/e/key")
    assert (reply.status, reply.headers["allow"]) == (405, "POST")


def test_limits_of_a_request(scene: Scene) -> None:
    """A single object is its whole body; of an array each event by itself."""
    body = b'{"name":"a","data":{"x":"%s"}}' % (b"x" * 3_145_728)
    told = f"Event is over the max size: Max 3145728 bytes / Size {len(body)} bytes"
    Case("POST", "/e/key", 400, refused(told), body).check(scene)
    many = b"[" + b",".join([b'{"name":"a"}'] * 5_001) + b"]"
    Case("POST", "/e/key", 400, refused("Cannot have more than 5000 events in a batch"), many).check(scene)


def test_seeded_ids_are_those_of_the_reference(scene: Scene) -> None:
    seed = "1795425252211,AAECAwQFBgcICQ=="
    assert base64.b64decode(seed.partition(",")[2]) == bytes(range(10))
    reply = scene.call(
        "POST",
        "/e/key",
        [{"name": "shop/seeded"}, {"name": "shop/seeded"}],
        headers={"x-inngest-event-id-seed": seed},
    )
    assert reply.json()["ids"] == ["01M83TYCVK000G40R40M30E20A", "01M83TYCVK000G40R40M30E20B"]


def test_an_event_sent_twice_starts_one_run(scene: Scene) -> None:
    first, again = (scene.send("shop/child", {"n": 1}, id="wire-once") for _ in range(2))
    assert first != again
    runs = [scene.call("GET", f"/v1/events/{id}/runs").json()["data"] for id in (first, again)]
    assert [len(each) for each in runs] == [1, 0]
    for id in (first, again):
        assert scene.call("GET", f"/v1/events/{id}").json()["data"]["id"] == "wire-once"


def test_internal_data_is_taken_out(scene: Scene) -> None:
    id = scene.send("shop/none", {"a": 1, "_inngest": {"fn_id": "x"}})
    assert scene.call("GET", f"/v1/events/{id}").json()["data"]["data"] == {"a": 1}


INVOKED = {"id": "<ulid>", "status": 200}


@pytest.mark.parametrize(
    "case",
    [
        Case("POST", "/invoke/demo-child", 200, INVOKED, {"data": {"n": 1}}),
        Case("POST", "/invoke/nobody", 200, INVOKED, {"data": {"n": 1}}),
        Case("POST", "/invoke/demo%2Dchild", 200, INVOKED, {}),
        Case("POST", "/invoke/demo-child", 400, envelope("Unable to read post data request", 400), b"{"),
        Case("POST", "/invoke/demo-child", 400, envelope("Invalid invocation event", 400), {"data": 1}),
        Case("POST", "/invoke/demo-child", 400, envelope("Invalid invocation event", 400), []),
    ],
    ids=str,
)
def test_invoke(scene: Scene, case: Case) -> None:
    case.check(scene)


def test_an_invoked_function_runs_on_that_data(scene: Scene) -> None:
    id = scene.call("POST", "/invoke/demo-child", {"data": {"n": 7}, "user": {"u": 1}}).json()["id"]
    event = scene.call("GET", f"/v1/events/{id}").json()["data"]
    assert (event["name"], event["user"]) == ("inngest/function.invoked", {"u": 1})
    assert event["data"] == {"n": 7, "_inngest": {"fn_id": "demo-child"}}
    [run] = scene.call("GET", f"/v1/events/{id}/runs").json()["data"]
    assert scene.ended(run["run_id"])["output"] == {"got": {"n": 7}}


def test_an_invocation_has_seeded_ids(scene: Scene) -> None:
    seed = {"x-inngest-event-id-seed": "1795425252211,AAECAwQFBgcICQ=="}
    reply = scene.call("POST", "/invoke/nobody", {"data": {}}, headers=seed)
    assert reply.json()["id"] == "01M83TYCVK000G40R40M30E20A"
    assert reply.headers["content-type"] == JSON


def internal(scene: Scene, name: str, run_id: str) -> dict[str, Any]:
    """The internal event of a run, as GraphQL lists it."""
    query = "query($q: EventsFilter!) { eventsV2(first: 40, filter: $q) { edges { node { name raw } } } }"
    asked = {
        "from": "2020-01-01T00:00:00Z",
        "includeInternalEvents": True,
        "eventNames": [name],
    }
    reply = scene.call("POST", "/v0/gql", {"query": query, "variables": {"q": asked}}).json()
    assert "errors" not in reply, reply
    found = [json.loads(edge["node"]["raw"]) for edge in reply["data"]["eventsV2"]["edges"]]
    return next(event for event in found if event["data"].get("run_id") == run_id)


@pytest.mark.parametrize("name", ["inngest/function.finished", "inngest/function.failed"])
def test_the_end_of_a_failed_run_is_told(scene: Scene, name: str) -> None:
    event_id, run_id = scene.failed
    event = internal(scene, name, run_id)
    own_id = run_id if name == "inngest/function.failed" else event["id"]
    assert (event["name"], event["id"]) == (name, own_id)
    told = event["data"]
    assert told["_inngest"] == {"status": "Failed"}
    assert (told["function_id"], told["run_id"]) == ("demo-always-fails", run_id)
    assert (told["error"]["name"], told["error"]["message"]) == ("BoomError", "kaboom")
    assert told["event"]["id"] == event_id
    assert told["events"][0]["data"] == {"id": "o-fail"}
    assert told["result"]["message"] == "kaboom"


def test_what_a_step_invokes_names_its_invoker(scene: Scene) -> None:
    _, run_id = scene.begin("shop/call", {"n": 3})
    assert scene.ended(run_id)["output"] == {"got": {"n": 3}}
    query = "query($q: EventsFilter!) { eventsV2(first: 40, filter: $q) { edges { node { raw } } } }"
    asked = {
        "from": "2020-01-01T00:00:00Z",
        "includeInternalEvents": True,
        "eventNames": ["inngest/function.invoked"],
    }
    reply = scene.call("POST", "/v0/gql", {"query": query, "variables": {"q": asked}}).json()
    raws = [json.loads(edge["node"]["raw"]) for edge in reply["data"]["eventsV2"]["edges"]]
    marks = [
        raw["data"]["_inngest"]
        for raw in raws
        if raw["data"].get("_inngest", {}).get("correlation_id", "").startswith(run_id)
    ]
    assert len(marks) == 1
    assert marks[0]["fn_id"] == "demo-child"
    assert {"correlation_id", "expire", "fn_id", "name", "source_app_id", "source_fn_id", "source_fn_v"} <= (
        marks[0].keys()
    )
