"""Reads an HTTP response as an answer (sdk-protocol §3)."""

import re
from collections.abc import Mapping

import msgspec

from inngest_fast._native.canonical import CanonicalError, canonicalize, quote
from inngest_fast.engine import limits
from inngest_fast.engine.answer.error_object import plain_error, standard_error, upstream_error
from inngest_fast.engine.answer.kinds import Answer, Failure, Ops, Result
from inngest_fast.engine.answer.opcodes import UnreadableOpsError, read_ops
from inngest_fast.engine.answer.retry_after import parse_retry_after

TOO_LARGE = "Your function's response body exceeds the maximum size limit"
NOT_SDK = "The response did not come from an Inngest SDK"
NO_RETRY = "NonRetriableError"

_SDK = "x-inngest-sdk"
_JS = re.compile(r"(?:inngest-)?js:v?([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})")
_text = msgspec.json.Decoder(str)


def read_answer(status: int, headers: Mapping[str, str], body: bytes, *, now_ms: int) -> Answer:
    """What a response means. Header names are lower-case, `body` is decoded from any transfer coding."""
    if len(body) > limits.MAX_RESPONSE_SIZE:
        return too_large()
    if _SDK not in headers:
        return _foreign(status, headers, body, now_ms)
    if status == 201:
        return _streamed(headers, body, now_ms)
    if status == 206:
        return _reported(headers, body, now_ms)
    if 200 <= status < 300:
        return _returned(headers, body)
    return _refused(status, headers, body, now_ms)


def too_large() -> Failure:
    return _failure(TOO_LARGE, code="output_too_large")


def unreachable(kind: str, message: str) -> Failure:
    """The call had no answer: `kind` is "refused" when there was no connection, else another fault."""
    if kind == "too_large":
        return too_large()
    text = "Unable to reach SDK URL" if kind == "refused" else f"error performing request: {message}"
    return _failure(text, code="unreachable")


def not_to_be_made(message: str) -> Failure:
    """A call that can never be made."""
    return Failure(plain_error(message), None, "", no_retry=True, retry_at=None)


def _failure(message: str, *, code: str = "", version: int | None = None) -> Failure:
    return Failure(plain_error(message), None, code, no_retry=False, retry_at=None, version=version)


def _foreign(status: int, headers: Mapping[str, str], body: bytes, now_ms: int) -> Failure:
    if status < 400:
        return _failure(NOT_SDK, code="not_sdk")
    return Failure(
        error=upstream_error(status, headers.get("content-type", ""), body),
        output=None,
        code="not_sdk",
        no_retry=_no_retry(status, headers),
        retry_at=parse_retry_after(headers.get("retry-after", ""), now_ms),
    )


def _reported(headers: Mapping[str, str], body: bytes, now_ms: int) -> Answer:
    version = _version(headers)
    if not body.strip():
        return _failure("no response data", version=version)
    try:
        ops = read_ops(canonicalize(body))
    except CanonicalError as error:
        return _failure(f"error reading generator opcode response: {error}", version=version)
    except UnreadableOpsError as error:
        return _failure(str(error), version=version)
    return Ops(
        ops=ops,
        version=version,
        no_retry=_no_retry(206, headers),
        retry_at=parse_retry_after(headers.get("retry-after", ""), now_ms),
    )


def _returned(headers: Mapping[str, str], body: bytes) -> Answer:
    version = _version(headers)
    data = _output(body)
    if _no_retry(200, headers):
        return Failure(
            standard_error(data or b"", NO_RETRY), data, "", no_retry=True, retry_at=None, version=version
        )
    return Result(data, version)


def _refused(status: int, headers: Mapping[str, str], body: bytes, now_ms: int) -> Failure:
    final = _no_retry(status, headers)
    output = _output(body)
    says_so = headers.get("x-inngest-no-retry", "").strip().lower() == "true"
    return Failure(
        error=standard_error(output or b"", NO_RETRY if says_so else f"invalid status code: {status}"),
        output=output,
        code="",
        no_retry=final,
        retry_at=parse_retry_after(headers.get("retry-after", ""), now_ms),
        version=_version(headers),
    )


class _Envelope(msgspec.Struct):
    status: int = 200
    headers: dict[str, msgspec.Raw] | None = None
    body: msgspec.Raw = msgspec.Raw(b"")
    error: msgspec.Raw = msgspec.Raw(b"")
    retry_at: str | None = msgspec.field(name="retryAt", default=None)
    no_retry: bool | None = msgspec.field(name="noRetry", default=None)


_envelope = msgspec.json.Decoder(_Envelope)


def _streamed(outer: Mapping[str, str], body: bytes, now_ms: int) -> Answer:
    """A response within a response, for apps that had to answer before they were done (§3.3)."""
    version = _version(outer)
    try:
        inner = _envelope.decode(canonicalize(body.strip()))
    except (CanonicalError, msgspec.DecodeError) as error:
        return _failure(f"error parsing stream: {error}", version=version)
    headers = dict(outer)
    for name, value in (inner.headers or {}).items():
        headers[name.lower()] = _plain(bytes(value))
    if inner.retry_at:
        headers["retry-after"] = inner.retry_at
    if inner.no_retry is not None:
        headers["x-inngest-no-retry"] = "true" if inner.no_retry else "false"
    if bytes(inner.error) not in (b"", b"null", b'""'):
        wrapped = b'{"error":' + bytes(inner.error) + b"}"
        return _refused(inner.status if inner.status >= 400 else 500, headers, wrapped, now_ms)
    content = bytes(inner.body)
    if content.startswith(b'"'):
        content = _plain(content).encode("utf-8", "replace")
    if inner.status == 201:
        return _failure("error parsing stream: a streamed response within another", version=version)
    return read_answer(inner.status, headers, content, now_ms=now_ms)


def _plain(raw: bytes) -> str:
    return _text.decode(raw) if raw.startswith(b'"') else raw.decode()


def _output(body: bytes) -> bytes | None:
    """A body as canonical JSON: a string that holds an object is opened, what is no JSON becomes a string."""
    if not body.strip():
        return None
    try:
        data = canonicalize(body)
    except CanonicalError:
        return quote(body.decode("utf-8", "replace"))
    if data.startswith(b'"'):
        inner = _text.decode(data)
        if inner.lstrip().startswith("{"):
            try:
                return canonicalize(inner.encode())
            except (CanonicalError, UnicodeError):
                return data
    return data


def _version(headers: Mapping[str, str]) -> int | None:
    text = headers.get("x-inngest-req-version", "").strip()
    try:
        version = int(text)
    except ValueError:
        return None
    return version if -1 <= version <= 99 else None


def _no_retry(status: int, headers: Mapping[str, str]) -> bool:
    text = headers.get("x-inngest-no-retry", "").strip().lower()
    if text:
        return text == "true"
    return 400 <= status < 500 and _is_final_in(headers.get(_SDK, ""))


def _is_final_in(sdk: str) -> bool:
    """Old TypeScript SDKs say nothing, and mean that a 4xx is final (§3.1)."""
    found = _JS.match(sdk)
    if found is None:
        return False
    version = (int(found[1]), int(found[2]), int(found[3]))
    return version < (1, 10, 1) or (2, 0, 0) <= version < (2, 4, 1)
