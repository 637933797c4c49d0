"""The figures, for eyes and for programs."""

from typing import Any

from bench.budgets import judged
from bench.comparison import compared
from bench.result import Result
from bench.table import PERCENTILES, number, table

_COLUMNS = ("units", "rate/s", "CPU ms")
_BEHIND = (("postgres_cpu_ms", "PG ms"), ("redis_cpu_ms", "Redis ms"))
_MORE_COLUMNS = (
    "srv",
    "gen",
    "late ms",
    "PSS MiB before/peak/after",
    "RSS before/after",
    "lost",
)


def as_json(
    machine: dict[str, Any], settings: dict[str, Any], server: dict[str, Any], results: list[Result]
) -> dict[str, Any]:
    behind = {"production": bool(server.get("backends")), "replicas": server.get("replicas", 1)}
    return {
        "schema": 1,
        "machine": machine,
        "server": server,
        "settings": settings,
        "results": [result.as_json() | {"budgets": judged(result, **behind)} for result in results],
    }


def as_text(document: dict[str, Any]) -> str:
    """Tables: what was done, how long it took, and what it may cost."""
    parts = [_heading(document), _work(document["results"]), _latencies(document["results"])]
    parts += [table(rows) if rows else "" for rows in compared(document["results"])]
    parts.append(_budgets(document["results"]))
    return "\n\n".join(part for part in parts if part)


def _heading(document: dict[str, Any]) -> str:
    machine, server, settings = document["machine"], document["server"], document["settings"]
    backends = ", ".join(server.get("backends", {}).values())
    replicas = server.get("replicas", 1)
    return "\n".join(
        [
            "{cpu}, {cores} cores, {memory_gib} GiB, {system}, Python {python}, load {load_1m}".format(
                **machine
            ),
            f"server: {server['version']} ({server['mode']}); {server['packages']}",
            *([f"{replicas} server{'s' * (replicas > 1)} on {backends}"] if backends else []),
            ", ".join(f"{name} {value}" for name, value in settings.items()),
            "CPU ms: CPU time of the servers' processes for each unit"
            + (", PG ms and Redis ms: of those behind them" if backends else "")
            + "; srv, gen: cores kept busy; late: what this program was woken too late, at most",
        ]
    )


def _work(results: list[dict[str, Any]]) -> str:
    behind = [(figure, name) for figure, name in _BEHIND if any(figure in r["figures"] for r in results)]
    rows: list[tuple[str, ...]] = [("", *_COLUMNS, *(name for _, name in behind), *_MORE_COLUMNS)]
    for result in results:
        figures, counts = result["figures"], result["counts"]
        memory = {
            kind: "/".join(number(figures.get(f"{kind}_{when}_mib"), 1) for when in times)
            for kind, times in (("pss", ("before", "peak", "after")), ("rss", ("before", "after")))
        }
        rows.append(
            (
                result["name"],
                f"{counts['sent']} {result['unit']}s",
                number(figures.get("rate_per_s"), 0),
                number(figures.get("cpu_ms"), 3),
                *(number(figures.get(figure), 3) for figure, _ in behind),
                number(figures.get("server_cores"), 2),
                number(figures.get("generator_cores"), 2),
                number(figures.get("generator_late_ms"), 0),
                memory["pss"],
                memory["rss"],
                str(counts["lost"]),
            )
        )
    return table(rows)


def _latencies(results: list[dict[str, Any]]) -> str:
    rows: list[tuple[str, ...]] = [("latency from event sent, ms", *PERCENTILES)]
    for result in results:
        for field, what in (
            ("accept_ms", "accepted"),
            ("first_call_ms", "first call"),
            ("end_ms", "run end"),
            ("start_ms", "start to /health"),
            ("same_app_ms", "first call, same app"),
            ("other_app_ms", "first call, other app"),
        ):
            percentiles = result["figures"].get(field)
            if percentiles:
                values = [number(percentiles[name], 2) for name in PERCENTILES]
                rows.append((f"{result['name']}: {what}", *values))
    return table(rows) if len(rows) > 1 else ""


def _budgets(results: list[dict[str, Any]]) -> str:
    rows: list[tuple[str, ...]] = [("budget", "measured", "limit", "goal", "")]
    for result in results:
        rows += [
            (
                f"{result['name']}: {budget['what']}",
                f"{number(budget['measured'], 3)} {budget['unit']}",
                f"{budget['limit']:g}",
                f"{budget['goal']:g}" if budget["goal"] is not None else "",
                "met" if budget["met"] else "NOT MET",
            )
            for budget in result["budgets"]
        ]
    return table(rows) if len(rows) > 1 else ""
