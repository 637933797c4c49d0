"""Content codings, and what they may cost (sdk-protocol §3)."""

import gzip
import time
import tracemalloc
import zlib

import brotli
import pytest
from raw_server import answering, reply, serving

from inngest_fast.adapters.app_http.content_coding import decoded
from inngest_fast.ports.app_client import AppCallError

LIMIT = 8 * 1024 * 1024
TEXT = b'{"data":"' + b"abc" * 1_000 + b'"}'


def refused(body: bytes, coding: str, limit: int = LIMIT) -> AppCallError:
    with pytest.raises(AppCallError) as caught:
        decoded(body, coding, limit)
    return caught.value


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (TEXT, "identity"),
        (TEXT, " , "),
        (gzip.compress(TEXT), "gzip"),
        (gzip.compress(TEXT), "GZip"),
        (gzip.compress(TEXT), "x-gzip"),
        (brotli.compress(TEXT), "br"),
        (brotli.compress(gzip.compress(TEXT)), "gzip, br"),
        (gzip.compress(brotli.compress(TEXT)), "br, identity,gzip"),
        (gzip.compress(gzip.compress(TEXT)), "gzip, gzip"),
        (gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]), "gzip"),
    ],
)
def test_what_is_opened(body, coding):
    assert decoded(body, coding, LIMIT) == TEXT


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (zlib.compress(TEXT), "deflate"),
        (TEXT, "zstd"),
        (gzip.compress(TEXT), "gzip, compress"),
        (TEXT, "gzip"),
        (TEXT, "br"),
        (zlib.compress(TEXT), "gzip"),
        (gzip.compress(TEXT)[:-1], "gzip"),
        (gzip.compress(TEXT)[:20], "gzip"),
        (gzip.compress(TEXT)[:5], "gzip"),
        (gzip.compress(TEXT)[:-8] + b"12345678", "gzip"),
        (gzip.compress(TEXT) + b"more", "gzip"),
        (brotli.compress(TEXT)[:-1], "br"),
        (brotli.compress(TEXT)[:3], "br"),
        (brotli.compress(TEXT) + b"more", "br"),
        (gzip.compress(b"") * 1_000, "gzip"),
    ],
)
def test_what_is_refused(body, coding):
    assert refused(body, coding).fault == "protocol"


def test_codings_are_stacked_up_to_a_limit():
    body = TEXT
    for layers in range(1, 6):
        body = gzip.compress(body)
        assert decoded(body, ", ".join(["gzip"] * layers), LIMIT) == TEXT
    error = refused(gzip.compress(body), ", ".join(["gzip"] * 6))
    assert (error.fault, str(error)) == ("protocol", "the response has 6 content encodings")


def test_an_empty_body_has_no_coding():
    assert decoded(b"", "gzip", LIMIT) == b""
    assert decoded(b"", "zstd", LIMIT) == b""


@pytest.mark.parametrize("compress", [gzip.compress, brotli.compress])
@pytest.mark.parametrize("size", [1, 1_000, LIMIT])
def test_the_limit_is_of_what_comes_out(compress, size):
    coding = "gzip" if compress is gzip.compress else "br"
    assert len(decoded(compress(b"x" * size), coding, size)) == size
    assert refused(compress(b"x" * (size + 1)), coding, size).fault == "too_large"


def bombs() -> dict[str, tuple[bytes, str]]:
    zeros = b"\0" * (64 * 1024 * 1024)
    gz, br = gzip.compress(zeros), brotli.compress(zeros, quality=5)
    return {
        "gzip": (gz, "gzip"),
        "br": (br, "br"),
        "gzip in gzip": (gzip.compress(gz), "gzip, gzip"),
        "members": (gzip.compress(b"\0" * LIMIT) * 8, "gzip"),
    }


@pytest.mark.parametrize("name", ["gzip", "br", "gzip in gzip", "members"])
def test_a_bomb_takes_neither_memory_nor_time(name):
    body, coding = bombs()[name]
    tracemalloc.start()
    began = time.perf_counter()
    try:
        assert refused(body, coding).fault == "too_large"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * LIMIT
    assert time.perf_counter() - began < 5


def test_a_body_full_of_empty_members_is_given_up_early():
    began = time.perf_counter()
    assert refused(gzip.compress(b"") * (LIMIT // 20), "gzip").fault == "protocol"
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize("coding", ["gzip", "br"])
async def test_a_coded_response(post, fault, coding):
    compress = gzip.compress if coding == "gzip" else brotli.compress
    good, bad = reply(compress(TEXT), content_encoding=coding), reply(TEXT, content_encoding="deflate")
    async with serving(answering(good, bad, good)) as server:
        assert (await post(server.url)).body == TEXT
        error = await fault(server.url)
        assert (error.fault, "'deflate'" in str(error)) == ("protocol", True)
        assert (await post(server.url)).body == TEXT
        assert server.connections == 1
