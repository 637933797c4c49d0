"""Very many finished runs in a SQLite file, as a server would have written them: copies of one of its own."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from inngest_fast.adapters.system.entropy import SystemEntropy
from inngest_fast.domain.runs import RunStatus
from inngest_fast.domain.stored_form import decode_run, encode_run

_FIRST_N: Final = 10**9
_OVER_MS: Final = 30 * 86_400_000
_CHUNK: Final = 20_000
_EACH_FAILED: Final = 100  # one in so many

_Row = dict[str, Any]


def fill_file(file: Path, count: int) -> float:
    """So many runs, of the last 30 days, each with an event of its own; one in a hundred has failed. How long
    that took, in seconds.

    The file has a completed run whose event has a number `n`, and no server is at work on it.
    """
    begun = time.perf_counter()
    connection = sqlite3.connect(file)
    connection.row_factory = sqlite3.Row
    run = dict(
        connection.execute(
            "SELECT runs.* FROM runs JOIN events ON events.id = event_id WHERE status = 300"
            " AND wires IS NULL AND name NOT LIKE 'inngest/%' LIMIT 1"
        ).fetchone()
    )
    event = dict(connection.execute("SELECT * FROM events WHERE id = ?", (run["event_id"],)).fetchone())
    connection.execute("PRAGMA synchronous = OFF")
    for events, runs in _copies(event, run, count):
        with connection:
            for table, rows in (("events", events), ("runs", runs)):
                names = ", ".join(rows[0])
                marks = ", ".join("?" * len(rows[0]))
                values = [tuple(row.values()) for row in rows]
                connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return time.perf_counter() - begun


def _copies(event: _Row, run: _Row, count: int) -> Iterator[tuple[list[_Row], list[_Row]]]:
    entropy, now = SystemEntropy(), time.time_ns() // 1_000_000
    body = decode_run(run["body"])
    before, after = _around_number(event["wire"])
    for first in range(0, count, _CHUNK):
        events: list[_Row] = []
        runs: list[_Row] = []
        for i in range(first, min(first + _CHUNK, count)):
            at = now - _OVER_MS + _OVER_MS * i // count
            event_id, run_id = entropy.ulid(at), entropy.ulid(at)
            wire = before + str(_FIRST_N + i).encode() + after
            events.append({**event, "id": event_id, "ts": at, "received_at": at, "wire": wire})
            failed = i % _EACH_FAILED == 0
            body.id, body.event_ids = run_id, (event_id,)
            body.queued_at = body.started_at = body.score = at
            body.ended_at = at + 7
            body.status = RunStatus.FAILED if failed else RunStatus.COMPLETED
            body.error = b'{"error":"boom","message":"boom","name":"Error"}' if failed else None
            runs.append(
                {
                    **run,
                    "id": run_id,
                    "event_id": event_id,
                    "status": int(body.status),
                    "queued_at": at,
                    "started_at": at,
                    "ended_at": body.ended_at,
                    "body": encode_run(body),
                }
            )
        yield events, runs


def _around_number(wire: bytes) -> tuple[bytes, bytes]:
    before, found, rest = wire.partition(b'"n":')
    digits = rest[: len(rest) - len(rest.lstrip(b"0123456789"))]
    if not digits:
        raise SystemExit("bench: the event to copy has no number in its data")
    return before + found, rest[len(digits) :]
