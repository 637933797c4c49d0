"""What holds on every surface: routing, limits, CORS, failures."""

import asyncio
import json
import logging

import pytest
from asgi_client import Client
from fake_services import DEV, NOW, RUN_ID, START, a_run, fake_services

from inngest_fast.api.application import application
from inngest_fast.domain.errors import OverloadedError, StoreError


@pytest.mark.parametrize(("settings", "kind"), [(DEV, "dev"), (START, "cloud")])
@pytest.mark.parametrize("target", ["/health", "/nowhere", "/dev", "/v1/runs/x"])
def test_server_wide_headers(settings, kind, target):
    reply = Client(fake_services(settings))("GET", target)
    assert reply.headers["x-inngest-server-kind"] == kind
    assert reply.headers["vary"] == "Origin"
    assert "access-control-allow-origin" not in reply.headers


def test_any_origin_may_read(dev):
    for target in ("/health", "/nowhere", "/v1/events/x"):
        reply = dev("GET", target, headers={"Origin": "http://a.example"})
        assert reply.headers["access-control-allow-origin"] == "http://a.example"
        assert reply.headers["access-control-expose-headers"] == "Link, Mcp-Session-Id"
        assert "access-control-allow-credentials" not in reply.headers


def test_a_preflight_is_granted_without_a_key():
    start = Client(fake_services(START, cors_origins=("http://a.example",)))
    asked = {
        "Origin": "http://a.example",
        "Access-Control-Request-Method": "DELETE",
        "Access-Control-Request-Headers": "x-one, authorization",
    }
    reply = start("OPTIONS", "/v1/runs/x", headers=asked)
    assert reply.status == 200
    assert reply.body == b""
    assert reply.headers["access-control-allow-origin"] == "http://a.example"
    assert reply.headers["access-control-allow-methods"] == "DELETE"
    assert reply.headers["access-control-allow-headers"] == "x-one, authorization"
    assert reply.headers["access-control-max-age"] == "3600"


def test_a_preflight_for_another_method_is_not_granted(dev):
    asked = {"Origin": "http://a.example", "Access-Control-Request-Method": "TRACE"}
    reply = dev("OPTIONS", "/health", headers=asked)
    assert reply.status == 200
    assert "access-control-allow-methods" not in reply.headers


@pytest.mark.parametrize("missing", ["Origin", "Access-Control-Request-Method"])
def test_options_that_is_no_preflight_is_405(dev, missing):
    asked = {"Origin": "http://a.example", "Access-Control-Request-Method": "GET"}
    del asked[missing]
    assert dev("OPTIONS", "/health", headers=asked).status == 405


@pytest.mark.parametrize(
    "target", ["/nowhere", "/v1/", "/v1/nothing", "/e/a/b", "/v0/runs//batch", "/health/"]
)
def test_unknown_paths(dev, target):
    reply = dev("GET", target)
    assert reply.status == 404
    assert reply.json["error"] == "404 page not found"
    assert reply.json["status"] == 404


def test_a_wrong_method_names_the_right_ones(dev):
    reply = dev("PUT", "/v1/runs/x")
    assert reply.status == 405
    assert reply.headers["allow"] == "DELETE, GET"
    assert reply.json == {"error": "PUT is not allowed here", "data": None, "status": 405}
    assert dev("GET", "/e/key").headers["allow"] == "POST"


def test_head_is_get_without_the_body(dev):
    get, head = dev("GET", "/livez"), dev("HEAD", "/livez")
    assert head.status == 200
    assert head.body == b""
    assert head.headers == get.headers
    assert dev("HEAD", "/e/key").status == 405


def test_a_parameter_is_decoded_within_its_segment(dev):
    reply = dev("POST", "/invoke/demo%2Fa%20%C3%A9", {})
    assert reply.status == 200
    assert dev.services.ingest.events[0].target == "demo/a é"


EVERY_BODY = [
    ("POST", "/e/key", {"ids": [], "status": 413}),
    ("POST", "/invoke/slug", {"data": None, "status": 413}),
    ("POST", "/fn/register", {"data": None, "status": 413}),
    ("POST", "/v1/signals", {"data": None, "status": 413}),
    ("POST", "/v1/cancellations", {"data": None, "status": 413}),
    ("POST", "/v1/functions/x/pause", {"data": None, "status": 413}),
    ("POST", "/api/v1/functions/x/pause", {"status": 413}),
    ("POST", "/api/v1/events", {"status": 413}),
    ("POST", "/api/v1/functions", {"status": 413}),
]


@pytest.mark.parametrize(("method", "target", "envelope"), EVERY_BODY)
def test_a_body_is_not_read_past_its_limit(method, target, envelope):
    client = Client(fake_services(max_body=100))
    expected = {**envelope, "error": "Request body is over the max size: Max 100 bytes"}
    announced = client(method, target, b"x" * 101, headers={"Content-Length": "101"})
    assert client.read == 0
    chunked = client(method, target, chunks=[b"x" * 60] * 50)
    assert client.read == 2
    in_one = client(method, target, b"x" * 101)
    last = client(method, target, chunks=[b"x" * 60, b"x" * 41])
    lied = client(method, target, chunks=[b"x" * 60] * 3, headers={"Content-Length": "10"})
    endless = client(method, target, b"x", headers={"Content-Length": "9" * 5_000})
    for reply in (announced, chunked, in_one, last, lied, endless):
        assert reply.status == 413
        assert reply.json == expected
    assert client.services.apps.calls == []
    assert client.services.ingest.events == []


