"""Very many waiting and finished runs, written into PostgreSQL as a server would have written them.

Each is a copy of one that a server made, with other ids, times and numbers.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import psycopg
from msgspec.structs import replace
from psycopg import sql

from bench.backends.postgres import Postgres
from bench.functions import WAITED_IF
from inngest_fast.adapters.postgres.lookups import Place, of_value
from inngest_fast.adapters.system.entropy import SystemEntropy
from inngest_fast.domain.runs import Run, RunStatus, Step
from inngest_fast.domain.stored_form import (
    decode_job,
    decode_run,
    decode_step,
    decode_wait,
    encode_job,
    encode_run,
    encode_step,
    encode_wait,
)
from inngest_fast.engine.expressions import residue
from inngest_fast.engine.routing.meeting import index_entry

TEMPLATE_N: Final = 987_654_321_012  # of the waiting run that is copied; no other event has it
_FIRST_N: Final = 10**9  # of the copies: other numbers than those of events that are sent
_CHUNK: Final = 20_000
_DAY_MS: Final = 86_400_000
_WAITED: Final = 1 * _DAY_MS  # copies began to wait in the last day,
_FINISHED: Final = 30 * _DAY_MS  # or ended in the last 30,
_TIMEOUT: Final = 30 * _DAY_MS  # and wait so much longer
_TABLES: Final = ("events", "runs", "steps", "jobs", "waits")


def waiting_number(i: int, count: int) -> int:
    """What the event of the i-th waiting copy has for a number, and the event that it waits for."""
    return _FIRST_N + count + i


@dataclass(frozen=True)
class Filled:
    seconds: float
    vacuum_seconds: float


def fill_place(postgres: Postgres, schema: str, count: int) -> Filled:
    """So many runs that wait, each for an event of its own, and as many that are finished.

    The schema has one run of TEMPLATE_N that waits, and a finished one of a function without steps; no
    server is at work there.
    """
    begun = time.perf_counter()
    with postgres.connect() as connection:
        tables = {name: _Table(connection, schema, name) for name in _TABLES}
        now = time.time_ns() // 1_000_000
        for copies in (
            _finished(tables, _only(tables["runs"], status=RunStatus.COMPLETED), count, now),
            _waiting(tables, _only(tables["runs"], status=RunStatus.RUNNING), count, now),
        ):
            for chunk in copies:
                with connection.transaction():
                    for name, rows in chunk.items():
                        tables[name].copy(rows)
        filled = time.perf_counter()
        for table in tables.values():
            connection.execute(sql.SQL("VACUUM ANALYZE {}").format(table.name))
        try:
            connection.execute("CHECKPOINT")  # so that none is due while something is measured
        except psycopg.errors.InsufficientPrivilege:
            pass
    return Filled(filled - begun, time.perf_counter() - filled)


class _Table:
    """Rows are dicts by column; a copy has all that its template has but what is given."""

    def __init__(self, connection: "psycopg.Connection", schema: str, name: str) -> None:
        self.name = sql.Identifier(schema, name)
        self._connection = connection
        found = connection.execute(
            "SELECT attname, atttypid FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND NOT attisdropped ORDER BY attnum",
            (self.name.as_string(connection),),
        ).fetchall()
        self.columns = [column for column, _ in found]
        self._types = [type for _, type in found]
        self._place = {column: i for i, column in enumerate(self.columns)}

    def find(self, **having: Any) -> list[dict[str, Any]]:
        terms = sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier(column)) for column in having)
        text = sql.SQL("SELECT * FROM {} WHERE {}").format(self.name, terms)
        rows = self._connection.execute(text, tuple(having.values()), binary=True).fetchall()
        return [dict(zip(self.columns, row, strict=True)) for row in rows]

    def like(self, template: dict[str, Any], **other: Any) -> list[Any]:
        row = list(template.values())
        for column, value in other.items():
            row[self._place[column]] = value
        return row

    def copy(self, rows: list[list[Any]]) -> None:
        columns = sql.SQL(", ").join(map(sql.Identifier, self.columns))
        text = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(self.name, columns)
        with self._connection.cursor().copy(text) as copy:
            copy.set_types(self._types)
            for row in rows:
                copy.write_row(row)


_Chunk = dict[str, list[list[Any]]]


def _finished(tables: dict[str, _Table], run: dict[str, Any], count: int, now: int) -> Iterator[_Chunk]:
    events, runs = tables["events"], tables["runs"]
    event = _only(events, id=run["event_id"])
    body = decode_run(run["body"])
    took = body.ended_at - body.queued_at
    entropy = SystemEntropy()
    wire = _Wire(event, str(msgspec.json.decode(event["wire"])["data"]["n"]))
    for first in range(0, count, _CHUNK):
        chunk: _Chunk = {"events": [], "runs": []}
        for i in range(first, min(first + _CHUNK, count)):
            at = now - _FINISHED + _FINISHED * i // count
            event_id, run_id = entropy.ulid(at), entropy.ulid(at)
            _move(body, run_id, event_id, at)
            body.ended_at = at + took
            chunk["events"].append(_event(events, event, event_id, at, wire.of(event_id, _FIRST_N + i)))
            chunk["runs"].append(_run(runs, run, body))
        yield chunk


def _waiting(tables: dict[str, _Table], run: dict[str, Any], count: int, now: int) -> Iterator[_Chunk]:
    events, runs, steps, jobs, waits = (tables[name] for name in _TABLES)
    event = _only(events, id=run["event_id"])
    step_row, job_row, wait_row = (_only(table, run_id=run["id"]) for table in (steps, jobs, waits))
    body, step = decode_run(run["body"]), decode_step(step_row["body"])
    job, wait = decode_job(job_row["body"]), decode_wait(wait_row["body"])
    path = _path(wait_row)
    suffix = job.id.removeprefix(body.id)
    entropy = SystemEntropy()
    wire = _Wire(event, str(TEMPLATE_N))
    for first in range(0, count, _CHUNK):
        chunk: _Chunk = {name: [] for name in _TABLES}
        for i in range(first, min(first + _CHUNK, count)):
            at = now - _WAITED + _WAITED * i // count
            n, until = waiting_number(i, count), now + _TIMEOUT + i
            event_id, run_id, wait_id = entropy.ulid(at), entropy.ulid(at), entropy.wait_id(at)
            _move(body, run_id, event_id, at)
            its_event = wire.of(event_id, n)
            chunk["events"].append(_event(events, event, event_id, at, its_event))
            chunk["runs"].append(_run(runs, run, body))
            chunk["steps"].append(
                _step(steps, step_row, run_id, replace(step, queued_at=at, wait_id=wait_id))
            )
            own = replace(job, id=run_id + suffix, run_id=run_id, due=until, score=body.score)
            chunk["jobs"].append(
                jobs.like(job_row, id=own.id, run_id=run_id, due=until, body=encode_job(own))
            )
            one = replace(
                wait,
                id=wait_id,
                run_id=run_id,
                created_at=at,
                expires_at=until,
                expression=residue(WAITED_IF, its_event, at),
                score=body.score,
            )
            lookup = of_value(wait.event, path, n)
            chunk["waits"].append(
                waits.like(wait_row, id=wait_id, run_id=run_id, lookup=lookup, body=encode_wait(one))
            )
        if Place(index_entry(one)).numbers() != [lookup]:
            raise SystemExit("bench: a wait of the crowd would not be found")
        yield chunk


def _path(wait_row: dict[str, Any]) -> tuple[str, ...]:
    """Where an event has the value by which waits like this one are found."""
    wait = decode_wait(wait_row["body"])
    event, keys = index_entry(wait)
    path: tuple[str, ...] = keys[0][0] if len(keys) == 1 and keys[0] else ()
    if wait_row["lookup"] != of_value(event, path, TEMPLATE_N):
        raise SystemExit("bench: the wait to copy is not found by the number of its event")
    return path


class _Wire:
    """The wire form of an event, made from that of another."""

    def __init__(self, event: dict[str, Any], digits: str) -> None:
        self._parts = []
        for part in event["wire"].split(event["id"].encode()):
            self._parts.append(part.split(b'"n":' + digits.encode()))
        if sum(len(part) - 1 for part in self._parts) != 1:
            raise SystemExit("bench: the event to copy has not its number in its data")

    def of(self, event_id: str, n: int) -> bytes:
        number = b'"n":%d' % n
        return event_id.encode().join(number.join(part) for part in self._parts)


def _move(body: Run, run_id: str, event_id: str, at: int) -> None:
    body.id = run_id
    body.event_ids = (event_id,)
    body.queued_at = body.started_at = body.score = at


def _event(table: _Table, row: dict[str, Any], event_id: str, at: int, wire: bytes) -> list[Any]:
    external = event_id if row["external_id"] == row["id"] else row["external_id"]
    return table.like(row, id=event_id, external_id=external, ts=at, received_at=at, wire=wire)


def _run(table: _Table, row: dict[str, Any], body: Run) -> list[Any]:
    return table.like(
        row,
        id=body.id,
        event_id=body.event_ids[0],
        queued_at=body.queued_at,
        started_at=body.started_at,
        ended_at=body.ended_at,
        body=encode_run(body),
    )


def _step(table: _Table, row: dict[str, Any], run_id: str, step: Step) -> list[Any]:
    return table.like(row, run_id=run_id, body=encode_step(step))


def _only(table: _Table, **having: Any) -> dict[str, Any]:
    rows = table.find(**having)
    if len(rows) != 1:
        raise SystemExit(f"bench: {len(rows)} rows to copy, for {having}")
    return rows[0]
