"""Runs invoked and run again from outside (http-api §5.2, §6.6), with a real app and a scripted one."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fixtures.stub_app import Call, StubApp, http, ops, ran, result
from tests.fixtures.waiting import eventually
from tests.wire.scene import Scene

INVOKE = "/api/v2/apps/demo/functions/child/invoke"


def new_run(scene: Scene, path: str, body: Any = None) -> str:
    reply = scene.call("POST", path, body if body is not None else {})
    assert reply.status == 200, reply.body
    return str(reply.json()["data"]["runId"])


@pytest.fixture
def stub(scene: Scene) -> Iterator[StubApp]:
    with StubApp(scene.server.url, name="again") as app:
        yield app
        scene.call("DELETE", f"/fn/remove?url={app.url}")


def steps(call: Call) -> dict[str, Any]:
    found: dict[str, Any] = call.json()["steps"]
    return found


def three_steps(call: Call) -> bytes:
    """a, b and c, one a call; b takes arguments."""
    known = steps(call)
    for id in ("a", "b", "c"):
        memo = known.get(id, {})
        if "data" not in memo:
            return ops(ran(id, memo.get("input", ["given", id])))
    return result([known[id]["data"] for id in ("a", "b", "c")])


def test_a_run_runs_again_whole(scene: Scene) -> None:
    event_id, run_id = scene.repeated
    new_id = new_run(scene, f"/api/v2/runs/{run_id}/rerun")
    run = scene.ended(new_id)
    assert (run["status"], run["output"]) == ("Completed", {"charged": 12})
    assert (run["original_run_id"], run["event_id"]) == (run_id, event_id)
    assert "original_run_id" not in scene.run(run_id)
    of_event = scene.call("GET", f"/v1/events/{event_id}/runs").json()["data"]
    assert {run_id, new_id} <= {each["run_id"] for each in of_event}


def test_graphql_runs_it_again_too(scene: Scene) -> None:
    query = "mutation($id: ULID!) { rerun(runID: $id) }"
    _, run_id = scene.failed
    reply = scene.call("POST", "/v0/gql", {"query": query, "variables": {"id": run_id}}).json()
    run = scene.ended(reply["data"]["rerun"])
    assert (run["status"], run["original_run_id"]) == ("Failed", run_id)


def test_a_step_and_what_comes_after_it_run_again(scene: Scene, stub: StubApp) -> None:
    stub.function("steps", three_steps)
    stub.sync()
    _, run_id = scene.begin(stub.event("steps"))
    assert scene.ended(run_id)["output"] == [["given", "a"], ["given", "b"], ["given", "c"]]
    before = len(stub.calls_of("steps"))
    body = {"fromStep": {"stepId": "b", "input": [1, {"x": 2}]}}
    new_id = new_run(scene, f"/api/v2/runs/{run_id}/rerun", body)
    assert scene.ended(new_id)["output"] == [["given", "a"], [1, {"x": 2}], ["given", "c"]]
    first, second, *_ = stub.calls_of("steps")[before:]
    assert steps(first) == {"a": {"data": ["given", "a"]}, "b": {"input": [1, {"x": 2}]}}
    assert first.json()["ctx"]["stack"] == {"stack": ["a"], "current": 0}
    assert steps(second)["b"] == {"data": [1, {"x": 2}]}
    assert len(stub.calls_of("steps")) - before == 3
    again = new_run(scene, f"/api/v2/runs/{new_id}/rerun", {"fromStep": {"stepId": "c"}})
    assert scene.ended(again)["output"][1] == [1, {"x": 2}], "what was taken over can be taken over again"


def test_a_batch_runs_again_with_all_its_events(scene: Scene, stub: StubApp) -> None:
    stub.function(
        "batch",
        lambda call: result([event["data"]["n"] for event in call.json()["events"]]),
        batchEvents={"maxSize": 2, "timeout": "60s"},
    )
    stub.sync()
    event_id, _ = (scene.send(stub.event("batch"), {"n": n}) for n in (1, 2))

    def found() -> list[dict[str, Any]]:
        runs: list[dict[str, Any]] = scene.call("GET", f"/v1/events/{event_id}/runs").json()["data"]
        return runs

    [run] = eventually(found, what="the batch")
    assert scene.ended(run["run_id"])["output"] == [1, 2]
    rerun = scene.ended(new_run(scene, f"/api/v2/runs/{run['run_id']}/rerun"))
    assert (rerun["output"], rerun["batch_id"]) == ([1, 2], run["batch_id"])


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"fromStep": {"stepId": "nobody"}}, 400, "Step not found in original run"),
        ({"fromStep": {}}, 400, "Step ID is required"),
    ],
)
def test_a_rerun_is_refused(scene: Scene, body: Any, status: int, text: str) -> None:
    reply = scene.call("POST", f"/api/v2/runs/{scene.repeated[1]}/rerun", body)
    assert (reply.status, reply.json()["errors"][0]["message"]) == (status, text)


def test_a_run_that_is_unknown_is_not_run_again(scene: Scene) -> None:
    reply = scene.call("POST", "/api/v2/runs/01M83V3VBVR6R0H8CD7M65N9TC/rerun", {})
    expected = {"errors": [{"code": "not_found", "message": "Run not found"}]}
    assert (reply.status, reply.json()) == (404, expected)


def test_a_function_is_invoked_once_a_key(scene: Scene) -> None:
    body = {"data": {"n": 5}, "idempotencyKey": "wire-invoke"}
    first = scene.call("POST", INVOKE, body)
    assert first.status == 200
    run_id = first.json()["data"]["runId"]
    assert scene.ended(run_id)["output"] == {"got": {"n": 5}}
    again = scene.call("POST", INVOKE, {**body, "data": {"n": 6}})
    assert (again.status, again.json()["data"]) == (409, {"runId": run_id})


def test_invocations_without_a_key_are_apart(scene: Scene) -> None:
    assert new_run(scene, INVOKE, {"data": {}}) != new_run(scene, INVOKE, {"data": {}})


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"rateLimit": {"limit": 1, "period": "1h"}}, "rate_limited"),
        ({"debounce": {"period": "1h"}}, "function_debounced"),
        ({"singleton": {"mode": "skip"}}, "function_skipped"),
    ],
)
def test_an_invocation_that_starts_nothing(
    scene: Scene, stub: StubApp, config: dict[str, Any], code: str
) -> None:
    sleep = {"op": "Sleep", "id": "s", "name": "1h", "displayName": "s"}
    stub.function("held", ops(sleep), **config)
    assert stub.sync().status == 200
    path = "/api/v2/apps/again/functions/held/invoke"
    replies = [scene.call("POST", path, {"data": {}}) for _ in range(2)]
    assert [reply.status for reply in replies] == ([422, 422] if code == "function_debounced" else [200, 422])
    assert replies[1].json()["errors"][0]["code"] == code


def invoker(id: str) -> Any:
    """Invokes the child under an event id, and returns what came of it."""

    def answer(call: Call) -> bytes:
        memo = steps(call).get("call")
        if memo is not None:
            return result(memo)
        payload = {"data": {"n": 9}, "id": id}
        options = {"function_id": "again-child", "payload": payload}
        invoke = {"op": "InvokeFunction", "id": "call", "displayName": "call", "opts": options}
        return ops(invoke)

    return answer


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_the_second_to_invoke_under_an_id_gets_what_the_first_got(
    scene: Scene, stub: StubApp, ended: bool, fails: bool
) -> None:
    """The reference server leaves it waiting for its timeout, a year (flow-control §1)."""
    may_end: list[int] = []

    def child(_: Call) -> bytes:
        if not may_end:
            return ops({"op": "Sleep", "id": f"s{len(stub.calls_of('child'))}", "name": "10ms"})
        if fails:
            error = {"name": "Broken", "message": "no", "stack": "no"}
            return http(json.dumps(error), 500, x_inngest_no_retry="true")
        return result("once")

    stub.function("child", child)
    id = f"wire-{ended}-{fails}"
    stub.function("invoker", invoker(id))
    stub.sync()
    if ended:
        may_end.append(1)
    _, first = scene.begin(stub.event("invoker"))
    if ended:
        scene.ended(first)
    else:
        stub.wait_for_calls("child", 1)
    _, second = scene.begin(stub.event("invoker"))
    if not ended:
        stub.wait_for_calls("invoker", 2)
        may_end.append(1)
    outputs = [scene.ended(run_id)["output"] for run_id in (first, second)]
    assert outputs[0] == outputs[1]
    if fails:
        assert outputs[1]["error"]["name"] == "Broken"
    else:
        assert outputs[1] == {"data": "once"}
    eventually(lambda: scene.run(second)["status"] == "Completed", what="its end")


def test_a_rerun_names_its_original_in_rest_v2(scene: Scene) -> None:
    new_id = new_run(scene, f"/api/v2/runs/{scene.repeated[1]}/rerun")
    for id, original in ((new_id, scene.repeated[1]), (scene.repeated[1], None)):
        shown = scene.call("GET", f"/api/v2/runs/{id}").json()["data"]
        assert shown.get("originalRunId") == original
