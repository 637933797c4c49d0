"""The wait index: which waits an event may meet, in time independent of how many there are."""

from collections.abc import Callable, Sequence
from typing import Protocol

Key = tuple[tuple[str, ...], str | float | bool | None]


class WaitIndex(Protocol):
    """Ids of live waits by event name and equality keys. Holds no wait itself; derived from the store."""

    def insert(self, wait: int, event: str, keys: Sequence[Key | None]) -> None:
        """One key per alternative of the wait's expression: an event meets it only if it has that constant
        at that path. None: it must always be looked at. No keys at all: nothing meets it.
        """
        ...

    def remove(self, wait: int) -> bool: ...

    def candidates(self, event: str, lookup: Callable[[tuple[str, ...]], object]) -> list[int]:
        """Waits that may be met, oldest first: a superset of those that are.

        `lookup` gives the event's value at a path, None where it has none.
        """
        ...

    def __len__(self) -> int: ...
