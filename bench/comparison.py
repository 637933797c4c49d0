"""The crowd's figures beside those of an empty database, as rows of tables."""

from typing import Any

from bench.table import number

_FIGURES = (
    ("rate_per_s", "", "rate/s", 0),
    ("cpu_ms", "", "CPU ms", 3),
    ("postgres_cpu_ms", "", "PG ms", 3),
    ("redis_cpu_ms", "", "Redis ms", 3),
    ("accept_ms", "p50", "event to accepted, p50 ms", 2),
    ("accept_ms", "p99", "event to accepted, p99 ms", 2),
    ("first_call_ms", "p50", "event to call, p50 ms", 2),
    ("first_call_ms", "p99", "event to call, p99 ms", 2),
)
_MAKING = (
    ("fill_seconds", "rows written, s", 1),
    ("vacuum_seconds", "VACUUM ANALYZE, s", 1),
    ("database_mib", "tables and indexes, MiB", 0),
    ("queue_seconds", "jobs queued in a Redis that knew nothing, s", 1),
    ("queue_cpu_seconds", "CPU of the servers meanwhile, s", 1),
    ("redis_bytes_per_job", "Redis, bytes for each job", 0),
)


def compared(results: list[dict[str, Any]]) -> list[list[tuple[str, ...]]]:
    """Two tables, or none when no crowd was played: how it was made, and what it costs."""
    crowd = [result for result in results if result["scenario"] == "crowd"]
    if not crowd:
        return []
    making, *measured = crowd
    made: list[tuple[str, ...]] = [(making["name"], "")]
    made += [(what, number(making["figures"].get(name), digits)) for name, what, digits in _MAKING]
    rows: list[tuple[str, ...]] = [("", "empty", f"{making['counts']['waiting']:,} waiting", "ratio")]
    for few, many in zip(measured[::2], measured[1::2], strict=True):
        what = many["name"].removeprefix("crowd ").partition(" ")[0]
        for name, part, title, digits in _FIGURES:
            theirs, ours = _value(few, name, part), _value(many, name, part)
            if theirs and ours:
                values = (number(theirs, digits), number(ours, digits), number(ours / theirs, 2))
                rows.append((f"{what}: {title}", *values))
    return [made, rows]


def _value(result: dict[str, Any], name: str, part: str) -> float | None:
    value: Any = result["figures"].get(name)
    found: float | None = value.get(part) if part and value else value
    return found
