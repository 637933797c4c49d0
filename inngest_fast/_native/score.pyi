"""Queue order: which job is next, fairly, under limits."""

from collections.abc import Hashable
from typing import Generic, TypeVar

_T = TypeVar("_T")

class FairQueue(Generic[_T]):
    """Jobs in partitions, partitions in groups. Times in one unit, `now` given by the caller.

    Groups take turns, and in a group its partitions do; in a partition the lowest score goes first, then
    first come. A job takes a place of its partition and its group from lease to done or drop. What is at its
    limit, or on hold, costs nothing until it is let go.
    """

    def add(self, id: str, partition: str, group: str, due: int, score: int, payload: _T, now: int) -> bool:
        """False, and no change, if the id is known. A partition's group is that of its first job."""

    def lease(self, n: int, now: int) -> list[_T]:
        """At most n that are due and not blocked."""

    def done(self, id: str) -> bool:
        """The leased job is over. False if it is not leased."""

    def drop(self, id: str) -> bool:
        """Forgets a job in any state, in O(log n)."""

    def promote(self, now: int) -> None:
        """Makes ready what is due."""

    def next_due(self) -> int | None:
        """When the next job becomes due, or the next hold ends."""

    def has_ready(self) -> bool:
        """Whether something that is known to be due could be leased."""

    def limit_group(self, name: str, limit: int | None) -> None: ...
    def limit_partition(self, name: str, group: str, limit: int | None) -> None: ...
    def hold(self, name: str, group: str, until: int | None) -> None:
        """Gives nothing of a partition until then; None lets it go."""

    def explain(self, id: str) -> tuple[str, int, int, int, str, int, int] | None:
        """State, due, score, position, what blocks it, that limit, and how much of it is in use."""

    def depth(self) -> dict[str, tuple[int, int, int]]:
        """Scheduled, ready and leased by partition."""

    def oldest_ready(self) -> int | None:
        """The smallest due among ready jobs that nothing blocks."""

    def __contains__(self, id: str) -> bool: ...
    def __len__(self) -> int: ...

def gcra(tat: int | None, now: int, emission: int, cap: int, cost: int = 1) -> tuple[bool, int, int]:
    """The generic cell rate algorithm (flow-control §5.1): whether `cost` is allowed now, the theoretical
    arrival time to keep if it is, and when to try again if not. `emission` is the time of one, `cap` how
    many pass at once from cold.
    """

class GcraTable:
    """Arrival times by key; keys that have caught up with the clock are forgotten."""

    def take(self, key: Hashable, now: int, emission: int, cap: int, cost: int = 1) -> tuple[bool, int]:
        """Whether it is allowed, and when to try again. Only what is allowed is counted.

        After the clock went back nobody waits longer than for a full bucket to drain.
        """

    def peek(self, key: Hashable) -> int | None: ...
    def restore(self, key: Hashable, tat: int) -> None: ...
    def sweep(self, now: int) -> None: ...
    def __len__(self) -> int: ...
