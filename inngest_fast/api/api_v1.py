"""The plain REST surface `/api/v1`, and `/` (api-v1)."""

from collections import Counter

from inngest_fast.api import api_v1_shapes as shapes
from inngest_fast.api.events import seed_of
from inngest_fast.api.http import Access, Request, Response, Route, json_response, query
from inngest_fast.api.numbers import whole
from inngest_fast.api.services import Services
from inngest_fast.api.waiting import QUEUE_AWAY, why
from inngest_fast.domain.errors import QueueError, SyncRefusedError
from inngest_fast.domain.ids import is_ulid
from inngest_fast.domain.jobs import CALLS
from inngest_fast.domain.runs import RunStatus
from inngest_fast.engine.intake import read_events
from inngest_fast.ports.store import RunQuery
from inngest_fast.version import VERSION

DEFAULT_RUNS = 50
MAX_RUNS = 1_000
MAX_JOBS = 100

_MAX_OFFSET = 2**62
_STATUSES = {status.name.lower(): status for status in RunStatus}
_INDEX = {
    "message": "inngest-fast",
    "version": VERSION,
    "endpoints": {
        "functions": "/api/v1/functions",
        "events": "/api/v1/events",
        "runs": "/api/v1/runs",
        "health": "/health",
    },
}


def _error(text: str, status: int, **more: object) -> Response:
    return json_response({"error": text, "status": status, **more}, status)


class _Surface:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def index(self, _: Request) -> Response:
        return json_response(_INDEX)

    async def apps(self, _: Request) -> Response:
        catalog = self._services.catalog
        count = Counter(function.app_id for function in catalog.functions())
        apps = [shapes.app(app, count[app.id]) for app in sorted(catalog.apps(), key=lambda app: app.url)]
        return json_response({"apps": apps, "count": len(apps)})

    async def functions(self, _: Request) -> Response:
        functions = [shapes.function(each) for each in self._services.catalog.functions()]
        return json_response({"functions": functions, "count": len(functions)})

    async def add_functions(self, request: Request) -> Response:
        body = await request.body()
        try:
            reply = await self._services.apps.add_functions(body)
        except SyncRefusedError as error:
            return _error(error.message, 400)
        return json_response(
            {
                "status": "ok",
                "registered": reply.registered,
                "modified": reply.modified,
                "skipped": reply.skipped,
                "errors": reply.errors,
            }
        )

    async def add_events(self, request: Request) -> Response:
        services = self._services
        body = await request.body()
        intake = read_events(
            body, now_ms=services.clock.now_ms(), entropy=services.entropy, seed=seed_of(request)
        )
        accepted = await services.ingest.accept(intake.events) if intake.events else []
        replies = [shapes.accepted(event, did) for event, did in zip(intake.events, accepted, strict=True)]
        if intake.error:
            return _error(intake.error, 400, **({"events": replies} if replies else {}))
        if body.lstrip()[:1] == b"[":
            return json_response({"events": replies})
        return json_response(replies[0])

    async def runs(self, request: Request) -> Response:
        asked = query(request)
        status = asked.get("status", "").lower()
        if status and status not in _STATUSES:
            return _error(f"status must be one of {', '.join(_STATUSES)}", 400)
        before = ""
        if cursor := asked.get("cursor", ""):
            before = shapes.read_cursor(cursor)
            if not before:
                return _error("cursor is none that this server gave", 400)
        numbers = {}
        for name, default, low, high in (
            ("limit", DEFAULT_RUNS, 1, MAX_RUNS),
            ("offset", 0, 0, _MAX_OFFSET),
        ):
            text = asked.get(name, "")
            numbers[name] = whole(text, -1, low, high) if text else default
            if numbers[name] < 0:
                return _error(f"{name} must be a whole number", 400)
        function_id = asked.get("function_id", "")
        named = self._services.catalog.by_slug(function_id) if function_id else None
        runs = await self._services.store.runs(
            RunQuery(
                limit=numbers["limit"] + 1,
                offset=numbers["offset"],
                before_id=before,
                status=_STATUSES.get(status),
                function_id=named.id if named is not None else function_id,
                event_id=asked.get("event_id", ""),
            )
        )
        page = runs[: numbers["limit"]]
        return json_response(
            {
                "runs": [shapes.run(run) for run in page],
                "count": len(page),
                **numbers,
                "next": shapes.cursor(page[-1].id) if len(runs) > len(page) else None,
            }
        )

    async def run(self, request: Request) -> Response:
        id = request.params["id"]
        store = self._services.store
        run = await store.run(id) if is_ulid(id) else None
        if run is None:
            return _error("run not found", 404)
        jobs = [] if run.status.ended else await store.run_jobs(id)
        attempt = max((job.attempt for job in jobs if job.kind in CALLS), default=0)
        jobs = sorted(jobs, key=lambda job: job.due)[:MAX_JOBS]
        try:
            reasons = await why(self._services, jobs, [run])
        except QueueError:
            reasons = [QUEUE_AWAY] * len(jobs)
        live = [shapes.job(job, reason) for job, reason in zip(jobs, reasons, strict=True)]
        return json_response(shapes.whole_run(run, attempt, live))

    async def cancel(self, request: Request) -> Response:
        id = request.params["id"]
        result = await self._services.runs.cancel(id) if is_ulid(id) else "unknown"
        if result == "unknown":
            return _error("run not found", 404)
        if result == "ended":
            return _error("run has ended already", 409)
        return json_response({"id": id, "status": "cancelled"}, 202)


def routes(services: Services) -> list[Route]:
    surface = _Surface(services)
    read, write = Access.READ, Access.WRITE
    return [
        Route("GET", "/", surface.index, read),
        Route("GET", "/api/v1/apps", surface.apps, read),
        Route("GET", "/api/v1/functions", surface.functions, read),
        Route("POST", "/api/v1/functions", surface.add_functions, write),
        Route("POST", "/api/v1/events", surface.add_events, Access.SIGNING_OR_EVENT_KEY),
        Route("GET", "/api/v1/runs", surface.runs, read),
        Route("GET", "/api/v1/runs/{id}", surface.run, read),
        Route("DELETE", "/api/v1/runs/{id}", surface.cancel, write),
    ]
