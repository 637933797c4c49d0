"""REST v1: events, runs, signals (http-api §4)."""

from inngest_fast.api import rest_v1_shapes as shapes
from inngest_fast.api.http import (
    Access,
    Request,
    Response,
    Route,
    data_response,
    error_response,
    json_response,
    query,
)
from inngest_fast.api.instants import read as read_instant
from inngest_fast.api.numbers import whole
from inngest_fast.api.services import Services
from inngest_fast.api.waiting import why
from inngest_fast.domain.errors import InvalidDurationError, InvalidEventError, QueueError
from inngest_fast.domain.ids import is_ulid
from inngest_fast.engine.intake import read_signal
from inngest_fast.ports.store import EventQuery, RunQuery

DEFAULT_EVENTS = 20
MAX_EVENTS = 51
MAX_EVENT_RUNS = 1_000
MAX_JOBS = 10
DEFAULT_WINDOW_MS = 3_600_000


class _Surface:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._store = services.store
        self._clock = services.clock

    async def events(self, request: Request) -> Response:
        asked = query(request)
        cursor = asked.get("cursor", "")
        if cursor and not is_ulid(cursor):
            return error_response("Invalid cursor query parameter", 400)
        bounds = {"received_after": 0, "received_before": 0}
        for name in bounds:
            if text := asked.get(name, ""):
                try:
                    bounds[name] = read_instant(text)
                except InvalidDurationError:
                    return error_response(f"Invalid {name} query parameter", 400)
        until = bounds["received_before"] or self._clock.now_ms()
        events = await self._store.events(
            EventQuery(
                limit=whole(asked.get("limit", ""), DEFAULT_EVENTS, 1, MAX_EVENTS),
                before_id=cursor,
                name=asked.get("name", ""),
                received_after=bounds["received_after"] or until - DEFAULT_WINDOW_MS,
                received_before=bounds["received_before"],
                internal=False,
            )
        )
        return self._data([shapes.event(event) for event in events])

    async def event(self, request: Request) -> Response:
        id = request.params["id"]
        event = await self._store.event(id) if is_ulid(id) else None
        if event is None:
            return error_response("Event not found", 404)
        return self._data(shapes.event(event))

    async def event_runs(self, request: Request) -> Response:
        id = request.params["id"]
        if not is_ulid(id):
            return self._data([])
        runs = await self._store.runs(RunQuery(limit=MAX_EVENT_RUNS, event_id=id))
        return self._data([shapes.run(run) for run in runs])

    async def run(self, request: Request) -> Response:
        id = request.params["id"]
        run = await self._store.run(id) if is_ulid(id) else None
        if run is None:
            return error_response(f"Unable to load function run: {id}", 404)
        return self._data(shapes.run(run))

    async def cancel(self, request: Request) -> Response:
        id = request.params["id"]
        if not is_ulid(id):
            return error_response(f"Invalid run ID: {id}", 400)
        if await self._services.runs.cancel(id) == "unknown":
            return error_response(f"Unable to load function run: {id}", 404)
        return Response()

    async def jobs(self, request: Request) -> Response:
        id = request.params["id"]
        if not is_ulid(id):
            return error_response(f"Invalid run ID: {id}", 400)
        jobs = (await self._store.run_jobs(id))[:MAX_JOBS]
        run = await self._store.run(id) if jobs else None
        try:
            reasons = await why(self._services, jobs, [run] if run is not None else [])
        except QueueError:
            return error_response("the queue is unavailable, try again", 503)
        return self._data([shapes.job(job, reason) for job, reason in zip(jobs, reasons, strict=True)])

    async def signal(self, request: Request) -> Response:
        try:
            sent = read_signal(await request.body())
        except InvalidEventError as error:
            return error_response(str(error), 400)
        run_id = await self._services.runs.signal(sent.signal, bytes(sent.data))
        if run_id is None:
            return error_response("No signal found", 404)
        return self._data({"run_id": run_id})

    async def app_functions(self, request: Request) -> Response:
        name = request.params["name"]
        functions = self._services.catalog.functions()
        return json_response([shapes.function(each) for each in functions if each.app_name == name])

    async def prometheus(self, _: Request) -> Response:
        return error_response("not implemented", 501)

    def _data(self, data: object) -> Response:
        return data_response(data, self._clock.now_ms())


def routes(services: Services) -> list[Route]:
    surface = _Surface(services)
    read, write = Access.READ, Access.WRITE
    return [
        Route("GET", "/v1/events", surface.events, read),
        Route("GET", "/v1/events/{id}", surface.event, read),
        Route("GET", "/v1/events/{id}/runs", surface.event_runs, read),
        Route("GET", "/v1/runs/{id}", surface.run, read),
        Route("DELETE", "/v1/runs/{id}", surface.cancel, write),
        Route("GET", "/v1/runs/{id}/jobs", surface.jobs, read),
        Route("POST", "/v1/signals", surface.signal, write),
        Route("GET", "/v1/apps/{name}/functions", surface.app_functions, read),
        Route("GET", "/v1/prom/{env}", surface.prometheus, read),
    ]
