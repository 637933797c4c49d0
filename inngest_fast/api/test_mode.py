"""The test API, which is there with TEST_MODE=true only (http-api §3.5)."""

from inngest_fast.api.http import Access, Request, Response, Route, json_response, query
from inngest_fast.api.services import Services
from inngest_fast.domain.apps import Function
from inngest_fast.domain.errors import QueueError
from inngest_fast.domain.ids import is_ulid


class _Surface:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def alive(self, _: Request) -> Response:
        return _text("OK")

    async def reset(self, _: Request) -> Response:
        if self._services.clean_slate is not None:
            await self._services.clean_slate.wipe()
        return _text("ok")

    async def pause(self, request: Request) -> Response:
        function = self._function(request)
        if function is None:
            return _text("Invalid fnId", 400)
        await self._services.apps.pause(function.id, paused=True)
        return _text("ok")

    async def cancel(self, request: Request) -> Response:
        id = query(request).get("runId", "")
        if self._function(request) is None:
            return _text("Invalid fnId", 400)
        if not is_ulid(id) or await self._services.runs.cancel(id) == "unknown":
            return _text("Invalid runId", 400)
        return _text("ok")

    async def queue_size(self, request: Request) -> Response:
        """Calls of the function that are waiting or under way."""
        function = self._function(request)
        if function is None:
            return _text("Invalid fnId", 400)
        try:
            depth = (await self._services.queue.depth()).get(function.id)
        except QueueError:
            return _text("the queue is unavailable, try again", 503)
        count = depth.scheduled + depth.ready + depth.leased if depth is not None else 0
        return json_response({"count": count})

    def _function(self, request: Request) -> Function | None:
        return self._services.catalog.target(query(request).get("fnId", ""))


def _text(text: str, status: int = 200) -> Response:
    return Response(status, text.encode(), "text/plain; charset=utf-8")


def routes(services: Services) -> list[Route]:
    if not services.settings.test_mode:
        return []
    surface = _Surface(services)
    return [
        Route("GET", "/test", surface.alive, Access.ADMIN),
        Route("POST", "/test/reset", surface.reset, Access.ADMIN),
        Route("POST", "/test/function/pause", surface.pause, Access.ADMIN),
        Route("POST", "/test/function/runs/cancel", surface.cancel, Access.ADMIN),
        Route("GET", "/test/queue/function-queue-size", surface.queue_size, Access.ADMIN),
    ]
