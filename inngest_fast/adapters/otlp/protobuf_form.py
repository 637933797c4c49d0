"""OTLP in protobuf, written by hand: a library costs megabytes.

Numbers of fields are those of opentelemetry-proto's trace service, version 1.
"""

from collections.abc import Iterator, Sequence
from struct import pack

from inngest_fast.adapters.otlp.json_form import SCOPE
from inngest_fast.domain.otlp import Attributes, ExportedSpan
from inngest_fast.ports.span_sink import Taken
from inngest_fast.version import VERSION

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_U64 = (1 << 64) - 1


def encode(spans: Sequence[ExportedSpan], resource: Attributes) -> bytes:
    """An ExportTraceServiceRequest."""
    scope = _text(1, SCOPE) + _text(2, VERSION)
    scope_spans = _bytes(1, scope) + b"".join(_bytes(2, _span(span)) for span in spans)
    return _bytes(1, _bytes(1, _attributes(1, resource)) + _bytes(2, scope_spans))


def read_taken(body: bytes) -> Taken:
    """What an ExportTraceServiceResponse says. ValueError for what is none."""
    rejected, message = 0, ""
    for number, value in _fields(body):
        if number == 1 and isinstance(value, bytes):
            for inner, found in _fields(value):
                if inner == 1 and isinstance(found, int):
                    rejected = found
                elif inner == 2 and isinstance(found, bytes):
                    message = found.decode(errors="replace")
    return Taken(rejected, message)


def _span(span: ExportedSpan) -> bytes:
    status = _text(2, span.message) + _number(3, span.status)
    return b"".join(
        (
            _bytes(1, bytes.fromhex(span.trace_id)),
            _bytes(2, bytes.fromhex(span.span_id)),
            _text(3, span.trace_state),
            _bytes(4, bytes.fromhex(span.parent_id)) if span.parent_id else b"",
            _text(5, span.name),
            _number(6, span.kind),
            _fixed(7, span.start),
            _fixed(8, span.end),
            _attributes(9, span.attributes),
            _bytes(15, status) if status else b"",
        )
    )


def _attributes(number: int, attributes: Attributes) -> bytes:
    return b"".join(
        _bytes(
            number,
            # A value that is set is written even if it is 0 or "".
            _text(1, key)
            + _bytes(
                2,
                _tag(3, _VARINT) + _varint(value)
                if isinstance(value, int)
                else _bytes(1, value.encode("utf-8", "replace")),
            ),
        )
        for key, value in attributes
    )


def _tag(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _varint(value: int) -> bytes:
    out = bytearray()
    value &= _U64
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _bytes(number: int, value: bytes) -> bytes:
    return _tag(number, _BYTES) + _varint(len(value)) + value


def _text(number: int, value: str) -> bytes:
    return _bytes(number, value.encode("utf-8", "replace")) if value else b""


def _number(number: int, value: int) -> bytes:
    return _tag(number, _VARINT) + _varint(value) if value else b""


def _fixed(number: int, value: int) -> bytes:
    return _tag(number, _FIXED64) + pack("<Q", value)


def _fields(body: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(body):
        tag, at = _read_varint(body, at)
        value: int | bytes
        match tag & 7:
            case 0:
                value, at = _read_varint(body, at)
            case 2:
                length, at = _read_varint(body, at)
                value, at = body[at : at + length], at + length
            case 1 | 5 as wire:
                length = 8 if wire == _FIXED64 else 4
                value, at = body[at : at + length], at + length
            case _:
                raise ValueError("no protobuf")
        if at > len(body):
            raise ValueError("cut off")
        yield tag >> 3, value


def _read_varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(body) and shift < 64:
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("cut off")
