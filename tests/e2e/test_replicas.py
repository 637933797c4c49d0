"""Several servers on one PostgreSQL and one Redis: any of them takes anything, and none is missed."""

import asyncio
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psutil
import pytest

from tests.e2e import test_sdks as sdks
from tests.fixtures.apps import AppProcess, python_app
from tests.fixtures.balancer import Balancer
from tests.fixtures.http import Reply
from tests.fixtures.load import AUTHORIZED
from tests.fixtures.postgres_process import PostgresProcess
from tests.fixtures.redis_server import RedisProcess
from tests.fixtures.replicas import Replicas, is_up
from tests.fixtures.server_process import EVENT_KEY, ServerProcess
from tests.fixtures.stub_app import Call, StubApp, begin, ended, ops, ran, result
from tests.fixtures.tcp_proxy import TcpProxy
from tests.fixtures.waiting import eventually

pytestmark = [pytest.mark.timeout(120)]

AT_ONCE = ("--drain-delay", "0")  # where no one is told to go elsewhere
LEASE_S = 15.0
LONG_PROGRAM = 12
ASLEEP = 100  # and as many queued


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresProcess]:
    process = PostgresProcess().start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisProcess]:
    process = RedisProcess().start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def pair(postgres: PostgresProcess, redis: RedisProcess) -> Iterator[Replicas]:
    """Two replicas for those who break nothing."""
    replicas = Replicas(2, postgres.database(), redis.uri, *AT_ONCE)
    try:
        yield replicas.start()
        assert replicas.stop() == [0, 0]
        assert "Traceback" not in replicas.logs()
    finally:
        replicas.end()


@pytest.fixture(scope="module")
def ticking(pair: Replicas) -> Iterator["Counting"]:
    """An app with a cron of every minute, the smallest there is (flow-control §3); it ticks meanwhile."""
    with stub(pair[0]) as app:
        app.function("ticking", result("tick"), triggers=[{"cron": "* * * * *"}])
        assert app.sync().status == 200
        yield app


@pytest.fixture
def a(pair: Replicas, ticking: "Counting") -> ServerProcess:
    return pair[0]


@pytest.fixture
def b(pair: Replicas) -> ServerProcess:
    return pair[1]


@contextmanager
def replicas_of_own(count: int, postgres: PostgresProcess, *options: str) -> Iterator[Replicas]:
    """Replicas that may be broken, on a database and a Redis that nobody else has."""
    redis = RedisProcess().start()
    replicas = Replicas(count, postgres.database(), redis.uri, *options)
    try:
        yield replicas.start()
    finally:
        replicas.end()
        redis.stop()


@contextmanager
def stub(server: ServerProcess, name: str = "") -> Iterator["Counting"]:
    with Counting(server.url, name or f"stub-{uuid4().hex[:8]}", AUTHORIZED) as app:
        yield app


