"""Requests that break every rule, and a disk that is full, against the real server process."""

import asyncio
import json
import os
import resource
import socket
import sqlite3
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.fixtures.http import Reply, free_port
from tests.fixtures.load import LoadApp, all_runs, settled
from tests.fixtures.server_process import EVENT_KEY, SIGNING_KEY, ServerProcess
from tests.fixtures.stub_app import Call, StubApp, begin, ended, ops, ran, result
from tests.fixtures.waiting import eventually

MAX_BODY = 400_000
SURFACES = (
    f"/e/{EVENT_KEY}",
    "/invoke/load-plain",
    "/fn/register",
    "/api/v1/events",
    "/api/v1/functions",
    "/v1/signals",
)
EVENT = b'{"name":"load/plain","data":{"n":1}}'
AUTH = f"Authorization: Bearer {SIGNING_KEY}\r\n".encode()
DEEP = 100_000

BODIES = {
    "empty": b"",
    "blank": b" \r\n\t ",
    "cut off": b'{"name":"load/plain","data":{"n":',
    "cut off in a string": b'{"name":"load/pl',
    "two values": EVENT + EVENT,
    "lines": EVENT + b"\n" + EVENT,
    "text": b"hello",
    "form": b"name=load/plain&data=1",
    "scalar": b"1",
    "string": b'"load/plain"',
    "null": b"null",
    "no keys": b"{load/plain: 1}",
    "single quotes": b"{'name':'load/plain'}",
    "trailing comma": b'{"name":"load/plain",}',
    "comment": b'/* */ {"name":"load/plain"}',
    "not a number": b'{"name":"load/plain","signal":"s","data":{"n":NaN},"functions":[],"appName":NaN}',
    "leading zero": b'{"name":"load/plain","signal":"s","data":{"n":01},"functions":[],"appName":"x"}',
    "bare control character": b'{"name":"load/\x01plain","signal":"\x01"}',
    "latin-1": '{"name":"load/plain","signal":"é","data":{"n":"é"}}'.encode("latin-1"),
    "overlong utf-8": b'{"name":"load/plain","signal":"\xc0\xaf"}',
    "surrogate in utf-8": b'{"name":"load/plain","signal":"\xed\xa0\x80"}',
    "utf-16": EVENT.decode().encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + EVENT,
    "zeros": b"\x00" * 1_000,
    "gzip": b"\x1f\x8b\x08\x00" + b"\x99" * 200,
    "deep": b'{"name":"load/plain","signal":"s","data":{"n":' + b"[" * DEEP + b"]" * DEEP + b"}}",
    "deep objects": b'{"name":"load/plain","signal":"s","data":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
    "deep and open": b"[" * DEEP,
    "deep and mixed": b'[{"a":' * 50_000,
}


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    process = ServerProcess("start", "--max-body", str(MAX_BODY)).start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def app(server: ServerProcess) -> Iterator[LoadApp]:
    with LoadApp(server) as made:
        assert made.sync().status == 200
        yield made


def stored(server: ServerProcess) -> dict[str, int]:
    """Rows by table."""
    with closing(sqlite3.connect(f"file:{server.directory}/data/main.db?mode=ro", uri=True)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}


@contextmanager
def nothing_stored(server: ServerProcess) -> Iterator[None]:
    """Nothing is stored meanwhile, and the server is well afterwards."""
    settled(server, within=10)
    before = stored(server)
    yield
    assert server.call("GET", "/readyz").status == 200
    health = server.call("GET", "/health").json()
    assert (health["status"], health["counters"]["queue_jobs"]) == ("ok", 0)
    assert stored(server) == before
    assert "Traceback" not in server.log()


def is_clear_error(reply: Reply, status: int) -> bool:
    assert reply.status == status, reply
    assert reply.headers["content-type"] == "application/json", reply
    told = reply.json()
    assert told.get("status", status) == status
    assert isinstance(told["error"], str)
    assert 0 < len(told["error"]) < 500
    return True


@pytest.mark.parametrize("path", SURFACES)
def test_a_broken_body(server: ServerProcess, app: LoadApp, path: str) -> None:
    with nothing_stored(server):
        for name, body in BODIES.items():
            reply = server.call("POST", path, body=body)
            assert is_clear_error(reply, 400), name


