"""The error object that a user sees, from whatever an app or a proxy sent (sdk-protocol §3.2)."""

import msgspec

from inngest_fast._native.canonical import CanonicalError, canonicalize, quote

MAX_NESTED = 32 * 1024
MAX_QUOTED_BODY = 8192

_absent = msgspec.Raw(b"")


class _Error(msgspec.Struct):
    error: msgspec.Raw = _absent
    body: msgspec.Raw = _absent
    name: msgspec.Raw = _absent
    message: msgspec.Raw = _absent
    stack: msgspec.Raw = _absent
    cause: msgspec.Raw = _absent


_decoder = msgspec.json.Decoder(_Error)
_text = msgspec.json.Decoder(str)


def standard_error(body: bytes, fallback: str) -> bytes:
    """The standard error object of a canonical JSON body; `fallback` is the attempt's own error text."""
    found = _read(body)
    if found is not None and not _names_itself(found):
        for nested in (found.error, found.body):
            inner = _nested(bytes(nested))
            if inner is not None:
                found = inner
                break
    found = found or _Error()
    text = quote(fallback)
    message = _string(found.message) or text
    members = [
        b'"error":' + (_string(found.error) or text),
        b'"message":' + message,
        b'"name":' + (_string(found.name) or b'"Error"'),
    ]
    cause = bytes(found.cause)
    if cause not in (b"", b"null"):
        members.insert(0, b'"cause":' + cause)
    if stack := _string(found.stack):
        members.append(b'"stack":' + stack)
    return b"{" + b",".join(members) + b"}"


def upstream_error(status: int, content_type: str, body: bytes) -> bytes:
    """The error object for an HTTP error that no SDK sent."""
    text = f"Your server returned HTTP {status} before the SDK responded."
    shown = body[:MAX_QUOTED_BODY].decode("utf-8", "replace")
    stack = (
        "No step output was produced before the request failed — "
        "the response came from the server, or a proxy, in front of the SDK.\n\n"
        f"Upstream response ({content_type or 'no content type'}):\n{shown}"
    )
    return b"".join(
        (
            b'{"error":',
            quote(text),
            b',"message":',
            quote(text),
            b',"name":"Server returned a fatal error","stack":',
            quote(stack),
            b"}",
        )
    )


def plain_error(message: str) -> bytes:
    """The error object of a text."""
    text = quote(message)
    return b'{"error":' + text + b',"message":' + text + b',"name":"Error"}'


def step_error(error: bytes) -> bytes | None:
    """An op's `error` as an object; None if it has none."""
    if error in (b"", b"null"):
        return None
    if error.startswith(b"{"):
        return error
    if error.startswith(b'"'):
        return b'{"message":' + error + b',"name":"Error"}'
    return b'{"message":' + quote(error.decode()) + b',"name":"Error"}'


def _read(body: bytes) -> _Error | None:
    try:
        return _decoder.decode(body) if body.startswith(b"{") else None
    except msgspec.DecodeError:
        return None


def _names_itself(found: _Error) -> bool:
    return bool(_string(found.message) or _string(found.name))


def _nested(raw: bytes) -> _Error | None:
    """An object, or a string that holds one."""
    if len(raw) > MAX_NESTED:
        return None
    if raw.startswith(b'"'):
        try:
            raw = canonicalize(_text.decode(raw).encode())
        except (CanonicalError, UnicodeError, msgspec.DecodeError):
            return None
    return _read(raw)


def _string(raw: msgspec.Raw) -> bytes:
    value = bytes(raw)
    return value if value.startswith(b'"') and value != b'""' else b""
