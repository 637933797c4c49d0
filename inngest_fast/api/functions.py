"""One function, on both REST surfaces: it is paused and resumed, and what of it waits is shown."""

import asyncio
from collections.abc import Callable

import msgspec

from inngest_fast.api import api_v1_shapes, flow_shapes, rest_v1_shapes
from inngest_fast.api.failures import failure
from inngest_fast.api.http import Access, Request, Response, Route, data_response, json_response, query
from inngest_fast.api.instants import shown
from inngest_fast.api.numbers import whole
from inngest_fast.api.services import Services
from inngest_fast.api.waiting import why
from inngest_fast.domain.apps import Function
from inngest_fast.domain.errors import QueueError
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.runs import Run, RunStatus
from inngest_fast.engine.flow import batch, debounce

DEFAULT_WAITING = 20
MAX_WAITING = 100

_PAGE = 200
_MAX_LOOKED_AT = 2_000  # live runs, to find queued ones among them
_LAST = "7" + "Z" * 25  # no ULID is above it

_Answer = Callable[[Function, dict[str, str]], Response]


class _Pause(msgspec.Struct):
    cancel_running: bool = False


_decoder = msgspec.json.Decoder(_Pause)


class _Pausing:
    """`answer` shows a function, and what was done beside, as the surface does."""

    def __init__(self, services: Services, answer: _Answer) -> None:
        self._services = services
        self._answer = answer

    async def pause(self, request: Request) -> Response:
        body = await request.body()
        try:
            asked = _decoder.decode(body) if body.strip() else _Pause()
        except (ValueError, RecursionError):
            return failure(request.path, 'the body must be empty or like {"cancel_running": true}', 400)
        function = await self._set(request, paused=True)
        if function is None:
            return _unknown(request)
        if not asked.cancel_running:
            return self._answer(function, {})
        services = self._services
        cancellation = await services.cancellations.add(function, started_before=services.clock.now_ms())
        return self._answer(function, {"cancellation_id": cancellation.id})

    async def resume(self, request: Request) -> Response:
        function = await self._set(request, paused=False)
        return _unknown(request) if function is None else self._answer(function, {})

    async def _set(self, request: Request, *, paused: bool) -> Function | None:
        known = self._services.catalog.target(request.params["function"])
        return await self._services.apps.pause(known.id, paused=paused) if known is not None else None


class _WaitingSurface:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._store = services.store

    async def waiting(self, request: Request) -> Response:
        function = self._services.catalog.target(request.params["function"])
        if function is None:
            return _unknown(request)
        text = query(request).get("limit", "")
        limit = whole(text, 0, 1, MAX_WAITING) if text else DEFAULT_WAITING
        if not limit:
            return failure(request.path, "limit must be a whole number", 400)
        runs, all_runs = await self._queued(function.id, limit)
        of_runs = await asyncio.gather(*(self._store.run_jobs(run.id) for run in runs))
        jobs = [job for of_run in of_runs for job in of_run]
        try:
            reasons = await why(self._services, jobs, runs)
        except QueueError:
            return failure(request.path, "the queue is unavailable, try again", 503)
        debounces, all_debounces = await self._open(debounce.KIND, function.id, limit)
        batches, all_batches = await self._open(batch.KIND, function.id, limit)
        return json_response(
            {
                "function_id": function.id,
                "function_slug": function.slug,
                "paused_at": shown(function.paused_at),
                "jobs": [api_v1_shapes.job(job, reason) for job, reason in zip(jobs, reasons, strict=True)],
                "debounces": [flow_shapes.debounce(row) for row in debounces],
                "batches": [flow_shapes.batch(row, function) for row in batches],
                "complete": all_runs and all_debounces and all_batches,
            }
        )

    async def _queued(self, function_id: str, limit: int) -> tuple[list[Run], bool]:
        """The oldest runs that have not started, and whether these are all."""
        found: list[Run] = []
        after = ""
        for _ in range(_MAX_LOOKED_AT // _PAGE):
            page = await self._store.live_runs(function_id, after, _LAST, _PAGE)
            found += [run for run in page if run.status is RunStatus.QUEUED]
            if len(found) > limit:
                return found[:limit], False
            if len(page) < _PAGE:
                return found, True
            after = page[-1].id
        return found, False

    async def _open(self, kind: str, function_id: str, limit: int) -> tuple[list[FlowRow], bool]:
        """Rows of a function, and whether these are all."""
        first = f"{kind}:{function_id}:"
        rows = await self._store.rows_of(kind, first, limit + 1)
        rows = [row for row in rows if row.key.startswith(first)]
        return rows[:limit], len(rows) <= limit


def _unknown(request: Request) -> Response:
    return failure(request.path, f"Function not found: {request.params['function']}", 404)


def routes(services: Services) -> list[Route]:
    def v1(function: Function, more: dict[str, str]) -> Response:
        return data_response(rest_v1_shapes.function(function) | more, services.clock.now_ms())

    def plain(function: Function, more: dict[str, str]) -> Response:
        return json_response(api_v1_shapes.function(function) | more)

    read, write = Access.READ, Access.WRITE
    routes = [Route("GET", "/api/v1/functions/{function}/waiting", _WaitingSurface(services).waiting, read)]
    for place, answer in (("/v1", v1), ("/api/v1", plain)):
        pausing = _Pausing(services, answer)
        routes += [
            Route("POST", f"{place}/functions/{{function}}/pause", pausing.pause, write),
            Route("POST", f"{place}/functions/{{function}}/resume", pausing.resume, write),
        ]
    return routes
