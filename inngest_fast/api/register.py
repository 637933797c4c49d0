"""`/fn/register` and `/fn/remove` (http-api §3.1, §3.3)."""

from inngest_fast.api.http import Access, Request, Response, Route, error_response, json_response, query
from inngest_fast.api.services import Services
from inngest_fast.domain.errors import SyncRefusedError


class _Surface:
    def __init__(self, services: Services) -> None:
        self._apps = services.apps
        self._kind = services.settings.server_kind

    async def register(self, request: Request) -> Response:
        expected = request.header("x-inngest-expected-server-kind")
        if expected and expected != self._kind:
            return json_response({"error": f"Expected server kind {self._kind}, got {expected}"}, 400)
        body = await request.body()
        try:
            reply = await self._apps.register(body, platform=request.header("x-inngest-platform"))
        except SyncRefusedError as error:
            return error_response(error.message, 400, error.code)
        return json_response(
            {"ok": True, "modified": reply.modified, "sync_id": reply.sync_id, "app_id": reply.app_id}
        )

    async def remove(self, request: Request) -> Response:
        url = query(request).get("url", "")
        if url and await self._apps.remove(url):
            return Response()
        return error_response(f"App not found: {url}", 404)


def routes(services: Services) -> list[Route]:
    surface = _Surface(services)
    return [
        Route("POST", "/fn/register", surface.register, Access.SDK),
        Route("DELETE", "/fn/remove", surface.remove, Access.ADMIN),
    ]
