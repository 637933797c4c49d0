"""Which connection carries a request, and when connections end."""

import asyncio
import contextlib

import pytest
from raw_server import Peer, answering, reply, serving, until

from inngest_fast.adapters.app_http import client as client_module
from inngest_fast.adapters.app_http import pool as pool_module
from inngest_fast.ports.app_client import AppCallError, AppRequest


async def test_a_connection_is_used_again(client, post):
    async with serving(answering(reply(b"1"), reply(b"2"), reply(b"3"))) as server:
        assert [(await post(f"{server.url}/{n}")).body for n in range(3)] == [b"1", b"2", b"3"]
        assert (server.connections, client.connections) == (1, 1)
        assert [received.target for received in server.requests] == ["/0", "/1", "/2"]


async def test_the_request_as_it_is_sent(post):
    async with serving(answering(reply())) as server:
        headers = (("X-Inngest-Signature", "t=1&s=é"), ("Content-Type", "application/json"))
        await post(f"{server.url}/a?b=c", b'{"x":1}', headers=headers)
    [sent] = server.requests
    assert (sent.method, sent.target, sent.body) == ("POST", "/a?b=c", b'{"x":1}')
    assert sent.header("host") == server.url.removeprefix("http://")
    assert sent.header("content-length") == "7"
    assert sent.header("x-inngest-signature") == "t=1&s=é"
    assert sent.header("accept-encoding") == "gzip, br"
    assert [name for name, _ in sent.headers].count("Content-Length") == 1


async def test_a_get_has_no_body_and_a_post_without_one_says_so(post):
    async with serving(answering(reply())) as server:
        await post(server.url, b"", method="GET")
        await post(server.url, b"")
    assert [received.header("content-length") for received in server.requests] == ["", "0"]


async def test_requests_at_once_have_a_connection_each(client, post):
    free = asyncio.Event()

    async def handle(peer: Peer) -> None:
        while await peer.request() is not None:
            await free.wait()
            await peer.send(reply(b"x"))

    async with serving(handle) as server:
        calls = [asyncio.create_task(post(server.url)) for _ in range(20)]
        await until(lambda: len(server.requests) == 20)
        assert server.connections == client.connections == 20
        free.set()
        await asyncio.gather(*calls)
        await asyncio.gather(*(post(server.url) for _ in range(20)))
        assert server.connections == 20


async def test_each_origin_has_its_own_connections(client, post):
    async with serving(answering(reply(b"a"))) as one, serving(answering(reply(b"b"))) as two:
        for _ in range(3):
            assert (await post(one.url)).body == b"a"
            assert (await post(two.url)).body == b"b"
        assert (one.connections, two.connections, client.connections) == (1, 1, 2)


async def test_no_more_than_so_many_stay_idle(client, post, monkeypatch):
    monkeypatch.setattr(pool_module, "MAX_IDLE_PER_ORIGIN", 3)
    async with serving(answering(reply())) as server:
        await asyncio.gather(*(post(server.url) for _ in range(10)))
        await until(lambda: client.connections == 3)


async def test_a_thousand_at_once(client, post):
    async def handle(peer: Peer) -> None:
        while (received := await peer.request()) is not None:
            await peer.send(reply(received.body))

    async with serving(handle) as server:
        answers = await asyncio.gather(*(post(server.url, b"%d" % n) for n in range(1_000)))
        assert [answer.body for answer in answers] == [b"%d" % n for n in range(1_000)]
        await until(lambda: client.connections <= pool_module.MAX_IDLE_PER_ORIGIN)


async def test_a_connection_that_was_closed_while_idle_is_not_used(client, post):
    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.send(reply(b"%d" % peer.number))

    async with serving(handle) as server:
        assert (await post(server.url)).body == b"1"
        await until(lambda: client.connections == 0)
        assert (await post(server.url)).body == b"2"
        assert len(server.requests) == 2


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_kept_connection_that_closes_at_the_next_request_is_replaced(post, end):
    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.send(reply(b"%d" % peer.number))
        if peer.number == 1:
            await peer.request()
            getattr(peer, end)()
        else:
            await peer.request()

    async with serving(handle) as server:
        assert (await post(server.url, b"first")).body == b"1"
        assert (await post(server.url, b"second")).body == b"2"
        assert [received.body for received in server.requests] == [b"first", b"second", b"second"]


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_only_one_more_try_is_made(fault, post, end):
    async def handle(peer: Peer) -> None:
        if peer.number == 1:
            await peer.request()
            await peer.send(reply())
        await peer.request()
        getattr(peer, end)()

    async with serving(handle) as server:
        await post(server.url)
        assert (await fault(server.url)).fault == "refused"
        assert (server.connections, len(server.requests)) == (2, 3)


