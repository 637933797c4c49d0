"""gzip and br bodies, opened with a bound on what comes out (sdk-protocol §3)."""

import zlib

from inngest_fast.ports.app_client import AppCallError

_GZIP = 16 + zlib.MAX_WBITS


def decoded(body: bytes, coding: str, limit: int) -> bytes:
    """Raises AppCallError for a coding we do not know, a broken body, and one of more than `limit` bytes."""
    for name in reversed([part.strip().lower() for part in coding.split(",")]):
        if name in ("", "identity") or not body:
            continue
        if name in ("gzip", "x-gzip"):
            body = _gzip(body, limit)
        elif name == "br":
            body = _brotli(body, limit)
        else:
            raise AppCallError("protocol", f"the response has the unknown content encoding {name!r}")
    return body


def _gzip(body: bytes, limit: int) -> bytes:
    out: list[bytes] = []
    left = limit + 1
    while body:
        stream = zlib.decompressobj(_GZIP)
        try:
            part = stream.decompress(body, left)
        except zlib.error as error:
            raise AppCallError("protocol", f"the response is no valid gzip: {error}") from None
        out.append(part)
        left -= len(part)
        if left <= 0:
            raise AppCallError("too_large", f"the response has more than {limit} bytes")
        if not stream.eof:
            raise AppCallError("protocol", "the response is no valid gzip: it is cut off")
        body = stream.unused_data
    return b"".join(out)


def _brotli(body: bytes, limit: int) -> bytes:
    import brotli

    stream = brotli.Decompressor()
    try:
        out = stream.process(body, output_buffer_limit=limit + 1)
        while len(out) <= limit and not stream.is_finished():
            more = stream.process(b"", output_buffer_limit=limit + 1 - len(out))
            if not more:
                raise AppCallError("protocol", "the response is no valid brotli: it is cut off")
            out += more
    except brotli.error as error:
        raise AppCallError("protocol", f"the response is no valid brotli: {error}") from None
    if len(out) > limit:
        raise AppCallError("too_large", f"the response has more than {limit} bytes")
    return bytes(out)
