"""What was seen of scenarios that were played."""

import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from tests.e2e.flow.lateness import Lateness
from tests.e2e.flow.scenario import Scenario

BOUND_MS = 50.0  # beside what this machine was late by at that moment

_ULID_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid_ms(id: str) -> float:
    """When an event was received, or a run was made: by the server's clock, unix ms."""
    number = 0
    for digit in id[:10]:
        number = number * 32 + _ULID_DIGITS.index(digit)
    return float(number)


@dataclass(frozen=True)
class Event:
    id: str
    data: dict[str, Any]

    @property
    def received(self) -> float:
        return ulid_ms(self.id)


@dataclass(frozen=True)
class Call:
    """What the app did, by its clock, unix ms; `n` are the numbers of the run's events."""

    function: str
    step: str
    run: str
    attempt: int
    n: list[Any]
    begun: float
    ended: float | None


@dataclass(frozen=True)
class Run:
    """As the API shows it at the end. Times are the server's, unix ms; 0 if there is none."""

    id: str
    status: str
    queued: float
    started: float
    ended: float
    output: Any
    error: Any
    events: Sequence[Event]
    skip_reason: str
    skipped_for: str

    @property
    def n(self) -> Any:
        """The number of its first event."""
        return self.events[0].data.get("n") if self.events else None


@dataclass
class Seen:
    """All of one app on one backend."""

    sdk: str
    backend: str
    runs_of: dict[str, list[Run]] = field(default_factory=dict)  # by function, in order of their making
    calls_of: dict[str, list[Call]] = field(default_factory=dict)  # by function, in order of their begin
    sent: dict[str, list[Event]] = field(default_factory=dict)  # by function, as they were sent
    notes: dict[str, Any] = field(default_factory=dict)  # what a scenario wrote down, by name
    failures: dict[str, BaseException] = field(default_factory=dict)
    counters: list[dict[str, int]] = field(default_factory=list)  # of each server, at the end
    lateness: Lateness = field(default_factory=Lateness)

    def of(self, scenario: Scenario) -> "Seen":
        """Skips where the SDK cannot say it; fails where the scenario did not come to its end."""
        if self.sdk not in scenario.sdks:
            pytest.skip(f"no option of this SDK: {scenario.functions[0]['options']}")
        if scenario.name in self.failures:
            why = self.failures[scenario.name]
            runs = {each["id"]: self.runs(each["id"]) for each in scenario.functions}
            raise AssertionError(
                "the scenario did not come to its end:\n"
                + "".join(traceback.format_exception(why))
                + f"{runs}"
            )
        return self

    def runs(self, function: str, status: str = "") -> list[Run]:
        return [run for run in self.runs_of.get(function, []) if status in ("", run.status)]

    def calls(self, *functions: str) -> list[Call]:
        found = [call for function in functions for call in self.calls_of.get(function, [])]
        return sorted(found, key=lambda call: call.begun)

    def starts(self, function: str) -> list[float]:
        return sorted(run.started for run in self.runs(function) if run.started)

    def allowed(self, *times: float, hops: int = 1) -> float:
        """How much later than these something may be that takes so many calls to come about, ms."""
        return BOUND_MS + hops * self.lateness.at(*times)

    def are_at(self, times: Sequence[float], expected: Sequence[float], *known_by: float) -> None:
        """Each within the bound, unix ms. `known_by` are times that the expected ones follow from."""
        assert len(times) == len(expected), (list(times), list(expected))
        for time, due in zip(times, expected, strict=True):
            allowed = self.allowed(time, due, *known_by)
            assert abs(time - due) <= allowed, f"off by {time - due:.0f} ms, allowed are {allowed:.0f} ms"

    def are_apart(self, times: Sequence[float], seconds: Sequence[float]) -> None:
        """Each so many seconds after the first."""
        self.are_at(times, [times[0] + 1_000 * each for each in seconds], times[0])


def at_once(calls: Iterable[Call]) -> int:
    """The most calls that were in progress at the same time."""
    changes = sorted(
        change
        for call in calls
        for change in ((call.begun, 1), (call.ended if call.ended is not None else float("inf"), -1))
    )
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def since(calls: Iterable[Call], number: int) -> float:
    """When as many were in progress at the same time first; infinite if never."""
    calls = list(calls)
    return min(
        (each.begun for each in calls if in_progress(calls, each.begun) >= number), default=float("inf")
    )


def in_progress(calls: Iterable[Call], time: float) -> int:
    return sum(call.begun <= time and (call.ended is None or call.ended > time) for call in calls)


def gaps(calls: Sequence[Call]) -> list[float]:
    """From the end of each to the begin of the next, ms."""
    return [after.begun - (before.ended or 0) for before, after in zip(calls, calls[1:], strict=False)]


def offsets(times: Sequence[float]) -> str:
    """Seconds after the first, to read."""
    return ", ".join(f"{(time - times[0]) / 1_000:.3f}" for time in times)


def ms(text: str | None) -> float:
    """Unix ms of an instant in RFC 3339; 0 for none."""
    return datetime.fromisoformat(text).timestamp() * 1_000 if text else 0.0
