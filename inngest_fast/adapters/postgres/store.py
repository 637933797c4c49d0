"""ports.store.Store on a PostgreSQL database."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from inngest_fast.adapters.postgres.api_keys import PostgresApiKeys
from inngest_fast.adapters.postgres.database import Database
from inngest_fast.adapters.postgres.lookups import KnownPaths
from inngest_fast.adapters.postgres.migrate import migrate, scripts
from inngest_fast.adapters.postgres.queries import Queries
from inngest_fast.adapters.postgres.reader import Reader
from inngest_fast.adapters.postgres.rows import read_event, readable, storable
from inngest_fast.adapters.postgres.statements import quoted
from inngest_fast.adapters.postgres.wait_search import WaitSearch
from inngest_fast.adapters.postgres.writer import Writer
from inngest_fast.domain.apps import App, Function
from inngest_fast.domain.cancellations import Cancellation
from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.events import Event
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import Run
from inngest_fast.domain.stored_form import (
    decode_app,
    decode_cancellation,
    decode_function,
    decode_job,
    decode_run,
    decode_wait,
    read_until,
)
from inngest_fast.domain.transitions import Committed, Transition
from inngest_fast.domain.waits import Wait
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.store import EventQuery, RunQuery
from inngest_fast.ports.wait_search import Entry, Found, Lookup

_NEVER: Final = 10 * 365 * 86_400.0  # seconds
_LAST: Final = "~"  # is above every id

_CLEARED: Final = (
    "events",
    "runs",
    "batched_events",
    "steps",
    "traces",
    "jobs",
    "waits",
    "wait_lookups",
    "keys",
    "flow_rows",
    "pending_events",
    "cancellations",
)


class PostgresStore:
    """One schema, shared by any number of servers (design §4).

    Limits of connections are the flags of http-api §1 and count the writer's connection, which is always
    open; times are seconds, and 0 is no limit:

        --postgres-max-open-conns      max_connections  at most so many, of which one writes
        --postgres-conn-max-idle-time  max_idle_time    after each such time one that was not needed is closed
        --postgres-conn-max-lifetime   max_lifetime     each is replaced after that

    Beside the writer's one is kept for reads; more are opened as they are needed. So there is nothing for
    --postgres-max-idle-conns to hold down.

    To `prepare` statements halves the time of a commit, but not every pooler carries prepared ones from one
    connection to the next: None does so only where no pooler is found. `entry` says where waits are to be
    found, and must say the same on all servers. What is handed to `commit` belongs to the store.
    """

    name = "postgres"

    def __init__(
        self,
        uri: str,
        *,
        clock: Clock,
        entry: Entry,
        schema: str = "inngest_fast",
        max_connections: int = 10,
        max_idle_time: float = 300.0,
        max_lifetime: float = 1_800.0,
        prepare: bool | None = None,
    ) -> None:
        self._clock = clock
        self._entry = entry
        self._schema = schema
        self._database = Database(uri, prepare=prepare)
        self._queries = Queries(schema)
        self._most = max(1, max_connections - 1)
        self._idle_time = max_idle_time or _NEVER
        self._lifetime = max_lifetime or _NEVER
        self._writer: Writer | None = None
        self._opened: Reader | None = None
        self._search: WaitSearch | None = None
        self.api_keys = PostgresApiKeys(schema, self._ask)
        self.on_group: Callable[[int], None] = lambda _: None

    @property
    def backlog(self) -> int:
        return self._writer.backlog if self._writer else 0

    def details(self) -> Mapping[str, object]:
        """`pool` counts the writer's connection, which is never available to others."""
        connected = self._writer is not None and self._writer.connected
        size, available, waiting = self._opened.use if self._opened else (0, 0, 0)
        return {
            "version": self._database.version,
            "place": self._database.address,
            "pool": {
                "size": size + connected,
                "available": available,
                "waiting": waiting,
                "most": self._most + 1,
            },
        }

    async def open(self) -> None:
        try:
            async with await self._database.connect() as connection:
                await migrate(connection, self._schema, scripts())
            known = KnownPaths()
            writer = Writer(
                self._database,
                self._schema,
                self._entry,
                known,
                lifetime=self._lifetime,
                on_group=self.on_group,
            )
            await writer.open()
        except Exception as error:
            raise self._database.error(error, "open") from error
        self._writer = writer
        self._opened = Reader(
            self._database,
            self._queries,
            most=self._most,
            idle_time=self._idle_time,
            lifetime=self._lifetime,
        )
        await self._opened.open()
        self._search = WaitSearch(self._opened, self._queries, known)

    async def close(self) -> None:
        if self._writer is not None:
            await self._writer.close()
        if self._search is not None:
            await self._search.close()
        if self._opened is not None:
            await self._opened.close()

    def commit(self, transition: Transition) -> "asyncio.Future[Committed]":
        if self._writer is None:
            raise StoreError("the store is not open")
        return self._writer.commit(transition, self._clock.now_ms())

    async def run(self, run_id: str) -> Run | None:
        return await self._reader.run(run_id)

    async def runs(self, query: RunQuery) -> list[Run]:
        found: list[Run] = []
        for half in query.halves:
            if len(found) < query.limit:
                statement, values = self._queries.runs(half, query.limit - len(found))
                found += await self._listed(statement, *values)
        return found

    async def count_runs(self, query: RunQuery) -> int:
        count: int = (await self._reader.rows(*self._queries.count_runs(query)))[0][0]
        return count

    async def trace_rows(self, run_id: str, prefix: str = "") -> list[tuple[str, bytes]]:
        values = (storable(run_id), storable(prefix), storable(prefix) + "~")
        return [
            (readable(key), body) for key, body in await self._reader.rows(self._queries.trace_rows, values)
        ]

    async def event(self, event_id: str) -> Event | None:
        rows = await self._reader.rows(self._queries.event, (storable(event_id),))
        return read_event(rows[0]) if rows else None

    async def events(self, query: EventQuery) -> list[Event]:
        return [read_event(row) for row in await self._reader.rows(*self._queries.events(query))]

    async def count_events(self, query: EventQuery) -> int:
        count: int = (await self._reader.rows(*self._queries.count_events(query)))[0][0]
        return count

    async def waits(self, ids: Sequence[int]) -> list[Wait]:
        if not ids:
            return []
        return [decode_wait(body) for body in await self._bodies(self._queries.waits, list(ids))]

    async def live_waits(self, after: int, limit: int) -> list[Wait]:
        return [decode_wait(body) for body in await self._bodies(self._queries.live_waits, after, limit)]

    async def jobs(self, after: str, limit: int) -> list[Job]:
        bodies = await self._bodies(self._queries.jobs, storable(after), limit)
        return [decode_job(body) for body in bodies]

    async def run_jobs(self, run_id: str) -> list[Job]:
        return [decode_job(body) for body in await self._bodies(self._queries.run_jobs, storable(run_id))]

    async def job(self, job_id: str) -> Job | None:
        bodies = await self._bodies(self._queries.job, storable(job_id))
        return decode_job(bodies[0]) if bodies else None

    async def jobs_over(self, job_ids: Sequence[str]) -> list[str]:
        rows = await self._reader.rows(self._queries.jobs_live, ([storable(id) for id in job_ids],))
        live = {readable(id) for (id,) in rows}
        return [id for id in job_ids if id not in live]

    async def apps(self) -> list[App]:
        return [decode_app(body) for body in await self._bodies(self._queries.apps)]

    async def functions(self) -> list[Function]:
        return [decode_function(body) for body in await self._bodies(self._queries.functions)]

    async def count_live_runs(self) -> int:
        count: int = (await self._reader.rows(self._queries.count_live_runs))[0][0]
        return count

    async def stuck_runs(self, after: str, limit: int, queued_before: int) -> tuple[list[str], str]:
        values = (storable(after), limit, queued_before)
        ((count, last, stuck),) = await self._reader.rows(self._queries.stuck_runs, values)
        return [readable(id) for id in stuck or ()], readable(last) if count == limit else ""

    async def rows(self, keys: Sequence[str]) -> list[FlowRow]:
        return await self._rows(self._queries.rows, [storable(key) for key in keys], self._clock.now_ms())

    async def rows_of(self, kind: str, after: str, limit: int, until_after: int = 0) -> list[FlowRow]:
        # ";" comes right after ":".
        bounds = storable(max(after, kind + ":")), storable(kind + ";")
        until_after = max(until_after, self._clock.now_ms())
        return await self._rows(self._queries.rows_of, *bounds, until_after, limit)

    async def batch(self, batch_id: str) -> list[Event]:
        rows = await self._reader.rows(self._queries.batch, (storable(batch_id),))
        return [read_event(row) for row in rows]

    async def live_runs(self, function_id: str, after: str, until: str, limit: int) -> list[Run]:
        ids = map(storable, (function_id, after, until))
        return await self._listed(self._queries.live_runs, *ids, limit)

    async def cancellation(self, id: str) -> Cancellation | None:
        bodies = await self._bodies(self._queries.cancellation, storable(id))
        return decode_cancellation(bodies[0]) if bodies else None

    async def cancellations(self, before_id: str, limit: int) -> list[Cancellation]:
        bodies = await self._bodies(self._queries.cancellations, storable(before_id or _LAST), limit)
        return [decode_cancellation(body) for body in bodies]

    # ports.wait_search.WaitSearch

    async def find(self, asked: Sequence[tuple[str, Lookup]]) -> Found:
        if self._search is None:
            raise StoreError("the store is not open")
        return await self._search.find(asked)

    async def apps_version(self) -> int:
        return (await self.find(())).apps_version

    @property
    def _reader(self) -> Reader:
        if self._opened is None:
            raise StoreError("the store is not open")
        return self._opened

    async def clear(self) -> None:
        prefix = quoted(self._schema)
        deleted = ", ".join(f"{table}_ AS (DELETE FROM {prefix}.{table})" for table in _CLEARED)
        await self._reader.rows(f"WITH {deleted} SELECT 1".encode())

    async def _ask(self, statement: bytes, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        return await self._reader.rows(statement, values)

    async def _bodies(self, statement: bytes, *values: Any) -> list[bytes]:
        return [body for (body,) in await self._reader.rows(statement, values)]

    async def _listed(self, statement: bytes, *values: Any) -> list[Run]:
        found = [decode_run(body) for body in await self._bodies(statement, *values)]
        for run in found:
            run.stack = ()
        return found

    async def _rows(self, statement: bytes, *values: Any) -> list[FlowRow]:
        return [
            FlowRow(readable(key), read_until(until), readable(holder), body)
            for key, until, holder, body in await self._reader.rows(statement, values)
        ]
