"""Makes the document of the tables of operations."""

from typing import Any, Final

from inngest_fast.api.openapi import schemas_v1, schemas_v2
from inngest_fast.api.openapi.schemas_v2 import ref
from inngest_fast.api.operations.parts import Operation, Schema
from inngest_fast.api.operations.v1 import OPEN, V1
from inngest_fast.api.operations.v2 import OFFERED, V2
from inngest_fast.version import VERSION

_BASE: Final = "/api/v2"
_REASONS: Final = {
    400: "Something is wrong with what was asked",
    401: "A credential is missing, or not good for this",
    404: "There is no such thing",
    409: "That has been done already",
    413: "Too large",
    422: "No run was started",
    429: "Too much at once; Retry-After says when to try again",
    500: "A fault of the server",
    503: "The store or the queue is unavailable; try again",
}
_EVERYWHERE: Final = (400, 429, 500, 503)
_EMPTY_BODY: Final[Schema] = {"type": "object"}


def document(*, guarded: bool) -> dict[str, Any]:
    """All that `/api/openapi.json` holds. `guarded`: whether the server asks for credentials."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in V2:
        paths.setdefault(_BASE + operation.path, {})[operation.method.lower()] = _v2(operation)
    paths[f"{_BASE}/operations"] = {"get": _catalogue()}
    for operation in V1:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _v1(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "inngest-fast",
            "version": VERSION,
            "description": "REST v2, REST v1, events and probes. `/v2` is the same as `/api/v2`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}] if guarded else [],
        "tags": [{"name": name} for name in dict.fromkeys(each.tag for each in (*V2, *V1))],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The signing key, or an API key of a fitting scope. `dev` asks for none.",
                }
            },
            "schemas": {**schemas_v2.SCHEMAS, **schemas_v1.SCHEMAS},
        },
    }


def _v2(operation: Operation) -> dict[str, Any]:
    errors = ref("Errors")
    answer = schemas_v2.envelope(operation.returns, listed=operation.listed)
    responses = {"200": _json("What was asked for", answer), "401": _refused_key()}
    for status in sorted({*_EVERYWHERE, *operation.refusals}):
        responses[str(status)] = _json(_REASONS[status], errors)
    if operation.id == "invokeFunction":
        responses["409"] = _json(_REASONS[409], answer)
    body: Schema | None = operation.body
    if fields := operation.of("body"):
        body = {
            "type": "object",
            "properties": {each.name: {**each.schema, "description": each.description} for each in fields},
            "required": [each.name for each in fields if each.required],
            "additionalProperties": False,
        }
    return _operation(operation, responses, body)


def _v1(operation: Operation) -> dict[str, Any]:
    error = ref("IdsError" if operation.path.startswith("/e/") else "Error")
    success = schemas_v1.STATUSES.get(operation.id, "200")
    responses: dict[str, Any] = {success: {"description": "Done"}}
    if operation.returns:
        responses[success] = _json("What was asked for", ref(operation.returns))
    for status in sorted({*_EVERYWHERE, *operation.refusals}):
        responses[str(status)] = _json(_REASONS[status], error)
    if operation.id in OPEN:
        responses["503"] = _json("It is not well", ref(operation.returns))
    else:
        responses["401"] = _refused_key()
    shown = _operation(operation, responses, operation.body)
    if operation.id in OPEN or operation.path.startswith("/e/"):
        shown["security"] = []
    return shown


def _operation(operation: Operation, responses: dict[str, Any], body: Schema | None) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": responses,
    }
    if operation.description:
        shown["description"] = operation.description
    parameters = [
        {
            "name": each.name,
            "in": each.place,
            "description": each.description,
            "required": each.required,
            "schema": each.schema,
        }
        for each in operation.fields
        if each.place != "body"
    ]
    if parameters:
        shown["parameters"] = parameters
    if body is not None:
        shown["requestBody"] = {
            "required": "required" in body or body.get("type") != "object",
            "content": {"application/json": {"schema": body}},
        }
    return shown


def _catalogue() -> dict[str, Any]:
    item: Schema = {
        "type": "object",
        "properties": {
            "id": {"type": "string", "enum": [each.id for each in OFFERED]},
            "summary": {"type": "string"},
            "description": {"type": "string"},
            "http": {
                "type": "object",
                "properties": {"method": {"type": "string"}, "path": {"type": "string"}},
                "required": ["method", "path"],
            },
            "cli": {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
            "mcp": {
                "type": "object",
                "properties": {"tool": {"type": "string"}, "inputSchema": {"type": "object"}},
                "required": ["tool", "inputSchema"],
            },
        },
        "required": ["id", "summary", "description", "http", "cli", "mcp"],
    }
    answer = {
        "type": "object",
        "properties": {"data": {"type": "array", "items": item}},
        "required": ["data"],
    }
    return {
        "operationId": "getOperations",
        "summary": "List what is offered to MCP clients and on the command line",
        "tags": ["Server"],
        "responses": {"200": _json("The catalogue", answer), "401": _refused_key()},
    }


def _refused_key() -> dict[str, Any]:
    content = {
        "text/plain": {"schema": {"type": "string"}},
        "application/json": {"schema": {"type": "object"}},
    }
    return {"description": _REASONS[401], "content": content}


def _json(description: str, schema: Schema) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
