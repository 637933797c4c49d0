"""What a figure may be (design §5)."""

from dataclasses import dataclass
from typing import Final

from bench.result import Result


@dataclass(frozen=True)
class Budget:
    """A limit on one figure of the results of that name."""

    result: str
    figure: str
    limit: float
    unit: str
    what: str
    goal: float | None = None


BUDGETS: Final = (
    Budget("ingest single", "cpu_ms", 0.15, "ms", "CPU to accept one event, durable"),
    Budget("noop", "cpu_ms", 0.6, "ms", "CPU of a run without steps", goal=0.4),
    Budget("steps3", "cpu_ms", 1.8, "ms", "CPU of a run of 3 sequential steps", goal=1.0),
    Budget("idle", "first_call_ms.p50", 3.0, "ms", "event to first call, idle server, p50"),
    Budget("idle", "idle_rss_mib", 38.0, "MiB", "idle memory, RSS"),
    Budget("idle", "start_ms.p50", 450.0, "ms", "process start to first 200 on /health, p50"),
    Budget("wait", "cpu_vs_fewest", 1.25, "x", "CPU of an event, against that with the fewest waiting runs"),
)


def judged(result: Result) -> list[dict[str, object]]:
    """Every budget on a result whose figure is known, and whether it is met."""
    verdicts: list[dict[str, object]] = []
    for budget in BUDGETS:
        if budget.result != result.scenario and budget.result != result.name:
            continue
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