async def test_no_more_try_when_the_request_may_have_been_worked_on(fault, post, monkeypatch):
    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.send(reply())
        await peer.request()

    monkeypatch.setattr(client_module, "STALE_S", -1.0)
    async with serving(handle) as server:
        await post(server.url)
        assert (await fault(server.url)).fault == "refused"
        assert (server.connections, len(server.requests)) == (1, 2)


async def test_no_more_try_once_a_byte_came(fault, post):
    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.send(reply())
        await peer.request()
        await peer.send(b"H")

    async with serving(handle) as server:
        await post(server.url)
        assert (await fault(server.url)).fault == "protocol"
        assert (server.connections, len(server.requests)) == (1, 2)


async def test_no_more_try_on_a_new_connection(fault):
    async def handle(peer: Peer) -> None:
        await peer.request()

    async with serving(handle) as server:
        assert (await fault(server.url)).fault == "refused"
        assert len(server.requests) == 1


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_listener_that_hangs_up_at_once(fault, end):
    async def handle(peer: Peer) -> None:
        getattr(peer, end)()

    async with serving(handle) as server:
        faults = await asyncio.gather(*(fault(server.url) for _ in range(50)))
    assert {error.fault for error in faults} == {"refused"}


async def test_a_connection_with_bytes_that_nobody_asked_for_is_dropped(client, post):
    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.send(reply(b"%d" % peer.number))
        if peer.number == 1:
            await until(lambda: len(heard) == 1)
            await peer.send(reply(b"stray"))
        await peer.gone()

    heard = []
    async with serving(handle) as server:
        heard.append((await post(server.url)).body)
        await until(lambda: client.connections == 0)
        heard.append((await post(server.url)).body)
    assert heard == [b"1", b"2"]


@pytest.mark.parametrize(
    "stray", [reply(b"stray"), b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nstr", b"junk"]
)
async def test_what_follows_a_response_in_the_same_packet_spoils_the_connection(client, post, stray):
    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.send(reply(b"%d" % peer.number) + (stray if peer.number == 1 else b""))
        await peer.gone()

    async with serving(handle) as server:
        assert [(await post(server.url)).body for _ in range(2)] == [b"1", b"2"]
        await until(lambda: server.open == 1)


async def test_idle_connections_are_closed(client, post, monkeypatch):
    monkeypatch.setattr(pool_module, "IDLE_S", 0.05)
    async with serving(answering(reply())) as server:
        await asyncio.gather(*(post(server.url) for _ in range(5)))
        await until(lambda: client.connections == 0 and server.open == 0)
        await post(server.url)
        assert client.connections == 1
        await until(lambda: server.open == 0)


async def test_one_that_has_been_idle_too_long_is_not_used(client, post, monkeypatch):
    async with serving(answering(reply())) as server:
        await post(server.url)
        monkeypatch.setattr(pool_module, "IDLE_S", -1.0)
        await post(server.url)
        assert server.connections == 2


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345"])
async def test_a_cancelled_request_closes_its_connection(client, post, part):
    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.send(part)
        await peer.gone()

    async with serving(handle) as server:
        call = asyncio.create_task(post(server.url))
        await until(lambda: server.requests)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: server.open == client.connections == 0)


async def test_close_ends_calls_in_flight_and_idle_connections(client, post):
    async def handle(peer: Peer) -> None:
        while (received := await peer.request()) is not None:
            if received.body != b"hang":
                await peer.send(reply())

    async with serving(handle) as server:
        await post(server.url)
        calls = [asyncio.create_task(post(server.url, b"hang")) for _ in range(3)]
        await until(lambda: len(server.requests) == 4)
        await client.close()
        for call in calls:
            with pytest.raises(AppCallError):
                await call
        await until(lambda: server.open == client.connections == 0)
        with pytest.raises(AppCallError, match="closed"):
            await post(server.url)


async def test_close_reaches_a_call_that_is_still_connecting(client):
    async def handle(peer: Peer) -> None:
        while await peer.request() is not None:
            await peer.send(reply())

    async with serving(handle) as server:
        call = asyncio.create_task(client.send(AppRequest("POST", server.url)))
        await asyncio.sleep(0)
        await client.close()
        with contextlib.suppress(AppCallError):
            await call
        await until(lambda: server.open == client.connections == 0)
        assert server.requests == []
