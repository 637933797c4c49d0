"""Whose pages may read answers: in `dev` everybody's, in `start` those of listed origins."""

import pytest
from asgi_client import Client
from fake_services import DEV, START, fake_services

LISTED = ("https://ops.example.com", "http://localhost:3000")


def reply(origin, settings=START, method="GET", **changes):
    headers = {"Origin": origin}
    if method == "OPTIONS":
        headers |= {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    return Client(fake_services(settings, **changes))(method, "/health", headers=headers)


def granted(found):
    return {name for name in found.headers if name.startswith("access-control-")}


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
@pytest.mark.parametrize("origin", LISTED)
def test_start_lets_listed_origins_in(origin, method):
    found = reply(origin, method=method, cors_origins=LISTED)
    assert (found.status, found.headers["access-control-allow-origin"]) == (200, origin)


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
@pytest.mark.parametrize("listed", [(), LISTED])
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://ops.example.com.evil", "http://ops.example.com", "null", "*"]
)
def test_start_grants_nothing_to_others(origin, listed, method):
    found = reply(origin, method=method, cors_origins=listed)
    assert (found.status, granted(found)) == (200, set())
    assert found.headers["vary"] == "Origin"


@pytest.mark.parametrize(("settings", "origins"), [(DEV, ()), (START, ("*",))])
def test_all_origins_are_let_in_by_dev_and_by_an_asterisk(settings, origins):
    found = reply("https://any.example", settings, cors_origins=origins)
    assert found.headers["access-control-allow-origin"] == "https://any.example"
    assert "access-control-allow-credentials" not in found.headers
