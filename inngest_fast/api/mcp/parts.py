"""What a tool is made of."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from inngest_fast.api.http import Request
from inngest_fast.api.operations.parts import Schema

Arguments = dict[str, Any]


class ToolError(Exception):
    """The tool could not do it; the text says why."""


class Tool(NamedTuple):
    """`call` answers with a text or a JSON object. Raises ToolError, OverloadedError, StoreError."""

    name: str
    description: str
    schema: Schema
    call: Callable[[Arguments, Request], Awaitable[Any]]
    writes: bool = False


def schema_of(*required: str, **properties: Schema) -> Schema:
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        found["required"] = list(required)
    return found


def read(arguments: Arguments, schema: Schema) -> Arguments:
    """Those that were given, of the types that the schema has for them. Raises ToolError."""
    known = schema["properties"]
    found = {}
    for name, value in arguments.items():
        if name not in known:
            raise ToolError(f"unknown argument: {name[:64]}")
        if value is None:
            continue
        if not _fits(value, known[name]):
            raise ToolError(f"{name} is no {known[name]['type']} as it must be")
        found[name] = value
    for name in schema.get("required", ()):
        if not found.get(name):
            raise ToolError(f"{name} is required")
    return found


def _fits(value: Any, schema: Schema) -> bool:
    match schema["type"]:
        case "string":
            return isinstance(value, str)
        case "object":
            return isinstance(value, dict)
        case "array":
            size = isinstance(value, list) and len(value) <= schema["maxItems"]
            return size and all(_fits(each, schema["items"]) for each in value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and schema["minimum"] <= value <= schema["maximum"]
