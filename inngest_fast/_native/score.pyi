"""Queue order: which job is next, fairly, under limits."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")

class FairQueue(Generic[_T]):
    """Jobs in lanes (those with the same `counters`), lanes in partitions, partitions in groups. Times in one
    unit, `now` given by the caller.

    Order: groups take turns, in a group its partitions, in a partition its lanes; in a lane the lowest score
    goes first, then first come, among those that may pass their gates. A leased job has a place in its
    partition and group, and in each of its counters; its run has one in its run counter. What is blocked
    costs nothing until it is let go.

    The order to the letter, for all who are to keep it:

    - Who comes into a turn comes to its end: with a first job that is ready, a limit that no longer binds, a
      place that is free. Who is blocked or has nothing ready left is out of it at once. But the gates of a
      lane (its counters in their order; for a job then its throttle, then its run counter) are looked at when
      its turn comes, and only then.
    - A lane with a full counter waits there. So does, at a closed throttle or full run counter, a line: the
      jobs of a lane that pass the same gates. Lines are looked at by their first jobs until one passes.
    - What waits at a gate waits apart for each partition, lanes in their order. At a throttle or run counter
      a lane waits with its lines: the one with the lowest first job, as it is now, is let go first, and the
      lane goes behind the others with the rest of them.
    - Where there is room, and on each change that may make some, one of each partition that has none on its
      way is let go: it is back in its turn, with a chance. The chance ends with that turn, before the lane
      that had it joins the end: its own first, then those of its lines in the order in which they got them.
      Then the next one is let go. Who finds the same gate closed again is the first there, with its lane. Who
      has to wait at another gate passes its chance on at once. So does a line that is let go while its lane
      waits, and who is dropped: then the next one is let go before anyone leaves a turn.
    - At a gate partitions are let go in their order; one that gets a place goes behind the others there.
    - What becomes due is ready before throttles open; these in the order of time, then counter.
    - A job that is over frees its places (partition, group, then counters), what follows it is added, and
      then its run may leave.
    """

    def add(
        self,
        id: str,
        partition: str,
        group: str,
        function: str,
        due: int,
        score: int,
        payload: _T,
        now: int,
        counters: tuple[str, ...] = (),
        throttle: str = "",
        run_counter: str = "",
        run: str = "",
        entering: bool = False,
        under_way: bool = False,
    ) -> bool:
        """False, and no change, if the id is known. A partition's group and function are those of its first
        job; one that has the name of its function is bound by the function's `calls` and `paused`.

        With a run counter: an `entering` job gets its run a place there, and needs room for it, when it is
        leased; one that is `under_way` as soon as it is here.
        """

    def requeue(
        self,
        id: str,
        partition: str,
        group: str,
        function: str,
        due: int,
        score: int,
        payload: _T,
        now: int,
        counters: tuple[str, ...] = (),
        throttle: str = "",
        run_counter: str = "",
        run: str = "",
        entering: bool = False,
        under_way: bool = False,
    ) -> None:
        """In place of what is there of that id, whose run stays if it is still under way."""

    def lease(self, n: int, now: int, arrivals: dict[int, int] | None = None) -> list[_T]:
        """At most n that are due and not blocked. `arrivals` gets, by place in the answer, the throttle's
        arrival time after those that paid.
        """

    def done(self, id: str, followed_by: Iterable[Sequence[Any]] = ()) -> bool:
        """The leased job is over, and these come of it: arguments of `add`. False if it is not leased."""

    def drop(self, id: str) -> bool:
        """Forgets a job in any state, in O(log n)."""

    def promote(self, now: int) -> None:
        """Makes ready what is due. What is asked afterwards is answered for that time."""

    def next_due(self) -> int | None:
        """When the next job becomes due, or the next one that waits for it passes its throttle."""

    def limit_group(self, name: str, limit: int | None) -> None: ...
    def limit_function(
        self,
        name: str,
        now: int,
        calls: int = 0,
        rules: dict[str, int] = ...,
        rate: str | None = None,
        emission: int = 0,
        cap: int = 0,
        paused: bool = False,
    ) -> None:
        """As domain.flow.FunctionLimits. A counter's rule is what is before its first slash."""

    def restore_throttles(self, arrivals: Mapping[str, int], now: int) -> None:
        """The later of two counts."""

    def explain(
        self, id: str, holders_shown: int = 10
    ) -> tuple[str, int, int, int, str, int, int, str, tuple[str, ...], int] | None:
        """As ports.queue.JobPlace."""

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
    def restore(self, key: Hashable, tat: int) -> None:
        """The later of two counts."""

    def sweep(self, now: int) -> None: ...
    def __len__(self) -> int: ...
