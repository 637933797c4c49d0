"""JSON-RPC 2.0 as MCP has it: requests get an answer, notifications none."""

from typing import Any, Final

import msgspec

from inngest_fast.api.http import Request, Response, json_response
from inngest_fast.api.mcp.tools import Tools
from inngest_fast.api.services import Services

VERSIONS: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")  # of the protocol, newest first
MAX_BATCH: Final = 50

_PARSE_ERROR, _INVALID_REQUEST, _NO_METHOD, _INVALID_PARAMS = -32700, -32600, -32601, -32602
_ACCEPTED = Response(202)
_INFO: Final = {"name": "inngest-dev", "version": "1.0.0"}
_INSTRUCTIONS: Final = (
    "Inspect and drive an Inngest server: apps, functions, runs and their traces. To find out why something "
    "failed, list its runs, then get a run's trace with its outputs."
)


class _RpcError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Rpc:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._tools = Tools(services)

    async def answer(self, request: Request) -> Response:
        try:
            sent = msgspec.json.decode(await request.body())
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return json_response(_error(None, _PARSE_ERROR, f"no JSON: {error}"), 400)
        if not isinstance(sent, list):
            reply = await self._one(sent, request)
            if reply is None:
                return _ACCEPTED
            broken = reply.get("error", {}).get("code") == _INVALID_REQUEST
            return json_response(reply, 400 if broken else 200, self._session(sent))
        if not 0 < len(sent) <= MAX_BATCH:
            return json_response(_error(None, _INVALID_REQUEST, f"a batch has from 1 to {MAX_BATCH}"), 400)
        replies = [reply for each in sent if (reply := await self._one(each, request)) is not None]
        return json_response(replies) if replies else _ACCEPTED

    def _session(self, sent: Any) -> tuple[tuple[str, str], ...]:
        if not isinstance(sent, dict) or sent.get("method") != "initialize":
            return ()
        return (("mcp-session-id", self._services.entropy.ulid(self._services.clock.now_ms())),)

    async def _one(self, sent: Any, request: Request) -> dict[str, Any] | None:
        """The answer; None for a notification, and for a response, which nobody here waits for."""
        if not isinstance(sent, dict) or sent.get("jsonrpc") != "2.0":
            return _error(None, _INVALID_REQUEST, "not a JSON-RPC 2.0 message")
        id, method, params = sent.get("id"), sent.get("method"), sent.get("params") or {}
        if method is None and ("result" in sent or "error" in sent):
            return None
        if not isinstance(method, str) or not isinstance(id, str | int | None):
            return _error(None, _INVALID_REQUEST, "not a JSON-RPC 2.0 message")
        if id is None:
            return None
        try:
            if not isinstance(params, dict):
                raise _RpcError(_INVALID_PARAMS, "params must be an object")
            result = await self._result(method, params, request)
        except _RpcError as error:
            return _error(id, error.code, str(error))
        return {"jsonrpc": "2.0", "id": id, "result": result}

    async def _result(self, method: str, params: dict[str, Any], request: Request) -> dict[str, Any]:
        match method:
            case "initialize":
                asked = params.get("protocolVersion")
                return {
                    "protocolVersion": asked if asked in VERSIONS else VERSIONS[0],
                    "capabilities": {"tools": {"listChanged": False}},
                    "serverInfo": _INFO,
                    "instructions": _INSTRUCTIONS,
                }
            case "ping":
                return {}
            case "tools/list":
                return {"tools": self._tools.listed}
            case "tools/call":
                name, arguments = params.get("name"), params.get("arguments") or {}
                if not isinstance(arguments, dict):
                    raise _RpcError(_INVALID_PARAMS, "arguments must be an object")
                if not isinstance(name, str) or name not in self._tools:
                    raise _RpcError(_INVALID_PARAMS, f"unknown tool: {str(name)[:64]}")
                return await self._tools.call(name, arguments, request)
        raise _RpcError(_NO_METHOD, f"unknown method: {method[:64]}")


def _error(id: str | int | None, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}
