"""How the server process starts, stops, and takes up where it left off."""

import asyncio
import ctypes
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from inngest_fast.domain.stored_form import decode_job, encode_job
from inngest_fast.engine.lifecycle import tick
from tests.fixtures.http import call, free_port
from tests.fixtures.server_process import EVENT_KEY, SIGNING_KEY, ServerProcess
from tests.fixtures.stub_app import Call, StubApp, begin, ended, ops, ran, result
from tests.fixtures.waiting import eventually

HEADERS = {"Authorization": f"Bearer {SIGNING_KEY}"}
ONE_NAP_S = 2.0
PR_CAPBSET_DROP = 24  # prctl(2)
LIBC = ctypes.CDLL(None, use_errno=True)


class Held:
    """Answers that are kept back until they are released."""

    def __init__(self, app: StubApp) -> None:
        self._app = app
        self._free = asyncio.Event()

    def release(self) -> None:
        self._app.on_loop(self._free.set)

    async def pause(self) -> None:
        await self._free.wait()


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    process = ServerProcess("start")
    yield process
    if process.process is not None and process.process.poll() is None:
        process.kill()


@pytest.fixture
def app(server: ServerProcess) -> Iterator[StubApp]:
    with StubApp(server.url, "stub", HEADERS) as made:
        yield made


def terminate(server: ServerProcess) -> None:
    os.kill(server.pid, signal.SIGTERM)


def is_unready(server: ServerProcess) -> dict[str, Any] | None:
    reply = server.call("GET", "/readyz")
    return reply.json() if reply.status == 503 else None


def steps_then_end(received: Call) -> bytes:
    """Steps `a` and `b`, one a call, then the end."""
    done = list(received.json()["steps"])
    return ops(ran("ab"[len(done)], len(done))) if len(done) < 2 else result(done)


def exit_code(server: ServerProcess, within: float) -> int:
    assert server.process is not None
    return server.process.wait(within)


# Stopping


def test_start_drains(server: ServerProcess, app: StubApp) -> None:
    held = Held(app)

    async def answer(received: Call) -> bytes:
        if len(app.calls_of("slow")) == 1:
            await held.pause()
        return steps_then_end(received)

    app.function("slow", answer)
    server.start()
    app.sync()
    run_id = begin(server, app, "slow")
    app.wait_for_calls("slow", 1)
    terminate(server)
    told = eventually(lambda: is_unready(server), what="the end of readiness")
    assert told == {"status": "unready", "reasons": {"server": "shutting down"}}
    assert server.call("GET", "/livez").status == 200
    # What comes meanwhile is durable, and left for the next start.
    reply = server.call("POST", f"/e/{EVENT_KEY}", {"name": app.event("slow"), "data": {}})
    assert reply.status == 200
    assert server.process is not None
    assert server.process.poll() is None
    held.release()
    assert exit_code(server, 5) == 0
    assert len(app.calls_of("slow")) == 1  # nothing new was begun
    server.start()
    assert "resumed 2 runs" in server.log()
    run = ended(server, run_id)
    assert (run["status"], run["output"]) == ("completed", ["a", "b"])
    assert len([call for call in app.calls_of("slow") if call.run_id == run_id]) == 3  # none twice
    eventually(lambda: len(server.runs(status="completed")) == 2, what="the run of the late event")
    assert server.stop() == 0


