"""OTLP/JSON: the protobuf messages in JSON, with ids in hex and 64-bit numbers as strings."""

import base64
import binascii
from typing import Any

import msgspec

from inngest_fast.engine.otlp.spans import (
    KINDS,
    MAX_DEPTH,
    MAX_SPANS,
    InvalidPayloadError,
    Received,
    kind_name,
)

_SPAN_ID, _TRACE_ID = 16, 32  # hex digits
_HEX = frozenset("0123456789abcdef")
_STATUS = {"STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
_KIND_PREFIX = "SPAN_KIND_"


class _Lenient(msgspec.Struct, rename="camel"):
    pass


class _Attribute(_Lenient):
    key: str = ""
    value: dict[str, Any] | None = None


class _Status(_Lenient):
    code: int | str | None = None


class _Span(_Lenient):
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str | None = None
    name: str | None = None
    kind: int | str | None = None
    start_time_unix_nano: int | str | None = None
    end_time_unix_nano: int | str | None = None
    attributes: list[_Attribute] | None = None
    status: _Status | None = None


class _Scope(_Lenient):
    name: str | None = None
    version: str | None = None


class _ScopeSpans(_Lenient):
    scope: _Scope | None = None
    spans: list[_Span] | None = None


class _Resource(_Lenient):
    attributes: list[_Attribute] | None = None


class _ResourceSpans(_Lenient):
    resource: _Resource | None = None
    scope_spans: list[_ScopeSpans] | None = None


class _Request(_Lenient):
    resource_spans: list[_ResourceSpans] | None = None


_decoder = msgspec.json.Decoder(_Request)


def read_request(body: bytes) -> list[Received]:
    """The spans of a request. Raises InvalidPayloadError."""
    try:
        request = _decoder.decode(body)
        return [
            _received(span, scope.scope or _Scope(), _attributes(resource.resource))
            for resource in request.resource_spans or ()
            for scope in resource.scope_spans or ()
            for span in _some(scope.spans or [])
        ]
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise InvalidPayloadError(str(error)) from None


def partial_success(rejected: int) -> bytes:
    """The ExportTraceServiceResponse."""
    return b'{"partialSuccess":{"rejectedSpans":"%d"}}' % rejected if rejected else b"{}"


def _some(spans: list[_Span]) -> list[_Span]:
    if len(spans) > MAX_SPANS:
        raise ValueError(f"more than {MAX_SPANS} spans")
    return spans


def _received(span: _Span, scope: _Scope, resource: dict[str, Any]) -> Received:
    code = span.status.code if span.status is not None else 0
    return Received(
        trace_id=_id(span.trace_id, _TRACE_ID),
        span_id=_id(span.span_id, _SPAN_ID),
        parent_id=_id(span.parent_span_id or "", _SPAN_ID),
        name=span.name or "",
        start=int(span.start_time_unix_nano or 0),
        end=int(span.end_time_unix_nano or 0),
        kind=_kind(span.kind),
        status=code if isinstance(code, int) else _STATUS.get(code or "", 0),
        attributes={each.key: _value(each.value, MAX_DEPTH) for each in span.attributes or ()},
        resource=resource,
        scope_name=scope.name or "",
        scope_version=scope.version or "",
    )


def _attributes(resource: _Resource | None) -> dict[str, Any]:
    found = resource.attributes if resource is not None else None
    return {each.key: _value(each.value, MAX_DEPTH) for each in found or ()}


def _kind(kind: int | str | None) -> str:
    if isinstance(kind, str):
        name = kind.removeprefix(_KIND_PREFIX)
        return name if name in KINDS else KINDS[0]
    return kind_name(kind or 0)


def _id(text: str, digits: int) -> str:
    """In hex, as the standard has it, or in base64, as plain protobuf JSON has bytes."""
    lower = text.lower()
    if not text or (len(text) == digits and set(lower) <= _HEX):
        return lower
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("an id is neither hex nor base64") from None
    if len(data) * 2 != digits:
        raise ValueError(f"an id has {len(data)} bytes")
    return data.hex()


def _value(value: Any, depth: int) -> Any:
    """An AnyValue as the JSON value it stands for."""
    if not isinstance(value, dict) or not value:
        return None
    if not depth:
        raise ValueError("an attribute is too deep")
    name, inner = next(iter(value.items()))
    match name:
        case "stringValue" | "boolValue" | "bytesValue":
            return inner
        case "intValue":
            return int(inner)
        case "doubleValue":
            return inner if isinstance(inner, int | float) else str(inner)
        case "arrayValue":
            return [_value(each, depth - 1) for each in inner.get("values") or ()]
        case "kvlistValue":
            pairs = inner.get("values") or ()
            return {str(each.get("key", "")): _value(each.get("value"), depth - 1) for each in pairs}
    return None
