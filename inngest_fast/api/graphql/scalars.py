"""How the scalars of the schema are read and shown (http-api §6.1)."""

from typing import Any

from graphql import GraphQLError, GraphQLScalarType, GraphQLSchema

from inngest_fast.api.instants import read as read_instant
from inngest_fast.api.instants import shown
from inngest_fast.domain.errors import InvalidDurationError


def _show_time(ms: Any) -> str | None:
    return shown(ms)


def _read_time(value: Any) -> int:
    if isinstance(value, str):
        try:
            return read_instant(value)
        except InvalidDurationError as error:
            raise GraphQLError(str(error)) from None
    raise GraphQLError("a Time is a string")


def _read_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise GraphQLError("expected a string")


def _read_map(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise GraphQLError("a Map is an object")


def _as_it_is(value: Any) -> Any:
    return value


_TEXTS = ("ULID", "UUID", "Bytes")
_ANY = ("Unknown", "HTTPHeaders", "SpanMetadataValues", "Uint", "Int64")


def attach(schema: GraphQLSchema) -> None:
    """Gives the scalars of the schema their meaning. Times are unix ms behind it."""
    for name in _TEXTS:
        _set(schema, name, _as_it_is, _read_text)
    for name in _ANY:
        _set(schema, name, _as_it_is, _as_it_is)
    _set(schema, "Time", _show_time, _read_time)
    _set(schema, "Map", _as_it_is, _read_map)


def _set(schema: GraphQLSchema, name: str, show: Any, read: Any) -> None:
    scalar = schema.type_map[name]
    assert isinstance(scalar, GraphQLScalarType)
    scalar.serialize = scalar.coerce_output_value = show  # type: ignore[method-assign]
    scalar.parse_value = scalar.coerce_input_value = read  # type: ignore[method-assign]
