"""Who may call what (http-api §7): every route that there is has a line here."""

import hashlib
import re

import pytest
from asgi_client import Client
from fake_services import SIGNING_KEY, START, fake_services

from inngest_fast.api.application import all_routes
from inngest_fast.api.http import Access

SIGNING = Access.SIGNING_KEY
EXPECTED = {
    "POST /e/{key}": Access.EVENT_KEY,
    "POST /e": Access.OPEN,
    "POST /e/": Access.OPEN,
    "POST /invoke/{slug}": Access.OPEN,
    "POST /fn/register": SIGNING,
    "DELETE /fn/remove": SIGNING,
    "GET /v0/runs/{id}/batch": SIGNING,
    "GET /v0/runs/{id}/actions": SIGNING,
    "DELETE /v0/runs/{id}": SIGNING,
    "GET /v1/events": SIGNING,
    "GET /v1/events/{id}": SIGNING,
    "GET /v1/events/{id}/runs": SIGNING,
    "GET /v1/runs/{id}": SIGNING,
    "DELETE /v1/runs/{id}": SIGNING,
    "GET /v1/runs/{id}/jobs": SIGNING,
    "POST /v1/signals": SIGNING,
    "GET /v1/apps/{name}/functions": SIGNING,
    "POST /v1/cancellations": SIGNING,
    "GET /v1/cancellations": SIGNING,
    "GET /v1/cancellations/{id}": SIGNING,
    "DELETE /v1/cancellations/{id}": SIGNING,
    "POST /v1/functions/{function}/pause": SIGNING,
    "POST /v1/functions/{function}/resume": SIGNING,
    "GET /": Access.OPEN,
    "GET /api/v1/apps": SIGNING,
    "GET /api/v1/functions": SIGNING,
    "POST /api/v1/functions": SIGNING,
    "POST /api/v1/functions/{function}/pause": SIGNING,
    "POST /api/v1/functions/{function}/resume": SIGNING,
    "GET /api/v1/functions/{function}/waiting": SIGNING,
    "POST /api/v1/events": Access.SIGNING_OR_EVENT_KEY,
    "GET /api/v1/runs": SIGNING,
    "GET /api/v1/runs/{id}": SIGNING,
    "DELETE /api/v1/runs/{id}": SIGNING,
    "GET /health": Access.OPEN,
    "GET /livez": Access.OPEN,
    "GET /readyz": Access.OPEN,
    "GET /ready": Access.OPEN,
    "GET /dev": SIGNING,
}
HASH = hashlib.sha256(bytes.fromhex("abc123def456")).hexdigest()
GOOD = [SIGNING_KEY, "abc123def456", HASH, f"signkey-test-{HASH}", "ff00"]
BAD = [
    "",
    "undefined",
    "ek1",
    "abc123def45",
    SIGNING_KEY.upper(),
    hashlib.sha256(b"abc123def456").hexdigest(),
]


def target(pattern):
    return re.sub(r"\{\w+\}", "x", pattern.replace("{key}", "ek1"))


def test_every_route_has_a_line():
    routes = all_routes(fake_services())
    assert {f"{route.method} {route.pattern}": route.access for route in routes} == EXPECTED
    assert len(routes) == len(EXPECTED)


@pytest.mark.parametrize("line", EXPECTED)
def test_start_asks_for_a_key_where_it_should(start, line):
    method, pattern = line.split()
    access = EXPECTED[line]
    refused = {
        token: start(method, target(pattern), b"{}", {"Authorization": f"Bearer {token}"}) for token in BAD
    }
    if access is SIGNING or access is Access.SIGNING_OR_EVENT_KEY:
        if access is Access.SIGNING_OR_EVENT_KEY:
            assert refused.pop("ek1").status != 401
        for reply in (*refused.values(), start(method, target(pattern), b"{}")):
            assert reply.status == 401
            if pattern.startswith("/api/"):
                assert reply.json == {"error": "Authentication failed", "status": 401}
            else:
                assert reply.plain == "Authentication failed"
        assert start.services.apps.calls == []
        for token in GOOD:
            assert start(method, target(pattern), b"{}", {"Authorization": f"bearer {token}"}).status != 401
    elif pattern in ("/e", "/e/"):
        assert start(method, pattern).status == 401
    else:
        assert {reply.status == 401 for reply in refused.values()} == {False}


@pytest.mark.parametrize("line", EXPECTED)
@pytest.mark.parametrize("header", [None, "Bearer undefined", "Bearer "])
def test_dev_asks_for_nothing(dev, line, header):
    method, pattern = line.split()
    reply = dev(method, target(pattern), b"{}", {"Authorization": header} if header is not None else {})
    assert (reply.status == 401) is (pattern in ("/e", "/e/"))


@pytest.mark.parametrize("key", ["ek1", "key%2F2"])
def test_an_event_key_opens_the_event_api(start, key):
    assert start("POST", f"/e/{key}", {"name": "n"}).status == 200


@pytest.mark.parametrize("key", ["ek2", "ek", "ek11", "EK1", "abc123def456", SIGNING_KEY, "%00", "%FF"])
def test_another_event_key_does_not(start, key):
    reply = start("POST", f"/e/{key}", {"name": "n"}, {"Authorization": f"Bearer {SIGNING_KEY}"})
    assert reply.status == 401
    assert reply.body == b'{"status":401,"message":"","error":"Event key not found"}'
    assert reply.headers["content-type"] == "application/json"
    assert start.read == 0


@pytest.mark.parametrize("path", ["/e", "/e/"])
def test_no_event_key_at_all(path):
    for settings in ({}, {"mode": "start"}):
        reply = Client(fake_services(START, **settings))("POST", path, {"name": "n"})
        assert reply.status == 401
        assert reply.plain == "Event key is required"
