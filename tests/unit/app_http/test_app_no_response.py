"""Calls that get no response, and what they say of it."""

import asyncio
import socket

import pytest
from raw_server import Peer, answering, reply, serving, until

from inngest_fast.adapters.app_http import pool as pool_module


async def test_nobody_listens(fault):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        error = await fault(f"http://127.0.0.1:{bound.getsockname()[1]}/")
    assert error.fault == "refused"


@pytest.mark.parametrize(
    "url",
    [
        "http://no-such-host.invalid/",
        "http://a..b/",
        f"http://{'a' * 64}.invalid/",
        f"http://{'a.' * 200}invalid/",
        "http://%41/",
        "http://127.0.0.1:0/",
        "http://255.255.255.255/",
        "http://0.0.0.0:1/",
    ],
)
async def test_a_host_that_cannot_be_reached(fault, url):
    assert (await fault(url)).fault == "refused"


async def test_a_listener_that_does_not_accept(fault, monkeypatch):
    monkeypatch.setattr(pool_module, "CONNECT_TIMEOUT_S", 0.1)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:  # fill the backlog: further ones get no answer at all
                each.setblocking(False)
                each.connect_ex(("127.0.0.1", port))
            error = await fault(f"http://127.0.0.1:{port}/", timeout_ms=5_000)
        finally:
            for each in waiting:
                each.close()
    assert error.fault == "refused"


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc",
        b"HTTP/1.1 100 x\r\n\r\n",
    ],
)
async def test_a_response_that_never_comes_to_an_end(client, fault, start):
    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.send(start)
        await peer.gone()

    async with serving(handle) as server:
        error = await fault(server.url, timeout_ms=100)
        assert (error.fault, str(error)) == ("timeout", "no response within 0.1 s")
        await until(lambda: server.open == client.connections == 0)


async def test_the_time_is_for_everything_together(fault):
    async def drip(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        while True:
            await peer.send(b"x")
            await asyncio.sleep(0.005)

    async with serving(drip) as server:
        assert (await fault(server.url, timeout_ms=150)).fault == "timeout"


async def test_an_app_that_does_not_read(fault):
    async def handle(peer: Peer) -> None:
        await asyncio.sleep(60)

    async with serving(handle) as server:
        assert (await fault(server.url, body=b"x" * 20_000_000, timeout_ms=200)).fault == "timeout"


async def test_an_app_that_answers_before_it_has_read_all(post):
    async def handle(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(reply(b"too much", "413 Content Too Large", connection="close"))
        await peer.gone()

    async with serving(handle) as server:
        assert (await post(server.url, b"x" * 20_000_000)).status == 413


async def test_ipv6(post):
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        async with serving(answering(reply(b"six")), host="::1") as server:
            assert (await post(f"{server.url}/x")).body == b"six"
            assert server.requests[0].header("host") == server.url.removeprefix("http://")
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error}")


async def test_localhost(post):
    async with serving(answering(reply(b"home"))) as server:
        assert (await post(server.url.replace("127.0.0.1", "localhost"))).body == b"home"
