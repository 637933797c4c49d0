"""What came of a request that the server made for an app, as the memo of its step (sdk-protocol §2.2)."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from inngest_fast._native.canonical import CanonicalError, canonicalize, quote
from inngest_fast.engine import limits
from inngest_fast.engine.answer.retry_after import parse_retry_after
from inngest_fast.engine.gateway.request import Outbound
from inngest_fast.engine.gateway.usage import usage_of

TOO_LARGE: Final = "the response exceeds the size limit of a step's output"
_MAX_QUOTED: Final = 8192
_SUCCESS: Final = 299
# About how the body came, not about the body as the app gets it.
_OF_TRANSFER: Final = frozenset(("connection", "content-encoding", "content-length", "transfer-encoding"))
_FINAL: Final = frozenset(("too_large", "forbidden", "redirects"))


class Outcome(msgspec.Struct, frozen=True):
    """`memo` is canonical. A failure may be tried again unless it is `final`; not before `retry_at`, unix ms.

    `usage` is what the response tells of the model, for the metadata of kind `inngest.ai`.
    """

    memo: bytes
    failed: bool = False
    final: bool = False
    retry_at: int | None = None
    status: int = 0
    usage: dict[str, Any] | None = None


def responded(
    request: Outbound, status: int, headers: Mapping[str, str], body: bytes, *, now: int, took: int
) -> Outcome:
    """A whole response came, after `took` ms. Header names are lower-case."""
    if request.format:
        return _inferred(request, status, headers, body, now, took)
    shown = {name: value for name, value in headers.items() if name not in _OF_TRANSFER}
    memo = canonicalize(
        msgspec.json.encode(
            {
                "data": {
                    "url": request.url,
                    "headers": shown,
                    "body": body.decode("utf-8", "replace"),
                    "status_code": status,
                }
            }
        )
    )
    return _bounded(request, Outcome(memo, status=status))


def unanswered(request: Outbound, fault: str, message: str) -> Outcome:
    """No response came; `fault` is that of ports.app_client."""
    return _failed(request, f"{_server(request.url)} gave no response: {message}", final=fault in _FINAL)


def error_of(memo: bytes) -> bytes:
    """The error of a failure's memo."""
    return memo[len(b'{"error":') : -1]


def _inferred(
    request: Outbound, status: int, headers: Mapping[str, str], body: bytes, now: int, took: int
) -> Outcome:
    try:
        data = canonicalize(body) if body.strip() else b"null"
    except CanonicalError:
        data = None
    if status > _SUCCESS:
        return _failed(
            request,
            f"the model's API answered with HTTP {status}",
            data=data,
            stack=body[:_MAX_QUOTED].decode("utf-8", "replace"),
            status=status,
            retry_at=parse_retry_after(headers.get("retry-after", ""), now),
        )
    if data is None:
        return _failed(
            request,
            "the model's API answered with what is no JSON",
            stack=body[:_MAX_QUOTED].decode("utf-8", "replace"),
            status=status,
        )
    usage = {**usage_of(request, data), "latency_ms": took}
    return _bounded(request, Outcome(b'{"data":' + data + b"}", status=status, usage=usage))


def _server(url: str) -> str:
    """The URL without what may be secret in it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "the server"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _bounded(request: Outbound, outcome: Outcome) -> Outcome:
    if len(outcome.memo) <= limits.MAX_STEP_SIZE:
        return outcome
    return _failed(request, TOO_LARGE, final=True, status=outcome.status)


def _failed(
    request: Outbound,
    message: str,
    *,
    data: bytes | None = None,
    stack: str = "",
    final: bool = False,
    status: int = 0,
    retry_at: int | None = None,
) -> Outcome:
    members = []
    if data is not None and len(data) <= limits.MAX_STEP_SIZE // 2:
        members.append(b'"data":' + data)
    members.append(b'"message":' + quote(message))
    members.append(b'"name":' + (b'"AIGatewayError"' if request.format else b'"GatewayError"'))
    if stack:
        members.append(b'"stack":' + quote(stack))
    memo = b'{"error":{' + b",".join(members) + b"}}"
    return Outcome(memo, failed=True, final=final, retry_at=retry_at, status=status)