@pytest.mark.parametrize("path", SURFACES)
def test_a_body_that_is_too_large(server: ServerProcess, app: LoadApp, path: str) -> None:
    body = b'{"name":"load/plain","signal":"s","data":{"n":"' + b"x" * MAX_BODY + b'"}}'
    with nothing_stored(server):
        assert is_clear_error(server.call("POST", path, body=body), 413)
        assert is_clear_error(server.call("POST", path, body=iter([body])), 413)  # type: ignore[arg-type]
        pieces = (b"[" * 1_000 for _ in range(MAX_BODY // 1_000 + 1))
        assert is_clear_error(server.call("POST", path, body=pieces), 413)  # type: ignore[arg-type]


def test_a_body_of_just_the_right_size(server: ServerProcess, app: LoadApp) -> None:
    frame = b'{"name":"load/none","data":{"n":"%b"}}'
    body = frame % (b"x" * (MAX_BODY - len(frame) + 2))
    assert len(body) == MAX_BODY
    path = f"/e/{EVENT_KEY}"
    assert server.call("POST", path, body=body).status == 200
    assert server.call("POST", path, body=iter([body])).status == 200  # type: ignore[arg-type]
    assert is_clear_error(server.call("POST", path, body=body + b" "), 413)


# Bytes on the wire


class Wire:
    """One connection, by hand."""

    def __init__(self, server: ServerProcess) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=10)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def until_closed(self) -> bytes:
        """All that the server still says."""
        said = b""
        try:
            while data := self.socket.recv(65_536):
                said += data
        except ConnectionError:
            pass
        return said

    def until(self, mark: bytes) -> bytes:
        said = b""
        while mark not in said:
            data = self.socket.recv(65_536)
            assert data, said
            said += data
        return said

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def post(body: bytes, length: int | None = None, more: bytes = b"", path: str = f"/e/{EVENT_KEY}") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body) if length is None else length}\r\n"
    return head.encode() + AUTH + more + b"\r\n" + body


CHUNKED = f"POST /e/{EVENT_KEY} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
CHUNK = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)

