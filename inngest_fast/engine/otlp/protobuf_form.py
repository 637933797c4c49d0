"""OTLP in protobuf: as much of the wire format as an ExportTraceServiceRequest needs.

Numbers of fields are those of opentelemetry-proto's trace service, version 1.
"""

import base64
import struct
from collections.abc import Iterator
from typing import Any, Final

from inngest_fast.engine.otlp.spans import MAX_DEPTH, MAX_SPANS, InvalidPayloadError, Received, kind_name

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT: Final = 10
_MAX_FIELD: Final = (1 << 29) - 1
_double = struct.Struct("<d")

_SPAN_ID, _TRACE_ID = 8, 16  # bytes


def read_request(body: bytes) -> list[Received]:
    """The spans of a request. Raises InvalidPayloadError."""
    try:
        spans = list(_spans(body))
    except ValueError as error:  # as is that of a text that is not UTF-8
        raise InvalidPayloadError(str(error)) from None
    return spans


def partial_success(rejected: int) -> bytes:
    """The ExportTraceServiceResponse; nothing at all if every span was taken."""
    if not rejected:
        return b""
    inner = b"\x08" + _varint(rejected)
    return b"\x0a" + _varint(len(inner)) + inner


def status(message: str) -> bytes:
    """A google.rpc.Status of that message."""
    text = message.encode()
    return b"\x12" + _varint(len(text)) + text


def _spans(body: bytes) -> Iterator[Received]:
    count = 0
    for resource_spans in _messages(body, 1):
        resource: dict[str, Any] = {}
        for inner in _messages(resource_spans, 1):
            resource = _attributes(inner, 1)
        for scope_spans in _messages(resource_spans, 2):
            name = version = ""
            for inner in _messages(scope_spans, 1):
                for number, value in _fields(inner):
                    if number == 1:
                        name = _text(value)
                    elif number == 2:
                        version = _text(value)
            for span in _messages(scope_spans, 2):
                count += 1
                if count > MAX_SPANS:
                    raise ValueError(f"more than {MAX_SPANS} spans")
                yield _span(span, resource, name, version)


def _span(body: bytes, resource: dict[str, Any], scope_name: str, scope_version: str) -> Received:
    found: dict[int, Any] = dict(_fields(body))
    code: Any = 0
    if 15 in found:
        code = next((value for number, value in _fields(_bytes(found[15])) if number == 3), 0)
    return Received(
        trace_id=_id(found.get(1, b""), _TRACE_ID),
        span_id=_id(found.get(2, b""), _SPAN_ID),
        parent_id=_id(found.get(4, b""), _SPAN_ID),
        name=_text(found.get(5, b"")),
        kind=kind_name(_number(found.get(6, 0))),
        start=_number(found.get(7, 0)),
        end=_number(found.get(8, 0)),
        status=_number(code),
        attributes=_attributes(body, 9),
        resource=resource,
        scope_name=scope_name,
        scope_version=scope_version,
    )


def _attributes(body: bytes, field: int, depth: int = MAX_DEPTH) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in _messages(body, field):
        key, value = "", None
        for number, inner in _fields(pair):
            if number == 1:
                key = _text(inner)
            elif number == 2:
                value = _value(_bytes(inner), depth)
        found[key] = value
    return found


def _value(body: bytes, depth: int) -> Any:
    """An AnyValue as the JSON value it stands for; of several the last counts."""
    if not depth:
        raise ValueError("an attribute is too deep")
    found: Any = None
    for number, value in _fields(body):
        match number:
            case 1:
                found = _text(value)
            case 2:
                found = bool(_number(value))
            case 3:
                whole = _number(value)
                found = whole - (1 << 64) if whole >> 63 else whole
            case 4:
                double = _double.unpack(_number(value).to_bytes(8, "little"))[0]
                found = double if double - double == 0 else str(double)  # no JSON has the others
            case 5:
                found = [_value(each, depth - 1) for each in _messages(_bytes(value), 1)]
            case 6:
                found = _attributes(_bytes(value), 1, depth - 1)
            case 7:
                found = base64.b64encode(_bytes(value)).decode()
    return found


def _id(value: Any, size: int) -> str:
    data = _bytes(value)
    if data and len(data) != size:
        raise ValueError(f"an id has {len(data)} bytes")
    return data.hex()


def _messages(body: bytes, field: int) -> Iterator[bytes]:
    for number, value in _fields(body):
        if number == field:
            yield _bytes(value)


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a field is of another type")  # noqa: TRY004 it is the payload that is wrong
    return value


def _text(value: Any) -> str:
    return _bytes(value).decode()


def _number(value: Any) -> int:
    if not isinstance(value, int):
        raise ValueError("a field is of another type")  # noqa: TRY004 it is the payload that is wrong
    return value


def _fields(body: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field of a message; fixed numbers as if they were unsigned."""
    place, end = 0, len(body)
    while place < end:
        key, place = _read_varint(body, place)
        number, kind = key >> 3, key & 7
        if not 0 < number <= _MAX_FIELD:
            raise ValueError("no field has that number")
        if kind == _VARINT:
            value, place = _read_varint(body, place)
            yield number, value
            continue
        if kind == _BYTES:
            size, place = _read_varint(body, place)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError("no field has that type")
        if size > end - place:
            raise ValueError("a field is cut off")
        data = body[place : place + size]
        place += size
        yield number, data if kind == _BYTES else int.from_bytes(data, "little")


def _read_varint(body: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(_LONGEST_VARINT):
        if place >= len(body):
            raise ValueError("a number is cut off")
        byte = body[place]
        place += 1
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, place
    raise ValueError("a number is too long")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
