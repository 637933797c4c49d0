"""`EventV2`, and lists of events (http-api §6.3, §6.4)."""

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from inngest_fast.api.graphql.paging import Page, event_cursor, read_event_cursor, size
from inngest_fast.api.graphql.request import Info, Resolvers, failed, selects
from inngest_fast.domain.events import Event, parts
from inngest_fast.domain.ids import ZERO_UUID
from inngest_fast.ports.store import EventQuery
from inngest_fast.runtime.run_search import MAX_ROWS, SearchError

MOST: Final = 51
_NOTHING: Final = (b"null", b"{}")


async def event_v2(_: object, info: Info, id: str) -> Event:
    event = await info.context.events.get(id)
    if event is None:
        raise failed(f"event not found: {id}")
    return event


async def events_v2(_: object, info: Info, **asked: Any) -> Page[Event]:
    context, filter = info.context, asked["filter"]
    until = filter.get("until")
    query = EventQuery(
        limit=size(asked["first"], MOST),
        before_id=read_event_cursor(asked.get("after")),
        names=tuple(filter.get("eventNames") or ()),
        received_after=filter["from"],
        received_before=until + 1 if until else 0,
        internal=filter["includeInternalEvents"],
    )
    search = filter.get("query") or ""
    try:
        context.reading()
        found = await context.search.events(query, search)
        context.reading(found.reads - 1)
    except SearchError as error:
        raise failed(f"error retrieving events: {error}") from None
    if selects(info, "runs"):
        await context.runs_of.fetch(event.id for event in found.items)

    async def total(_: Info) -> int:
        context.reading()
        if not search:
            return await context.store.count_events(query)
        seen = await context.search.events(replace(query, before_id="", limit=MAX_ROWS), search)
        context.reading(seen.reads)
        return len(seen.items)

    return Page(
        found.items,
        lambda event: event_cursor(event.id),
        more=found.more,
        total=total,
        before=bool(query.before_id),
        end=event_cursor(found.last.id) if found.last is not None else None,
    )


def _runs(event: Event, info: Info) -> Any:
    runs = info.context.runs_of.here(event.id)
    return info.context.runs_of.get(event.id) if runs is None else runs


def raw(event: Event) -> str:
    """Compact JSON, its keys in order; `v` is null where it was not set."""
    sent = parts(event.wire)
    shown: dict[str, Any] = {
        "data": sent.data if bytes(sent.data) != b"null" else {},
        "id": sent.id,
        "name": sent.name,
        "ts": sent.ts,
    }
    if bytes(sent.user) not in _NOTHING:
        shown["user"] = sent.user
    shown["v"] = sent.v or None
    return msgspec.json.encode(shown).decode()


RESOLVERS: Resolvers = {
    "Query": {"eventV2": event_v2, "eventsV2": events_v2},
    "EventV2": {
        "envID": lambda *_: ZERO_UUID,
        "id": lambda event, _: event.id,
        "idempotencyKey": lambda event, _: event.external_id,
        "name": lambda event, _: event.name,
        "occurredAt": lambda event, _: event.ts,
        "receivedAt": lambda event, _: event.received_at,
        "raw": lambda event, _: raw(event),
        "runs": _runs,
        "source": lambda *_: None,
        "version": lambda event, _: parts(event.wire).v,
    },
}
