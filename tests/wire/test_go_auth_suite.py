"""The list of the Go auth suite (http-api §6.7): exactly 401 without the key, anything but 401 with it."""

import hashlib
from collections.abc import Iterator

import pytest

from tests.fixtures.http import call
from tests.fixtures.server_process import SIGNING_KEY, ServerProcess
from tests.wire.scene import Scene

ULID = "01M83V3VBVR6R0H8CD7M65N9TC"
ROUTES = [
    ("POST", "/fn/register"),
    ("DELETE", "/fn/remove"),
    ("POST", "/fn/step-limit"),
    ("DELETE", "/fn/step-limit"),
    ("POST", "/fn/state-size-limit"),
    ("DELETE", "/fn/state-size-limit"),
    ("POST", "/v1/signals"),
    ("GET", "/v1/events"),
    ("GET", f"/v1/events/{ULID}"),
    ("GET", f"/v1/events/{ULID}/runs"),
    ("GET", f"/v1/runs/{ULID}"),
    ("DELETE", f"/v1/runs/{ULID}"),
    ("GET", f"/v1/runs/{ULID}/jobs"),
    ("POST", f"/v1/runs/{ULID}/metadata"),
    ("GET", "/v1/apps/demo/functions"),
    ("POST", "/v1/cancellations"),
    ("GET", "/v1/cancellations"),
    ("DELETE", f"/v1/cancellations/{ULID}"),
    ("GET", "/v1/prom/dev"),
    ("POST", "/v1/traces/userland"),
    ("DELETE", f"/v0/runs/{ULID}"),
    ("GET", f"/v0/runs/{ULID}/batch"),
    ("GET", f"/v0/runs/{ULID}/actions"),
    ("POST", "/v0/telemetry"),
]
_BODY = SIGNING_KEY.rpartition("-")[2]
_HASH = hashlib.sha256(bytes.fromhex(_BODY)).hexdigest()
GOOD = [SIGNING_KEY, _BODY, _HASH, f"signkey-test-{_HASH}"]


@pytest.fixture(scope="module")
def start() -> Iterator[ServerProcess]:
    process = ServerProcess("start").start()
    yield process
    process.stop()


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_it_asks_for_the_key(start: ServerProcess, method: str, path: str) -> None:
    bare = call(method, start.url + path)
    assert (bare.status, bare.body) == (401, b"Authentication failed")
    assert bare.headers["content-type"].startswith("text/plain")
    for key in GOOD:
        for scheme in ("Bearer", "bearer"):
            status = call(method, start.url + path, headers={"Authorization": f"{scheme} {key}"}).status
            assert status != 401
            assert status not in (404, 405) or path != "/v0/telemetry"
            assert status < 500 or path == "/v1/prom/dev"


def test_dev_is_never_json(start: ServerProcess) -> None:
    for headers, status, text in (
        ({}, 401, b"Authentication failed"),
        ({"Authorization": f"Bearer {SIGNING_KEY}"}, 404, b"404 page not found"),
    ):
        reply = call("GET", start.url + "/dev", headers=headers)
        assert (reply.status, reply.body) == (status, text)
        assert reply.headers["content-type"].startswith("text/plain")


def test_the_event_key_is_asked_for(start: ServerProcess) -> None:
    reply = call("POST", start.url + "/e/nobody", {"name": "a"})
    assert (reply.status, reply.json()) == (
        401,
        {"status": 401, "message": "", "error": "Event key not found"},
    )
    assert reply.headers["content-type"] == "application/json"
    bare = call("POST", start.url + "/e/", {"name": "a"})
    assert (bare.status, bare.body) == (401, b"Event key is required")


def test_the_kind_of_server_is_told(start: ServerProcess) -> None:
    assert call("GET", start.url + "/health").headers["x-inngest-server-kind"] == "cloud"


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_dev_asks_for_nothing(scene: Scene, method: str, path: str) -> None:
    assert call(method, scene.server.url + path).status != 401
