"""Responses in every shape that HTTP/1.1 allows, and in some that it does not."""

import tracemalloc

import pytest
from raw_server import Peer, answering, closing, reply, serving

from inngest_fast.adapters.app_http.connection import MAX_OVERHEAD

OK = b"HTTP/1.1 200 OK\r\n"
LIMIT = 8 * 1024 * 1024


def chunked(*parts: bytes) -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return OK + b"transfer-encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


async def test_the_parts_of_a_response(post):
    response = (
        b"HTTP/1.1 206 Partial\r\nX-Inngest-SDK:  js:v4 \r\nVary: a\r\nvary: b\r\nContent-Length: 2\r\n\r\n[]"
    )
    async with serving(answering(response)) as server:
        answer = await post(server.url)
    assert (answer.status, answer.body) == (206, b"[]")
    assert answer.headers == {"x-inngest-sdk": "js:v4", "vary": "a, b", "content-length": "2"}
    assert type(answer.body) is bytes


@pytest.mark.parametrize(
    ("response", "body", "kept"),
    [
        (reply(b"ab"), b"ab", True),
        (reply(), b"", True),
        (chunked(b"ab"), b"ab", True),
        (chunked(b"a", b"b", b"c" * 70_000), b"ab" + b"c" * 70_000, True),
        (chunked(), b"", True),
        (OK + b"transfer-encoding: chunked\r\n\r\n2;name=value\r\nab\r\n0\r\nx-t: 1\r\n\r\n", b"ab", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", b"", True),
        (reply(b"ab", connection="close"), b"ab", False),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nab", b"ab", False),
        (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nab", b"ab", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + reply(b"ab"), b"ab", True),
        (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" * 3 + reply(b"ab"), b"ab", True),
        (b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nab", b"ab", True),
    ],
)
@pytest.mark.parametrize("pieces", [False, True], ids=["whole", "bytes"])
async def test_a_response_and_whether_its_connection_is_kept(post, response, body, kept, pieces):
    async def handle(peer: Peer) -> None:
        while await peer.request() is not None:
            if pieces and len(response) < 1_000:
                for n in range(len(response)):
                    await peer.send(response[n : n + 1])
            else:
                await peer.send(response)

    async with serving(handle) as server:
        for _ in range(2):
            answer = await post(server.url)
            assert answer.body == body
            assert "link" not in answer.headers
        assert server.connections == (1 if kept else 2)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_body_until_the_end_of_the_connection(post, version):
    response = f"HTTP/{version} 200 OK\r\nx: y\r\n\r\n".encode() + b"z" * 100_000
    async with serving(closing(response)) as server:
        for _ in range(2):
            assert (await post(server.url)).body == b"z" * 100_000
        assert server.connections == 2


async def test_an_empty_body_until_the_end_of_the_connection(post):
    async with serving(closing(OK + b"\r\n")) as server:
        assert (await post(server.url)).body == b""


async def test_a_body_until_the_end_that_is_reset_is_not_whole(fault):
    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK + b"\r\npart")
        peer.reset()

    async with serving(handle) as server:
        assert (await fault(server.url)).fault == "protocol"


@pytest.mark.parametrize(
    "response",
    [
        OK + b"content-length: 10\r\n\r\nabc",
        OK + b"transfer-encoding: chunked\r\n\r\n5\r\nab",
        OK + b"transfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
        OK + b"content-le",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTT",
    ],
)
async def test_a_response_that_ends_too_early(fault, response):
    async with serving(closing(response)) as server:
        error = await fault(server.url)
    assert (error.fault, "middle" in str(error)) == ("protocol", True)


@pytest.mark.parametrize(
    "response",
    [
        b"junk\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b"a b: c\r\n\r\n",
        OK + b"a: b\r\n folded\r\n\r\n",
        OK + b"a: b\x00c\r\n\r\n",
        OK + b"content-length: -1\r\n\r\n",
        OK + b"content-length: 1x\r\n\r\na",
        OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab",
        OK + b"content-length: 99999999999999999999999\r\n\r\n",
        OK + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n\x00\x00",
    ],
)
async def test_a_malformed_response(fault, response):
    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.send(response)
        await peer.gone()

    async with serving(handle) as server:
        assert (await fault(server.url)).fault == "protocol"


async def test_trailers_are_no_headers(post):
    response = (
        OK + b"transfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\ncontent-encoding: gzip\r\nx: y\r\n\r\n"
    )
    async with serving(answering(response)) as server:
        answer = await post(server.url)
    assert (answer.body, list(answer.headers)) == (b"ab", ["transfer-encoding"])


async def test_large_headers_are_read(post):
    async with serving(answering(reply(b"ab", x="y" * 100_000))) as server:
        assert len((await post(server.url)).headers["x"]) == 100_000


@pytest.mark.parametrize("more", [b"y" * 2_000, b"\r\nx: y" * 500], ids=["one", "many"])
async def test_headers_have_a_limit(fault, more):
    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK + b"a: b")
        for _ in range(2 * MAX_OVERHEAD // len(more)):
            await peer.send(more)
        await peer.gone()

    async with serving(handle) as server:
        error = await fault(server.url)
    assert (error.fault, "headers" in str(error)) == ("protocol", True)


@pytest.mark.parametrize(
    "start", [b"HTTP/1.1 100 Continue\r\n\r\n", OK + b"transfer-encoding: chunked\r\n\r\n0\r\n"]
)
async def test_endless_hints_and_trailers(fault, start):
    again = start if start.startswith(b"HTTP/1.1 1") else b"x: y\r\n"

    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.send(start)
        while True:
            await peer.send(again * 1_000)

    async with serving(handle) as server:
        assert (await fault(server.url)).fault == "protocol"


@pytest.mark.parametrize("framing", ["length", "chunked", "end"])
async def test_a_body_of_the_limit_is_read_and_one_byte_more_is_not(post, fault, framing):
    def response(size: int) -> bytes:
        body = b"x" * size
        if framing == "length":
            return reply(body, connection="close")
        return chunked(body) if framing == "chunked" else OK + b"\r\n" + body

    async with serving(closing(response(LIMIT))) as server:
        assert len((await post(server.url)).body) == LIMIT
    async with serving(closing(response(LIMIT + 1))) as server:
        assert (await fault(server.url)).fault == "too_large"


async def test_a_body_over_the_limit_is_not_taken_in(fault):
    taken = 0

    async def handle(peer: Peer) -> None:
        nonlocal taken
        await peer.request()
        await peer.send(OK + b"content-length: 1000000000\r\n\r\n")
        while True:
            await peer.send(b"x" * 100_000)
            taken += 100_000

    async with serving(handle) as server:
        assert (await fault(server.url, max_body=100_000)).fault == "too_large"
    assert taken < 50_000_000


async def test_tiny_chunks_take_no_more_memory_than_their_content(post):
    pieces = 300_000

    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK + b"transfer-encoding: chunked\r\n\r\n")
        for _ in range(pieces // 1_000):
            await peer.send(b"2\r\nxy\r\n" * 1_000)
        await peer.send(b"0\r\n\r\n")

    async with serving(handle) as server:
        tracemalloc.start()
        try:
            answer = await post(server.url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert answer.body == b"xy" * pieces
    assert peak < 10 * len(answer.body)
