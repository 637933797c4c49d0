"""Health, readiness and `/dev`."""

import pytest
from asgi_client import Client
from fake_services import DEV, START, fake_services

from inngest_fast.version import VERSION


@pytest.mark.parametrize("settings", [DEV, START])
def test_health(settings):
    reply = Client(fake_services(settings))("GET", "/health")
    assert reply.status == 200
    assert reply.json == {
        "status": "ok",
        "service": "inngest-fast",
        "version": VERSION,
        "mode": settings.mode,
        "store": "sqlite",
        "queue": "memory",
        "postgres": "not configured",
        "redis": "not configured",
        "memory_mb": 31.2,
        "uptime_s": 12.0,
        "backends": {"store": {"version": "3"}, "queue": {}},
        "counters": {"events": 1},
    }


def test_a_server_that_cannot_store_is_degraded_and_alive(dev):
    dev.services.vitals.unready["store"] = "disk full"
    health = dev("GET", "/health")
    assert health.status == 503
    assert health.json["status"] == "degraded"
    for path in ("/readyz", "/ready"):
        ready = dev("GET", path)
        assert ready.status == 503
        assert ready.json == {"status": "unready", "reasons": {"store": "disk full"}}
    assert dev("GET", "/livez").status == 200


def test_external_backends_are_told_apart(dev):
    dev.services.store.name, dev.services.queue.name = "postgres", "redis"
    dev.services.vitals.unready["queue"] = "connection refused"
    health = dev("GET", "/health").json
    assert (health["postgres"], health["redis"]) == ("connected", "disconnected")


def test_ready(dev):
    assert dev("GET", "/readyz").status == dev("GET", "/ready").status == 200


def test_dev_is_an_object_that_sdks_know(dev):
    reply = dev("GET", "/dev")
    assert reply.status == 200
    info = reply.json
    assert info["version"] == VERSION
    assert info["functions"] == [
        {
            "id": "3ff64485-02b3-5d7e-8407-0975d16f8c8a",
            "fv": 3,
            "name": "Always fails",
            "slug": "demo-always-fails",
            "triggers": [
                {"event": "shop/fail"},
                {"event": "shop/x", "expression": "event.data.a"},
                {"cron": "* * * * *"},
            ],
            "steps": [
                {
                    "id": "step",
                    "name": "step",
                    "uri": "http://localhost:3000/api/inngest?fnId=demo-always-fails&stepId=step",
                    "retries": 1,
                }
            ],
        }
    ]
    for name in ("authed", "isSingleNodeService", "isMissingSigningKey", "isMissingEventKeys"):
        assert info[name] is False
    assert info["handlers"] is None
    assert info["startOpts"]["poll_interval"] == 5.0
    assert info["startOpts"]["tick"] == 150_000_000


def test_dev_shows_flags_and_no_passwords():
    client = Client(
        fake_services(
            feature_flags=(("x", True),),
            postgres_uri="postgres://u:hunter2@db/x",
            sdk_urls=("http://a:hunter2@b/",),
        )
    )
    reply = client("GET", "/dev")
    assert reply.json["features"]["x"] is True
    assert "hunter2" not in reply.text


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("token", ["", "abc123def456"])
def test_start_never_answers_dev_with_json(start, method, token):
    reply = start(method, "/dev", headers={"Authorization": f"Bearer {token}"})
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    if method == "GET":
        expected = (404, "404 page not found") if token else (401, "Authentication failed")
        assert (reply.status, reply.text) == expected
    else:
        assert reply.status == 405
