"""`inngest-fast api` against a real server."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from inngest_fast.cli import main
from tests.fixtures.http import free_port
from tests.fixtures.server_process import SIGNING_KEY, ServerProcess
from tests.fixtures.stub_app import StubApp, begin, ended, http, ops, result
from tests.fixtures.waiting import eventually

AUTHORIZED = {"Authorization": f"Bearer {SIGNING_KEY}"}


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    process = ServerProcess("start").start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def app(server: ServerProcess) -> Iterator[StubApp]:
    with StubApp(server.url, server_headers=AUTHORIZED) as stub:
        stub.function("echo", lambda call: result(call.json()["event"]["data"]["a"]))
        stub.function("fails", lambda call: http('{"name":"E","message":"no","stack":"E: no"}', 500))
        stub.function("waits", ops({"op": "Sleep", "id": "s", "name": "1h", "displayName": "s"}))
        assert stub.sync().status == 200
        yield stub


class Cli:
    def __init__(self, server, capfd, monkeypatch, tmp_path):
        self.capfd = capfd
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("INNGEST_API_PORT", str(server.port))
        monkeypatch.setenv("INNGEST_SIGNING_KEY", SIGNING_KEY)
        for name in ("INNGEST_API_KEY", "INNGEST_API_HOST", "INNGEST_ENV", "INNGEST_CONFIG"):
            monkeypatch.delenv(name, raising=False)

    def __call__(self, *argv, code=0):
        """What was printed; where errors go if there is to be one."""
        assert main(["api", *argv]) == code
        out, err = self.capfd.readouterr()
        assert not (err if code == 0 else out)
        return out if code == 0 else err

    def json(self, *argv):
        return json.loads(self(*argv))


@pytest.fixture
def cli(server, app, capfd, monkeypatch, tmp_path):
    return Cli(server, capfd, monkeypatch, tmp_path)


def test_looking(cli, server, app):
    assert cli.json("health")["data"] == {"status": "ok"}
    assert cli.json("get-apps")["data"][0]["id"] == app.name
    assert cli.json("get-app", app.name)["data"]["functionCount"] == 3
    assert {each["id"] for each in cli.json("get-functions", app.name)["data"]} == {"echo", "fails", "waits"}
    assert cli.json("get-function", app.name, "echo")["data"]["name"] == "echo"
    run_id = begin(server, app, "fails")
    ended(server, run_id)
    run = cli.json("get-function-run", run_id, "--include-output")["data"]
    assert (run["status"], run["output"]["message"]) == ("FAILED", "no")
    trace = cli.json("get-function-trace", f"--run-id={run_id}", "--include-output")["data"]
    assert trace["rootSpan"]["output"]["message"] == "no"
    [event_id] = run["trigger"]["eventIds"]
    assert cli.json("get-event-runs", event_id, "--limit", "5")["data"][0]["id"] == run_id
    found = cli.json("list-runs", "--status", "FAILED", "--status", "CANCELLED", "--app-id", app.name)["data"]
    assert run_id in [each["id"] for each in found]
    assert cli.json("list-function-runs", app.name, "fails")["data"][0]["id"] == run_id
    assert "data" not in cli.json("get-function-runs", "--is-deferred")


def test_acting(cli, server, app, tmp_path):
    run_id = cli.json("invoke-function", app.name, "echo", "--data", '{"a": "ö"}')["data"]["runId"]
    assert ended(server, run_id)["output"] == "ö"
    (tmp_path / "data.json").write_text('{"a": 2}')
    given = ("invoke-function", app.name, "stub-echo", "--data", "@data.json", "--idempotency-key", "k1")
    first = cli.json(*given)["data"]["runId"]
    assert ended(server, first)["output"] == 2
    assert first in cli(*given, code=1)
    new = cli.json("rerun", first)["data"]["runId"]
    assert ended(server, new)["output"] == 2
    waiting = begin(server, app, "waits")
    assert cli.json("cancel-run", waiting)["data"] == {"runId": waiting}
    eventually(lambda: server.run(waiting)["status"] == "cancelled", what="the cancellation")
    assert "409 run_already_cancelled" in cli("cancel-run", waiting, code=1)


def test_page_by_page(cli, server, app):
    server.send(*({"name": app.event("echo"), "data": {"a": n}} for n in range(7)))
    for arguments in (("--order", "asc"), ("--time-field", "endedAt"), ("--status", "COMPLETED")):
        asked = ("list-function-runs", app.name, "echo", *arguments)
        eventually(
            lambda: all("endedAt" in run for run in cli.json("list-function-runs", app.name, "echo")["data"]),
            what="the end of all runs",
        )
        found, cursor = [], ()
        while True:
            page = cli.json(*asked, "--limit", "2", *cursor)
            found += [run["id"] for run in page["data"]]
            if not page["page"].get("hasMore"):
                break
            cursor = ("--cursor", page["page"]["cursor"])
        assert found == [run["id"] for run in cli.json(*asked, "--limit", "100")["data"]]
        assert len(set(found)) == len(found) >= 7


def test_the_answer_as_it_came(cli, server, capfd):
    raw = server.call("GET", "/api/v2/account")
    assert raw.status == 200
    assert cli("get-apps", "--raw").startswith('{"data":[{"createdAt":')
    assert main(["api", "get-app", "nope", "--raw"]) == 1
    assert capfd.readouterr().out == '{"errors":[{"code":"not_found","message":"App not found"}]}'


def test_keys(cli, server, monkeypatch):
    monkeypatch.delenv("INNGEST_SIGNING_KEY")
    error = cli("get-apps", code=1)
    assert error.startswith("Error: 401: the server asks for a key: give --api-key (INNGEST_API_KEY)")
    assert cli.json("get-apps", "--signing-key", SIGNING_KEY)["data"]
    assert cli.json("get-apps", "--api-key", SIGNING_KEY)["data"]
    assert cli("get-apps", "--signing-key", "abcd", code=1) == error


def test_a_config_file(cli, server, monkeypatch, tmp_path):
    monkeypatch.delenv("INNGEST_SIGNING_KEY")
    monkeypatch.delenv("INNGEST_API_PORT")
    (tmp_path / "inngest.yaml").write_text(f"signing-key: {SIGNING_KEY}\napi-host: {server.url}\n")
    assert cli.json("get-apps")["data"]
    (tmp_path / "other.yaml").write_text("signing-key: abcd\n")
    assert "401" in cli("get-apps", "--config", "other.yaml", "--api-host", server.url, code=1)


def test_nobody_listens(cli):
    error = cli("health", "--api-port", str(free_port()), code=1)
    assert "nothing listens at http://localhost:" in error
    assert "--api-host and --api-port" in error


def test_as_a_program(server):
    """Light: what serves is not loaded. Data on standard output, the rest on the other."""
    code = (
        "import sys; from inngest_fast.cli import main; code = main(sys.argv[1:]);"
        "assert not {'granian', 'uvloop', 'psycopg', 'graphql', 'asyncio', 'sqlite3'} & sys.modules.keys();"
        "sys.exit(code)"
    )
    command = [sys.executable, "-c", code, "api", "--api-host", server.url, "--signing-key", SIGNING_KEY]
    done = subprocess.run([*command, "health"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["data"] == {"status": "ok"}
    assert done.stdout.count("\n") == 1
    done = subprocess.run([*command, "nope"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "Error: there is no operation 'nope': 'inngest-fast api --help' lists them\n"
