"""What is said of an app after it was asked to register, and how apps are found (sdk-protocol §§1.1, 1.6, 1.7)."""

import json
import socket

import pytest
from raw_server import Peer, answering, closing, reply, serving

from inngest_fast.adapters.app_http import HttpAppClient
from inngest_fast.runtime import app_ping
from inngest_fast.runtime.app_ping import AppPing


class NoApps:
    """A catalog without apps, and a sync that keeps the URLs that it is told to expect."""

    def __init__(self) -> None:
        self.expected: list[tuple[str, str]] = []

    def apps(self) -> list:
        return []

    async def expect(self, url: str, source: str) -> None:
        self.expected.append((url, source))


def ping(client: HttpAppClient, apps: NoApps | None = None, **changed) -> AppPing:
    apps = apps or NoApps()
    settings = {
        "sign": None,
        "server_kind": "dev",
        "urls": (),
        "interval": 5.0,
        "poll": True,
        "discovery": False,
        "discovery_port": 0,
        "own_port": 8288,
    }
    return AppPing(catalog=apps, sync=apps, client=client, **(settings | changed))


async def test_the_request(client):
    async with serving(answering(reply())) as server:
        url = f"{server.url}/api/inngest?x=y"
        asking = ping(client, sign=lambda body: f"signed {len(body)}", server_kind="cloud")
        assert await asking.ask(url) == ("", "")
        assert await ping(client).ask(url) == ("", "")
    signed, unsigned = server.requests
    assert (signed.method, signed.target) == ("PUT", "/api/inngest?x=y")
    assert json.loads(signed.body) == {"url": url}
    assert signed.header("content-type") == "application/json"
    assert signed.header("x-inngest-server-kind") == "cloud"
    assert signed.header("x-inngest-signature") == f"signed {len(signed.body)}"
    assert unsigned.header("x-inngest-server-kind") == "dev"
    assert "x-inngest-signature" not in [name.lower() for name, _ in unsigned.headers]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        ("204 No Content", b"", ""),
        ("400 Bad", b'{"message":"no functions here"}', "no_functions"),
        ("400 Bad", b'{"message":"At least one function is invalid"}', "invalid_function"),
        ("400 Bad", b'{"message":5}', "the app answered HTTP 400"),
        ("401 Unauthorized", b"{}", "unauthorized"),
        ("403 Forbidden", b"{}", "forbidden"),
        ("404 Not Found", b"{}", "url_not_found"),
        ("500 Error", b"{}", "internal_server_error"),
        ("502 Bad Gateway", b"", "the app answered HTTP 502"),
    ],
)
async def test_what_an_answer_means(client, status, body, error):
    async with serving(closing(reply(body, status, connection="close"))) as server:
        assert await ping(client).ask(server.url) == (error, "")


async def test_plain_http_behind_an_https_url(client):
    async def handle(peer: Peer) -> None:
        await peer.reader.read(100)  # what a handshake begins with is no request
        await peer.send(reply(b"", "400 Bad Request", connection="close"))

    async with serving(handle) as server:
        error, detail = await ping(client).ask(server.url.replace("http:", "https:"))
    assert (error, bool(detail)) == ("unsupported_protocol", True)


async def test_nobody_there(client):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        error, detail = await ping(client).ask(f"http://127.0.0.1:{bound.getsockname()[1]}/")
    assert (error, bool(detail)) == ("unreachable", True)


async def test_an_app_is_found_by_its_header(client, monkeypatch):
    found = reply(b"{}", "405 Not Allowed", x_inngest_sdk="js:v4.18.1")
    async with serving(answering(reply(b"", "404 x"), found)) as app, serving(answering(reply())) as other:
        ports = [int(each.url.rpartition(":")[2]) for each in (app, other)]
        monkeypatch.setattr(app_ping, "PORTS", (ports[1], 1))
        apps = NoApps()
        await ping(client, apps, discovery=True, discovery_port=ports[0]).round()
    assert apps.expected == [(f"http://localhost:{ports[0]}/x/inngest", "url")]
    looked = [(request.method, request.target) for request in app.requests]
    assert looked == [("GET", "/api/inngest"), ("GET", "/x/inngest")]
    assert [request.target for request in other.requests] == list(app_ping.PATHS)


async def test_the_server_does_not_look_at_itself(client, monkeypatch):
    async with serving(answering(reply(x_inngest_sdk="x"))) as server:
        port = int(server.url.rpartition(":")[2])
        monkeypatch.setattr(app_ping, "PORTS", (port,))
        apps = NoApps()
        await ping(client, apps, discovery=True, own_port=port).round()
    assert (apps.expected, server.connections) == ([], 0)
