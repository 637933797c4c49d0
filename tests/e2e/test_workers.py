"""`--workers`: several processes under one port, on PostgreSQL and Redis."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import psutil
import pytest

from tests.fixtures import postgres_server
from tests.fixtures.http import call, free_port
from tests.fixtures.load import AUTHORIZED
from tests.fixtures.redis_server import redis_uri
from tests.fixtures.server_process import EVENT_KEY, ServerProcess
from tests.fixtures.stub_app import StubApp, begin, ended, result
from tests.fixtures.waiting import eventually

pytestmark = [pytest.mark.timeout(120)]

EVENT = b'{"name": "workers/sent", "data": {}}'
BUSY = 40


@contextmanager
def started(*arguments: str, count: int = 2) -> Iterator["Workers"]:
    with postgres_server.schema() as schema, redis_uri() as redis:
        server = Workers(
            "start",
            *("--workers", str(count), "--drain-delay", "0.1"),
            *("--postgres-uri", postgres_server.uri(), "--postgres-schema", schema, "--redis-uri", redis),
            *arguments,
        )
        try:
            server.start()
            eventually(lambda: len(server.serving()) == count, what="all workers")
            yield server
        finally:
            if server.process is not None and server.process.poll() is None:
                server.kill()
            eventually(lambda: not server.workers(), what="the end of the workers")


class Workers(ServerProcess):
    def workers(self) -> dict[int, int]:
        """Pids of those that live, by number."""
        found = {}
        for line in self.lines("started a worker"):
            try:
                if psutil.Process(line["pid"]).status() != "zombie":
                    found[line["worker"]] = line["pid"]
            except psutil.NoSuchProcess:  # it may end while it is asked
                pass
        return found

    def serving(self) -> list[int]:
        """Numbers of those that said so, in order."""
        return [line["worker"] for line in self.lines("serving")]

    def lines(self, message: str) -> list[dict[str, Any]]:
        lines = (json_of(line) for line in self.log().splitlines())
        return [line for line in lines if line.get("msg") == message]

    def connection(self) -> "Connection":
        return Connection(self)

    def connection_of(self, pid: int) -> "Connection":
        """One that this worker has; none is left of those it took to get it."""
        others = []
        try:
            while True:
                one = self.connection()
                if one.holder() == pid:
                    return one
                others.append(one)
                assert len(others) < 500, f"all connections go to others than {pid}"
        finally:
            for other in others:
                other.close()


def json_of(line: str) -> dict[str, Any]:
    try:
        return json.loads(line)
    except ValueError:
        return {}


class Connection:
    """Kept alive; sends events."""

    def __init__(self, server: Workers) -> None:
        self._server = server
        self._http = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        self._http.connect()
        self._port = self._http.sock.getsockname()[1]
        assert self.send() == 200

    def send(self) -> int:
        self._http.request("POST", f"/e/{EVENT_KEY}", EVENT, {"Content-Type": "application/json"})
        reply = self._http.getresponse()
        reply.read()
        return reply.status

    def holder(self) -> int:
        """Pid of the worker that has the other end."""
        for pid in self._server.workers().values():
            for found in psutil.Process(pid).net_connections("tcp4"):
                if found.raddr and found.raddr.port == self._port:
                    return pid
        raise AssertionError("no worker has this connection")

    def close(self) -> None:
        self._http.close()


class Load:
    """Sends events without end on threads of its own, until the block ends."""

    def __init__(self, *senders: Callable[[], int]) -> None:
        self.answers: Counter[object] = Counter()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(sender,)) for sender in senders]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def goes_on(self) -> None:
        """Waits for more answers."""
        before = self.answers.total()
        eventually(lambda: self.answers.total() >= before + BUSY, what="more answers")

    def _run(self, sender: Callable[[], int]) -> None:
        while not self._over.is_set():
            try:
                self.answers[sender()] += 1
            except (OSError, http.client.HTTPException) as error:
                self.answers[repr(error)] += 1


@pytest.fixture(scope="module")
def server() -> Iterator[Workers]:
    with started() as server:
        yield server
        assert server.stop() == 0
        assert "Traceback" not in server.log()


def sends_anew(server: Workers) -> Callable[[], int]:
    def send() -> int:
        return server.call("POST", f"/e/{EVENT_KEY}", body=EVENT).status

    return send


def test_all_of_them_take_requests(server: Workers) -> None:
    pids = server.workers()
    assert len(pids) == 2
    for pid in pids.values():
        connection = server.connection_of(pid)
        assert connection.send() == 200
        connection.close()


def test_runs_end(server: Workers) -> None:
    with StubApp(server.url, "on-workers", AUTHORIZED) as app:
        app.function("one", result(1))
        assert app.sync().status == 200
        runs = [begin(server, app, "one") for _ in range(20)]
        assert [ended(server, run)["output"] for run in runs] == [1] * len(runs)


def test_each_line_of_the_log_says_which(server: Workers) -> None:
    assert sorted(server.serving()[:2]) == [1, 2]
    supervising = server.lines("supervising")
    assert [(line["workers"], line["address"]) for line in supervising] == [(2, f"127.0.0.1:{server.port}")]


def test_the_supervisor_is_small(server: Workers) -> None:
    assert psutil.Process(server.pid).memory_info().rss < 14e6


def test_a_killed_worker_comes_back_and_no_other_connection_fails(server: Workers) -> None:
    before = server.workers()
    kept = server.connection_of(before[2])
    lost = server.connection_of(before[1])
    with Load(kept.send) as load:
        load.goes_on()
        os.kill(before[1], signal.SIGKILL)
        eventually(lambda: server.workers().get(1) != before[1], what="the end of the worker")
        with Load(sends_anew(server)) as anew:  # from here on, nothing was accepted by the dead one
            eventually(lambda: server.workers().get(1), what="its successor")
            eventually(lambda: server.serving()[-1] == 1, what="its readiness")
            anew.goes_on()
            load.goes_on()
    assert anew.answers.keys() == load.answers.keys() == {200}
    assert kept.holder() == before[2]
    server.connection_of(server.workers()[1]).close()
    kept.close()
    with pytest.raises((OSError, http.client.HTTPException)):
        lost.send()
    [line] = server.lines("a worker ended; it is started again")
    assert (line["worker"], line["pid"], line["exit_code"]) == (1, before[1], -9)


def test_with_all_workers_dead_connections_wait(server: Workers) -> None:
    before, said = server.workers(), len(server.serving())
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not set(server.workers().values()) & set(before.values()))
    assert sends_anew(server)() == 200
    eventually(lambda: len(server.serving()) == said + 2, what="both successors")


def test_a_rolling_restart_under_load(server: Workers) -> None:
    before, said = server.workers(), len(server.serving())
    with Load(*[sends_anew(server)] * 4) as load:
        load.goes_on()
        os.kill(server.pid, signal.SIGHUP)
        eventually(lambda: len(server.serving()) == said + 2, within=30, what="both successors")
        load.goes_on()
    assert load.answers.keys() == {200}
    assert server.serving()[said:] == [1, 2]
    assert not set(server.workers().values()) & set(before.values())


def test_a_stop_drains_and_closes_the_port() -> None:
    with started() as server:
        with StubApp(server.url, "draining", AUTHORIZED) as app:
            app.function("one", result(1))
            assert app.sync().status == 200
            runs = [begin(server, app, "one") for _ in range(5)]
            for run in runs:
                ended(server, run)
        assert server.stop() == 0
        assert server.workers() == {}
        assert len(server.lines("stopped")) == 2
        with pytest.raises(ConnectionRefusedError):
            server.call("GET", "/livez")


def test_the_address_of_metrics_is_shared_and_outlasts_replaced_workers() -> None:
    address = f"127.0.0.1:{free_port()}"
    with started("--metrics-addr", address) as server:

        def look(path: str) -> int:
            return call("GET", f"http://{address}{path}").status

        assert {look("/livez") for _ in range(20)} == {200}
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: len(server.serving()) == 4, within=30, what="both successors")
        eventually(lambda: len(server.workers()) == 2, what="the end of those before")
        assert {look("/livez") for _ in range(20)} == {200}
        assert look("/v1/events") == 404
        assert server.stop() == 0
        with pytest.raises(ConnectionRefusedError):
            look("/livez")


def test_without_its_supervisor_a_worker_ends() -> None:
    with started() as server:
        server.kill()
        eventually(lambda: not server.workers(), what="the end of the workers")
        with pytest.raises(ConnectionRefusedError):
            server.call("GET", "/livez")


def test_a_database_that_is_not_there_is_told_once() -> None:
    with redis_uri() as redis:
        server = Workers(
            "start",
            *("--workers", "3", "--postgres-uri", "postgres://127.0.0.1:1/none", "--redis-uri", redis),
        )
        server.start(wait=False)
        assert server.process is not None
        assert server.process.wait(30) == 1
        assert server.log().count("Error: ") == 1
        assert len(server.lines("started a worker")) == 1


def test_migrate_before_the_first_start() -> None:
    with postgres_server.schema() as schema:
        place = ["--postgres-uri", postgres_server.uri(), "--postgres-schema", schema]

        def migrate(*more: str) -> list[str]:
            command = [sys.executable, "-m", "inngest_fast", "migrate", *place, *more]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            assert (done.returncode, done.stderr) == (0, "")
            return done.stdout.splitlines()

        planned = migrate("--plan")
        assert planned[0] == "would apply 0001_initial"
        assert migrate("--plan") == planned
        assert migrate() == [line.replace("would apply", "applied") for line in planned]
        assert migrate() == migrate("--plan") == ["nothing to do"]
