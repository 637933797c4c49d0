"""What a figure may be (design §5)."""

from dataclasses import dataclass
from typing import Final

from bench.result import Result


@dataclass(frozen=True)
class Budget:
    """A limit on one figure of the results of that name, by default with whatever is behind the servers."""

    result: str
    figure: str
    limit: float
    unit: str
    what: str
    goal: float | None = None
    production: bool | None = None


BUDGETS: Final = (
    Budget("ingest single", "cpu_ms", 0.15, "ms", "CPU to accept one event, durable"),
    Budget("noop", "cpu_ms", 0.6, "ms", "CPU of a run without steps", goal=0.4),
    Budget("steps3", "cpu_ms", 1.8, "ms", "CPU of a run of 3 sequential steps", goal=1.0),
    Budget("idle", "first_call_ms.p50", 3.0, "ms", "event to first call, idle server, p50"),
    Budget("idle", "idle_rss_mib", 38.0, "MiB", "idle memory, RSS", production=False),
    Budget("idle", "idle_rss_mib", 55.0, "MiB", "idle memory with both backends, RSS", production=True),
    Budget("idle", "start_ms.p50", 450.0, "ms", "process start to first 200 on /health, p50"),
    Budget("wait", "cpu_vs_fewest", 1.25, "x", "CPU of an event, against that with the fewest waiting runs"),
    Budget("crowd", "cpu_vs_empty", 1.25, "x", "CPU, against that on an empty database"),
)


def judged(result: Result, *, production: bool = False, replicas: int = 1) -> list[dict[str, object]]:
    """Every budget on a result whose figure is known, and whether it is met."""
    verdicts: list[dict[str, object]] = []
    for budget in BUDGETS:
        if budget.result != result.scenario and budget.result != result.name:
            continue
        if budget.production not in (None, production):
            continue
        if budget.unit == "MiB" and replicas > 1:
            continue  # it is for one server
        measured = result.figure(budget.figure)
        if measured is not None:
            verdicts.append(
                {
                    "what": budget.what,
                    "measured": measured,
                    "limit": budget.limit,
                    "goal": budget.goal,
                    "unit": budget.unit,
                    "met": measured <= budget.limit,
                }
            )
    return verdicts
