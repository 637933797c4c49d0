"""Reads what was asked for, as the table of operations has it (http-api §5.1)."""

import re
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec

from inngest_fast.api.http import Request
from inngest_fast.api.instants import read as read_instant
from inngest_fast.api.operations.parts import Field, Operation, Schema, camel
from inngest_fast.api.rest_v2.replies import GENERIC, RefusedError
from inngest_fast.domain.errors import InvalidDurationError

Values = dict[str, Any]

_MAX_DIGITS: Final = 18
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


def bad(message: str, code: str = GENERIC) -> RefusedError:
    return RefusedError(message, 400, code)


async def read(operation: Operation, request: Request) -> Values:
    """The values of the fields that were given, by name: texts, numbers, booleans, lists of texts; times in
    unix ms; those of a body as raw JSON. Raises RefusedError.
    """
    found: Values = {}
    for field in operation.of("path"):
        found[field.name] = _value(field, request.params[field.name])
    _read_query(operation, request.query_string, found)
    if fields := operation.of("body"):
        _read_body(fields, await request.body(), found)
    return found


def _read_query(operation: Operation, query: str, found: Values) -> None:
    known = {field.name: field for field in operation.of("query")}
    for name, text in parse_qsl(query, keep_blank_values=True):
        field = known.get(camel(name))
        if field is None:
            raise bad(f"unknown parameter: {name[:64]}")
        if field.many:
            found.setdefault(field.name, []).append(_value(field, text))
        elif field.name in found:
            raise bad(f"{field.name} is given twice")
        elif text or field.schema != {"type": "string"}:  # an empty text is none
            found[field.name] = _value(field, text)


def _read_body(fields: tuple[Field, ...], body: bytes, found: Values) -> None:
    known = {field.name: field for field in fields}
    sent = read_object(body, "the body")
    for name, raw in sent.items():
        field = known.get(camel(name))
        if field is None:
            raise bad(f"unknown field: {name[:64]}")
        if bytes(raw) != b"null":
            if field.name in found:
                raise bad(f"{field.name} is given twice")
            found[field.name] = raw


def read_object(raw: bytes | msgspec.Raw, what: str) -> dict[str, msgspec.Raw]:
    """The members of a JSON object; none of an empty body. Raises RefusedError."""
    if not raw:
        return {}
    try:
        return _object.decode(raw)
    except msgspec.ValidationError:
        raise bad(f"{what} must be a JSON object") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad(f"{what} is no JSON: {error}") from None


def read_text(raw: msgspec.Raw, name: str) -> str:
    """A JSON string. Raises RefusedError."""
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise bad(f"{name} must be a string", "invalid_field_format") from None


def _value(field: Field, text: str) -> Any:
    """Raises RefusedError."""
    schema: Schema = field.schema["items"] if field.many else field.schema
    match schema:
        case {"enum": choices}:
            if text not in choices:
                raise bad(f"{field.name} must be one of {', '.join(choices)}")
        case {"type": "boolean"}:
            if text not in ("true", "false"):
                raise bad(f"{field.name} must be true or false")
            return text == "true"
        case {"type": "integer", "minimum": low, "maximum": high}:
            if not (text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS):
                raise bad(f"{field.name} must be a whole number")
            if not low <= int(text) <= high:
                raise bad(f"{field.name} must be from {low} to {high}", "invalid_request")
            return int(text)
        case {"format": "date-time"}:
            try:
                return read_instant(text)
            except InvalidDurationError:
                raise bad(f"{field.name} must be an RFC 3339 time", "invalid_field_format") from None
        case {"format": "uuid"}:
            try:
                return str(UUID(text))
            except ValueError:
                raise bad(f"{field.name} must be a uuid", "invalid_field_format") from None
        case {"pattern": pattern} if not re.fullmatch(pattern, text):
            raise bad(f"{field.name} must be a ULID", "invalid_field_format")
    return text
