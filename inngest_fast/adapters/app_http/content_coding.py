"""gzip and br bodies, opened with a bound on what comes out (sdk-protocol §3)."""

import zlib

from inngest_fast.ports.app_client import AppCallError

_GZIP = 16 + zlib.MAX_WBITS
_MAX_CODINGS = 5
# Members without content cost time and yield nothing; those who write several write a few.
_MAX_MEMBERS = 64


def decoded(body: bytes, coding: str, limit: int) -> bytes:
    """Raises AppCallError for a coding we do not know, a broken body, and one of more than `limit` bytes."""
    names = [name for part in coding.split(",") if (name := part.strip().lower()) not in ("", "identity")]
    if len(names) > _MAX_CODINGS:
        raise AppCallError("protocol", f"the response has {len(names)} content encodings")
    for name in reversed(names):
        if not body:
            break
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
        if len(out) == _MAX_MEMBERS:
            raise AppCallError("protocol", f"the response has more than {_MAX_MEMBERS} gzip members")
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
