"""Reads on a pool. Those of whole runs are put together: what call requests need, many at a time."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from inngest_fast.adapters.postgres.database import Database, answering
from inngest_fast.adapters.postgres.load import Connection
from inngest_fast.adapters.postgres.queries import Queries
from inngest_fast.adapters.postgres.rows import readable, storable
from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.runs import Run
from inngest_fast.domain.stored_form import decode_run, decode_step, decode_wires

_RUNS_TOGETHER: Final = 64
_KEPT: Final = 1  # connections, however long they are idle
_SECONDS_FOR_A_CONNECTION: Final = 5.0
_SECONDS_OF_TRYING: Final = 3.0  # on its own; after these, each read that needs a connection makes it try

Rows = list[tuple[Any, ...]]


class Reader:
    """Opens its connections as they are needed, and closes those that are idle for long."""

    def __init__(
        self, database: Database, queries: Queries, *, most: int, idle_time: float, lifetime: float
    ) -> None:
        self._database = database
        self._queries = queries
        self._asked: dict[str, list[asyncio.Future[Run | None]]] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._abreast = max(1, most // 2)  # statements for whole runs
        self._closed = False
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            kwargs=dict(database.parameters),
            min_size=min(_KEPT, most),
            max_size=most,
            max_idle=idle_time,
            max_lifetime=lifetime,
            timeout=_SECONDS_FOR_A_CONNECTION,
            reconnect_timeout=_SECONDS_OF_TRYING,
            name="inngest-fast-reader",
            open=False,
        )

    @property
    def use(self) -> tuple[int, int, int]:
        """Connections that are open, that are free, and reads that wait for one."""
        found = self._pool.get_stats()
        return found.get("pool_size", 0), found.get("pool_available", 0), found.get("requests_waiting", 0)

    async def open(self) -> None:
        await self._pool.open()

    async def close(self) -> None:
        """Answers what was asked, then closes the connections."""
        self._closed = True
        while self._asking:
            await asyncio.wait(self._asking)
        await self._pool.close()

    async def rows(self, statement: bytes, values: Sequence[Any] = ()) -> Rows:
        """Raises StoreError. A connection that proves to be dead is replaced, once."""
        try:
            try:
                return await self._rows(statement, values)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                if isinstance(error, PoolTimeout | PoolClosed) or error.sqlstate not in (None, "57P01"):
                    raise
                await self._pool.drain()  # the others may be dead, too
                return await self._rows(statement, values)
        except (psycopg.Error, OSError, UnicodeError) as error:
            raise self._error(error) from error

    async def _rows(self, statement: bytes, values: Sequence[Any]) -> Rows:
        async with self._pool.connection() as connection:
            with answering(connection):
                # Binary results: most of what is read are bytes.
                return await (await connection.execute(statement, values, binary=True)).fetchall()

    def _error(self, error: BaseException) -> StoreError:
        if self._closed:
            return StoreError(f"the store at {self._database.place} is closed")
        return self._database.error(error, "read")

    # Whole runs

    def run(self, run_id: str) -> "asyncio.Future[Run | None]":
        """A run as it is after this call; each asker has an object of its own."""
        future: asyncio.Future[Run | None] = asyncio.get_running_loop().create_future()
        self._asked.setdefault(run_id, []).append(future)
        if len(self._asking) < self._abreast:
            task = asyncio.create_task(self._answer(), name="postgres-runs")
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        return future

    async def _answer(self) -> None:
        while self._asked:
            taken = {id: self._asked.pop(id) for id in list(self._asked)[:_RUNS_TOGETHER]}
            try:
                found = await self._whole_runs(list(taken))
                answers = {id: [_made(found[id]) if id in found else None for _ in taken[id]] for id in taken}
            except BaseException as error:
                failure = self._error(error)
                for future in (future for futures in taken.values() for future in futures):
                    if not future.done():
                        future.set_exception(StoreError(str(failure)))
                if not isinstance(error, Exception):
                    raise
                continue
            for id, futures in taken.items():
                for future, run in zip(futures, answers[id], strict=True):
                    if not future.done():
                        future.set_result(run)

    async def _whole_runs(self, ids: list[str]) -> dict[str, "_Parts"]:
        stored = [storable(id) for id in ids]
        found: dict[str, _Parts] = {}
        steps: list[tuple[str, bytes]] = []
        for id, step, body, wires, wire in await self.rows(self._queries.whole_runs, (stored, stored)):
            if step is None:
                found[readable(id)] = _Parts(body, wires, wire)
            else:
                steps.append((readable(id), step))
        for id, step in steps:
            if id in found:
                found[id].steps.append(step)
        await self._add_wires(found)
        return found

    async def _add_wires(self, found: dict[str, "_Parts"]) -> None:
        """The events of runs that have several: they never change, so that another moment will do."""
        needing = [parts for parts in found.values() if parts.needs_wires]
        if not needing:
            return
        ids = sorted({storable(id) for parts in needing for id in parts.run.event_ids})
        wires = {readable(id): wire for id, wire in await self.rows(self._queries.wires, (ids,))}
        for parts in needing:
            parts.run.events = tuple(wires[id] for id in parts.run.event_ids)


class _Parts:
    """What the database holds of one run."""

    def __init__(self, body: bytes, wires: bytes | None, wire: bytes | None) -> None:
        self.run = decode_run(body)
        self.needs_wires = wires is None and len(self.run.event_ids) != 1
        if wires is not None:
            self.run.events = decode_wires(wires)
        elif wire is not None:
            self.run.events = (wire,)
        self.steps: list[bytes] = []


def _made(parts: _Parts) -> Run:
    run = parts.run.working_copy()
    run.steps = {step.id: step for step in map(decode_step, parts.steps)}
    return run