def test_a_body_of_exactly_the_limit_is_read():
    client = Client(fake_services(max_body=100))
    body = b'{"name":"n"}'.ljust(100)
    assert client("POST", "/e/key", body, headers={"Content-Length": "100"}).status == 200
    assert client("POST", "/e/key", chunks=[body[:10], b"", body[10:], b""]).status == 200
    assert [event.name for event in client.services.ingest.events] == ["n", "n"]


def test_a_request_that_is_broken_off_does_nothing(dev):
    assert dev("POST", "/e/key", b'{"name":"n"}', gone=True).status == 400
    assert dev("POST", "/e/key", chunks=[]).status == 400
    assert dev.services.ingest.events == []


BROKEN = {
    "truncated": b'{"name":"n","data":{',
    "deep": b'{"data":' * 100_000,
    "no utf-8": b'{"name":"\xff","signal":"\xff"}',
    "no json": b"\x00\x01",
    "huge number": b'{"name":"n","data":{"a":1e999}}',
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize(
    "target", ["/e/key", "/invoke/slug", "/v1/signals", "/v1/cancellations", "/api/v1/events"]
)
def test_bodies_that_are_no_json_are_400_everywhere(dev, target, body):
    reply = dev("POST", target, body)
    assert reply.status == 400
    assert reply.json["status"] == 400
    assert reply.json["error"]
    assert dev.services.ingest.events == []
    assert dev.services.runs.signals == []
    assert dev.services.store.known_cancellations == {}


@pytest.mark.parametrize("target", ["/e/key", "/invoke/slug", "/api/v1/events"])
@pytest.mark.parametrize(
    ("failure", "status", "after", "text"),
    [
        (StoreError("disk full at /var/lib/x"), 503, "1", "the store is unavailable, try again"),
        (OverloadedError("too many events at once", 2.2), 429, "3", "too many events at once"),
        (OverloadedError("full", 0.0), 429, "1", "full"),
    ],
)
def test_what_cannot_be_stored_now_may_be_sent_again(dev, target, failure, status, after, text):
    dev.services.ingest.failure = failure
    reply = dev("POST", target, {"name": "n"})
    assert reply.status == reply.json["status"] == status
    assert reply.headers["retry-after"] == after
    assert reply.json["error"] == text
    assert reply.json.get("ids", []) == []


def test_a_bug_is_logged_and_not_shown(dev, caplog):
    dev.services.store.failure = RuntimeError("secret internals")
    with caplog.at_level(logging.ERROR):
        reply = dev("GET", f"/v1/runs/{RUN_ID}", headers={"Origin": "http://a.example"})
    assert reply.status == 500
    assert reply.json == {"error": "internal server error", "data": None, "status": 500}
    assert reply.headers["access-control-allow-origin"] == "http://a.example"
    assert [record.message for record in caplog.records] == ["request failed"]
    assert caplog.records[0].pattern == "/v1/runs/{id}"
    assert "secret internals" in str(caplog.records[0].exc_info)


def test_the_store_failing_a_read_is_503(dev):
    dev.services.store.failure = StoreError("locked")
    assert dev("GET", f"/api/v1/runs/{RUN_ID}").status == 503


def test_event_keys_stay_out_of_the_log(dev, caplog):
    for failure in (StoreError("locked"), RuntimeError("bug")):
        dev.services.ingest.failure = failure
        dev("POST", "/e/very-secret-key", {"name": "n"})
    assert len(caplog.records) == 2
    assert "very-secret-key" not in str([vars(record) for record in caplog.records])
    assert caplog.records[0].cause == "locked"


def test_other_scopes_are_turned_away():
    sent = []

    async def send(message):
        sent.append(message)

    app = application(fake_services())
    asyncio.run(app({"type": "lifespan"}, None, send))
    assert sent == []
    asyncio.run(app({"type": "websocket", "path": "/e/x"}, None, send))
    assert sent == [{"type": "websocket.close"}]


def test_the_first_of_a_repeated_header_counts(start):
    pairs = [("Authorization", "Bearer nonsense"), ("Authorization", "Bearer abc123def456")]
    assert start("GET", f"/v1/runs/{RUN_ID}", headers=pairs).status == 401


def test_a_query_is_decoded(dev):
    dev("GET", "/v1/events?name=a%2Fb+c&name=second&limit=3")
    assert dev.services.store.queries[0].name == "a/b c"


def test_large_runs_are_whole(dev):
    events = tuple(json.dumps({"data": {"x": "é" * 1_000}, "id": str(n)}).encode() for n in range(200))
    dev.services.store.known_runs[RUN_ID] = a_run(events=events, queued_at=NOW)
    assert len(dev("GET", f"/v0/runs/{RUN_ID}/batch").json) == 200


def test_a_body_that_does_not_come_is_not_waited_for_long(dev, monkeypatch):
    async def never():
        await asyncio.get_running_loop().create_future()

    sent = []

    async def send(message):
        sent.append(message)

    monkeypatch.setattr("inngest_fast.api.asgi.BODY_TIMEOUT_S", 0.01)
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/e/key",
        "raw_path": b"/e/key",
        "query_string": b"",
        "headers": [(b"content-length", b"5")],
    }
    asyncio.run(application(dev.services)(scope, never, send))
    assert sent[0]["status"] == 408


def test_a_draining_server_lets_go_of_kept_connections(dev):
    assert "connection" not in dev("GET", "/livez").headers
    dev.services.vitals.draining = True
    assert dev("GET", "/livez").headers["connection"] == "close"
