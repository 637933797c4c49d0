"""Every feature of a function, on every official SDK, against the real server."""

import time
from typing import Any
from uuid import uuid4

import pytest

from tests.fixtures.apps import AppProcess
from tests.fixtures.server_process import ServerProcess
from tests.fixtures.waiting import eventually

pytestmark = [pytest.mark.timeout(120)]


def begin(server: ServerProcess, app: AppProcess, name: str, data: dict[str, Any] | None = None) -> str:
    """Sends the event of a function; the id of the run that it started."""
    [event_id] = server.send({"name": f"{app.prefix}/{name}", "data": data or {}})
    [run] = server.runs(event_id=event_id)
    return str(run["id"])


def ended(server: ServerProcess, run_id: str, within: float = 20) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        run = server.run(run_id)
        return run if run["status"] in ("completed", "failed", "cancelled") else None

    return eventually(look, within=within, what=f"the end of run {run_id}")


def is_in(server: ServerProcess, run_id: str, status: str) -> None:
    """Waits until a step of the run is in that status."""
    eventually(
        lambda: any(step["status"] == status for step in server.run(run_id)["steps"]),
        what=f"a step of {run_id} that is {status}",
    )


def test_sequential_steps(server: ServerProcess, app: AppProcess) -> None:
    run = ended(server, begin(server, app, "sequential"))
    assert (run["status"], run["output"]) == ("completed", "abc")
    assert [mark["part"] for mark in app.marks("sequential")] == ["a", "ab", "abc"]
    assert [step["status"] for step in run["steps"]] == ["completed"] * 3


def test_parallel_steps(server: ServerProcess, app: AppProcess) -> None:
    run = ended(server, begin(server, app, "parallel"))
    assert (run["status"], run["output"]) == ("completed", ["a", "b", "c"])
    assert sorted(mark["part"] for mark in app.marks("parallel")) == ["a", "b", "c"]


def test_sleep(server: ServerProcess, app: AppProcess) -> None:
    began = time.monotonic()
    run = ended(server, begin(server, app, "sleeping"))
    assert (run["status"], run["output"]) == ("completed", "awake")
    assert time.monotonic() - began >= 0.9


def test_wait_is_met(server: ServerProcess, app: AppProcess) -> None:
    key = str(uuid4())
    run_id = begin(server, app, "waiting", {"key": key, "timeout": 60})
    is_in(server, run_id, "waiting")
    server.send(
        {"name": f"{app.prefix}/go", "data": {"key": "another"}},
        {"name": f"{app.prefix}/go", "data": {"key": key, "n": 1}},
    )
    run = ended(server, run_id)
    assert (run["status"], run["output"]) == ("completed", {"key": key, "n": 1})


def test_wait_times_out(server: ServerProcess, app: AppProcess) -> None:
    run = ended(server, begin(server, app, "waiting", {"key": "never", "timeout": 1}))
    assert (run["status"], run["output"]) == ("completed", None)


def test_invoke(server: ServerProcess, app: AppProcess) -> None:
    run = ended(server, begin(server, app, "invoking", {"n": 21}))
    assert (run["status"], run["output"]) == ("completed", {"doubled": 42})


def test_invoke_of_a_failing_function(server: ServerProcess, app: AppProcess) -> None:
    run = ended(server, begin(server, app, "invoking", {"fail": True}))
    assert (run["status"], run["output"]) == ("completed", {"error": "the child failed"})


def test_sent_event(server: ServerProcess, app: AppProcess) -> None:
    run_id = begin(server, app, "sending")
    assert ended(server, run_id)["status"] == "completed"
    receiving = eventually(lambda: server.runs(function_id=f"{app.prefix}-receiving"))
    assert run_id in [ended(server, run["id"])["output"] for run in receiving]


def test_retried_step(server: ServerProcess, app: AppProcess) -> None:
    run = ended(server, begin(server, app, "retrying"))
    assert (run["status"], run["output"]) == ("completed", "attempt 2")
    assert [mark["attempt"] for mark in app.marks("retrying")] == [0, 1, 2]


def test_failed_step_is_caught(server: ServerProcess, app: AppProcess) -> None:
    run = ended(server, begin(server, app, "catching"))
    assert (run["status"], run["output"]) == ("completed", "caught broken step")
    assert [step["status"] for step in run["steps"]] == ["failed"]


def test_failure_handler(server: ServerProcess, app: AppProcess) -> None:
    run = ended(server, begin(server, app, "failing"))
    assert run["status"] == "failed"
    assert run["error"]["message"] == "it is broken"
    mark = eventually(lambda: [m for m in app.marks("on_failure") if m["run_id"] == run["id"]])
    assert mark[0]["error"] == "it is broken"


def test_cancel_on(server: ServerProcess, app: AppProcess) -> None:
    key = str(uuid4())
    run_id = begin(server, app, "cancellable", {"key": key})
    is_in(server, run_id, "sleeping")
    server.send({"name": f"{app.prefix}/cancel", "data": {"key": "another"}})
    server.send({"name": f"{app.prefix}/cancel", "data": {"key": key}})
    assert ended(server, run_id)["status"] == "cancelled"


def test_cancel_by_request(server: ServerProcess, app: AppProcess) -> None:
    run_id = begin(server, app, "cancellable", {"key": "by request"})
    is_in(server, run_id, "sleeping")
    assert server.call("DELETE", f"/api/v1/runs/{run_id}").status == 202
    assert ended(server, run_id)["status"] == "cancelled"
    assert server.call("DELETE", f"/api/v1/runs/{run_id}").status == 409


def test_signal(server: ServerProcess, app: AppProcess) -> None:
    if app.prefix == "py":
        pytest.skip("the Python SDK has no signals")
    signal = str(uuid4())
    run_id = begin(server, app, "signalled", {"signal": signal})
    is_in(server, run_id, "waiting")
    reply = server.call("POST", "/v1/signals", {"signal": signal, "data": {"x": 1}})
    assert (reply.status, reply.json()["data"]["run_id"]) == (200, run_id)
    run = ended(server, run_id)
    assert (run["status"], run["output"]) == ("completed", {"x": 1})
    assert server.call("POST", "/v1/signals", {"signal": signal, "data": {}}).status == 404


def test_race(server: ServerProcess, app: AppProcess) -> None:
    if app.prefix == "py":
        pytest.skip("promises race in TypeScript only")
    run = ended(server, begin(server, app, "racing"))
    assert (run["status"], run["output"]) == ("completed", "quick")


def test_repeated_event_id_starts_one_run(server: ServerProcess, app: AppProcess) -> None:
    id = str(uuid4())
    event = {"name": f"{app.prefix}/child", "id": id, "data": {"n": 1}}
    first, second = server.send(event)[0], server.send(event)[0]
    runs = {run["id"] for each in (first, second) for run in server.runs(event_id=each)}
    assert len(runs) == 1


def test_event_of_the_future(server: ServerProcess, app: AppProcess) -> None:
    due = int(time.time() * 1_000) + 1_500
    [event_id] = server.send({"name": f"{app.prefix}/child", "ts": due, "data": {"n": 2}})
    [run] = server.runs(event_id=event_id)
    assert ended(server, run["id"])["output"] == {"doubled": 4}
    assert time.time() * 1_000 >= due


def test_cron(server: ServerProcess, app: AppProcess) -> None:
    runs = eventually(lambda: server.runs(function_id=f"{app.prefix}-ticking"), within=75)
    assert ended(server, runs[0]["id"])["output"] == "tick"
    ticks = [mark["at"] for mark in app.marks("ticking")]
    assert len(ticks) == len(set(ticks))
