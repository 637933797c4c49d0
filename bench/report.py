"""The figures, for eyes and for programs."""

from typing import Any

from bench.budgets import judged
from bench.result import Result

_PERCENTILES = ("p50", "p90", "p99", "max")
_COLUMNS = (
    "units",
    "rate/s",
    "CPU ms",
    "srv",
    "gen",
    "PSS MiB before/peak/after",
    "RSS before/after",
    "lost",
)


def as_json(
    machine: dict[str, Any], settings: dict[str, Any], server: dict[str, Any], results: list[Result]
) -> dict[str, Any]:
    return {
        "schema": 1,
        "machine": machine,
        "server": server,
        "settings": settings,
        "results": [result.as_json() | {"budgets": judged(result)} for result in results],
    }


def as_text(document: dict[str, Any]) -> str:
    """Tables: what was done, how long it took, and what it may cost."""
    parts = [_heading(document), _work(document["results"]), _latencies(document["results"])]
    parts.append(_budgets(document["results"]))
    return "\n\n".join(part for part in parts if part)


def _heading(document: dict[str, Any]) -> str:
    machine, server, settings = document["machine"], document["server"], document["settings"]
    return "\n".join(
        [
            "{cpu}, {cores} cores, {memory_gib} GiB, {system}, Python {python}, load {load_1m}".format(
                **machine
            ),
            f"server: {server['version']} ({server['mode']}); {server['packages']}",
            ", ".join(f"{name} {value}" for name, value in settings.items()),
            "CPU ms: CPU time of the server's processes for each unit; srv, gen: cores kept busy",
        ]
    )


def _work(results: list[dict[str, Any]]) -> str:
    rows: list[tuple[str, ...]] = [("", *_COLUMNS)]
    for result in results:
        figures, counts = result["figures"], result["counts"]
        memory = {
            kind: "/".join(_number(figures.get(f"{kind}_{when}_mib"), 1) for when in times)
            for kind, times in (("pss", ("before", "peak", "after")), ("rss", ("before", "after")))
        }
        rows.append(
            (
                result["name"],
                f"{counts['sent']} {result['unit']}s",
                _number(figures.get("rate_per_s"), 0),
                _number(figures.get("cpu_ms"), 3),
                _number(figures.get("server_cores"), 2),
                _number(figures.get("generator_cores"), 2),
                memory["pss"],
                memory["rss"],
                str(counts["lost"]),
            )
        )
    return _table(rows)


def _latencies(results: list[dict[str, Any]]) -> str:
    rows: list[tuple[str, ...]] = [("latency from event sent, ms", *_PERCENTILES)]
    for result in results:
        for field, what in (
            ("accept_ms", "accepted"),
            ("first_call_ms", "first call"),
            ("end_ms", "run end"),
            ("start_ms", "start to /health"),
        ):
            percentiles = result["figures"].get(field)
            if percentiles:
                values = [_number(percentiles[name], 2) for name in _PERCENTILES]
                rows.append((f"{result['name']}: {what}", *values))
    return _table(rows) if len(rows) > 1 else ""


def _budgets(results: list[dict[str, Any]]) -> str:
    rows: list[tuple[str, ...]] = [("budget", "measured", "limit", "goal", "")]
    for result in results:
        rows += [
            (
                f"{result['name']}: {budget['what']}",
                f"{_number(budget['measured'], 3)} {budget['unit']}",
                f"{budget['limit']:g}",
                f"{budget['goal']:g}" if budget["goal"] is not None else "",
                "met" if budget["met"] else "NOT MET",
            )
            for budget in result["budgets"]
        ]
    return _table(rows) if len(rows) > 1 else ""


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
