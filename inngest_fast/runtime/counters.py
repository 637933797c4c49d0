"""Everything that is counted, by name."""

from collections import defaultdict


class Counters:
    """Counts up; read as one mapping for logs, health and metrics."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: defaultdict[str, int] = defaultdict(int)

    def add(self, name: str, n: int = 1) -> None:
        self._counts[name] += n

    def __getitem__(self, name: str) -> int:
        return self._counts.get(name, 0)

    def read(self) -> dict[str, int]:
        return dict(sorted(self._counts.items()))
