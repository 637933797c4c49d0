"""Figures beside each other, as rows of tables: those of an idle or unlimited server first."""

from collections.abc import Iterable
from typing import Any

from bench.table import PERCENTILES, number

_CROWD = (
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

_KEYS = (
    ("queued_per_s", "", "accepted and queued/s", 0),
    ("queued_cpu_ms", "", "CPU ms of that", 3),
    ("rate_per_s", "", "worked off/s", 0),
    ("cpu_ms", "", "CPU ms of that", 3),
    ("postgres_cpu_ms", "", "PG ms", 3),
    ("redis_cpu_ms", "", "Redis ms", 3),
    ("pss_peak_mib", "", "peak memory, PSS MiB", 0),
)
_NEIGHBOUR = tuple(
    (f"{app}_app_ms", part, f"{app} app, event to call, {part} ms", 2)
    for app in ("same", "other")
    for part in ("p50", "p99", "max")
)
_ERRORS = (("burst_error_ms", "at once from cold"), ("paced_error_ms", "one by one"))

_Row = tuple[str, ...]
_Figures = Iterable[tuple[str, str, str, int]]


def compared(results: list[dict[str, Any]]) -> list[list[_Row]]:
    """Tables of the scenarios that have some; none for the others."""
    tables: list[list[_Row]] = []
    played = {"crowd": _crowd, "keys": _keys, "neighbour": _neighbour, "throttle": _throttle, "lists": _lists}
    for scenario, of in played.items():
        own = [result for result in results if result["scenario"] == scenario]
        if own:
            tables += of(own)
    return tables


def _crowd(results: list[dict[str, Any]]) -> list[list[_Row]]:
    """How it was made, and what it costs."""
    making, *measured = results
    made: list[_Row] = [(making["name"], "")]
    made += [(what, number(making["figures"].get(name), digits)) for name, what, digits in _MAKING]
    rows: list[_Row] = [("", "empty", f"{making['counts']['waiting']:,} waiting", "ratio")]
    for few, many in zip(measured[::2], measured[1::2], strict=True):
        what = many["name"].removeprefix("crowd ").partition(" ")[0]
        rows += _beside(few, many, _CROWD, f"{what}: ")
    return [made, rows]


def _keys(results: list[dict[str, Any]]) -> list[list[_Row]]:
    unlimited, limited = results
    heading = ("", "no limit", "1 at once of a key", "ratio")
    return [[heading, *_beside(unlimited, limited, _KEYS)]]


def _neighbour(results: list[dict[str, Any]]) -> list[list[_Row]]:
    alone, beside = results
    heading = ("", "idle", f"beside {beside['counts']['sent']:,} runs", "ratio")
    return [[heading, *_beside(alone, beside, _NEIGHBOUR)]]


def _throttle(results: list[dict[str, Any]]) -> list[list[_Row]]:
    [result] = results
    figures, counts = result["figures"], result["counts"]
    errors: list[_Row] = [("starts from their computed times, ms", *PERCENTILES)]
    for name, what in _ERRORS:
        if figures.get(name):
            errors.append((what, *(number(figures[name][part], 2) for part in PERCENTILES)))
    errors.append((f"{counts['early']} too early", *("" for _ in PERCENTILES)))
    waits = counts["sent"] - counts["let_through"]
    cpu: list[_Row] = [
        ("server", "CPU, ms a second"),
        ("idle", number(figures.get("idle_cpu_ms_per_s"), 2)),
        (f"{counts['sent']:,} starts are due later", number(figures.get("scheduled_cpu_ms_per_s"), 2)),
        (f"{waits:,} starts wait for a throttle", number(figures.get("waiting_cpu_ms_per_s"), 2)),
    ]
    return [errors, cpu]


def _lists(results: list[dict[str, Any]]) -> list[list[_Row]]:
    rows: list[_Row] = [(f"of {results[0]['counts']['crowd']:,} runs, ms", *PERCENTILES, "CPU")]
    for result in results:
        figures = result["figures"]
        took = [number(figures["answer_ms"][part], 2) for part in PERCENTILES]
        rows.append((result["name"], *took, number(figures.get("cpu_ms"), 2)))
    return [rows]


def _beside(few: dict[str, Any], many: dict[str, Any], figures: _Figures, prefix: str = "") -> list[_Row]:
    rows: list[_Row] = []
    for name, part, title, digits in figures:
        theirs, ours = _value(few, name, part), _value(many, name, part)
        if theirs and ours:
            values = (number(theirs, digits), number(ours, digits), number(ours / theirs, 2))
            rows.append((prefix + title, *values))
    return rows


def _value(result: dict[str, Any], name: str, part: str) -> float | None:
    value: Any = result["figures"].get(name)
    found: float | None = value.get(part) if part and value else value
    return found
