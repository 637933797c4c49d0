"""GraphQL of the real server, with an app on the Python SDK: what public suites ask of it (http-api §6.7)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fixtures.apps import AppProcess, python_app
from tests.fixtures.server_process import SIGNING_KEY, ServerProcess
from tests.fixtures.waiting import eventually

pytestmark = [pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    process = ServerProcess("dev", "--no-discovery", "--no-poll").start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def app(server: ServerProcess) -> Iterator[AppProcess]:
    """It is added by a mutation, as people do it."""
    process = python_app(server.url)
    try:
        made = gql(
            server,
            "mutation($url: String!) { createApp(input: {url: $url}) { name error functions { slug } } }",
            url=process.url,
        )["createApp"]
        assert (made["name"], made["error"]) == ("py", None)
        assert "py-sequential" in [function["slug"] for function in made["functions"]]
        yield process
    finally:
        process.stop()


def gql(server: ServerProcess, query: str, **variables: Any) -> dict[str, Any]:
    reply = server.call("POST", "/v0/gql", {"query": query, "variables": variables})
    assert reply.status == 200, reply.body
    answer = reply.json()
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    return data


RUN = """query GetRun($id: String!) {
  run(runID: $id) { status output trace { childrenSpans { name outputID childrenSpans { name outputID } } } }
}"""


def ended(server: ServerProcess, name: str, data: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
    """Sends the event of a function; its run's id, and the run once it has ended."""
    [event_id] = server.send({"name": f"py/{name}", "data": data or {}})
    query = "query($id: ID!) { event(query: {eventId: $id}) { functionRuns { id } } }"
    [run] = gql(server, query, id=event_id)["event"]["functionRuns"]

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = gql(server, RUN, id=run["id"])["run"]
        return found if found["status"] in ("COMPLETED", "FAILED") else None

    return run["id"], eventually(look, within=20, what=f"the end of {name}")


def output(server: ServerProcess, id: str) -> dict[str, Any]:
    query = (
        "query($id: String!) { runTraceSpanOutputByID(outputID: $id) { data error { message name stack } } }"
    )
    found: dict[str, Any] = gql(server, query, id=id)["runTraceSpanOutputByID"]
    return found


def test_steps_and_their_outputs(server: ServerProcess, app: AppProcess) -> None:
    run_id, run = ended(server, "sequential", {"n": 1})
    assert json.loads(run["output"]) == "abc"
    children = {child["name"]: child for child in run["trace"]["childrenSpans"]}
    assert list(children) == ["a", "b", "c", "function success"]
    assert json.loads(output(server, children["b"]["outputID"])["data"]) == "ab"
    trigger = gql(server, "query($id: String!) { runTrigger(runID: $id) { payloads } }", id=run_id)[
        "runTrigger"
    ]
    assert json.loads(trigger["payloads"][0])["data"] == {"n": 1}


def test_a_retried_step(server: ServerProcess, app: AppProcess) -> None:
    _, run = ended(server, "retrying")
    step = run["trace"]["childrenSpans"][0]
    assert [child["name"] for child in step["childrenSpans"]] == ["Attempt 0", "Attempt 1", "Attempt 2"]
    error = output(server, step["childrenSpans"][0]["outputID"])["error"]
    assert error["message"] == "not yet"
    assert json.loads(output(server, step["outputID"])["data"]) == "attempt 2"


def test_a_failed_run(server: ServerProcess, app: AppProcess) -> None:
    run_id, run = ended(server, "failing")
    assert run["status"] == "FAILED"
    assert json.loads(run["output"])["message"] == "it is broken"
    query = """query($id: String!) { run(runID: $id) { trace(preview: true) { status outputID
      childrenSpans { name stepType status attempts } } } }"""
    trace = gql(server, query, id=run_id)["run"]["trace"]
    assert trace["status"] == "FAILED"
    [end] = [span for span in trace["childrenSpans"] if span["stepType"] == "FINALIZATION"]
    assert end["status"] == "FAILED"
    assert output(server, trace["outputID"])["error"]["message"] == "it is broken"


def test_a_sleep_that_is_cancelled(server: ServerProcess, app: AppProcess) -> None:
    [event_id] = server.send({"name": "py/cancellable", "data": {"key": "gql"}})
    [run] = server.runs(event_id=event_id)
    query = (
        "query($id: String!) { run(runID: $id) { status trace { status childrenSpans { stepOp status } } } }"
    )
    sleeping = {"stepOp": "SLEEP", "status": "RUNNING"}
    eventually(lambda: sleeping in gql(server, query, id=run["id"])["run"]["trace"]["childrenSpans"])
    cancel = "mutation($id: ULID!) { cancelRun(runID: $id) { status } }"
    assert gql(server, cancel, id=run["id"]) == {"cancelRun": {"status": "CANCELLED"}}
    found = gql(server, query, id=run["id"])["run"]
    assert (found["status"], found["trace"]["status"]) == ("CANCELLED", "CANCELLED")


def test_runs_are_searched_and_run_again(server: ServerProcess, app: AppProcess) -> None:
    run_id, _ = ended(server, "child", {"n": 77})
    query = """{ runs(orderBy: [{field: QUEUED_AT, direction: DESC}], filter: {from: "2020-01-01T00:00:00Z",
      query: "event.data.n == 77\\noutput.doubled == 154"}) { totalCount edges { node { id eventName function { slug } } } } }"""
    found = gql(server, query)["runs"]
    assert found == {
        "totalCount": 1,
        "edges": [{"node": {"id": run_id, "eventName": "py/child", "function": {"slug": "py-child"}}}],
    }
    again = gql(server, "mutation($id: ULID!) { rerun(runID: $id) }", id=run_id)["rerun"]

    def done() -> bool:
        return bool(gql(server, RUN, id=again)["run"]["status"] == "COMPLETED")

    eventually(done, what="the end of the rerun")
    assert gql(server, query)["runs"]["totalCount"] == 2


def test_an_invocation(server: ServerProcess, app: AppProcess) -> None:
    assert gql(server, 'mutation { invokeFunction(functionSlug: "py-child", data: {n: 5}) }') == {
        "invokeFunction": True
    }

    def invoked() -> list[str]:
        edges = gql(
            server,
            """{ runs(orderBy: [{field: QUEUED_AT, direction: DESC}],
              filter: {from: "2020-01-01T00:00:00Z", query: "output.doubled == 10"}) { edges { node { id } } } }""",
        )["runs"]["edges"]
        return [edge["node"]["id"] for edge in edges]

    assert eventually(invoked)


def test_start_keeps_it_behind_the_key(tmp_path: Any) -> None:
    server = ServerProcess("start", directory=tmp_path).start()
    try:
        query = {"query": "{ apps { name } }"}
        assert server.call("POST", "/v0/gql", query, headers={"Authorization": ""}).status == 401
        key = {"Authorization": f"Bearer {SIGNING_KEY}"}
        assert server.call("POST", "/v0/gql", query, headers=key).json() == {"data": {"apps": []}}
    finally:
        server.stop()
