"""What a scenario measured."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Result:
    """Counts, and figures by name: a number, or percentiles by theirs. Units end the names."""

    scenario: str
    name: str
    unit: str
    counts: dict[str, int] = field(default_factory=dict)
    figures: dict[str, float | dict[str, float]] = field(default_factory=dict)

    def figure(self, path: str) -> float | None:
        """By `name` or `name.percentile`; None if it was not measured."""
        name, _, part = path.partition(".")
        found = self.figures.get(name)
        if isinstance(found, dict):
            return found.get(part)
        return found

    @property
    def lost(self) -> int:
        """Work that did not come to its end in time."""
        return self.counts.get("lost", 0)

    def as_json(self) -> dict[str, Any]:
        return {
            "scenario": self.scenario,
            "name": self.name,
            "unit": self.unit,
            "counts": self.counts,
            "figures": self.figures,
        }