def test_a_call_that_outlasts_the_drain_is_made_again(server: ServerProcess, app: StubApp) -> None:
    held = Held(app)

    async def answer(received: Call) -> bytes:
        if len(app.calls_of("slow")) == 1:
            await held.pause()
        return result(received.attempt)

    app.function("slow", answer)
    server.arguments = ("--drain-timeout", "1")
    server.start()
    app.sync()
    run_id = begin(server, app, "slow")
    app.wait_for_calls("slow", 1)
    began = time.monotonic()
    terminate(server)
    assert exit_code(server, 10) == 0
    assert 0.9 < time.monotonic() - began < 4
    assert "calls were still in flight" in server.log()
    held.release()
    server.start()
    assert ended(server, run_id)["output"] == 0  # it is the same attempt
    assert server.stop() == 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(server: ServerProcess, app: StubApp, second: signal.Signals) -> None:
    async def never(_: Call) -> bytes:
        await asyncio.Event().wait()
        raise AssertionError

    app.function("slow", never)
    server.arguments = ("--drain-timeout", "60")
    server.start()
    app.sync()
    begin(server, app, "slow")
    app.wait_for_calls("slow", 1)
    terminate(server)
    eventually(lambda: is_unready(server), what="the end of readiness")
    began = time.monotonic()
    os.kill(server.pid, second)
    assert exit_code(server, 10) == 130
    assert time.monotonic() - began < 3
    assert "Traceback" not in server.log()
    assert "never retrieved" not in server.log()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_dev_ends_at_once(sent: signal.Signals) -> None:
    server = ServerProcess("dev", "--no-discovery", "--no-poll").start()
    try:
        with StubApp(server.url) as app:
            held = Held(app)

            async def answer(_: Call) -> bytes:
                await held.pause()
                return result(1)

            app.function("slow", answer)
            app.sync()
            begin(server, app, "slow")
            app.wait_for_calls("slow", 1)
            idle = http.client.HTTPConnection("127.0.0.1", server.port)
            idle.request("GET", "/livez")
            idle.getresponse().read()
            began = time.monotonic()
            os.kill(server.pid, sent)
            assert exit_code(server, 10) == 0
            assert time.monotonic() - began < 1.5
            idle.close()
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()


def test_a_signal_during_start_up(server: ServerProcess) -> None:
    server.start(wait=False)
    eventually((server.directory / "data" / "main.db.lock").exists, what="the store")
    terminate(server)
    assert exit_code(server, 10) == 0
    assert "Traceback" not in server.log()
    server.start()
    assert server.stop() == 0


def test_a_request_that_never_ends_does_not_keep_it(server: ServerProcess) -> None:
    server.start()
    with socket.create_connection(("127.0.0.1", server.port)) as half:
        half.sendall(f"POST /e/{EVENT_KEY} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{{".encode())
        assert server.call("GET", "/livez").status == 200
        began = time.monotonic()
        terminate(server)
        assert exit_code(server, 10) == 0
        assert time.monotonic() - began < 5
    assert "Traceback" not in server.log()


# Taking up where it left off


def suspended(server: ServerProcess, app: StubApp) -> dict[str, str]:
    """Three runs, each stored as waiting for something: a sleep, an event, an invoked function."""
    waiting = {
        "sleeping": {"op": "Sleep", "id": "x", "name": f"{ONE_NAP_S:g}s", "displayName": "x"},
        "meeting": {
            "op": "WaitForEvent",
            "id": "x",
            "name": "stub/met",
            "displayName": "x",
            "opts": {"timeout": "5m", "if": "event.data.n == async.data.n"},
        },
        "signalled": {
            "op": "WaitForSignal",
            "id": "x",
            "name": "go",
            "displayName": "x",
            "opts": {"signal": "go", "timeout": "5m"},
        },
    }
    for id, op in waiting.items():

        def answer(received: Call, op: dict[str, Any] = op) -> bytes:
            steps = received.json()["steps"]
            return result(steps["x"]) if "x" in steps else ops(op)

        app.function(id, answer)
    server.start()
    app.sync()
    runs = {id: begin(server, app, id, {"n": 7}) for id in waiting}
    for run_id in runs.values():
        eventually(lambda run_id=run_id: server.run(run_id)["steps"], what="the step")
    return runs


