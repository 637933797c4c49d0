"""Runs and their traces."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from inngest_fast.api.http import Request, Response
from inngest_fast.api.operations.v2_fields import DEFAULT_PAGE
from inngest_fast.api.rest_v2 import replies, shapes, spans
from inngest_fast.api.rest_v2.catalogue import Catalogue
from inngest_fast.api.rest_v2.input import Values, bad
from inngest_fast.api.rest_v2.paging import read_run_cursor, run_cursor
from inngest_fast.api.rest_v2.replies import RefusedError, instant
from inngest_fast.api.services import Services
from inngest_fast.domain.runs import Run, RunStatus
from inngest_fast.domain.traces import ATTEMPTS, Attempt, SpanOutput
from inngest_fast.engine.trace import output
from inngest_fast.engine.trace.known import read_output_id
from inngest_fast.ports.store import RunQuery, RunTime, Store

MAX_ROWS: Final = 10_000  # that one page looks at; what follows is on the next
_TIMES: Final = {"queuedAt": RunTime.QUEUED, "startedAt": RunTime.STARTED, "endedAt": RunTime.ENDED}
_LISTED: Final = tuple(status for status in RunStatus if status is not RunStatus.SKIPPED)
_NO_RUN: Final = ("Run not found", 404, "not_found")
_read_attempt = msgspec.msgpack.Decoder(Attempt).decode


class Runs:
    def __init__(self, services: Services, catalogue: Catalogue) -> None:
        self._services = services
        self._store = services.store
        self._catalogue = catalogue

    async def run(self, values: Values, _: Request) -> Response:
        run = await self.whole(values["runId"])
        shown = shapes.run(run, self._services.catalog.function(run.function_id))
        if values.get("includeOutput"):
            shown |= shapes.output(run, listed=False)
        return replies.single(shown, self._now())

    async def trace(self, values: Values, _: Request) -> Response:
        run = await self.whole(values["runId"])
        root = await self._services.traces.tree_of(run)
        outputs = await _outputs(self._store, run) if values.get("includeOutput") else None
        return replies.single({"runId": run.id, "rootSpan": spans.tree(root, outputs)}, self._now())

    async def runs(self, values: Values, _: Request) -> Response:
        """Skipped ones only if they are asked for."""
        apps, functions = values.get("appId", ()), values.get("functionId", ())
        if functions and not apps:
            raise bad("functionId needs appId", "invalid_request")
        ids = self._catalogue.ids_of(apps, functions) if apps else ()
        query = _query(values, ids)
        return await self._page(values, None if apps and not ids else query)

    async def of_function(self, values: Values, _: Request) -> Response:
        return await self._page(values, _query(values, (self._catalogue.named(values).id,)))

    async def of_event(self, values: Values, _: Request) -> Response:
        query = replace(_query(values, ()), statuses=(), event_ids=(values["eventId"],))
        return await self._page(values, query)

    async def whole(self, run_id: str) -> Run:
        """Raises RefusedError."""
        run = await self._store.run(run_id)
        if run is None:
            raise RefusedError(*_NO_RUN)
        return run

    async def _listed(
        self, values: Values, function_ids: tuple[str, ...], *, nothing: bool = False
    ) -> Response:
        query = _query(values, function_ids)
        return await self._page(values, None if nothing else query)

    async def _page(self, values: Values, query: RunQuery | None) -> Response:
        limit: int = values.get("limit", DEFAULT_PAGE)
        deferred: bool | None = values.get("isDeferred")

        def wanted(run: Run) -> bool:
            if run.debug_run_id:
                return False
            return deferred is None or deferred == bool(run.deferred_by)

        found, cursor = await self._some(query, limit, wanted) if query is not None else ([], "")
        items = [self._item(run, values) for run in found]
        range_ = None
        if "from" in values and "until" in values:
            range_ = {name: instant(values[name]) for name in ("from", "until")}
        return replies.page(items, limit, cursor, self._now(), range_)

    async def _some(
        self, query: RunQuery, limit: int, wanted: Callable[[Run], bool]
    ) -> tuple[list[Run], str]:
        """Runs that are wanted, at most `limit`; and the cursor of the next page, "" if there is none."""
        found: list[Run] = []
        size = limit + 1
        for _ in range(0, MAX_ROWS, size):
            rows = await self._store.runs(replace(query, limit=size))
            for place, run in enumerate(rows):
                if wanted(run):
                    found.append(run)
                if len(found) == limit:
                    more = place + 1 < len(rows) or len(rows) == size
                    return found, run_cursor(run, query.order) if more else ""
            if len(rows) < size:
                return found, ""
            last = rows[-1]
            query = replace(query, after=(getattr(last, query.order.value), last.id))
        return found, run_cursor(last, query.order)

    def _item(self, run: Run, values: Values) -> dict[str, Any]:
        shown = shapes.run(run, self._services.catalog.function(run.function_id))
        return shown | (shapes.output(run, listed=True) if values.get("includeOutput") else {})

    def _now(self) -> int:
        return self._services.clock.now_ms()


def _query(values: Values, function_ids: tuple[str, ...]) -> RunQuery:
    by = _TIMES[values.get("timeField", "queuedAt")]
    cursor = values.get("cursor", "")
    return RunQuery(
        limit=1,
        statuses=tuple(RunStatus[name] for name in values.get("status", ())) or _LISTED,
        function_ids=function_ids,
        order=by,
        ascending=values.get("order") == "asc",
        time=by,
        since=max(values.get("from", 0), 0),
        until=max(values["until"], 1) if "until" in values else 0,  # 0 would be no bound
        after=read_run_cursor(cursor, by) if cursor else None,
    )


async def _outputs(store: Store, run: Run) -> spans.Outputs:
    """Looks up what a run's spans put out; everything is read at once."""
    attempts = {key: _read_attempt(body) for key, body in await store.trace_rows(run.id, ATTEMPTS)}

    def found(output_id: str) -> SpanOutput | None:
        place = read_output_id(output_id)
        if place.attempt:
            attempt = attempts.get(place.attempt)
            return output.of_attempt(attempt) if attempt is not None else None
        if not place.step:
            return output.of_run(run)
        step = run.steps.get(place.step)
        return output.of_step(step) if step is not None else None

    return found
