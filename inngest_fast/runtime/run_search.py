"""Searching runs and events by expressions (http-api §6.4): page by page, within bounds."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

import msgspec
from msgspec.structs import replace

from inngest_fast.domain.events import Event
from inngest_fast.domain.runs import Run
from inngest_fast.engine.search import OF_EVENTS, OF_RUNS, SearchError, read_search
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.store import EventQuery, RunQuery, Store

MAX_ROWS: Final = 10_000  # looked at by one search
MAX_MS: Final = 2_000
_PAGE: Final = 200
_FIRST: Final = 400

T = TypeVar("T")


class Found(msgspec.Struct, Generic[T]):
    """What a search came upon, in the order of its query.

    `last` is the last one that it looked at: the next page begins after it. `more`: there may be others, or
    a bound was reached.
    """

    items: list[T]
    last: T | None = None
    more: bool = False
    reads: int = 0  # of the store


def _any(_: Run) -> bool:
    return True


class RunSearch:
    """Reads rows as the query orders them, and keeps those that the expressions hold for."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def runs(
        self, query: RunQuery, expressions: str = "", wanted: Callable[[Run], bool] = _any
    ) -> Found[Run]:
        """At most `query.limit` runs, those that are also `wanted`, without `events`, `steps` and `stack`;
        fewer if a bound ends the search. Raises SearchError, StoreError.
        """
        search = read_search(expressions, OF_RUNS)

        async def read(last: Run | None, size: int) -> Sequence[Run]:
            after = query.after if last is None else (getattr(last, query.order.value), last.id)
            return await self._store.runs(replace(query, after=after, limit=size))

        async def judge(page: Sequence[Run]) -> list[bool]:
            if search is None:
                return [wanted(run) for run in page]
            wires = await self._wires(page) if search.over_event else {}
            return [
                wanted(run) and search.matches_run(run, [wires[id] for id in run.event_ids if id in wires])
                for run in page
            ]

        return await self._found(read, judge, query.limit, few=search is None)

    async def events(self, query: EventQuery, expressions: str = "") -> Found[Event]:
        """As `runs`, of events; what is said of `output` or `error` holds for each."""
        search = read_search(expressions, OF_EVENTS)

        async def read(last: Event | None, size: int) -> Sequence[Event]:
            before = query.before_id if last is None else last.id
            return await self._store.events(replace(query, before_id=before, limit=size))

        async def judge(page: Sequence[Event]) -> list[bool]:
            return [search is None or search.matches_event(event) for event in page]

        return await self._found(read, judge, query.limit, few=search is None)

    async def _found(
        self,
        read: Callable[[T | None, int], Awaitable[Sequence[T]]],
        judge: Callable[[Sequence[T]], Awaitable[list[bool]]],
        limit: int,
        *,
        few: bool,
    ) -> Found[T]:
        """Reads page after page until there are `limit` items, no more rows, or a bound is reached.

        `few`: hardly any row is passed over, so that the first page may be all.
        """
        until = self._clock.now_ms() + MAX_MS
        found: Found[T] = Found([])
        looked_at, size = 0, min(limit, _FIRST) if few else _PAGE
        while looked_at < MAX_ROWS:
            page = await read(found.last, size)
            found.reads += 1
            looked_at += len(page)
            for row, good in zip(page, await judge(page), strict=True):
                found.last = row
                if good:
                    found.items.append(row)
                    if len(found.items) == limit:
                        found.more = True
                        return found
            if len(page) < size:
                return found
            size = _PAGE
            if self._clock.now_ms() >= until:
                break
        found.more = True
        return found

    async def _wires(self, runs: Sequence[Run]) -> dict[str, bytes]:
        """The wire forms of the events that triggered these runs."""
        ids = tuple(dict.fromkeys(id for run in runs for id in run.event_ids))
        wires: dict[str, bytes] = {}
        for start in range(0, len(ids), _PAGE):
            some = ids[start : start + _PAGE]
            for event in await self._store.events(EventQuery(limit=len(some), ids=some)):
                wires[event.id] = event.wire
        return wires


__all__ = ["Found", "RunSearch", "SearchError"]