@pytest.mark.parametrize("way", ["kill", "stop"])
def test_what_was_suspended_goes_on(server: ServerProcess, app: StubApp, way: str) -> None:
    began = time.monotonic()
    runs = suspended(server, app)
    getattr(server, way)()
    server.start()
    found = re.findall(r"resumed (\d+) runs, (\d+) timers, (\d+) schedules", server.log())
    assert found == [("3", "3", "0")]
    server.send({"name": "stub/met", "data": {"n": 6}})
    assert server.run(runs["meeting"])["status"] == "running"
    server.send({"name": "stub/met", "data": {"n": 7, "said": "hello"}})
    assert ended(server, runs["meeting"])["output"]["data"] == {"n": 7, "said": "hello"}
    reply = server.call("POST", "/v1/signals", {"signal": "go", "data": [1]})
    assert reply.json()["data"] == {"run_id": runs["signalled"]}
    assert ended(server, runs["signalled"])["output"] == {"data": {"signal": "go", "data": [1]}}
    run = ended(server, runs["sleeping"])
    assert (run["status"], run["output"]) == ("completed", None)
    assert time.monotonic() - began >= ONE_NAP_S
    assert [len(app.calls_of(id)) for id in runs] == [2, 2, 2]
    assert server.stop() == 0


def test_a_sleep_that_ended_while_the_server_was_down(server: ServerProcess, app: StubApp) -> None:
    runs = suspended(server, app)
    woken = time.time() + ONE_NAP_S
    server.kill()
    eventually(lambda: time.time() > woken, what="the end of the sleep")
    server.start()
    began = time.monotonic()
    ended(server, runs["sleeping"], within=3)
    assert time.monotonic() - began < ONE_NAP_S / 2  # it did not begin anew
    assert server.stop() == 0


def test_crons_after_a_long_downtime(server: ServerProcess, app: StubApp) -> None:
    """The latest of the missed ticks runs, the others are counted (flow-control §3)."""
    slug = app.function("hourly", result("ticked"), triggers=[{"cron": "0 * * * *"}])
    server.start()
    app.sync()
    assert server.stop() == 0
    path = server.directory / "data" / "main.db"
    with sqlite3.connect(path) as database:
        [(id, body)] = database.execute("SELECT id, body FROM jobs").fetchall()
        job = decode_job(body)
        mark = tick.payload(job)
        assert mark.tick > time.time() * 1_000
        then = mark.tick - 5 * 3_600_000
        payload = json.dumps({"cron": mark.cron, "tick": then, "jitter_ms": 0}).encode()
        moved = encode_job(replace(job, due=then, score=then, payload=payload))
        database.execute("UPDATE jobs SET due = ?, body = ? WHERE id = ?", (then, moved, id))
    database.close()
    server.start()
    assert "resumed 0 runs, 0 timers, 1 schedules" in server.log()
    [run] = eventually(lambda: server.runs(function_id=slug), what="the tick's run")
    assert ended(server, run["id"])["output"] == "ticked"
    [data] = [call.json()["event"]["data"] for call in app.calls_of("hourly")]
    assert data["cron"] == "0 * * * *"
    last = time.strftime("%Y-%m-%dT%H:00:00", time.gmtime((mark.tick - 3_600_000) / 1_000))
    assert data["scheduledAt"].startswith(last)
    missed = [line for line in server.log().splitlines() if "cron ticks were missed" in line]
    assert len(missed) == 1
    assert json.loads(missed[0])["missed"] == 4
    assert len(server.runs(function_id=slug)) == 1
    assert server.stop() == 0


# Refusing to start


def refused(server: ServerProcess, within: float = 10) -> str:
    """What a server said that ended with 1 before it served."""
    before = len(server.log())
    server.start(wait=False)
    assert exit_code(server, within) == 1
    said = server.log()[before:]
    assert "Traceback" not in said
    return said


def test_start_does_not_share_a_port(server: ServerProcess) -> None:
    with socket.create_server(("127.0.0.1", server.port)):
        assert refused(server).count("Error: ") == 1
        assert (
            f"Error: cannot listen on 127.0.0.1:{server.port}: it is in use by another program; "
            "choose another with --port"
        ) in server.log()
    server.start()
    assert server.stop() == 0


def test_two_servers_do_not_share_a_port(server: ServerProcess) -> None:
    server.start()
    second = ServerProcess("start", port=server.port)
    assert "it is in use by another program" in refused(second)
    assert server.stop() == 0


