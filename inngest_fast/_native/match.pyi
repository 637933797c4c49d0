"""Who is concerned by an event."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

Key: TypeAlias = tuple[tuple[str, ...], str | float | bool | None]

class TriggerIndex:
    """Functions by the event names, or wildcards, that start them (flow-control §2.1)."""

    def insert(self, pattern: str, id: str) -> None:
        """Counts: what is inserted twice is there until it is removed twice."""

    def remove(self, pattern: str, id: str) -> bool:
        """False if it is not there."""

    def match(self, name: str) -> list[str]:
        """Ids with a pattern that an event of that name matches, each once, first inserted first."""

class WaitIndex:
    """Waits by event name and equality keys: see `ports.wait_index.WaitIndex`."""

    def insert(self, wait: int, event: str, keys: Sequence[Key | None]) -> None:
        """Replaces what was inserted under the same number."""

    def remove(self, wait: int) -> bool: ...
    def candidates(self, event: str, lookup: Callable[[tuple[str, ...]], object]) -> list[int]:
        """Ascending, each once. `lookup` is called once for each path that some wait for this name has."""

    def __len__(self) -> int: ...
