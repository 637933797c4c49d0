"""`/mcp`: the Model Context Protocol over HTTP, with JSON replies (http-api §8).

Sessions hold nothing, so that any replica may answer: an id is given out, and not asked for again.
"""

from typing import TYPE_CHECKING, Final

from inngest_fast.api.http import Access, Request, Response, Route
from inngest_fast.api.services import Services

if TYPE_CHECKING:
    from inngest_fast.api.mcp.rpc import Rpc

SESSION: Final = "mcp-session-id"

_NO_SESSION = Response(
    400, b"Bad Request: GET requires an Mcp-Session-Id header", "text/plain; charset=utf-8"
)
_NO_STREAM = Response(405, headers=(("allow", "DELETE, POST"),))


class _Surface:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._rpc: Rpc | None = None

    async def post(self, request: Request) -> Response:
        if self._rpc is None:
            from inngest_fast.api.mcp.rpc import Rpc

            self._rpc = Rpc(self._services)
        return await self._rpc.answer(request)

    async def stream(self, request: Request) -> Response:
        """This server has nothing to say unasked."""
        return _NO_STREAM if request.header(SESSION) else _NO_SESSION

    async def end(self, _: Request) -> Response:
        return Response()


def routes(services: Services) -> list[Route]:
    surface = _Surface(services)
    return [
        Route("POST", "/mcp", surface.post, Access.MCP),
        Route("GET", "/mcp", surface.stream, Access.MCP),
        Route("DELETE", "/mcp", surface.end, Access.MCP),
    ]
