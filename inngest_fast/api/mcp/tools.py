"""The tools of MCP: those of the table of operations, a few older ones, and the documentation."""

from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from inngest_fast.api.http import Request
from inngest_fast.api.mcp.docs import DOCS_TOOLS
from inngest_fast.api.mcp.older import older_tools
from inngest_fast.api.mcp.parts import Arguments, Tool, ToolError
from inngest_fast.api.operations.parts import Operation, camel
from inngest_fast.api.operations.v2 import OFFERED
from inngest_fast.api.rest_v2.operations import Operations
from inngest_fast.api.services import Services
from inngest_fast.domain.api_keys import Scope
from inngest_fast.domain.errors import OverloadedError, StoreError

_DESTRUCTIVE: Final = frozenset(("cancel_run",))


class Tools:
    def __init__(self, services: Services) -> None:
        operations = Operations(services)
        tools = [
            *(_of_operation(each, operations) for each in OFFERED),
            *older_tools(services),
            *DOCS_TOOLS,
        ]
        self._tools = {tool.name: tool for tool in tools}
        self.listed = [_shown(tool) for tool in tools]

    def __contains__(self, name: str) -> bool:
        return name in self._tools

    async def call(self, name: str, arguments: Arguments, request: Request) -> dict[str, Any]:
        """What the tool says; a failure is a result too."""
        tool = self._tools[name]
        try:
            found = await tool.call({camel(key): value for key, value in arguments.items()}, request)
        except ToolError as error:
            return _said(str(error), failed=True)
        except OverloadedError as error:
            return _said(f"the server is overloaded, try again: {error}", failed=True)
        except StoreError:
            return _said("the store is unavailable, try again", failed=True)
        if isinstance(found, str):
            return _said(found)
        return {**_said(_text(found)), "structuredContent": found}


def _text(found: Any) -> str:
    return msgspec.json.encode(found).decode()


def _said(text: str, *, failed: bool = False) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": failed}


def _shown(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": tool.schema,
        "annotations": {
            "readOnlyHint": not tool.writes,
            "destructiveHint": tool.name in _DESTRUCTIVE,
        },
    }


class _Inner(msgspec.Struct):
    """A request for an operation, made of a tool's arguments."""

    method: str
    path: str
    params: dict[str, str]
    query_string: str
    sent: bytes
    granted: Scope | None
    peer: str = ""

    def header(self, name: str) -> str:
        return ""

    async def body(self) -> bytes:
        return self.sent


def _of_operation(operation: Operation, operations: Operations) -> Tool:
    async def call(arguments: Arguments, request: Request) -> Any:
        response = await operations.answer(operation, _inner(operation, arguments, request))
        if response.status != 200:
            raise ToolError(f"REST API v2 returned HTTP {response.status}: {response.body.decode()}")
        return msgspec.json.decode(response.body)

    about = f"{operation.summary}. {operation.description}".rstrip()
    return Tool(operation.tool, about, operation.arguments, call, operation.writes)


def _inner(operation: Operation, arguments: Arguments, request: Request) -> Request:
    """Raises ToolError."""
    params: dict[str, str] = {}
    query: list[tuple[str, str]] = []
    body: dict[str, Any] = {}
    fields = {field.name: field for field in operation.fields}
    for name, value in arguments.items():
        field = fields.get(name)
        if field is None:
            raise ToolError(f"unknown argument: {name[:64]}")
        if value is None:
            continue
        match field.place:
            case "path":
                params[name] = _plain(value)
            case "query":
                query += [(name, _plain(each)) for each in (value if isinstance(value, list) else [value])]
            case "body":
                body[name] = value
    for field in operation.of("path"):
        if not params.get(field.name):
            raise ToolError(f"{field.name} is required")
    sent = msgspec.json.encode(body)
    return _Inner(operation.method, operation.path, params, urlencode(query), sent, request.granted)


def _plain(value: Any) -> str:
    """A value as it stands in a URL."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else _text(value)
