"""Requests that break every rule, against the real server process."""

import json
import resource
import socket
import sqlite3
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Self

import psutil
import pytest

from tests.fixtures.http import Reply
from tests.fixtures.load import LoadApp, all_runs, settled
from tests.fixtures.server_process import EVENT_KEY, SIGNING_KEY, ServerProcess
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

    def __enter__(self) -> Self:
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


def told(server: ServerProcess, sent: bytes) -> bytes:
    """What the server says to these bytes, after which no more come."""
    with Wire(server) as wire:
        try:
            wire.send(sent)
            wire.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has closed already
        return wire.until_closed()


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage(server: ServerProcess, app: LoadApp, name: str) -> None:
    with nothing_stored(server):
        said = told(server, GARBAGE[name])
    assert b"HTTP/1.1 2" not in said, said[:200]


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_said_of_garbage(server: ServerProcess, app: LoadApp, name: str) -> None:
    said = told(server, GARBAGE[name])
    assert said == b"" or said.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505")), said[:200]


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
                assert b"HTTP/1.1 2" not in wire.until_closed()
        eventually(gone, what="the end of the connection")


@pytest.mark.parametrize("name", [name for name in INTERRUPTED if "head" not in name])
def test_what_is_said_of_an_upload_that_is_broken_off(server: ServerProcess, app: LoadApp, name: str) -> None:
    assert told(server, INTERRUPTED[name])[:10] in (b"", b"HTTP/1.1 4")


def connections(server: ServerProcess) -> int:
    """How many the server has open to those who call it."""
    found = psutil.Process(server.pid).net_connections("tcp")
    return sum(each.laddr.port == server.port and each.status != psutil.CONN_LISTEN for each in found)


def test_many_connections_keep_nobody_out(server: ServerProcess, app: LoadApp) -> None:
    """Half requests of all kinds, and connections that are only kept."""
    count = 2_500
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 500:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count + 500, hard))
    eventually(lambda: not connections(server), what="the end of earlier connections")
    halves = [b"", *(INTERRUPTED[name] for name in INTERRUPTED)]
    with nothing_stored(server), ExitStack() as opened:
        for place in range(count):
            opened.enter_context(Wire(server)).send(halves[place % len(halves)])
        eventually(lambda: connections(server) >= count, what="the connections")
        slowest = 0.0
        for _ in range(20):
            began = time.monotonic()
            assert server.call("GET", "/api/v1/runs?limit=1").status == 200
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 1
        opened.close()
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
