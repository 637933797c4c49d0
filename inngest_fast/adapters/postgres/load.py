"""Reads and locks what a group may touch, in one round trip."""

import hashlib
from collections.abc import Iterable
from typing import Any, Final

from psycopg import AsyncConnection, AsyncCursor, AsyncPipeline

from inngest_fast.adapters.postgres.footprint import Footprint
from inngest_fast.adapters.postgres.live import KeyRow, Live
from inngest_fast.adapters.postgres.lookups import PathRow
from inngest_fast.adapters.postgres.rows import JobRow, RunRow, WaitRow, readable, storable
from inngest_fast.adapters.postgres.statements import SIGNAL_PREFIX, Statements
from inngest_fast.domain.events import Event
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.stored_form import read_until

Connection = AsyncConnection[tuple[Any, ...]]
_Cursor = AsyncCursor[tuple[Any, ...]]

MOST_LOCKS: Final = 512  # of one group: a database in its default settings has room for 6,400

_THERE = Event("", "", "", 0, 0, b"")  # stands for an event whose row nobody asks for


async def load(
    connection: Connection,
    pipeline: AsyncPipeline,
    sql: Statements,
    wanted: Footprint,
    writer: str,
    group: int,
) -> tuple[Live, str]:
    """Begins the transaction of that group of the writer. Returns the rows, and the transaction's id."""
    execute = connection.execute
    await execute(sql.begin)
    id_cursor = await execute(sql.sign, (writer, group))
    swept = _texts(wanted.swept)
    asked: dict[str, _Cursor] = {}
    if wanted.signals or wanted.rows:
        await _lock_numbers(connection, sql, wanted)
    if wanted.runs:
        asked["runs"] = await execute(sql.lock_runs, (_texts(wanted.runs),))
    if wanted.waits or swept:
        asked["waits"] = await execute(sql.lock_waits, (sorted(wanted.waits), swept))
    if wanted.waiting:
        pairs = sorted(wanted.waiting)
        runs, steps = ([storable(pair[i]) for pair in pairs] for i in (0, 1))
        asked["steps"] = await execute(sql.waits_of_steps, (runs, steps))
    if wanted.signals:
        prefixes = sorted({storable(key)[:SIGNAL_PREFIX] for key in wanted.signals})
        asked["signals"] = await execute(sql.waits_of_signals, (prefixes,))
    if wanted.jobs or swept:
        asked["jobs"] = await execute(sql.lock_jobs, (_texts(wanted.jobs), swept))
    if wanted.keys:
        keys = sorted(wanted.keys)
        functions, digests = [storable(key[0]) for key in keys], [key[1] for key in keys]
        asked["keys"] = await execute(sql.lock_keys, (functions, digests))
    if wanted.rows:
        asked["rows"] = await execute(sql.flow_rows, (_texts(wanted.rows),))
    if wanted.events:
        asked["events"] = await execute(sql.events_there, (_texts(wanted.events),))
    if wanted.buckets:
        asked["paths"] = await execute(sql.paths, (sorted(wanted.buckets),))
    await pipeline.sync()
    return await _read(asked), (await id_cursor.fetchall())[0][0]


async def _read(asked: dict[str, _Cursor]) -> Live:
    live = Live()
    for name, cursor in asked.items():
        rows = await cursor.fetchall()
        if name == "runs":
            for id, status, version in rows:
                live.runs.load(readable(id), RunRow(readable(id), status, version))
        elif name == "jobs":
            for id, run_id, attempt in rows:
                live.load_job(JobRow(readable(id), readable(run_id), attempt))
        elif name == "keys":
            for function_id, digest, run_id, until in rows:
                row = KeyRow(readable(function_id), digest, readable(run_id), until)
                live.keys.load((row.function_id, digest), row)
        elif name == "rows":
            for key, until, holder, body in rows:
                flow_row = FlowRow(readable(key), read_until(until), readable(holder), body)
                live.flow.rows.load(flow_row.key, flow_row)
        elif name == "events":
            for (id,) in rows:
                live.events.load(readable(id), _THERE)
        elif name == "paths":
            for path in map(PathRow._make, rows):
                live.paths.load((path.bucket, path.number), path)
        else:
            for id, kind, run_id, step_id, key, several in rows:
                live.load_wait(WaitRow(id, kind, readable(run_id), readable(step_id), readable(key), several))
    return live


def _texts(values: Iterable[str]) -> list[str]:
    return sorted(map(storable, values))


async def _lock_numbers(connection: Connection, sql: Statements, wanted: Footprint) -> None:
    """Locks what signals and rows stand for, in one order for all, so that nobody waits in a ring."""
    numbers = {_number(sql.lock_runs, key) for key in wanted.signals}
    numbers |= {_number(sql.flow_rows, key) for key in wanted.rows}
    all_of_them = _number(sql.sign, "")
    if len(numbers) > MOST_LOCKS:
        await connection.execute(sql.lock_numbers, ([all_of_them],))
    else:
        await connection.execute(sql.share_numbers, (all_of_them,))
        await connection.execute(sql.lock_numbers, (sorted(numbers),))


def _number(kind: bytes, key: str) -> int:
    """Of an advisory lock. The kind is a statement, which has the schema's name."""
    digest = hashlib.sha256(kind + key.encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