class Counting(StubApp):
    """Counts executions of steps, by run and step."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.unanswered: list[Call] = []
        self.executed: Counter[tuple[str, str]] = Counter()
        self.free = asyncio.Event()

    def run_step(self, received: Call, id: str, data: Any = None) -> bytes:
        self.executed[received.run_id, id] += 1
        return ops(ran(id, data))

    async def _answer(self, received: Call) -> Any:
        self.unanswered.append(received)
        try:
            return await super()._answer(received)
        finally:
            self.unanswered.remove(received)

    def release(self) -> None:
        """Ends every `held` answer."""
        self.on_loop(self.free.set)

    def held(self, said: bytes) -> Callable[[Call], Any]:
        """An answer that is kept back until `release`; only for the first call of each run."""
        seen: set[str] = set()

        async def answer(received: Call) -> bytes:
            if received.run_id not in seen:
                seen.add(received.run_id)
                await self.free.wait()
            return said

        return answer


def wait_op(event: str, **options: str) -> dict[str, Any]:
    options = {"timeout": "10m", **options}
    return {"op": "WaitForEvent", "id": "wait", "name": event, "displayName": "wait", "opts": options}


def one_op(op: dict[str, Any]) -> Callable[[Call], bytes]:
    """Reports `op`, then returns what it came to."""

    def answer(received: Call) -> bytes:
        steps = received.json()["steps"]
        return result(next(iter(steps.values()))) if steps else ops(op)

    return answer


def begin_many(servers: Sequence[ServerProcess], app: StubApp, id: str, count: int) -> list[str]:
    """As `begin`, so many times at once, by one request to each server."""
    each = count // len(servers)
    for server in servers:
        server.send(*({"name": app.event(id), "data": {}} for _ in range(each)))
    runs = [str(run["id"]) for run in servers[0].runs(function_id=f"{app.name}-{id}")]
    assert len(runs) == count
    return runs


def has_step(server: ServerProcess, run_id: str, status: str) -> None:
    eventually(
        lambda: any(step["status"] == status for step in server.run(run_id)["steps"]),
        what=f"a step of {run_id} that is {status}",
    )


# Any of them takes anything


def test_a_wait_at_one_and_its_event_at_the_other(a: ServerProcess, b: ServerProcess) -> None:
    with stub(a) as app:
        op = wait_op(f"{app.name}/go", **{"if": "event.data.n == async.data.n"})
        app.function("waiting", one_op(op))
        assert app.sync().status == 200
        for n in range(5):
            run_id = begin(a, app, "waiting", {"n": n})
            has_step(a, run_id, "waiting")
            b.send(
                {"name": f"{app.name}/go", "data": {"n": -1}}, {"name": f"{app.name}/go", "data": {"n": n}}
            )
            run = ended(a, run_id)
            assert (run["status"], run["output"]["data"]) == ("completed", {"n": n})


def test_a_sync_at_one_counts_at_the_other_at_once(a: ServerProcess, b: ServerProcess) -> None:
    with stub(a) as app:
        for n in range(10):
            app.function(f"f{n}", result(n))
            assert app.sync().status == 200
            assert ended(b, begin(b, app, f"f{n}"))["output"] == n


def test_a_changed_trigger_counts_at_the_other_at_once(a: ServerProcess, b: ServerProcess) -> None:
    with stub(a) as app:
        for n in range(10):
            name = f"{app.name}/trigger-{n}"
            app.function("one", result(n), triggers=[{"event": name}])
            assert app.sync().status == 200
            [of_new] = b.send({"name": name})
            [of_old] = b.send({"name": f"{app.name}/trigger-{n - 1}"})
            assert len(b.runs(event_id=of_new)) == 1
            assert b.runs(event_id=of_old) == []


def test_a_removed_app_is_gone_at_the_other_at_once(a: ServerProcess, b: ServerProcess) -> None:
    with stub(a) as app:
        app.function("one", result(1))
        assert app.sync().status == 200
        begin(b, app, "one")
        app.functions.clear()
        app.function("other", result(2))
        assert app.sync().status == 200
        [event_id] = b.send({"name": app.event("one")})
        assert b.runs(event_id=event_id) == []


def test_a_cancel_at_the_other_ends_a_call_in_flight(a: ServerProcess, b: ServerProcess) -> None:
    """Whichever of the two has the call: four runs are in flight, and all are cancelled at `b`."""
    with stub(a) as app:
        app.function("slow", app.held(ops(ran("late", 1))))
        assert app.sync().status == 200
        runs = [begin(a, app, "slow") for _ in range(4)]
        app.wait_for_calls("slow", 4)
        for run_id in runs:
            assert b.call("DELETE", f"/api/v1/runs/{run_id}").status == 202
        assert {ended(server, run_id)["status"] for run_id in runs for server in (a, b)} == {"cancelled"}
        app.release()
        eventually(lambda: not app.unanswered, what="every answer given")
        assert {a.run(run_id)["status"] for run_id in runs} == {"cancelled"}
        assert len(app.calls_of("slow")) == 4


def test_a_cancelling_event_at_the_other(a: ServerProcess, b: ServerProcess) -> None:
    with stub(a) as app:
        nap = {"op": "Sleep", "id": "nap", "name": "1h", "displayName": "nap"}
        cancel = [{"event": f"{app.name}/stop", "if": "event.data.n == async.data.n"}]
        app.function("long", one_op(nap), cancel=cancel)
        assert app.sync().status == 200
        run_id = begin(a, app, "long", {"n": 1})
        b.send({"name": f"{app.name}/stop", "data": {"n": 1}})
        assert ended(a, run_id)["status"] == "cancelled"


def test_a_signal_at_the_other(a: ServerProcess, b: ServerProcess) -> None:
    name = uuid4().hex
    options = {"signal": name, "timeout": "10m", "conflict": "fail"}
    op = {"op": "WaitForSignal", "id": "wait", "name": name, "displayName": "wait", "opts": options}
    with stub(a) as app:
        app.function("signalled", one_op(op))
        assert app.sync().status == 200
        run_id = begin(a, app, "signalled")
        has_step(b, run_id, "waiting")
        reply = b.call("POST", "/v1/signals", {"signal": name, "data": {"x": 1}})
        assert (reply.status, reply.json()["data"]["run_id"]) == (200, run_id)
        assert ended(a, run_id)["status"] == "completed"
        assert a.call("POST", "/v1/signals", {"signal": name, "data": {}}).status == 404


def test_a_signal_sent_to_both_at_once_is_taken_once(a: ServerProcess, b: ServerProcess) -> None:
    name = uuid4().hex
    options = {"signal": name, "timeout": "10m", "conflict": "fail"}
    op = {"op": "WaitForSignal", "id": "wait", "name": name, "displayName": "wait", "opts": options}
    with stub(a) as app:
        app.function("signalled", one_op(op))
        assert app.sync().status == 200
        run_id = begin(a, app, "signalled")
        has_step(b, run_id, "waiting")
        replies = at_once(
            *[
                lambda server=server, n=n: server.call("POST", "/v1/signals", {"signal": name, "data": n})
                for n, server in enumerate((a, b) * 4)
            ]
        )
        taken = [n for n, reply in enumerate(replies) if reply.status == 200]
        assert sorted({reply.status for reply in replies}) == [200, 404]
        assert ended(b, run_id)["output"]["data"]["data"] == taken[0]
        assert len(taken) == 1


def test_invoke(a: ServerProcess, b: ServerProcess) -> None:
    with stub(a) as app:
        options = {"function_id": f"{app.name}-child", "payload": {"data": {"n": 1}}, "timeout": "10m"}
        app.function(
            "parent",
            one_op({"op": "InvokeFunction", "id": "child", "displayName": "child", "opts": options}),
        )
        app.function("child", result({"n": 2}))
        assert app.sync().status == 200
        for server, other in ((a, b), (b, a)):
            run = ended(other, begin(server, app, "parent"))
            assert (run["status"], run["output"]) == ("completed", {"data": {"n": 2}})


def test_a_request_left_to_the_servers_and_a_deferred_run(a: ServerProcess, b: ServerProcess) -> None:
    with stub(a) as app:
        on = {"event": "inngest/deferred.schedule"}
        later = f"{app.name}-later"
        expression = f"event.data._inngest.fn_slug == '{later}'"
        app.function("later", result("later"), triggers=[{**on, "expression": expression}])
        request = {"op": "Gateway", "id": "g", "opts": {"url": "http://127.0.0.1:9/", "method": "GET"}}
        defer = {"op": "DeferAdd", "id": "d", "opts": {"fn_slug": later, "input": {"n": 1}}}

        def answer(received: Call) -> bytes:
            steps = received.json()["steps"]
            return result(steps) if steps else ops(request, defer)

        app.function("asking", answer)
        assert app.sync().status == 200
        run = ended(b, begin(b, app, "asking"))
        assert run["output"]["g"]["error"]["name"] == "GatewayError"
        assert app.calls_of("asking")[1].json()["defers"] == {"d": {"abortable": True}}
        [received] = app.wait_for_calls("later", 1)
        assert received.json()["event"]["data"]["n"] == 1


def test_the_same_invocation_at_both(a: ServerProcess, b: ServerProcess) -> None:
    """Both invokers get what the one run comes to, whoever comes first, and those who come later too."""
    with stub(a) as app:
        payload = {"data": {}, "id": f"{app.name}-once"}
        options = {"function_id": f"{app.name}-child", "payload": payload}
        op = {"op": "InvokeFunction", "id": "child", "displayName": "child", "opts": options}
        app.function("parent", one_op(op))
        app.function("child", app.held(result({"n": 2})))
        assert app.sync().status == 200
        runs = [begin(server, app, "parent") for server in (a, b, a)]
        app.wait_for_calls("child", 1)
        app.wait_for_calls("parent", 3)
        app.release()
        for run_id in (*runs, begin(b, app, "parent")):
            assert ended(a, run_id)["output"] == {"data": {"n": 2}}
        assert len(app.calls_of("child")) == 1


def test_a_run_of_one_is_run_again_by_the_other(a: ServerProcess, b: ServerProcess) -> None:
    with stub(a) as app:

        def answer(received: Call) -> bytes:
            steps = received.json()["steps"]
            done = [name for name in ("x", "y") if "data" in steps.get(name, {})]
            if len(done) < 2:
                name = "xy"[len(done)]
                return app.run_step(received, name, steps.get(name, {}).get("input", [name]))
            return result([steps["x"]["data"], steps["y"]["data"]])

        app.function("twice", answer)
        assert app.sync().status == 200
        run_id = begin(a, app, "twice")
        assert ended(a, run_id)["output"] == [["x"], ["y"]]
        for body, output in (
            ({}, [["x"], ["y"]]),
            ({"fromStep": {"stepId": "y", "input": [7]}}, [["x"], [7]]),
        ):
            reply = b.call("POST", f"/api/v2/runs/{run_id}/rerun", body)
            assert ended(a, reply.json()["data"]["runId"])["output"] == output


def test_both_work_on_the_steps_of_one_run(a: ServerProcess, b: ServerProcess) -> None:
    with stub(a) as app:
        callers: dict[int, int] = {}  # by the port of their connection

        def answer(received: Call) -> bytes:
            if received.client_port not in callers:
                callers[received.client_port] = caller(received, (a, b))
            done = len(received.json()["steps"])
            return app.run_step(received, f"s{done}", done) if done < LONG_PROGRAM else result(done)

        app.function("long", answer)
        assert app.sync().status == 200
        runs = [begin(a, app, "long") for _ in range(20)]
        for run_id in runs:
            assert ended(b, run_id)["output"] == LONG_PROGRAM
        assert set(callers.values()) == {a.pid, b.pid}
        assert len(app.executed) == len(runs) * LONG_PROGRAM
        assert set(app.executed.values()) == {1}


def test_an_event_id_that_is_sent_to_both_at_once(a: ServerProcess, b: ServerProcess) -> None:
    with stub(a) as app:
        app.function("one", result(1))
        assert app.sync().status == 200
        for n in range(10):
            event = {"name": app.event("one"), "id": f"{app.name}-{n}", "data": {}}
            sent = at_once(*[lambda server=server: server.send(event) for server in (a, b, a, b)])
            runs = {run["id"] for [event_id] in sent for run in a.runs(event_id=event_id)}
            assert len(runs) == 1


def test_each_names_the_backends(pair: Replicas) -> None:
    for server in pair:
        health = server.call("GET", "/health").json()
        assert (health["status"], health["store"], health["queue"]) == ("ok", "postgres", "redis")
        assert (health["postgres"], health["redis"]) == ("connected", "connected")


# An SDK, behind a load balancer


class Behind(ServerProcess):
    """Replicas as one server, by way of a balancer."""

    def __init__(self, balancer: Balancer) -> None:
        self.mode = "start"
        self.port = balancer.port


@pytest.fixture(scope="module")
def behind(pair: Replicas) -> Iterator[Behind]:
    with Balancer(pair.ports) as balancer:
        eventually(lambda: balancer.ready == 2, what="the probes of the balancer")
        yield Behind(balancer)
        assert balancer.failures == {}
        assert all(backend.served for backend in balancer.backends)


@pytest.fixture(scope="module")
def sdk_app(behind: Behind) -> Iterator[AppProcess]:
    process = python_app(behind.url, production=True)
    try:
        process.sync()
        yield process
    finally:
        process.stop()


# The Python SDK has neither signals nor races; one test below waits for a cron.
_NOT_HERE = ("test_signal", "test_race", "test_cron")
PROGRAMS = [
    name.removeprefix("test_") for name in vars(sdks) if name.startswith("test_") and name not in _NOT_HERE
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_python_sdk(behind: Behind, sdk_app: AppProcess, program: str) -> None:
    getattr(sdks, f"test_{program}")(behind, sdk_app)


def test_a_cron_fires_once(a: ServerProcess, b: ServerProcess, ticking: Counting) -> None:
    slug = f"{ticking.name}-ticking"
    runs = eventually(lambda: b.runs(function_id=slug), within=75, what="a tick")
    assert {ended(b, run["id"])["output"] for run in runs} == {"tick"}
    # The other one would tick at the same time: by the end of this run its tick would be to be seen.
    ticks = [call.json()["event"]["id"] for call in ticking.calls_of("ticking")]
    assert len(ticks) == len(set(ticks)) == len(a.runs(function_id=slug))


# One of them ends


@pytest.mark.slow(18)
def test_a_killed_one_is_replaced(postgres: PostgresProcess) -> None:
    """Every call that was in flight there is made again by the other, before the lease time is long over."""
    with replicas_of_own(2, postgres) as (a, b), stub(a) as app:
        app.function("slow", app.held(result("made again")))
        assert app.sync().status == 200
        runs = [begin(server, app, "slow") for server in (a, b) * 4]
        app.wait_for_calls("slow", len(runs))
        lost = unanswered_by(app, a)
        assert lost > 0
        a.kill()
        killed = time.monotonic()
        app.wait_for_calls("slow", len(runs) + lost, within=LEASE_S + 5)
        took = time.monotonic() - killed
        app.release()
        for run_id in runs:
            run = ended(b, run_id)
            assert (run["status"], run["output"]) == ("completed", "made again")
        assert len(app.calls_of("slow")) == len(runs) + lost
        assert {call.attempt for call in app.calls_of("slow")} == {0}
        print(f"{lost} calls lost, made again after {took:.1f} s")
        assert b.stop() == 0


def test_a_drain_hands_back_what_it_cannot_finish(postgres: PostgresProcess) -> None:
    options = ("--drain-delay", "0", "--drain-timeout", "1")
    with replicas_of_own(2, postgres, *options) as (a, b), stub(a) as app:
        app.function("slow", app.held(result("made again")))
        assert app.sync().status == 200
        runs = [begin(server, app, "slow") for server in (a, b) * 4]
        app.wait_for_calls("slow", len(runs))
        lost = unanswered_by(app, a)
        assert lost > 0
        os.kill(a.pid, signal.SIGTERM)
        assert a.process is not None
        assert a.process.wait(10) == 0
        gone = time.monotonic()
        app.wait_for_calls("slow", len(runs) + lost, within=2)
        took = time.monotonic() - gone
        app.release()
        for run_id in runs:
            run = ended(b, run_id)
            assert (run["status"], run["output"]) == ("completed", "made again")
        assert len(app.calls_of("slow")) == len(runs) + lost
        print(f"{lost} calls handed back, made again {took:.2f} s after the end of the process")
        assert b.stop() == 0


def test_a_drain_goes_on_serving_for_its_delay(postgres: PostgresProcess) -> None:
    options = ("--drain-delay", "2", "--drain-timeout", "20")
    with replicas_of_own(2, postgres, *options) as (a, b), stub(a) as app:
        app.function("slow", app.held(result("kept")))
        app.function("quick", result("done"))
        assert app.sync().status == 200
        slow = [begin(a, app, "slow") for _ in range(6)]
        app.wait_for_calls("slow", len(slow))
        began = time.monotonic()
        os.kill(a.pid, signal.SIGTERM)
        told = eventually(lambda: unready(a), within=1, what="the end of readiness")
        assert list(told) == ["server"]
        taken = 0
        while time.monotonic() - began < 1.8:  # requests at any moment of the delay are the point
            run_id = begin(a, app, "quick")
            assert ended(a, run_id, within=2)["output"] == "done"  # by the other: this one takes no more jobs
            taken += 1
        assert taken > 3
        assert is_up(a)
        app.release()
        assert a.process is not None
        assert a.process.wait(10) == 0
        for run_id in slow:
            assert ended(b, run_id)["output"] == "kept"
        assert len(app.calls_of("slow")) == len(
            slow
        )  # those in flight at the drained one were finished there
        assert b.stop() == 0


# A backend is in trouble


@contextmanager
def proxied(postgres: PostgresProcess) -> Iterator["Proxied"]:
    redis = RedisProcess().start()
    try:
        with TcpProxy(postgres.database()) as to_postgres, TcpProxy(redis.uri) as to_redis:
            replicas = Replicas(2, to_postgres.uri, to_redis.uri, *AT_ONCE)
            try:
                yield Proxied(replicas.start(), to_postgres, to_redis, redis)
            finally:
                replicas.end()
    finally:
        redis.stop()


class Proxied:
    def __init__(
        self, replicas: Replicas, to_postgres: TcpProxy, to_redis: TcpProxy, redis: RedisProcess
    ) -> None:
        self.replicas = replicas
        self.to_postgres = to_postgres
        self.to_redis = to_redis
        self.redis = redis

    def stop(self) -> None:
        assert self.replicas.stop() == [0, 0]
        assert "Traceback" not in self.replicas.logs()


def unready(server: ServerProcess) -> dict[str, str] | None:
    """The reasons, when it is not ready."""
    reply = server.call("GET", "/readyz")
    found: dict[str, str] | None = reply.json()["reasons"] if reply.status == 503 else None
    return found


def all_ready(replicas: Replicas, within: float = 15) -> None:
    eventually(lambda: all(unready(server) is None for server in replicas), within=within, what="readiness")


@pytest.mark.slow(8)
def test_redis_is_gone_for_a_while(postgres: PostgresProcess) -> None:
    with proxied(postgres) as place, stub(place.replicas[0]) as app:
        a, b = place.replicas
        app.function("one", lambda received: result(received.json()["event"]["data"]["n"]))
        app.function("slow", app.held(result("kept")))
        assert app.sync().status == 200
        slow = [begin(a, app, "slow") for _ in range(4)]
        app.wait_for_calls("slow", len(slow))
        place.to_redis.refuse()
        for server in (a, b):
            told = eventually(lambda server=server: unready(server), within=5, what="the end of readiness")
            assert list(told) == ["queue"]
            health = server.call("GET", "/health")
            assert (health.status, health.json()["redis"]) == (503, "disconnected")
        runs = {begin(server, app, "one", {"n": n}): n for n in range(50) for server in (a, b)}
        app.release()
        place.to_redis.accept()
        all_ready(place.replicas)
        for run_id, n in runs.items():
            assert ended(b, run_id)["output"] == n
        for run_id in slow:
            assert ended(b, run_id)["output"] == "kept"
        calls = Counter(call.run_id for call in app.calls_of("one"))
        assert set(calls) == set(runs)
        assert set(calls.values()) == {1}
        assert len(app.calls_of("slow")) == len(slow)
        place.stop()


@pytest.mark.slow(16)
def test_postgres_is_gone_for_a_while(postgres: PostgresProcess) -> None:
    with proxied(postgres) as place, stub(place.replicas[0]) as app:
        a, b = place.replicas

        def then_end(received: Call) -> Any:
            return result("kept") if received.json()["steps"] else first(received)

        first = app.held(ops(ran("a", 1)))
        app.function("slow", then_end)
        app.function("one", result("done"))
        assert app.sync().status == 200
        slow = [begin(a, app, "slow") for _ in range(4)]
        app.wait_for_calls("slow", len(slow))
        place.to_postgres.refuse()
        for server in (a, b):
            reply, took = refused(server, app)
            assert took < 10
            assert int(reply.headers["retry-after"]) >= 1
            assert reply.json()["ids"] == []
            told = eventually(lambda server=server: unready(server), within=5, what="the end of readiness")
            assert list(told) == ["store"]
        app.release()  # answers come while nobody can keep them
        held = [server.pid for server in (a, b)]
        eventually(lambda: not app.unanswered, what="every answer taken")
        place.to_postgres.accept()
        all_ready(place.replicas)
        for run_id in slow:
            run = ended(b, run_id)
            assert (run["status"], run["output"]) == ("completed", "kept")
        assert len(app.calls_of("slow")) == 2 * len(slow)  # none made again
        assert ended(b, begin(a, app, "one"))["output"] == "done"
        assert [server.pid for server in (a, b)] == held
        assert all(map(is_up, place.replicas))
        place.stop()


@pytest.mark.slow(18)
def test_postgres_stands_still_for_a_while(postgres: PostgresProcess) -> None:
    """Its connections stay, and nothing comes: no request waits for ever."""
    with proxied(postgres) as place, stub(place.replicas[0]) as app:
        a, b = place.replicas
        app.function("one", result("done"))
        assert app.sync().status == 200
        begin(a, app, "one")
        place.to_postgres.stall()
        for server in (a, b):
            reply, took = refused(server, app)
            assert took < 15
            assert int(reply.headers["retry-after"]) >= 1
            assert server.call("GET", "/livez").status == 200
        place.to_postgres.resume()
        all_ready(place.replicas)
        assert ended(b, begin(a, app, "one"))["output"] == "done"
        assert place.replicas.stop() == [0, 0]


@pytest.mark.slow(28)
def test_postgres_moves_to_another_machine(postgres: PostgresProcess) -> None:
    """Nobody closes the old connections; whoever waits on one has to find out, and new ones work at once."""
    with proxied(postgres) as place, stub(place.replicas[0]) as app:
        a, b = place.replicas
        app.function("one", result("done"))
        assert app.sync().status == 200
        ended(b, begin(a, app, "one"))
        place.to_postgres.silence()
        began = time.monotonic()
        for server in (a, b):
            eventually(lambda server=server: accepts(server, app), within=40, what="an accepted event")
        print(f"accepted again after {time.monotonic() - began:.1f} s")
        all_ready(place.replicas, within=40)
        assert ended(b, begin(a, app, "one"), within=40)["output"] == "done"
        place.stop()


@pytest.mark.slow(8)
def test_postgres_restarts(postgres: PostgresProcess) -> None:
    with proxied(postgres) as place, stub(place.replicas[0]) as app:
        a, b = place.replicas
        app.function("one", result("done"))
        assert app.sync().status == 200
        runs = [begin(a, app, "one") for _ in range(20)]
        postgres.restart()
        for server in (a, b):  # which learn of it only when they use a connection
            eventually(lambda server=server: accepts(server, app), what="an accepted event")
        all_ready(place.replicas)
        runs += [begin(b, app, "one") for _ in range(20)]
        for run_id in runs:
            assert ended(b, run_id)["output"] == "done"
        place.stop()


@pytest.mark.slow(8)
def test_answers_that_break_off(postgres: PostgresProcess) -> None:
    """A message of a backend ends in the middle, wherever that is."""
    with proxied(postgres) as place, stub(place.replicas[0]) as app:
        a, b = place.replicas

        def three(received: Call) -> bytes:
            done = len(received.json()["steps"])
            return app.run_step(received, f"s{done}") if done < 3 else result("done")

        app.function("three", three)
        assert app.sync().status == 200
        accepted = []
        for size in (0, 1, 3, 7, 20, 60, 150):
            for proxy in (place.to_postgres, place.to_redis):
                proxy.break_after(size)
            for n in range(10):
                reply = (a, b)[n % 2].call(
                    "POST", f"/e/{EVENT_KEY}", {"name": app.event("three"), "data": {}, "id": f"{size}-{n}"}
                )
                assert reply.status in (200, 503), reply.body
                if reply.status == 200:
                    accepted += reply.json()["ids"]
        eventually(lambda: not place.to_postgres.breaks_left and not place.to_redis.breaks_left)
        all_ready(place.replicas)
        for event_id in accepted:
            [run] = b.runs(event_id=event_id)
            assert ended(b, run["id"], within=30)["output"] == "done"
        assert len(accepted) > 30
        place.stop()


@pytest.mark.slow(11)
def test_redis_is_flushed(postgres: PostgresProcess) -> None:
    with proxied(postgres) as place, stub(place.replicas[0]) as app:
        a, b = place.replicas
        nap = {"op": "Sleep", "id": "nap", "name": "5s", "displayName": "nap"}
        app.function("asleep", one_op(nap))
        # No more than two of these at once: the others are in the queue, ready, when it is lost.
        app.function("queued", app.held(result("done")), concurrency=[{"limit": 2}])
        assert app.sync().status == 200
        asleep = begin_many((a, b), app, "asleep", ASLEEP)
        runs = asleep + begin_many((a, b), app, "queued", ASLEEP)
        for run_id in asleep[::10]:
            has_step(a, run_id, "sleeping")
        app.wait_for_calls("queued", 2)
        with place.redis.client() as client:
            client.flushall()
        app.release()
        for run_id in runs:
            assert ended(b, run_id, within=40)["status"] == "completed"
        finished = Counter(call.run_id for call in app.calls_of("queued"))
        assert len(finished) == ASLEEP
        finished = Counter(call.run_id for call in app.calls_of("asleep") if call.json()["steps"])
        assert len(finished) == ASLEEP
        health = a.call("GET", "/health").json()
        assert not health["counters"].get("runs_failed")
        again = len(app.calls) - len(runs) - ASLEEP
        print(f"calls made again: {again}")
        assert again <= 2  # of those in flight
        place.stop()


@pytest.mark.slow(9)
def test_redis_restarts_empty(postgres: PostgresProcess) -> None:
    with proxied(postgres) as place, stub(place.replicas[0]) as app:
        a, b = place.replicas
        nap = {"op": "Sleep", "id": "nap", "name": "4s", "displayName": "nap"}
        app.function("asleep", one_op(nap))
        assert app.sync().status == 200
        runs = begin_many((a, b), app, "asleep", 50)
        for run_id in runs:
            has_step(a, run_id, "sleeping")
        place.redis.kill()
        place.redis.start()
        all_ready(place.replicas)
        for run_id in runs:
            assert ended(b, run_id, within=30)["status"] == "completed"
        assert len(app.calls) == 2 * len(runs)
        place.stop()


@pytest.mark.slow(15)
def test_a_slow_postgres_holds_senders_back(postgres: PostgresProcess) -> None:
    """Each round trip takes 200 ms more, and senders want more than that allows: none is lost by it, none
    waits for ever, and what waits is bounded.
    """
    senders, batch, seconds = 48, 10, 6.0
    with proxied(postgres) as place, stub(place.replicas[0]) as app:
        a = place.replicas[0]
        app.function("one", result("done"))
        assert app.sync().status == 200
        ended(a, begin(a, app, "one"))
        before = psutil.Process(a.pid).memory_info().rss
        place.to_postgres.delay(200)
        outcome: Counter[int] = Counter()
        slowest = [0.0] * senders
        until = time.monotonic() + seconds

        def send(number: int) -> None:
            events = [{"name": app.event("one"), "data": {"text": "x" * 10_000}} for _ in range(batch)]
            while (began := time.monotonic()) < until:
                reply = a.call("POST", f"/e/{EVENT_KEY}", events)
                slowest[number] = max(slowest[number], time.monotonic() - began)
                outcome[reply.status] += 1
                if reply.status != 200:
                    assert int(reply.headers["retry-after"]) >= 1
                    time.sleep(0.05)  # a sender that heeds it a little

        at_once(*[lambda number=number: send(number) for number in range(senders)])
        peak = psutil.Process(a.pid).memory_info().rss
        place.to_postgres.delay(0)
        grown = (peak - before) / 1e6
        print(
            json.dumps({"answers": outcome, "slowest": round(max(slowest), 2), "grown MB": round(grown, 1)})
        )
        assert set(outcome) <= {200, 429, 503}
        assert outcome[200] > senders
        assert max(slowest) < 10
        assert grown < 150
        all_ready(place.replicas)
        sent = outcome[200] * batch + 1
        done = lambda: sum(  # noqa: E731 asked again and again
            server.call("GET", "/health").json()["counters"]["runs_completed"] for server in place.replicas
        )
        eventually(lambda: done() == sent, within=60, what=f"the end of {sent} runs")
        place.stop()


# How it is found out


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Does all of it at the same time; what each returned."""
    found: list[Any] = [None] * len(acts)
    errors: list[BaseException] = []

    def do(number: int, act: Callable[[], Any]) -> None:
        try:
            found[number] = act()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=do, args=one) for one in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return found


def accepts(server: ServerProcess, app: StubApp) -> bool:
    return server.call("POST", f"/e/{EVENT_KEY}", {"name": app.event("one"), "data": {}}).status == 200


def refused(server: ServerProcess, app: StubApp) -> tuple[Reply, float]:
    """A request that is refused with 503, and how long that took."""
    began = time.monotonic()
    reply = server.call("POST", f"/e/{EVENT_KEY}", {"name": app.event("one"), "data": {}})
    assert reply.status == 503, reply.body
    return reply, time.monotonic() - began


def caller(received: Call, servers: Iterable[ServerProcess]) -> int:
    """The process that made a call whose connection is still open; 0 when it is not one of these."""
    for server in servers:
        open_there = psutil.Process(server.pid).net_connections("tcp")
        if any(connection.laddr.port == received.client_port for connection in open_there):
            return server.pid
    return 0


def unanswered_by(app: Counting, server: ServerProcess) -> int:
    """How many calls of that server the app has still to answer."""
    return sum(caller(received, (server,)) == server.pid for received in list(app.unanswered))
