"""Checkpoints, with the TypeScript SDK as it is by default: steps while a call goes on, durable endpoints."""

import base64
import hashlib
import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.e2e.flow.backends import PRODUCTION, SQLITE, place
from tests.e2e.test_sdks import begin, ended
from tests.fixtures.apps import AppProcess, installed
from tests.fixtures.http import call, free_port
from tests.fixtures.redis_server import RedisProcess
from tests.fixtures.server_process import ServerProcess
from tests.fixtures.waiting import eventually

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="needs node and npm"),
]


def durable_app(server: ServerProcess, *, production: bool = False) -> AppProcess:
    port = free_port()
    command = ["node", "serve_durable.mjs", str(port)]
    app = AppProcess("durable", command, installed(4), port, server.url, production=production)
    app.sync()
    return app


@pytest.fixture(scope="module")
def app(server: ServerProcess) -> Iterator[AppProcess]:
    process = durable_app(server)
    yield process
    process.stop()


def counted(server: ServerProcess) -> dict[str, int]:
    found: dict[str, int] = server.call("GET", "/health").json()["counters"]
    return found


def parts(app: AppProcess, what: str) -> list[Any]:
    return [mark["part"] for mark in app.marks(what)]


def asked(app: AppProcess, path: str, data: Any = None) -> tuple[int, str, bytes]:
    """What a caller of an endpoint gets, wherever it is sent to: status, URL, body."""
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{app.port}{path}", body)
    if data is not None:
        request.add_header("content-type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, reply.geturl(), reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.geturl(), error.read()


def test_ten_steps_take_one_call(server: ServerProcess, app: AppProcess) -> None:
    figures: dict[str, list[int]] = {}
    for name in ("ten", "plain-ten") * 5:
        before = counted(server)
        run = ended(server, begin(server, app, name))
        after = counted(server)
        assert (run["status"], run["output"]) == ("completed", list(range(10)))
        assert parts(app, run["id"]) == list(range(10))
        assert [step["status"] for step in run["steps"]] == ["completed"] * 10
        calls, checkpoints = (after.get(k, 0) - before.get(k, 0) for k in ("calls", "checkpoints"))
        assert (calls, checkpoints) == ((1, 10) if name == "ten" else (11, 0))
        figures.setdefault(name, []).append(_took_ms(run))
    with_, without = (sorted(figures[name])[2] for name in ("ten", "plain-ten"))
    print(
        f"\n10 steps, medians of 5: {with_} ms in 1 call with checkpoints, {without} ms in 11 calls without"
    )


def test_a_call_gives_way_to_another_of_the_same_name(server: ServerProcess, app: AppProcess) -> None:
    """As when a server died: what the other call has done first counts, and the SDK takes the 409 for that."""
    [event_id] = server.send({"name": "durable/ten", "data": {"hold": 5}})
    [run] = server.runs(event_id=event_id)
    eventually(lambda: parts(app, run["id"]) == list(range(6)), what="the sixth step")
    other = {
        "qi_id": base64.b64encode(f"{run['id']}:start::1".encode()).decode(),
        "generation_id": 1,
        "steps": [{"op": "StepRun", "id": hashlib.sha1(b"s5").hexdigest(), "name": "s5", "data": 99}],
    }
    assert server.call("POST", f"/v1/checkpoint/{run['id']}/async", other).status == 200
    call("POST", f"http://127.0.0.1:{app.port}/release")
    found = ended(server, run["id"])
    assert (found["status"], found["output"]) == ("completed", [0, 1, 2, 3, 4, 99, 6, 7, 8, 9])
    assert parts(app, run["id"]) == list(range(10))
    assert server.call("POST", f"/v1/checkpoint/{run['id']}/async", other).status == 409


def test_an_endpoint_answers_by_itself(server: ServerProcess, app: AppProcess) -> None:
    status, url, body = asked(app, "/plain")
    assert (status, json.loads(body)) == (200, {"found": "ab"})
    assert url.endswith("/plain")
    assert parts(app, "/plain") == ["a", "b"]
    [run] = [run for run in server.runs() if run["function_slug"] == "GET /plain"]
    assert [step["output"] for step in sorted(ended(server, run["id"])["steps"], key=_name)] == ["a", "ab"]


def test_an_endpoint_that_sleeps_goes_on_by_calls(server: ServerProcess, app: AppProcess) -> None:
    status, url, body = asked(app, "/slow?x=7")
    assert status == 200
    assert url.startswith(f"{server.url}/v1/http/runs/")
    assert json.loads(json.loads(body)) == {"found": "ab", "x": "7"}
    assert parts(app, "/slow") == ["a", "b"]
    [run] = [run for run in server.runs() if run["function_slug"] == "GET /slow"]
    assert run["status"] == "completed"


def test_an_endpoint_of_parallel_steps(server: ServerProcess, app: AppProcess) -> None:
    status, _, body = asked(app, "/posted?n=5", {"some": "body"})
    assert (status, json.loads(json.loads(body))) == (200, {"found": ["a5", "b5"]})
    assert sorted(parts(app, "/posted")) == ["a", "b"]


def test_an_endpoint_that_fails_later(server: ServerProcess, app: AppProcess) -> None:
    status, _, body = asked(app, "/broken")
    assert (status, json.loads(body)["message"]) == (500, "it is broken")


def test_an_output_is_for_who_has_its_token(server: ServerProcess, app: AppProcess) -> None:
    _, url, _ = asked(app, "/slow?x=8")
    path = url.removeprefix(server.url).partition("?")[0]
    assert server.call("GET", path).status == 401
    assert server.call("GET", path + "?token=" + url.partition("token=")[2][:-2] + "AA").status == 401
    assert call("GET", url).status == 200


@pytest.mark.parametrize("backend", [SQLITE, PRODUCTION])
def test_a_checkpointed_run_outlives_its_server(backend: str) -> None:
    """Killed with a step under way: what was checkpointed is not done again, the rest is done."""
    with place(backend) as (servers, redis):
        app = durable_app(servers[0], production=True)
        try:
            _outlives(servers, app, redis)
        finally:
            app.stop()


def _outlives(servers: list[ServerProcess], app: AppProcess, redis: RedisProcess | None) -> None:
    server = servers[0]
    [event_id] = server.send({"name": "durable/ten", "data": {"hold": 5}})
    [run] = server.runs(event_id=event_id)
    eventually(lambda: parts(app, run["id"]) == list(range(6)), what="the sixth step")
    eventually(lambda: len(server.run(run["id"])["steps"]) == 5, what="five steps that are stored")
    for each in servers:
        each.kill()
    if redis is not None:  # with it go the leases of the dead, which would last a while
        redis.kill()
        redis.start()
    for each in servers:
        each.start()
    # It is called again: both calls are at the sixth step now, and are let go.
    eventually(lambda: parts(app, run["id"]).count(5) == 2, within=60, what="the sixth step again")
    call("POST", f"http://127.0.0.1:{app.port}/release")
    found = ended(server, run["id"], within=30)
    assert (found["status"], found["output"]) == ("completed", list(range(10)))
    # The first call was refused when it came with the sixth step: it does no further ones.
    assert sorted(parts(app, run["id"])) == sorted([*range(10), 5])


def test_an_endpoint_in_production() -> None:
    """Its calls are signed, and the SDK checks it."""
    server = ServerProcess("start").start()
    app = durable_app(server, production=True)
    try:
        status, _, body = asked(app, "/slow?x=9")
        assert (status, json.loads(json.loads(body))) == (200, {"found": "ab", "x": "9"})
        status, _, body = asked(app, "/posted?n=6", {"z": 1, "a": [1.0, "é"]})
        assert (status, json.loads(json.loads(body))) == (200, {"found": ["a6", "b6"]})
        assert server.call("POST", "/v1/checkpoint", {}, headers={"Authorization": "Bearer no"}).status == 401
    finally:
        app.stop()
        server.stop()


def _name(step: dict[str, Any]) -> str:
    return str(step["name"])


def _took_ms(run: dict[str, Any]) -> int:
    began, over = (datetime.fromisoformat(run[at]) for at in ("queued_at", "ended_at"))
    return round((over - began).total_seconds() * 1_000)
