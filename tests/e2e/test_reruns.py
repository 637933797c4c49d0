"""Runs that are run again, on every official SDK (http-api §5.2)."""

from typing import Any

import pytest

from tests.e2e.test_sdks import begin, ended
from tests.fixtures.apps import AppProcess
from tests.fixtures.server_process import ServerProcess


def again(server: ServerProcess, run_id: str, **body: Any) -> dict[str, Any]:
    reply = server.call("POST", f"/api/v2/runs/{run_id}/rerun", body)
    assert reply.status == 200, reply.body
    return ended(server, reply.json()["data"]["runId"])


def parts(app: AppProcess) -> list[str]:
    return [mark["part"] for mark in app.marks("adding")]


def test_a_whole_run(server: ServerProcess, app: AppProcess) -> None:
    run = ended(server, begin(server, app, "adding"))
    before = len(parts(app))
    rerun = again(server, run["id"])
    assert (rerun["output"], rerun["original_run_id"]) == ({"sum": 3}, run["id"])
    assert parts(app)[before:] == ["first", "add", "last"]


def test_from_a_step(server: ServerProcess, app: AppProcess) -> None:
    run = ended(server, begin(server, app, "adding"))
    [step] = [step for step in run["steps"] if step["name"] == "add"]
    before = len(parts(app))
    rerun = again(server, run["id"], fromStep={"stepId": step["id"]})
    assert rerun["output"] == {"sum": 3}
    assert parts(app)[before:] == ["add", "last"]


def test_from_a_step_on_other_arguments(server: ServerProcess, app: AppProcess) -> None:
    if app.prefix == "py":
        pytest.skip("the Python SDK takes an `input` for the step's result")
    run = ended(server, begin(server, app, "adding"))
    before = len(parts(app))
    rerun = again(server, run["id"], fromStep={"stepId": "add", "input": [40, 2]})
    assert rerun["output"] == {"sum": 42}
    assert parts(app)[before:] == ["add", "last"]
