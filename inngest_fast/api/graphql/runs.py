"""`FunctionRunV2`, lists of runs, and what triggered one (http-api §6.3, §6.4)."""

from collections.abc import Awaitable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from inngest_fast.api.graphql.paging import Page, read_run_cursor, run_cursor, size
from inngest_fast.api.graphql.request import Asked, Info, Resolvers, failed, known, selects, text
from inngest_fast.domain.apps import App, Function
from inngest_fast.domain.events import Event
from inngest_fast.domain.functions import FunctionConfig
from inngest_fast.domain.ids import is_ulid, ulid_time
from inngest_fast.domain.ops import Opcode
from inngest_fast.domain.runs import Run, RunStatus
from inngest_fast.ports.store import RunQuery, RunTime
from inngest_fast.runtime.run_search import MAX_ROWS, SearchError

MOST: Final = 399
_LISTED: Final = tuple(status for status in RunStatus if status is not RunStatus.SKIPPED)
_TIMES: Final = {
    "QUEUED_AT": RunTime.QUEUED,
    "STARTED_AT": RunTime.STARTED,
    "ENDED_AT": RunTime.ENDED,
}
NOT_FOUND: Final = "sql: no rows in result set"


async def run_of(context: Asked, run_id: str) -> Run:
    """The run, whole. Raises GraphQLError."""
    if not is_ulid(run_id):
        raise failed("error parsing runID: ulid: bad data size when unmarshaling")
    run = await context.runs.get(run_id)
    if run is None:
        raise failed(f"error retrieving run: {NOT_FOUND}")
    return run


async def run(_: object, info: Info, runID: str) -> Run:  # noqa: N803 its name on the wire
    return await run_of(info.context, runID)


async def runs(_: object, info: Info, **asked: Any) -> Page[Run]:
    context = info.context
    query = _query(context, asked)
    order = query.order if query is not None else RunTime.QUEUED
    search, deferred = asked["filter"].get("query") or "", asked["filter"].get("isDeferred")

    def wanted(run: Run) -> bool:
        return not run.debug_run_id and deferred in (None, bool(run.deferred_by))

    try:
        if query is None:
            return Page([], str, more=False, total=lambda _: 0)
        context.reading()
        found = await context.search.runs(query, search, wanted)
        context.reading(found.reads - 1)
    except SearchError as error:
        raise failed(f"error retrieving runs: {error}") from None
    if selects(info, "eventName"):
        await context.events.fetch(run.event_ids[0] for run in found.items if run.event_ids)

    async def total(_: Info) -> int:
        context.reading()
        whole = replace(query, after=None)
        if not search and deferred is None:
            return await context.store.count_runs(whole)
        seen = await context.search.runs(replace(whole, limit=MAX_ROWS), search, wanted)
        context.reading(seen.reads)
        return len(seen.items)

    return Page(
        found.items,
        lambda run: run_cursor(run, order),
        more=found.more,
        total=total,
        end=run_cursor(found.last, order) if found.last is not None else None,
    )


def _query(context: Asked, asked: Mapping[str, Any]) -> RunQuery | None:
    """None if nothing can be found."""
    filter = asked["filter"]
    order = asked["orderBy"][0] if asked["orderBy"] else {"field": "QUEUED_AT", "direction": "DESC"}
    by = _TIMES[order["field"]]
    functions = filter.get("functionIDs")
    if apps := filter.get("appIDs"):
        of_apps = {each.id for each in context.catalog.all_functions() if each.app_id in apps}
        functions = [id for id in functions if id in of_apps] if functions else sorted(of_apps)
        if not functions:
            return None
    return RunQuery(
        limit=size(asked["first"], MOST),
        statuses=tuple(RunStatus[name] for name in filter.get("status") or ()) or _LISTED,
        function_ids=tuple(functions or ()),
        order=by,
        ascending=order["direction"] == "ASC",
        time=_TIMES[filter.get("timeField") or "QUEUED_AT"],
        since=filter["from"],
        until=filter.get("until") or 0,
        after=read_run_cursor(asked.get("after"), by),
    )


def function_of(run: Run, info: Info) -> Function:
    """The function; one that nobody knows any more by what the run says of it."""
    found = info.context.catalog.function(run.function_id)
    if found is not None:
        return found
    return Function(
        id=run.function_id,
        app_id=run.app_id,
        app_name="",
        slug=run.slug,
        version=run.function_version,
        config=FunctionConfig(slug=run.slug, name=run.slug, url=""),
        created_at=0,
        updated_at=0,
    )


def _app(run: Run, info: Info) -> App:
    return info.context.app_of(run.app_id, function_of(run, info).app_name)


def _event_name(run: Run, info: Info) -> Any:
    if run.cron or not run.event_ids:
        return None
    id = run.event_ids[0]
    event = info.context.events.here(id)
    return _name_of(info.context.events.get(id)) if event is None else event.name


async def _name_of(reading: Awaitable[Event | None]) -> str | None:
    event = await reading
    return event.name if event is not None else None


def batch_created_at(run: Run) -> int | None:
    """When its batch was begun."""
    return ulid_time(run.batch_id) if is_ulid(run.batch_id) else None


def output(run: Run) -> str | None:
    """JSON: the result, or the error of a run that failed."""
    return text(run.output if run.output is not None else run.error) if run.status.ended else None


RESOLVERS: Resolvers = {
    "Query": {"run": run, "runs": runs},
    "FunctionRunV2": {
        "id": lambda run, _: run.id,
        "appID": lambda run, _: run.app_id,
        "app": _app,
        "functionID": lambda run, _: run.function_id,
        "function": function_of,
        "queuedAt": lambda run, _: run.queued_at,
        "startedAt": lambda run, _: known(run.started_at),
        "endedAt": lambda run, _: known(run.ended_at),
        "status": lambda run, _: run.status.name,
        "sourceID": lambda *_: None,
        "triggerIDs": lambda run, _: run.event_ids,
        "eventName": _event_name,
        "isBatch": lambda run, _: bool(run.batch_id),
        "batchCreatedAt": lambda run, _: batch_created_at(run),
        "cronSchedule": lambda run, _: run.cron or None,
        "output": lambda run, _: output(run),
        "hasAI": lambda run, _: any(step.op == Opcode.AI_GATEWAY for step in run.steps.values()),
    },
}
