"""The test API (http-api §3.5), and what answers without doing anything (§3.1, §4.1)."""

import pytest
from asgi_client import Client
from fake_services import FUNCTION, RUN_ID, UNKNOWN_ID, fake_services
from msgspec.structs import replace

from inngest_fast.ports.queue import Depth

PATHS = [
    ("GET", "/test"),
    ("POST", "/test/reset"),
    ("POST", "/test/function/pause"),
    ("POST", "/test/function/runs/cancel"),
    ("GET", "/test/queue/function-queue-size"),
]


@pytest.fixture
def client():
    return Client(fake_services(test_mode=True))


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_it_is_there_in_test_mode_only(dev, method, path):
    assert dev(method, path).status == 404


def test_it_is_alive(client):
    reply = client("GET", "/test")
    assert (reply.status, reply.text) == (200, "OK")


def test_a_function_is_paused(client):
    reply = client("POST", f"/test/function/pause?fnId={FUNCTION.id}")
    assert (reply.status, reply.text) == (200, "ok")
    assert client.services.catalog.live[0].paused_at


@pytest.mark.parametrize(("method", "path"), PATHS[2:])
def test_an_unknown_function_is_told_in_plain_text(client, method, path):
    reply = client(method, f"{path}?fnId=x&runId={RUN_ID}")
    assert (reply.status, reply.text) == (400, "Invalid fnId")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(("id", "status"), [(RUN_ID, 200), (UNKNOWN_ID, 400), ("x", 400)])
def test_a_run_is_cancelled(client, id, status):
    reply = client("POST", f"/test/function/runs/cancel?accountId=a&fnId={FUNCTION.id}&runId={id}")
    assert (reply.status, reply.text) == (status, "ok" if status == 200 else "Invalid runId")


def test_calls_of_a_function_are_counted(client):
    client.services.queue.depths = {FUNCTION.id: Depth(1, 2, 4), "local:" + FUNCTION.id: Depth(9, 9, 9)}
    assert client("GET", f"/test/queue/function-queue-size?fnId={FUNCTION.slug}").json == {"count": 7}
    client.services.queue.depths = {}
    assert client("GET", f"/test/queue/function-queue-size?fnId={FUNCTION.slug}").json == {"count": 0}


def test_everything_is_forgotten():
    class Slate:
        wiped = 0

        async def wipe(self):
            self.wiped += 1

    slate = Slate()
    reply = Client(replace(fake_services(test_mode=True), clean_slate=slate))("POST", "/test/reset")
    assert (reply.status, reply.text, slate.wiped) == (200, "ok", 1)


def test_telemetry_is_taken(dev):
    reply = dev("POST", "/v0/telemetry", b'{"a":1}')
    assert (reply.status, reply.text) == (200, "")


def test_prometheus_of_an_environment_is_not_implemented(dev):
    reply = dev("GET", "/v1/prom/dev")
    assert reply.status == 501
    assert reply.json == {"error": "not implemented", "data": None, "status": 501}
