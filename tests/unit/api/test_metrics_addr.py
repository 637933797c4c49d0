"""Where metrics are served."""

import pytest
from asgi_client import Client
from fake_services import SIGNING_KEY, START, fake_services

from inngest_fast.api import application
from inngest_fast.api.http import Access, Response, Route

HEADERS = {"Authorization": f"Bearer {SIGNING_KEY}"}


@pytest.fixture(autouse=True)
def metrics(monkeypatch):
    real = application.all_routes

    async def handler(_):
        return Response(200, b"metrics")

    def all_routes(services):
        others = [route for route in real(services) if route.access is not Access.METRICS]
        return [*others, Route("GET", "/metrics", handler, Access.METRICS)]

    monkeypatch.setattr(application, "all_routes", all_routes)


def apart(services):
    client = Client(services)
    client.application = application.metrics_application(services)
    return client


def test_without_an_address_they_are_at_the_port():
    start = Client(fake_services(START))
    assert start("GET", "/metrics").status == 401
    assert start("GET", "/metrics", headers=HEADERS).body == b"metrics"


def test_with_an_address_they_are_there_only():
    services = fake_services(START, metrics_addr="127.0.0.1:0")
    assert Client(services)("GET", "/metrics", headers=HEADERS).status == 404
    assert apart(services)("GET", "/metrics", headers=HEADERS).body == b"metrics"
    assert apart(services)("GET", "/metrics").status == 401


def test_an_address_of_its_own_serves_nothing_else_but_probes():
    services = fake_services(START, metrics_addr="127.0.0.1:0", open_metrics=True)
    there = apart(services)
    assert there("GET", "/metrics").body == b"metrics"
    for probe in ("/health", "/livez", "/readyz"):
        assert there("GET", probe).status == Client(services)("GET", probe).status == 200
    for path in ("/v1/events", "/api/v1/runs", "/dev", "/"):
        assert there("GET", path, headers=HEADERS).status == 404
    assert there("POST", "/e/ek1", {"name": "n"}).status == 404