def test_dev_takes_the_next_port() -> None:
    first = ServerProcess("dev", "--no-discovery", "--no-poll").start()
    second = ServerProcess("dev", "--no-discovery", "--no-poll", port=first.port).start(wait=False)
    try:
        took = eventually(
            lambda: re.search(rf"port {first.port} is in use; listening on (\d+)", second.log()),
            what="the second server's port",
        )
        second.port = int(took[1])
        assert second.port > first.port
        second.wait_until_ready()
        assert first.call("GET", "/readyz").status == 200
    finally:
        second.stop()
        first.stop()


def test_two_servers_do_not_share_a_database(server: ServerProcess) -> None:
    server.start()
    second = ServerProcess("start", directory=server.directory)
    second.log_path = server.directory / "second.log"
    said = refused(second)
    assert f"is in use by another process ({server.pid})" in said
    assert "stop that one first, or give this one its own directory" in said
    assert server.call("GET", "/readyz").status == 200
    server.kill()
    second.start()  # a lock dies with its holder
    assert second.stop() == 0


def database_of(server: ServerProcess) -> Path:
    return server.directory / "data" / "main.db"


def test_a_newer_database_is_left_alone(server: ServerProcess) -> None:
    server.start()
    server.stop()
    with sqlite3.connect(database_of(server)) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    before = database_of(server).read_bytes()
    said = refused(server)
    assert "has version 99, and this program knows versions up to" in said
    assert database_of(server).read_bytes() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [("other program", "belongs to another program"), ("no database", "is no SQLite database")],
)
def test_a_file_of_another_program_is_left_alone(server: ServerProcess, content: str, message: str) -> None:
    path = database_of(server)
    path.parent.mkdir()
    if content == "no database":
        path.write_bytes(b"dear diary, " * 1_000)
    else:
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE things (id)")
        database.close()
    before = path.read_bytes()
    assert message in refused(server)
    assert path.read_bytes() == before


def test_a_path_that_is_no_directory(server: ServerProcess) -> None:
    (server.directory / "data").write_text("a file")
    said = refused(server)
    assert "Error: cannot open the database" in said
    assert "main.db" in said


