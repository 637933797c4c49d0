"""A disk that is full while the server serves: it says so, loses nothing, and goes on once there is room."""

import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.test_faults import is_clear_error, stored
from tests.fixtures.http import Reply, free_port
from tests.fixtures.load import LoadApp, all_runs, settled
from tests.fixtures.server_process import EVENT_KEY, SIGNING_KEY, ServerProcess
from tests.fixtures.stub_app import Call, StubApp, begin, ended, ops, ran, result
from tests.fixtures.waiting import eventually

FAILS = "the store fails: "
ROOM = 300_000  # bytes: some events, whatever the server makes of the first meanwhile


@contextmanager
def full_disk(server: ServerProcess) -> Iterator[None]:
    """No file of the server grows much beyond what it has."""
    process = psutil.Process(server.pid)
    needed = max(path.stat().st_size for path in (server.log_path, server.directory / "data" / "main.db-wal"))
    process.rlimit(psutil.RLIMIT_FSIZE, (needed + ROOM, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        if process.is_running():
            process.rlimit(psutil.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.fixture
def filling() -> Iterator[ServerProcess]:
    process = ServerProcess("start", "--drain-timeout", "2").start()
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


def filled(server: ServerProcess, sent: Sent) -> Reply:
    """Sends until there is no room, nor any for what is smaller than an event. The last refusal."""
    sent.until(503)
    size = (server.directory / "data" / "main.db-wal").stat().st_size
    # Of what was written last, some is over this limit.
    psutil.Process(server.pid).rlimit(psutil.RLIMIT_FSIZE, (size - ROOM // 2, resource.RLIM_INFINITY))
    return sent.until(503)


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
            refusal = filled(server, sent)
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
            said = server.log().count(FAILS)
            for _ in range(20):
                assert sent.one().status == 503
            assert server.log().count(FAILS) == said  # not at each
        eventually(lambda: sent.one().status == 200, what="an accepted event")
        eventually(lambda: is_ready(server), what="readiness")
        check_all(server, sent)
    assert len(sent.acknowledged) > 2
    assert server.log().count(FAILS) == server.log().count("the store works again")
    assert "Traceback" not in server.log()
    assert server.stop() == 0


def test_readiness_comes_back_by_itself(filling: ServerProcess) -> None:
    """Whoever is kept away by `/readyz` sends nothing that would show that there is room again."""
    sent = Sent(filling)
    with full_disk(filling):
        filled(filling, sent)
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
            filled(server, Sent(server))
            app.on_loop(free.set)
            eventually(lambda: "the store cannot be written, trying again" in server.log(), what="a retry")
            assert server.run(run_id)["steps"] == []
        assert ended(server, run_id)["output"] == "done"
        assert len(app.calls_of("one")) == 2
    assert server.stop() == 0


@pytest.mark.parametrize("way", ["kill", "stop"])
def test_an_end_while_the_disk_is_full(filling: ServerProcess, way: str) -> None:
    server = filling
    sent = Sent(server)
    with LoadApp(server) as app:
        app.sync()
        with full_disk(server):
            filled(server, sent)
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
