"""OTLP/JSON: ids in hex, 64-bit numbers as strings."""

from collections.abc import Sequence
from typing import Any

import msgspec

from inngest_fast.domain.otlp import Attributes, ExportedSpan
from inngest_fast.ports.span_sink import Taken
from inngest_fast.version import VERSION

SCOPE = "inngest-fast"

_encode = msgspec.json.Encoder().encode


class _Partial(msgspec.Struct, rename="camel"):
    rejected_spans: int | str = 0
    error_message: str = ""


class _Answer(msgspec.Struct, rename="camel"):
    partial_success: _Partial | None = None


_decoder = msgspec.json.Decoder(_Answer)


def encode(spans: Sequence[ExportedSpan], resource: Attributes) -> bytes:
    """An ExportTraceServiceRequest."""
    scope = {"scope": {"name": SCOPE, "version": VERSION}, "spans": [_span(span) for span in spans]}
    return _encode({"resourceSpans": [{"resource": {"attributes": _all(resource)}, "scopeSpans": [scope]}]})


def read_taken(body: bytes) -> Taken:
    """What an ExportTraceServiceResponse says. ValueError for what is none."""
    partial = _decoder.decode(body).partial_success if body.strip() else None
    return Taken() if partial is None else Taken(int(partial.rejected_spans), partial.error_message)


def _span(span: ExportedSpan) -> dict[str, Any]:
    found: dict[str, Any] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.end),
        "attributes": _all(span.attributes),
    }
    if span.parent_id:
        found["parentSpanId"] = span.parent_id
    if span.trace_state:
        found["traceState"] = span.trace_state
    if span.status:
        found["status"] = {"code": span.status, "message": span.message}
    return found


def _all(attributes: Attributes) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in attributes
    ]
