"""`FunctionRun`, `Event` and `StreamItem`: what older documents ask for (http-api §6.3)."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from inngest_fast.api.graphql import history
from inngest_fast.api.graphql.request import Asked, Info, Resolvers, failed, known, text
from inngest_fast.api.graphql.runs import NOT_FOUND, batch_created_at, function_of, output
from inngest_fast.domain.durations import parse_rfc3339
from inngest_fast.domain.errors import InvalidDurationError
from inngest_fast.domain.events import INTERNAL_PREFIX, INVOKED, TIMER, Event, parts
from inngest_fast.domain.ids import first_ulid, is_ulid
from inngest_fast.domain.ops import Opcode
from inngest_fast.domain.runs import Run, RunStatus, StepStatus
from inngest_fast.ports.store import EventQuery

MOST_EVENTS: Final = 51
MOST_ITEMS: Final = 1_000
_HOUR: Final = 3_600_000
_PAGES: Final = 5  # that a stream looks through for what is to be in it


async def event(_: object, info: Info, query: dict[str, Any]) -> Event:
    found = await info.context.events.get(query["eventId"])
    if found is None:
        raise failed(NOT_FOUND)
    return found


async def events(_: object, info: Info, query: dict[str, Any]) -> list[Event]:
    context = info.context
    context.reading()
    return await context.store.events(
        EventQuery(
            limit=MOST_EVENTS,
            before_id=query.get("lastEventId") or "",
            received_after=context.services.clock.now_ms() - _HOUR,
        )
    )


async def function_run(_: object, info: Info, query: dict[str, Any]) -> Run:
    id = query["functionRunId"]
    found = await info.context.runs.get(id) if is_ulid(id) else None
    if found is None:
        raise failed("not found")
    return found


class Item(msgspec.Struct):
    """An event of a stream, or the tick of a cron."""

    event: Event
    runs: Sequence[Run]


async def stream(_: object, info: Info, query: dict[str, Any]) -> list[Item]:
    context = info.context
    limit = min(max(query["limit"], 1), MOST_ITEMS)
    newest, oldest = _bound(query.get("before")), _bound(query.get("after"))
    found: list[Item] = []
    for _page in range(_PAGES):
        context.reading()
        page = await context.store.events(EventQuery(limit=limit, before_id=newest))
        page_ids = [each.id for each in page]
        waiting = [context.runs_of.get(id) for id in page_ids]
        for each, runs in zip(page, [await future for future in waiting], strict=True):
            if each.id <= oldest:
                return found
            if _is_shown(each, runs, internal=query["includeInternalEvents"]):
                found.append(Item(each, runs))
                if len(found) == limit:
                    return found
        if len(page) < limit:
            break
        newest = page[-1].id
    return found


def _is_shown(event: Event, runs: Sequence[Run], *, internal: bool) -> bool:
    if internal or not event.name.startswith(INTERNAL_PREFIX):
        return True
    return event.name in (TIMER, INVOKED) and bool(runs)


def _bound(place: str | None) -> str:
    """An id, or the first id of a time."""
    if not place or is_ulid(place):
        return place or ""
    try:
        return first_ulid(parse_rfc3339(place))
    except InvalidDurationError as error:
        raise failed(str(error)) from None


def _trigger(item: Item) -> str:
    if item.event.name != TIMER:
        return item.event.name
    data = msgspec.json.decode(bytes(parts(item.event.wire).data))
    cron = data.get("cron") if isinstance(data, dict) else None
    return cron if isinstance(cron, str) else item.event.name


def _status(runs: Sequence[Run]) -> str:
    if not runs:
        return "NO_FUNCTIONS"
    if any(not run.status.ended for run in runs):
        return "RUNNING"
    failures = sum(run.status is RunStatus.FAILED for run in runs)
    if not failures:
        return "COMPLETED"
    return "FAILED" if failures == len(runs) else "PARTIALLY_FAILED"


async def _event_status(event: Event, info: Info) -> str:
    return _status(await info.context.runs_of.get(event.id))


async def _pending_runs(event: Event, info: Info) -> int:
    return sum(not run.status.ended for run in await info.context.runs_of.get(event.id))


async def _total_runs(event: Event, info: Info) -> int:
    return len(await info.context.runs_of.get(event.id))


def _raw(event: Event) -> str:
    sent = parts(event.wire)
    whole = {"id": sent.id, "name": sent.name, "data": sent.data, "ts": sent.ts}
    return msgspec.json.encode(whole).decode()


async def whole(context: Asked, run: Run) -> Run:
    """A run with its steps, whatever it came from."""
    return run if run.events else await context.runs.get(run.id) or run


async def _event_of(run: Run, info: Info) -> Event | None:
    return await info.context.events.get(run.event_ids[0]) if run.event_ids else None


async def _events_of(run: Run, info: Info) -> list[Event]:
    waiting = [info.context.events.get(id) for id in run.event_ids]
    return [found for future in waiting if (found := await future) is not None]


async def _pending_steps(run: Run, info: Info) -> int:
    steps = (await whole(info.context, run)).steps.values()
    return sum(step.memo is None and step.status is not StepStatus.ABANDONED for step in steps)


async def _waiting_for(run: Run, info: Info) -> dict[str, Any] | None:
    if run.status.ended:
        return None
    steps = (await whole(info.context, run)).steps.values()
    ids = [
        step.wait_id
        for step in steps
        if step.op == Opcode.WAIT_FOR_EVENT and step.status is StepStatus.WAITING and step.wait_id
    ]
    if not ids:
        return None
    info.context.reading()
    for wait in await info.context.store.waits(ids[:1]):
        return {
            "eventName": wait.event,
            "expression": wait.expression or None,
            "expiryTime": wait.expires_at,
        }
    return None


async def _history(run: Run, info: Info) -> list[history.Item]:
    context = info.context
    context.reading()
    root = await context.services.traces.tree_of(await whole(context, run), preview=False)
    return history.items(root, run)


async def _history_output(run: Run, info: Info, id: str) -> str | None:
    for item in await _history(run, info):
        if item.id == id and item.output_id:
            info.context.reading()
            output = await info.context.services.traces.output(item.output_id)
            if output is not None:
                return text(output.data if output.data is not None else output.error)
    return None


RESOLVERS: Resolvers = {
    "Query": {"event": event, "events": events, "functionRun": function_run, "stream": stream},
    "FunctionRun": {
        "id": lambda run, _: run.id,
        "functionID": lambda run, _: run.function_id,
        "function": function_of,
        "workspace": lambda *_: None,
        "event": _event_of,
        "events": _events_of,
        "batchID": lambda run, _: run.batch_id or None,
        "batchCreatedAt": lambda run, _: batch_created_at(run),
        "status": lambda run, _: run.status.name,
        "name": lambda run, info: function_of(run, info).config.name,
        "waitingFor": _waiting_for,
        "pendingSteps": _pending_steps,
        "startedAt": lambda run, _: run.started_at or run.queued_at,
        "finishedAt": lambda run, _: known(run.ended_at),
        "output": lambda run, _: output(run),
        "history": _history,
        "historyItemOutput": _history_output,
        "eventID": lambda run, _: run.event_ids[0] if run.event_ids else "",
        "cron": lambda run, _: run.cron or None,
    },
    "RunHistoryItem": history.SHOWN,
    "Event": {
        "id": lambda event, _: event.id,
        "externalID": lambda event, _: event.external_id,
        "workspace": lambda *_: None,
        "name": lambda event, _: event.name,
        "createdAt": lambda event, _: event.received_at,
        "payload": lambda event, _: bytes(parts(event.wire).data).decode(),
        "schema": lambda *_: None,
        "status": _event_status,
        "pendingRuns": _pending_runs,
        "totalRuns": _total_runs,
        "raw": lambda event, _: _raw(event),
        "functionRuns": lambda event, info: info.context.runs_of.get(event.id),
    },
    "StreamItem": {
        "id": lambda item, _: item.event.id,
        "trigger": lambda item, _: _trigger(item),
        "type": lambda item, _: "CRON" if item.event.name == TIMER else "EVENT",
        "createdAt": lambda item, _: item.event.received_at,
        "runs": lambda item, _: item.runs,
        "inBatch": lambda item, _: any(run.batch_id for run in item.runs),
    },
}
