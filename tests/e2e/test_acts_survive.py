"""What was answered with 200, or stored with an answer, is done although the server is killed at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.fixtures.load import AUTHORIZED
from tests.fixtures.server_process import ServerProcess
from tests.fixtures.stub_app import Answer, Call, StubApp, begin, ended, ops, ran, result


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    process = ServerProcess("start").start()
    yield process
    process.stop()


@contextmanager
def app_of(server: ServerProcess, name: str, functions: dict[str, Answer]) -> Iterator[StubApp]:
    with StubApp(server.url, name, AUTHORIZED) as app:
        for id, answer in functions.items():
            app.function(id, answer, retries=4)
        assert app.sync().status == 200
        yield app


def restart(server: ServerProcess) -> None:
    server.kill()
    server.start()


def test_a_rerun(server: ServerProcess) -> None:
    def answer(received: Call) -> bytes:
        steps = received.json()["steps"]
        if "data" in steps.get("x", {}):
            return result([steps["first"]["data"], steps["x"]["data"]])
        if "first" in steps:
            return ops(ran("x", steps.get("x", {}).get("input", "own")))
        return ops(ran("first", 1))

    with app_of(server, "again", {"f": answer}) as app:
        run_id = begin(server, app, "f")
        assert ended(server, run_id)["output"] == [1, "own"]
        body = {"fromStep": {"stepId": "x", "input": ["edited"]}}
        reply = server.call("POST", f"/api/v2/runs/{run_id}/rerun", body)
        restart(server)
        assert ended(server, reply.json()["data"]["runId"])["output"] == [1, ["edited"]]


def test_an_invocation_from_outside(server: ServerProcess) -> None:
    with app_of(server, "outside", {"f": lambda _: result("done")}) as app:
        path = f"/api/v2/apps/{app.name}/functions/f/invoke"
        body: dict[str, Any] = {"data": {}, "idempotencyKey": "k"}
        first = server.call("POST", path, body)
        restart(server)
        again = server.call("POST", path, body)
        assert (first.status, again.status) == (200, 409)
        assert first.json()["data"] == again.json()["data"]
        assert ended(server, first.json()["data"]["runId"])["output"] == "done"


def test_who_invokes_second_is_told(server: ServerProcess) -> None:
    open_now: list[bool] = []

    def child(_: Call) -> bytes:
        if open_now:
            return result("once")
        return ops({"op": "Sleep", "id": f"s{len(app.calls_of('child'))}", "name": "50ms"})

    def parent(received: Call) -> bytes:
        steps = received.json()["steps"]
        payload = {"data": {}, "id": "survives"}
        options = {"function_id": "second-child", "payload": payload}
        op = {"op": "InvokeFunction", "id": "call", "displayName": "call", "opts": options}
        return result(steps["call"]) if steps else ops(op)

    with app_of(server, "second", {"child": child, "parent": parent}) as app:
        runs = [begin(server, app, "parent")]
        app.wait_for_calls("child", 1)
        runs.append(begin(server, app, "parent"))
        app.wait_for_calls("parent", 2)
        restart(server)
        open_now.append(True)
        for run_id in runs:
            assert ended(server, run_id)["output"] == {"data": "once"}