def modes_apply() -> None:
    """Takes from root what lets it pass over file modes: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""
    if os.getuid() == 0:
        for capability in (1, 2):
            if LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "prctl")


def unprivileged(server: ServerProcess) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "inngest_fast", "start", "--port", str(server.port)]
    command += ["--signing-key", SIGNING_KEY, "--event-key", EVENT_KEY]
    command += ["--sqlite-dir", str(server.directory / "data")]
    return subprocess.run(
        command,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={},
        preexec_fn=modes_apply,
    )


@pytest.mark.parametrize("where", ["directory", "database", "parent"])
def test_no_permission_to_write(server: ServerProcess, where: str) -> None:
    data = server.directory / "data"
    if where == "parent":
        closed = server.directory
    else:
        server.start()
        server.stop()
        closed = data if where == "directory" else data / "main.db"
        (data / "main.db.lock").unlink()
    mode = closed.stat().st_mode
    closed.chmod(mode & 0o555)
    try:
        done = unprivileged(server)
    finally:
        closed.chmod(mode)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert f'Error: cannot open the database "{data}/main.db": ' in done.stdout
    assert "write access to" in done.stdout


@pytest.mark.parametrize(
    ("keys", "problems"),
    [
        ([], ["signing-key is required", "at least one event-key is required"]),
        (["--signing-key", "abcd"], ["at least one event-key is required"]),
        (["--event-key", "k"], ["signing-key is required"]),
        (
            ["--event-key", "k", "--signing-key", "abc"],
            ["signing-key must be hex string with even number of chars"],
        ),
    ],
)
def test_start_needs_keys(keys: list[str], problems: list[str], tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("INNGEST_")}
    command = [sys.executable, "-m", "inngest_fast", "start", "--port", str(free_port()), *keys]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False, env=environment
    )
    assert done.returncode == 1
    assert done.stdout.splitlines() == [f"Error: {problem}" for problem in problems]
    assert list(tmp_path.iterdir()) == []


# What it says of itself


def test_a_directory_that_will_not_last_is_told_of() -> None:
    server = ServerProcess("start").start()
    try:
        assert str(server.directory).startswith("/tmp/")
        [line] = [line for line in server.log().splitlines() if "may be lost" in line]
        told = json.loads(line)
        assert told["level"].lower().startswith("warn")
        assert "under /tmp, which is emptied by a reboot" in told["msg"]
        assert told["sqlite_dir"] == str(server.directory / "data")
    finally:
        server.stop()


OPEN = [
    ("GET", "/health", 200),
    ("GET", "/livez", 200),
    ("GET", "/readyz", 200),
    ("GET", "/ready", 200),
]
CLOSED = [
    ("GET", "/"),
    ("POST", "/invoke/none"),
    ("POST", "/e/none"),
    ("POST", "/e/"),
    ("POST", "/e"),
    ("POST", "/fn/register"),
    ("DELETE", "/fn/remove?url=http://localhost/x"),
    ("GET", "/dev"),
    ("GET", "/v0/runs/01J00000000000000000000000/actions"),
    ("GET", "/v0/runs/01J00000000000000000000000/batch"),
    ("DELETE", "/v0/runs/01J00000000000000000000000"),
    ("GET", "/v1/events"),
    ("GET", "/v1/events/01J00000000000000000000000"),
    ("GET", "/v1/events/01J00000000000000000000000/runs"),
    ("GET", "/v1/runs/01J00000000000000000000000"),
    ("DELETE", "/v1/runs/01J00000000000000000000000"),
    ("GET", "/v1/runs/01J00000000000000000000000/jobs"),
    ("POST", "/v1/signals"),
    ("GET", "/v1/apps/x/functions"),
    ("GET", "/api/v1/functions"),
    ("POST", "/api/v1/functions"),
    ("POST", "/api/v1/events"),
    ("GET", "/api/v1/runs"),
    ("GET", "/api/v1/runs/01J00000000000000000000000"),
    ("DELETE", "/api/v1/runs/01J00000000000000000000000"),
]


@pytest.fixture(scope="module")
def serving() -> Iterator[ServerProcess]:
    process = ServerProcess("start").start()
    yield process
    process.stop()


@pytest.mark.parametrize(("method", "path", "status"), OPEN)
def test_open_to_all(serving: ServerProcess, method: str, path: str, status: int) -> None:
    data = {"data": {}} if method == "POST" else None
    assert call(method, serving.url + path, data).status == status


@pytest.mark.parametrize("authorization", ["", "Bearer ", "x"])
@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_closed_without_a_key(serving: ServerProcess, method: str, path: str, authorization: str) -> None:
    reply = call(
        method, serving.url + path, headers={"Authorization": authorization} if authorization else {}
    )
    assert reply.status == 401, reply.body


@pytest.mark.parametrize("token", ["undefined", f"{SIGNING_KEY}0"])
def test_closed_with_another_key(serving: ServerProcess, token: str) -> None:
    reply = call("GET", f"{serving.url}/v1/events", headers={"Authorization": f"Bearer {token}"})
    assert (reply.status, reply.body) == (401, b"Authentication failed")


@pytest.mark.parametrize(("method", "path"), [row for row in CLOSED if not row[1].startswith("/e")])
def test_the_key_opens_it(serving: ServerProcess, method: str, path: str) -> None:
    assert serving.call(method, path, body=b"{}").status != 401


@pytest.mark.parametrize("path", ["/nothing", "/e/a/b", "/api/v1/nothing", "/v1/", "/api/v9/runs", "//"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_unknown_paths(serving: ServerProcess, method: str, path: str) -> None:
    reply = call(method, serving.url + path, body=b"" if method == "POST" else None)
    assert reply.status == 404
    assert reply.headers["content-type"] == "application/json"
    assert reply.json()["error"] == "404 page not found"
    assert reply.json()["status"] == 404


def test_keys_are_not_in_the_log(serving: ServerProcess) -> None:
    call("POST", f"{serving.url}/e/{EVENT_KEY}", {"name": "a/b"})
    assert EVENT_KEY not in serving.log()
    assert SIGNING_KEY not in serving.log()
    assert SIGNING_KEY.rpartition("-")[2] not in serving.log()
