"""`/v0/runs/{id}…`: the state that a call request was too small for (sdk-protocol §2.1, http-api §4.6)."""

from inngest_fast.api.http import Access, Request, Response, Route, error_response
from inngest_fast.api.services import Services
from inngest_fast.domain.ids import is_ulid
from inngest_fast.domain.runs import Run
from inngest_fast.engine.call.request import events_json, steps_json

_INVALID = error_response("The run ID specified is invalid", 400)


class _Surface:
    def __init__(self, services: Services) -> None:
        self._store = services.store
        self._runs = services.runs

    async def batch(self, request: Request) -> Response:
        found = await self._live(request)
        return found if isinstance(found, Response) else Response(200, events_json(found))

    async def actions(self, request: Request) -> Response:
        found = await self._live(request)
        return found if isinstance(found, Response) else Response(200, steps_json(found))

    async def cancel(self, request: Request) -> Response:
        id = request.params["id"]
        if not is_ulid(id):
            return _INVALID
        result = await self._runs.cancel(id)
        if result == "unknown":
            return error_response("A function run with the given ID could not be found", 404)
        if result == "ended":
            return error_response("This function has already completed", 409)
        return Response(204)

    async def _live(self, request: Request) -> Run | Response:
        id = request.params["id"]
        if not is_ulid(id):
            return _INVALID
        run = await self._store.run(id)
        if run is None or run.status.ended:
            return error_response(f"runtime state is no longer available for runID: {id}", 410)
        return run


def routes(services: Services) -> list[Route]:
    surface = _Surface(services)
    return [
        Route("GET", "/v0/runs/{id}/batch", surface.batch, Access.SDK),
        Route("GET", "/v0/runs/{id}/actions", surface.actions, Access.SDK),
        Route("DELETE", "/v0/runs/{id}", surface.cancel, Access.WRITE),
    ]
