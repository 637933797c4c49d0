"""ports.store.Store on one SQLite file, or in memory."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from inngest_fast.adapters.sqlite import queries
from inngest_fast.adapters.sqlite.api_keys import Rows, SqliteApiKeys, fetched
from inngest_fast.adapters.sqlite.database import Database
from inngest_fast.adapters.sqlite.reader import Reader
from inngest_fast.adapters.sqlite.writer import Writer
from inngest_fast.domain.apps import App, Function
from inngest_fast.domain.cancellations import Cancellation
from inngest_fast.domain.events import Event
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import Committed, Transition
from inngest_fast.domain.waits import Wait
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.store import EventQuery, RunQuery

_CLEARED: Final = (
    "events",
    "runs",
    "batched_events",
    "steps",
    "traces",
    "jobs",
    "waits",
    "keys",
    "flow_rows",
    "pending_events",
    "cancellations",
)


class SqliteStore:
    """One process, one file (design §4). `path` may be ":memory:".

    With `durable` a commit survives the loss of power, else that of the process only. What is handed to
    `commit` belongs to the store: it must not be changed any more.
    """

    name = "sqlite"

    def __init__(self, path: str, *, durable: bool, clock: Clock) -> None:
        self._clock = clock
        self._database = Database(path, durable=durable)
        self._writer = Writer(self._database)
        self._points: Reader | Writer = self._writer
        self._listings: Reader | Writer = self._writer
        self.api_keys = SqliteApiKeys(self._ask)

    @property
    def on_group(self) -> Callable[[int], None]:
        return self._writer.on_group

    @on_group.setter
    def on_group(self, tell: Callable[[int], None]) -> None:
        self._writer.on_group = tell

    @property
    def backlog(self) -> int:
        return self._writer.backlog

    def details(self) -> Mapping[str, object]:
        return {"version": sqlite3.sqlite_version, "place": self._database.path}

    async def open(self) -> None:
        await self._writer.open()
        if not self._database.in_memory:
            # A long listing must not keep back the run that the next call needs.
            self._points = Reader(self._database.path, "sqlite-reader")
            self._listings = Reader(self._database.path, "sqlite-lister")

    async def close(self) -> None:
        readers = [each for each in (self._points, self._listings) if isinstance(each, Reader)]
        await asyncio.gather(*(reader.close() for reader in readers))
        await self._writer.close()

    def commit(self, transition: Transition) -> asyncio.Future[Committed]:
        return self._writer.commit(transition, self._clock.now_ms())

    async def run(self, run_id: str) -> Run | None:
        return await self._points.read(queries.run, run_id)

    async def runs(self, query: RunQuery) -> list[Run]:
        return await self._listings.read(queries.runs, query)

    async def count_runs(self, query: RunQuery) -> int:
        return await self._listings.read(queries.count_runs, query)

    async def trace_rows(self, run_id: str, prefix: str = "") -> list[tuple[str, bytes]]:
        return await self._points.read(queries.trace_rows, run_id, prefix)

    async def event(self, event_id: str) -> Event | None:
        return await self._points.read(queries.event, event_id)

    async def events(self, query: EventQuery) -> list[Event]:
        return await self._listings.read(queries.events, query)

    async def count_events(self, query: EventQuery) -> int:
        return await self._listings.read(queries.count_events, query)

    async def waits(self, ids: Sequence[int]) -> list[Wait]:
        return await self._points.read(queries.waits, tuple(ids))

    async def live_waits(self, after: int, limit: int) -> list[Wait]:
        return await self._listings.read(queries.live_waits, after, limit)

    async def jobs(self, after: str, limit: int) -> list[Job]:
        return await self._listings.read(queries.jobs, after, limit)

    async def run_jobs(self, run_id: str) -> list[Job]:
        return await self._points.read(queries.run_jobs, run_id)

    async def job(self, job_id: str) -> Job | None:
        return await self._points.read(queries.job, job_id)

    async def jobs_over(self, job_ids: Sequence[str]) -> list[str]:
        return await self._points.read(queries.jobs_over, job_ids)

    async def apps(self) -> list[App]:
        return await self._points.read(queries.apps)

    async def functions(self) -> list[Function]:
        return await self._points.read(queries.functions)

    async def count_live_runs(self) -> int:
        return await self._listings.read(queries.count_live_runs)

    async def stuck_runs(self, after: str, limit: int, queued_before: int) -> tuple[list[str], str]:
        return await self._listings.read(queries.stuck_runs, after, limit, queued_before)

    async def rows(self, keys: Sequence[str]) -> list[FlowRow]:
        return await self._points.read(queries.rows, tuple(keys), self._clock.now_ms())

    async def rows_of(self, kind: str, after: str, limit: int, until_after: int = 0) -> list[FlowRow]:
        until_after = max(until_after, self._clock.now_ms())
        return await self._listings.read(queries.rows_of, kind, after, limit, until_after)

    async def batch(self, batch_id: str) -> list[Event]:
        return await self._points.read(queries.batch, batch_id)

    async def live_runs(self, function_id: str, after: str, until: str, limit: int) -> list[Run]:
        return await self._listings.read(queries.live_runs, function_id, after, until, limit)

    async def cancellation(self, id: str) -> Cancellation | None:
        return await self._points.read(queries.cancellation, id)

    async def cancellations(self, before_id: str, limit: int) -> list[Cancellation]:
        return await self._listings.read(queries.cancellations, before_id, limit)

    async def clear(self) -> None:
        await self._writer.read(_cleared)

    async def _ask(self, statement: str, values: tuple[Any, ...]) -> Rows:
        return await self._writer.read(fetched, statement, values)


def _cleared(connection: sqlite3.Connection) -> None:
    """On the writer's thread, between groups."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for table in _CLEARED:
            connection.execute(f"DELETE FROM {table}")
