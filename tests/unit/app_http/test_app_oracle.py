"""Odd but valid responses, read the same way as by another client."""

import gzip

import aiohttp
import brotli
import pytest
from raw_server import closing, serving

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
TEXT = b'{"x":"' + b"y" * 5_000 + b'"}'


def sized(body: bytes, *lines: bytes) -> bytes:
    return OK + b"".join(line + b"\r\n" for line in lines) + b"content-length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    "response",
    [
        sized(b"ab"),
        sized(b"ab", b"X-Empty:", b"X-Blank:   ", b"X-Padded: \t a b \t"),
        sized(b"ab", b"X-Colons: a:b: c", b'x-quoted: "a, b"', b"X_UNDER: 1"),
        sized(gzip.compress(TEXT), b"Content-Encoding: gzip"),
        sized(gzip.compress(TEXT), b"CONTENT-ENCODING: GZIP"),
        sized(brotli.compress(TEXT), b"Content-Encoding: br"),
        OK + CHUNKED + b"2\r\nab\r\n0\r\n\r\n",
        OK + CHUNKED + b"0002;x=y\r\nab\r\nA\r\n0123456789\r\n0\r\n\r\n",
        OK + CHUNKED + b"a\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n",
        OK + b"\r\nuntil the end",
        b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n",
        b"HTTP/1.1 299 Something: else \r\ncontent-length: 1\r\n\r\na",
        b"HTTP/1.1 599 \r\ncontent-length: 1\r\n\r\na",
        b"HTTP/1.1 100 Continue\r\n\r\n" + sized(b"ab"),
        b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + sized(b"ab"),
    ],
)
async def test_a_response_as_another_client_reads_it(post, response):
    async with serving(closing(response)) as server, aiohttp.ClientSession() as session:
        ours = await post(server.url)
        async with session.post(server.url, data=b"{}") as theirs:
            body = await theirs.read()
        assert (ours.status, ours.body) == (theirs.status, body)
        assert dict(ours.headers) == {name.lower(): value for name, value in theirs.headers.items()}
