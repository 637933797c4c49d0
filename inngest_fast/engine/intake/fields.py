"""The fields of one event as a sender writes them (http-api §2.1)."""

from typing import Final

import msgspec

from inngest_fast._native.canonical import canonicalize
from inngest_fast.domain.errors import InvalidEventError
from inngest_fast.engine.intake.sessions import merged_meta

_MIN_TS: Final = 315_532_800_000
_MAX_TS: Final = 4_102_444_800_000
_EMPTY: Final = b"{}"
_NULL: Final = b"null"
_RESERVED_KEY: Final = b'"_inngest"'

_null = msgspec.Raw(_NULL)


class _Fields(msgspec.Struct):
    name: str | None = None
    data: msgspec.Raw = _null
    id: str | None = None
    ts: int | float | None = None
    user: msgspec.Raw = _null
    v: str | None = None
    meta: msgspec.Raw = _null


class _RawFields(msgspec.Struct):
    name: msgspec.Raw = _null
    data: msgspec.Raw = _null
    id: msgspec.Raw = _null
    ts: msgspec.Raw = _null
    user: msgspec.Raw = _null
    v: msgspec.Raw = _null
    meta: msgspec.Raw = _null


class Sent(msgspec.Struct):
    """One event as sent, its JSON canonical. `id` and `v` are "", `ts` 0 and `meta` b"" where not given."""

    name: str
    data: bytes
    id: str
    ts: int
    user: bytes
    v: str
    meta: bytes


_decoder = msgspec.json.Decoder(_Fields)
_raw_decoder = msgspec.json.Decoder(_RawFields)
_object_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_fields(whole: bytes) -> Sent:
    """The fields of a canonical JSON object. Raises InvalidEventError with the wire text.

    The name is not judged here.
    """
    try:
        fields = _decoder.decode(whole)
    except msgspec.ValidationError:
        raise InvalidEventError(_type_error(whole)) from None
    data = _object(fields.data, whole)
    if _RESERVED_KEY in data:
        data = _without_reserved(data)
    meta = bytes(fields.meta)
    return Sent(
        fields.name or "",
        data,
        fields.id or "",
        _instant(fields.ts, whole) if fields.ts else 0,
        _object(fields.user, whole),
        fields.v or "",
        merged_meta(_object(fields.meta, whole)) if meta != _NULL else b"",
    )


def _object(raw: msgspec.Raw, whole: bytes) -> bytes:
    value = bytes(raw)
    if value[:1] == b"{":
        return value
    if value == _NULL:
        return _EMPTY
    raise InvalidEventError(_type_error(whole))


def _instant(value: float, whole: bytes) -> int:
    if isinstance(value, float):
        if not value.is_integer():
            raise InvalidEventError(_type_error(whole))
        value = int(value)
    if value < _MIN_TS:
        raise InvalidEventError("timestamp is before Jan 1, 1980")
    if value > _MAX_TS:
        raise InvalidEventError("timestamp is after Jan 1, 2100")
    return value


def _without_reserved(data: bytes) -> bytes:
    """`data` without the key that is the server's own (http-api §2.1)."""
    entries = _object_decoder.decode(data)
    if entries.pop("_inngest", None) is None:
        return data
    return canonicalize(msgspec.json.encode(entries))


_TYPES = {
    "name": ("string", b'"'),
    "data": ("map[string]interface {}", b"{"),
    "id": ("string", b'"'),
    "ts": ("int64", b"-0123456789"),
    "user": ("map[string]interface {}", b"{"),
    "v": ("string", b'"'),
    "meta": ("map[string]interface {}", b"{"),
}


def _type_error(whole: bytes) -> str:
    """What is wrong with the first field that has a wrong type."""
    fields = _raw_decoder.decode(whole)
    for name, (expected, starts) in _TYPES.items():
        value = bytes(getattr(fields, name))
        if value == _NULL:
            continue
        kind = _kind(value)
        if value[0] in starts:
            if name != "ts" or (value.lstrip(b"-").isdigit() and len(value) < 19):
                continue
            kind = f"number {value.decode()}"
        return f"json: cannot unmarshal {kind} into Go struct field raw.{name} of type {expected}"
    return "event is not valid"


def _kind(value: bytes) -> str:
    kinds = {"{": "object", "[": "array", '"': "string", "t": "bool", "f": "bool"}
    return kinds.get(chr(value[0]), "number")
