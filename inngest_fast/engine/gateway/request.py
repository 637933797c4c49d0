"""Requests that the server makes for an app: `step.fetch` and `step.ai.infer` (sdk-protocol §4.2)."""

import re
from urllib.parse import quote, urlsplit

import msgspec

from inngest_fast.domain.ops import Op, Opcode
from inngest_fast.engine import limits
from inngest_fast.engine.lifecycle.errors import AttemptError

BEDROCK = "bedrock"
GEMINI = "gemini"
ANTHROPIC = "anthropic"
AZURE = "azure-openai"

_METHOD = re.compile(r"[A-Z][A-Z-]{0,19}")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
# A tunnel, and an echo of our own headers: no `fetch` makes these either.
_NO_METHOD = frozenset(("CONNECT", "TRACE", "TRACK"))
# About the connection or the body's length and coding: these are the client's.
_OURS = frozenset(
    (
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)


class Publish(msgspec.Struct, frozen=True):
    """The realtime topic that the response goes to as well (connect-realtime §2.6)."""

    channel: str = ""
    topic: str = ""


class Outbound(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a GATEWAY job asks for. `format` is that of the model's API; "" for a plain request."""

    url: str
    method: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    format: str = ""
    publish: Publish | None = None


_decoder = msgspec.msgpack.Decoder(Outbound)
encode = msgspec.msgpack.Encoder().encode
_values = msgspec.json.Decoder(dict[str, str | int | float | bool | list[str] | None])
_text = msgspec.json.Decoder(str)


def read(payload: bytes) -> Outbound:
    """The request of a GATEWAY job."""
    return _decoder.decode(payload)


def outbound(op: Op) -> Outbound:
    """The request that an op asks for. Raises AttemptError for what is none."""
    scheme, _, rest = op.url.partition("://")
    if scheme.lower() not in ("http", "https") or not rest:
        raise AttemptError(f"step {op.display_name!r} has no http or https URL to request")
    if op.body is not None and len(op.body) > limits.MAX_STEP_SIZE:
        raise AttemptError(f"step {op.display_name!r}: step input size is greater than the limit")
    return _inference(op) if op.op is Opcode.AI_GATEWAY else _fetch(op)


def _fetch(op: Op) -> Outbound:
    method = (op.method or "POST").upper()
    if not _METHOD.fullmatch(method) or method in _NO_METHOD:
        raise AttemptError(f"step {op.display_name!r} cannot make a request of method {op.method!r}")
    body = b""
    if op.body is not None:
        body = _text.decode(op.body).encode("utf-8", "replace") if op.body.startswith(b'"') else op.body
    return Outbound(op.url, method, _headers(op), body, publish=_publish(op))


def _inference(op: Op) -> Outbound:
    if op.body is None or not op.body.startswith(b"{"):
        raise AttemptError(f"step {op.display_name!r} has no request body for its model")
    headers = _headers(op)
    names = {name.lower() for name, _ in headers}
    url = op.url
    if "content-type" not in names:
        headers = (*headers, ("Content-Type", "application/json"))
    if op.auth_key:
        if op.format == GEMINI:
            url = _with_key(url, op.auth_key)
        elif op.format == ANTHROPIC:
            headers = _with(headers, names, "x-api-key", op.auth_key)
        elif op.format == BEDROCK:
            headers = _with(headers, names, "Authorization", op.auth_key)
        elif op.format == AZURE:
            headers = _with(headers, names, "api-key", op.auth_key)
        else:
            headers = _with(headers, names, "Authorization", f"Bearer {op.auth_key}")
    return Outbound(url, "POST", headers, op.body, format=op.format or "openai-chat", publish=_publish(op))


def _with(
    headers: tuple[tuple[str, str], ...], names: set[str], name: str, value: str
) -> tuple[tuple[str, str], ...]:
    """What the app said itself goes first."""
    if name.lower() in names:
        return headers
    return (*headers, (name, _clean(value)))


def _with_key(url: str, key: str) -> str:
    query = urlsplit(url).query
    if any(pair.startswith("key=") for pair in query.split("&")):
        return url
    return f"{url}{'&' if query else '' if url.endswith('?') else '?'}key={quote(key, safe='')}"


def _headers(op: Op) -> tuple[tuple[str, str], ...]:
    if op.headers is None:
        return ()
    try:
        found = _values.decode(op.headers)
    except msgspec.ValidationError as error:
        raise AttemptError(f"step {op.display_name!r} has no usable headers: {error}") from None
    headers = []
    for name, value in found.items():
        if not _HEADER.fullmatch(name):
            raise AttemptError(f"step {op.display_name!r} has no usable headers: {name!r} is no name of one")
        if value is not None and name.lower() not in _OURS:
            text = ", ".join(value) if isinstance(value, list) else str(value)
            headers.append((name, _clean(text)))
    return tuple(headers)


def _clean(value: str) -> str:
    """Without what would end the header, or stand for a byte that no header has."""
    return "".join(c if c.isprintable() or c == "\t" else " " for c in value).strip()


def _publish(op: Op) -> Publish | None:
    if op.publish is None:
        return None
    try:
        publish = msgspec.json.decode(op.publish, type=Publish)
    except msgspec.ValidationError:
        return None
    return publish if publish.channel and publish.topic else None
