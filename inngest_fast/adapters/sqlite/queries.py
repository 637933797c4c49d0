"""Reads: each takes a connection and returns domain structs. All see one committed state."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from inngest_fast.adapters.sqlite.rows import EVENT_COLUMNS, read_event
from inngest_fast.domain.apps import App, Function
from inngest_fast.domain.cancellations import Cancellation
from inngest_fast.domain.events import Event
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import Run, RunStatus
from inngest_fast.domain.stored_form import (
    decode_app,
    decode_cancellation,
    decode_function,
    decode_job,
    decode_run,
    decode_step,
    decode_wait,
    decode_wires,
    read_until,
)
from inngest_fast.domain.waits import Wait
from inngest_fast.ports.store import Bound, EventQuery, RunQuery

_RUN = (
    "SELECT runs.body, runs.wires, events.wire FROM runs"
    " LEFT JOIN events ON events.id = runs.event_id WHERE runs.id = ?"
)
_STEPS = "SELECT step_id, body FROM steps WHERE run_id = ?"
_WIRE = "SELECT wire FROM events WHERE id = ?"
_EVENT = f"SELECT {EVENT_COLUMNS} FROM events WHERE id = ?"
# "0" comes right after "/".
_NOT_INTERNAL = "(name < 'inngest/' OR name >= 'inngest0')"
_OF_EVENTS = (
    "id IN (SELECT id FROM runs WHERE event_id IN (SELECT value FROM json_each(?))"
    " UNION SELECT run_id FROM batched_events WHERE event_id IN (SELECT value FROM json_each(?)))"
)
_TRACES = "SELECT key, body FROM traces WHERE run_id = ? AND key >= ? AND key < ? ORDER BY key"
_WAITS = "SELECT body FROM waits WHERE id IN (SELECT value FROM json_each(?))"
_LIVE = "SELECT * FROM (SELECT id, queued_at FROM runs WHERE status = {} AND id > ? ORDER BY id LIMIT ?)"
# Each status apart: so neither history nor the other live runs are read.
_LIVE_AND_STUCK = (
    f"WITH live AS ({_LIVE.format(int(RunStatus.QUEUED))} UNION ALL {_LIVE.format(int(RunStatus.RUNNING))})"
    " SELECT id, queued_at < ? AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.run_id = live.id)"
    " FROM live ORDER BY id LIMIT ?"
)
_ROW = "SELECT key, until, holder, body FROM flow_rows"
_ROWS = _ROW + " WHERE key IN (SELECT value FROM json_each(?)) AND until > ?"
_ROWS_OF = _ROW + " WHERE key > ? AND key < ? AND until > ? ORDER BY key LIMIT ?"
_BATCH = (
    f"SELECT {EVENT_COLUMNS} FROM pending_events JOIN events ON events.id = pending_events.event_id"
    " WHERE batch_id = ? ORDER BY position, event_id"
)
_LIVE_RUNS = (
    "SELECT body FROM runs INDEXED BY runs_live_of_function"
    " WHERE function_id = ? AND status < 300 AND id > ? AND id <= ? ORDER BY id LIMIT ?"
)
_CANCELLATION = "SELECT body FROM cancellations WHERE id = ?"
_CANCELLATIONS = "SELECT body FROM cancellations WHERE id < ? ORDER BY id DESC LIMIT ?"
_LAST = "~"  # is above every id


def run(connection: sqlite3.Connection, run_id: str) -> Run | None:
    connection.execute("BEGIN")  # the run's row and its steps are of one moment
    try:
        return _run(connection, run_id)
    finally:
        connection.execute("ROLLBACK")


def _run(connection: sqlite3.Connection, run_id: str) -> Run | None:
    row = connection.execute(_RUN, (run_id,)).fetchone()
    if row is None:
        return None
    body, wires, wire = row
    found = decode_run(body)
    if wires is not None:
        found.events = decode_wires(wires)
    elif len(found.event_ids) == 1:
        found.events = (wire,)
    else:
        found.events = tuple(connection.execute(_WIRE, (id,)).fetchone()[0] for id in found.event_ids)
    found.steps = {id: decode_step(step) for id, step in connection.execute(_STEPS, (run_id,))}
    return found


def runs(connection: sqlite3.Connection, query: RunQuery) -> list[Run]:
    found: list[Run] = []
    for half in query.halves:
        if len(found) < query.limit:
            found += _runs(connection, half, query.limit - len(found))
    return found


def _runs(connection: sqlite3.Connection, query: RunQuery, limit: int) -> list[Run]:
    terms, values = _run_terms(query)
    way, sign = ("ASC", ">") if query.ascending else ("DESC", "<")
    columns = query.order_columns
    if query.timed is not None:  # a literal, as in the partial indexes
        terms.append(f"{query.order.value} {'>' if query.timed else '='} 0")
    if query.after is not None:
        terms.append(f"({', '.join(columns)}) {sign} ({_marks(columns)})")
        values += query.after[-len(columns) :]
    order = ", ".join(f"{column} {way}" for column in columns)
    values += (limit, query.offset)
    return _listed(
        connection.execute(f"SELECT body FROM runs{_where(terms)} ORDER BY {order} LIMIT ? OFFSET ?", values)
    )


def count_runs(connection: sqlite3.Connection, query: RunQuery) -> int:
    terms, values = _run_terms(query)
    return _count(connection, "runs", terms, values)


def _run_terms(query: RunQuery) -> tuple[list[str], list[Any]]:
    terms: list[str] = []
    values: list[Any] = []
    if query.before_id:
        terms.append("id < ?")
        values.append(query.before_id)
    if statuses := query.any_of_statuses:
        listed = ", ".join(str(int(status)) for status in statuses)
        terms.append(f"status IN ({listed})" if len(statuses) > 1 else f"status = {listed}")
        if RunStatus.COMPLETED not in statuses:  # lets the partial indexes be used
            if all(status.ended for status in statuses):
                terms.append("status > 300")
            elif not any(status.ended for status in statuses):
                terms.append("status < 300")
    if query.function_id:
        terms.append("function_id = ?")
        values.append(query.function_id)
    if query.function_ids:
        terms.append(f"function_id IN ({_marks(query.function_ids)})")
        values += query.function_ids
    if events := query.any_of_events:
        terms.append(_OF_EVENTS)
        values += (msgspec.json.encode(events).decode(),) * 2
    _add_bounds(query.bounds, terms, values)
    return terms, values


def _add_bounds(bounds: Iterable[Bound], terms: list[str], values: list[Any]) -> None:
    for column, sign, value in bounds:
        terms.append(f"{column} {sign} ?")
        values.append(value)


def trace_rows(connection: sqlite3.Connection, run_id: str, prefix: str) -> list[tuple[str, bytes]]:
    return connection.execute(_TRACES, (run_id, prefix, prefix + _LAST)).fetchall()


def live_runs(
    connection: sqlite3.Connection, function_id: str, after: str, until: str, limit: int
) -> list[Run]:
    return _listed(connection.execute(_LIVE_RUNS, (function_id, after, until, limit)))


def _listed(bodies: Iterable[tuple[bytes]]) -> list[Run]:
    found = []
    for (body,) in bodies:
        one = decode_run(body)
        one.stack = ()
        found.append(one)
    return found


def event(connection: sqlite3.Connection, event_id: str) -> Event | None:
    row = connection.execute(_EVENT, (event_id,)).fetchone()
    return None if row is None else read_event(row)


def events(connection: sqlite3.Connection, query: EventQuery) -> list[Event]:
    terms, values = _event_terms(query)
    if query.before_id:
        terms.append("id < ?")
        values.append(query.before_id)
    values.append(query.limit)
    found = connection.execute(
        f"SELECT {EVENT_COLUMNS} FROM events{_where(terms)} ORDER BY id DESC LIMIT ?", values
    )
    return [read_event(row) for row in found]


def count_events(connection: sqlite3.Connection, query: EventQuery) -> int:
    terms, values = _event_terms(query)
    return _count(connection, "events", terms, values)


def _event_terms(query: EventQuery) -> tuple[list[str], list[Any]]:
    terms: list[str] = []
    values: list[Any] = []
    if names := query.any_of_names:
        terms.append(f"name IN ({_marks(names)})")
        values += names
    if query.ids:
        terms.append("id IN (SELECT value FROM json_each(?))")
        values.append(msgspec.json.encode(query.ids).decode())
    _add_bounds(query.bounds, terms, values)
    if not query.internal:
        terms.append(_NOT_INTERNAL)
    return terms, values


def waits(connection: sqlite3.Connection, ids: Sequence[int]) -> list[Wait]:
    listed = msgspec.json.encode(ids).decode()
    return [decode_wait(body) for (body,) in connection.execute(_WAITS, (listed,))]


def live_waits(connection: sqlite3.Connection, after: int, limit: int) -> list[Wait]:
    rows = connection.execute("SELECT body FROM waits WHERE id > ? ORDER BY id LIMIT ?", (after, limit))
    return [decode_wait(body) for (body,) in rows]


def jobs(connection: sqlite3.Connection, after: str, limit: int) -> list[Job]:
    rows = connection.execute("SELECT body FROM jobs WHERE id > ? ORDER BY id LIMIT ?", (after, limit))
    return [decode_job(body) for (body,) in rows]


def run_jobs(connection: sqlite3.Connection, run_id: str) -> list[Job]:
    rows = connection.execute("SELECT body FROM jobs WHERE run_id = ? ORDER BY id", (run_id,))
    return [decode_job(body) for (body,) in rows]


def job(connection: sqlite3.Connection, job_id: str) -> Job | None:
    row = connection.execute("SELECT body FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return None if row is None else decode_job(row[0])


def apps(connection: sqlite3.Connection) -> list[App]:
    return [decode_app(body) for (body,) in connection.execute("SELECT body FROM apps ORDER BY id")]


def functions(connection: sqlite3.Connection) -> list[Function]:
    return [decode_function(body) for (body,) in connection.execute("SELECT body FROM functions ORDER BY id")]


def count_live_runs(connection: sqlite3.Connection) -> int:
    count: int = connection.execute("SELECT count(*) FROM runs WHERE status < 300").fetchone()[0]
    return count


def jobs_over(connection: sqlite3.Connection, job_ids: Sequence[str]) -> list[str]:
    asked = msgspec.json.encode(job_ids).decode()
    rows = connection.execute("SELECT id FROM jobs WHERE id IN (SELECT value FROM json_each(?))", (asked,))
    live = {id for (id,) in rows}
    return [id for id in job_ids if id not in live]


def stuck_runs(
    connection: sqlite3.Connection, after: str, limit: int, queued_before: int
) -> tuple[list[str], str]:
    looked = connection.execute(
        _LIVE_AND_STUCK, (after, limit, after, limit, queued_before, limit)
    ).fetchall()
    return [id for id, stuck in looked if stuck], looked[-1][0] if len(looked) == limit else ""


def rows(connection: sqlite3.Connection, keys: Sequence[str], now: int) -> list[FlowRow]:
    asked = msgspec.json.encode(keys).decode()
    return [_read_row(row) for row in connection.execute(_ROWS, (asked, now))]


def rows_of(connection: sqlite3.Connection, kind: str, after: str, limit: int, now: int) -> list[FlowRow]:
    # ";" comes right after ":".
    values = (max(after, kind + ":"), kind + ";", now, limit)
    return [_read_row(row) for row in connection.execute(_ROWS_OF, values)]


def _read_row(row: tuple[str, int, str, bytes]) -> FlowRow:
    key, until, holder, body = row
    return FlowRow(key, read_until(until), holder, body)


def batch(connection: sqlite3.Connection, batch_id: str) -> list[Event]:
    return [read_event(row) for row in connection.execute(_BATCH, (batch_id,))]


def cancellation(connection: sqlite3.Connection, id: str) -> Cancellation | None:
    row = connection.execute(_CANCELLATION, (id,)).fetchone()
    return None if row is None else decode_cancellation(row[0])


def cancellations(connection: sqlite3.Connection, before_id: str, limit: int) -> list[Cancellation]:
    found = connection.execute(_CANCELLATIONS, (before_id or _LAST, limit))
    return [decode_cancellation(body) for (body,) in found]


def _count(connection: sqlite3.Connection, table: str, terms: list[str], values: list[Any]) -> int:
    count: int = connection.execute(f"SELECT count(*) FROM {table}{_where(terms)}", values).fetchone()[0]
    return count


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _where(terms: list[str]) -> str:
    return " WHERE " + " AND ".join(terms) if terms else ""
