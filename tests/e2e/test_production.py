"""`start` with keys, and apps that check signatures: everything signed, nothing open."""

import shutil
from collections.abc import Iterator

import pytest

from tests.e2e.test_sdks import begin, ended
from tests.fixtures.apps import AppProcess, python_app, typescript_app
from tests.fixtures.http import call
from tests.fixtures.server_process import ServerProcess
from tests.fixtures.waiting import eventually

pytestmark = [pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    process = ServerProcess("start").start()
    yield process
    process.stop()


@pytest.fixture(scope="module", params=["py", "ts3", "ts4"])
def app(request: pytest.FixtureRequest, server: ServerProcess) -> Iterator[AppProcess]:
    if request.param == "py":
        process = python_app(server.url, production=True)
    elif shutil.which("node") and shutil.which("npm"):
        process = typescript_app(int(request.param[2:]), server.url, production=True)
    else:
        pytest.skip("needs node and npm")
    try:
        process.sync()
        yield process
    finally:
        process.stop()


def test_steps(server: ServerProcess, app: AppProcess) -> None:
    run = ended(server, begin(server, app, "sequential"))
    assert (run["status"], run["output"]) == ("completed", "abc")


def test_sent_event(server: ServerProcess, app: AppProcess) -> None:
    run_id = begin(server, app, "sending")
    assert ended(server, run_id)["status"] == "completed"
    received = eventually(lambda: server.runs(function_id=f"{app.prefix}-receiving"))
    assert ended(server, received[0]["id"])["output"] == run_id


def test_the_app_refuses_unsigned_calls(app: AppProcess) -> None:
    reply = call("POST", f"{app.url}?fnId={app.prefix}-child&stepId=step", {"event": {}})
    assert reply.status in (401, 500)


def test_strangers_are_refused(server: ServerProcess, app: AppProcess) -> None:
    event = {"name": f"{app.prefix}/child", "data": {"n": 1}}
    assert call("POST", f"{server.url}/e/another-key", event).status == 401
    assert call("GET", f"{server.url}/api/v1/runs").status == 401
    assert call("POST", f"{server.url}/fn/register", {}).status == 401