GARBAGE = {
    "noise": bytes(range(256)) * 4 + b"\r\n\r\n",
    "tls": bytes.fromhex("16030100c8010000c40303") + b"\x07" * 190,
    "http/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "no version": b"GET /\r\n\r\n",
    "no such version": b"GET / HTTP/9.9\r\n\r\n",
    "spaces": b"GET  /  /  HTTP/1.1\r\n\r\n",
    "header without colon": b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
    "space before colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "zero in a header": b"GET / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + b"".join(b"H%d: x\r\n" % n for n in range(10_000)) + b"\r\n",
    "a long header": b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 10_000_000 + b"\r\n\r\n",
    "a long path": b"GET /" + b"x" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "length below zero": post(EVENT, -1),
    "length of words": post(EVENT).replace(b"Content-Length: ", b"Content-Length: x"),
    "length beyond counting": post(EVENT, 10**30),
    "two lengths": post(EVENT, more=b"Content-Length: 3\r\n"),
    "chunk of no size": CHUNKED + b"zz\r\n" + EVENT + b"\r\n0\r\n\r\n",
    "chunk below zero": CHUNKED + b"-5\r\n" + EVENT + b"\r\n0\r\n\r\n",
    "chunk beyond counting": CHUNKED + b"f" * 40 + b"\r\n" + EVENT + b"\r\n0\r\n\r\n",
    "chunk that lies": CHUNKED + b"3\r\n" + EVENT + b"\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage(server: ServerProcess, app: LoadApp, name: str) -> None:
    with nothing_stored(server), Wire(server) as wire:
        try:
            wire.send(GARBAGE[name])
            wire.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has closed already
        said = wire.until_closed()
    assert said == b"" or said.startswith(b"HTTP/1.1 4") or said.startswith(b"HTTP/1.1 505"), said[:200]


def test_a_length_beyond_the_limit_is_not_waited_for(server: ServerProcess, app: LoadApp) -> None:
    with nothing_stored(server), Wire(server) as wire:
        wire.send(post(b"[", MAX_BODY + 1))
        assert wire.until(b"}").startswith(b"HTTP/1.1 413")


INTERRUPTED = {
    "no head": b"POST /e/x HT",
    "no end of head": post(b"")[:-2],
    "no body": post(b"", len(EVENT)),
    "half a body": post(EVENT[:10], len(EVENT)),
    "a whole event, but more announced": post(EVENT, len(EVENT) + 5),
    "no chunk": CHUNKED,
    "half a chunk": CHUNKED + CHUNK[:20],
    "a whole event, but no last chunk": CHUNKED + CHUNK,
}


@pytest.mark.parametrize("way", ["close", "reset", "shutdown"])
@pytest.mark.parametrize("name", INTERRUPTED)
def test_an_upload_that_is_broken_off(server: ServerProcess, app: LoadApp, name: str, way: str) -> None:
    def gone() -> bool:
        return not connections(server)

    eventually(gone, what="the end of earlier connections")
    with nothing_stored(server):
        with Wire(server) as wire:
            wire.send(INTERRUPTED[name])
            eventually(lambda: connections(server), what="the connection")
            if way == "reset":
                wire.reset()
            elif way == "shutdown":
                wire.socket.shutdown(socket.SHUT_WR)
                said = wire.until_closed()
                assert said == b"" or said.startswith(b"HTTP/1.1 4"), said
        eventually(gone, what="the end of the connection")


def connections(server: ServerProcess) -> int:
    """How many the server has open."""
    found = psutil.Process(server.pid).net_connections("tcp")
    return sum(each.status not in (psutil.CONN_LISTEN, psutil.CONN_TIME_WAIT) for each in found)


def test_many_half_requests_keep_nobody_out(server: ServerProcess, app: LoadApp) -> None:
    eventually(lambda: not connections(server), what="the end of earlier connections")
    with nothing_stored(server):
        halves = [INTERRUPTED[name] for name in INTERRUPTED]
        wires = [Wire(server) for _ in range(400)]
        for place, wire in enumerate(wires):
            wire.send(halves[place % len(halves)])
        eventually(lambda: connections(server) >= len(wires), what="the connections")
        slowest = 0.0
        for _ in range(20):
            began = time.monotonic()
            assert server.call("GET", "/api/v1/runs?limit=1").status == 200
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 1
        for wire in wires:
            wire.socket.close()
        eventually(lambda: not connections(server), what="the end of the connections")


def test_pipelined_requests_are_answered_in_turn(server: ServerProcess, app: LoadApp) -> None:
    bodies = [b'{"name":"load/none","id":"pipe-%d"}' % n for n in range(20)]
    with Wire(server) as wire:
        wire.send(b"".join(post(body) for body in bodies) + post(b"{}", more=b"Connection: close\r\n"))
        said = wire.until_closed()
    assert said.count(b"HTTP/1.1 200") == 20
    assert said.count(b"HTTP/1.1 400") == 1
    ids = [json.loads(part.partition(b"}")[0] + b"}")["ids"][0] for part in said.split(b"\r\n\r\n")[1:21]]
    names = [server.call("GET", f"/v1/events/{id}").json()["data"]["id"] for id in ids]
    assert names == [f"pipe-{n}" for n in range(20)]


@pytest.mark.parametrize("name", ["noise", "tls", "header without colon", "length below zero", "two lengths"])
def test_garbage_after_a_request(server: ServerProcess, app: LoadApp, name: str) -> None:
    before = stored(server)["events"]
    with Wire(server) as wire:
        wire.send(post(b'{"name":"load/none"}') + GARBAGE[name])
        said = wire.until_closed()
    assert said.startswith(b"HTTP/1.1 200")
    assert said.count(b"HTTP/1.1") <= 2
    assert said.count(b"HTTP/1.1 200") == 1
    assert stored(server)["events"] == before + 1
    assert server.call("GET", "/readyz").status == 200


@pytest.mark.parametrize("way", ["close", "reset"])
def test_senders_that_leave_at_once(server: ServerProcess, app: LoadApp, way: str) -> None:
    """Whether their events were taken is open, but not by half."""
    settled(server, within=10)
    before = {run["id"] for run in all_runs(server)}
    rows = stored(server)["events"]
    for n in range(50):
        with Wire(server) as wire:
            wire.send(post(b'{"name":"load/three","data":{"n":%d}}' % n))
            if way == "reset":
                wire.reset()
    eventually(lambda: not connections(server), what="the end of the connections")
    settled(server, within=20)
    runs = [run for run in all_runs(server) if run["id"] not in before]
    own = [run for run in runs if run["function_slug"] == "load-three"]
    told = [run["output"] for run in runs if run["function_slug"] == "load-finished"]
    assert {run["status"] for run in runs} <= {"completed"}
    assert len({run["output"] for run in own}) == len(own)
    assert sorted(told) == sorted(run["id"] for run in own)
    assert stored(server)["events"] - rows == 2 * len(own)
    assert "Traceback" not in server.log()


# A full disk


@contextmanager
def full_disk(server: ServerProcess) -> Iterator[None]:
    """No file of the server grows beyond what the log may need."""
    process = psutil.Process(server.pid)
    process.rlimit(psutil.RLIMIT_FSIZE, (server.log_path.stat().st_size + 50_000, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        if process.is_running():
            process.rlimit(psutil.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.fixture
def filling() -> Iterator[ServerProcess]:
    process = ServerProcess("start").start()
    yield process
    if process.process is not None and process.process.poll() is None:
        process.kill()


class Sent:
    """Events that were acknowledged and refused, by the numbers in them."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self.acknowledged: list[int] = []
        self.refused: list[int] = []
        self.n = 0

    def one(self) -> Reply:
        self.n += 1
        event = {"name": "load/plain", "data": {"n": self.n, "text": "x" * 5_000}}
        reply = self._server.call("POST", f"/e/{EVENT_KEY}", event)
        (self.acknowledged if reply.status == 200 else self.refused).append(self.n)
        return reply

    def until(self, status: int) -> Reply:
        for _ in range(200):
            reply = self.one()
            if reply.status == status:
                return reply
        raise AssertionError(f"no {status}, but {reply}")


def is_ready(server: ServerProcess) -> bool:
    return server.call("GET", "/readyz").status == 200


def check_all(server: ServerProcess, sent: Sent) -> None:
    """Every acknowledged event had its one run, and no refused one did."""
    settled(server, within=20)
    runs = [run for run in all_runs(server) if run["function_slug"] == "load-plain"]
    assert {run["status"] for run in runs} == {"completed"}
    assert sorted(run["output"] for run in runs) == sent.acknowledged
    assert stored(server)["events"] == 2 * len(sent.acknowledged)


def test_a_full_disk(filling: ServerProcess) -> None:
    server = filling
    sent = Sent(server)
    with LoadApp(server) as app:
        app.sync()
        sent.until(200)
        with full_disk(server):
            refusal = sent.until(503)
            assert is_clear_error(refusal, 503)
            assert refusal.json()["ids"] == []
            assert int(refusal.headers["retry-after"]) >= 1
            reply = server.call("GET", "/readyz")
            assert reply.status == 503
            told = reply.json()["reasons"]["store"]
            assert "main.db" in told
            assert "full" in told
            health = server.call("GET", "/health")
            assert (health.status, health.json()["status"]) == (503, "degraded")
            assert server.call("GET", "/livez").status == 200
            assert len(all_runs(server)) >= len(sent.acknowledged)
            for _ in range(20):
                assert sent.one().status == 503
        eventually(lambda: sent.one().status == 200, what="an accepted event")
        eventually(lambda: is_ready(server), what="readiness")
        check_all(server, sent)
    assert len(sent.acknowledged) > 2
    assert server.log().count("the store fails: ") == 1
    assert server.log().count("the store works again") == 1
    assert "Traceback" not in server.log()
    assert server.stop() == 0


def test_readiness_comes_back_by_itself(filling: ServerProcess) -> None:
    """Whoever is kept away by `/readyz` sends nothing that would show that there is room again."""
    sent = Sent(filling)
    with full_disk(filling):
        sent.until(503)
        assert not is_ready(filling)
    eventually(lambda: is_ready(filling), within=15, what="readiness")
    assert sent.one().status == 200


def test_an_answer_is_kept_while_the_disk_is_full(filling: ServerProcess) -> None:
    server = filling
    with StubApp(server.url, "stub", {"Authorization": f"Bearer {SIGNING_KEY}"}) as app:
        free = asyncio.Event()

        async def answer(received: Call) -> bytes:
            if received.json()["steps"]:
                return result("done")
            await free.wait()
            return ops(ran("a", "x" * 100_000))

        app.function("one", answer)
        app.sync()
        run_id = begin(server, app, "one")
        app.wait_for_calls("one", 1)
        with full_disk(server):
            Sent(server).until(503)
            app.on_loop(free.set)
            eventually(lambda: "the store cannot be written, trying again" in server.log(), what="a retry")
            assert server.run(run_id)["steps"] == []
        assert ended(server, run_id)["output"] == "done"
        assert len(app.calls_of("one")) == 2
    assert server.stop() == 0


@pytest.mark.parametrize("way", ["kill", "stop"])
def test_an_end_while_the_disk_is_full(filling: ServerProcess, way: str) -> None:
    server = filling
    server.arguments = ("--drain-timeout", "2")
    sent = Sent(server)
    with LoadApp(server) as app:
        app.sync()
        with full_disk(server):
            sent.until(503)
            getattr(server, way)()
        server.start()
        assert sent.one().status == 200
        check_all(server, sent)
    assert server.stop() == 0


def test_a_start_on_a_full_disk(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "inngest_fast", "start", "--port", str(free_port())]
    command += [
        "--signing-key",
        SIGNING_KEY,
        "--event-key",
        EVENT_KEY,
        "--sqlite-dir",
        str(tmp_path / "data"),
    ]

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    done: subprocess.CompletedProcess[Any] = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={k: v for k, v in os.environ.items() if not k.startswith("INNGEST_")},
        preexec_fn=no_room,
    )
    assert done.returncode == 1
    assert f'Error: cannot open the database "{tmp_path}/data/main.db": ' in done.stdout
    assert "disk" in done.stdout
    assert "Traceback" not in done.stderr
