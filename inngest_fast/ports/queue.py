"""The queue: which job is next. Derived from the store, and rebuilt from it when lost."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from inngest_fast.domain.flow import FunctionLimits
from inngest_fast.domain.jobs import Job

HOLDERS_SHOWN = 10


class JobPlace(msgspec.Struct, frozen=True):
    """Where a job stands and what it waits for (flow-control §4, §5.1, §8).

    Of several obstacles the first counts: "paused", "app" (calls to the app at once), "function" (calls of
    the function at once), "key" (a keyed step limit), "throttle", "runs" (live runs). `counter` is that of
    the last three.
    """

    state: str  # "scheduled", "ready" or "leased"
    due: int
    score: int
    position: int  # 0-based among the ready jobs of its function with the same `counters`
    blocked_by: str = ""
    limit: int = 0
    in_use: int = 0
    counter: str = ""
    holders: tuple[str, ...] = ()  # of a key: job ids, of runs: run ids; at most HOLDERS_SHOWN, sorted
    opens_at: int = 0  # of a throttle: when it next lets one pass, unix ms


class Depth(msgspec.Struct, frozen=True):
    """Jobs of one partition."""

    scheduled: int
    ready: int
    leased: int


class Queue(Protocol):
    """Jobs in fair order. Changes are hints and never fail: a lost one is repaired by the reconciler.
    Questions are coroutines, see every change made here before them, and raise QueueError.

    A leased job holds a place of its partition and group until `done`, `requeue` or `drop`; or, where
    several servers share the queue, until its server was not heard of for the time of a lease. Then it is
    leased again, `doubtful`: it may have been done.

    A leased job is also in each of its `counters`, and its run in its `run_counter`: the latter from the
    lease of an `entering` job, or from when an `under_way` one is added, for as long as any such job of the
    run is here. A job of a function that has a limit for a counter's rule is leased only when there is room
    in it, a job with a `throttle` only when its rate lets it pass; then it comes with its `arrival`. Each is
    checked and taken together or not at all. Nothing that is blocked delays, or costs, what is not.
    """

    name: str  # "memory", …
    shared: bool  # whether it outlives this process, and others may lease from it

    @property
    def trouble(self) -> str:
        """Why no work can be had now; "" when all is well."""
        ...

    @property
    def counters(self) -> Mapping[str, int]:
        """What is worth counting of it."""
        ...

    def on_loss(self, lost: Callable[[], None]) -> None:
        """`lost` is called when jobs may be missing: the queue was found empty, or may have lost changes."""
        ...

    async def open(self) -> None:
        """Connects. Raises QueueError."""
        ...

    def hand_back(self) -> None:
        """Others may lease at once what is still leased here."""
        ...

    async def leave(self) -> None:
        """Closes, hands back, sends every change made here, and disconnects."""
        ...

    async def details(self) -> Mapping[str, object]:
        """What an operator wants to know of it: version, place. Empty where there is nothing to tell."""
        ...

    def add(self, job: Job) -> None:
        """Queues a job and wakes a waiting `lease`. No change if its id is queued or leased."""
        ...

    async def add_missing(self, jobs: Sequence[Job]) -> list[str]:
        """Adds those that are neither queued nor leased; their ids."""
        ...

    async def lease(self, n: int) -> list[Job]:
        """At most n due jobs, at least one: waits, woken and not polling, until there is one.

        Order: groups take turns, in a group its partitions, in a partition the jobs with the same `counters`.
        Of these the lowest score first, then first come.
        Returns [] once the queue is closed.
        """
        ...

    def done(self, job_id: str, followed_by: Sequence[Job] = ()) -> None:
        """The leased job is over, and these come of it: added before its places are freed, all at once."""
        ...

    def requeue(self, job: Job) -> None:
        """Puts a leased job back as it is now (attempt, due, score). One that is not leased is added."""
        ...

    def drop(self, job_id: str) -> None:
        """Forgets a job, queued or leased."""
        ...

    def limit_group(self, group: str, limit: int | None) -> None:
        """At most so many leased jobs of that group at once; None lifts it. Applies at once."""
        ...

    def limit_function(self, function_id: str, limits: FunctionLimits) -> None:
        """Applies at once, also to what is queued and leased. The last word of any server counts for all."""
        ...

    def restore_throttles(self, arrivals: Mapping[str, int]) -> None:
        """Arrival times by throttle counter, unix ms, as they were paid; the later of two counts."""
        ...

    def rebuilt(self) -> None:
        """After a loss: what the store has is here again. Until then nothing is leased that a limit may bind:
        who is in it is not known yet.
        """
        ...

    async def explain(self, job_id: str) -> JobPlace | None:
        """Why a job is not running, or None if it is not here."""
        ...

    async def depth(self) -> dict[str, Depth]:
        """By partition."""
        ...

    async def oldest_ready(self) -> int | None:
        """The smallest due time among jobs that could run now, unix ms."""
        ...

    async def missing(self, job_ids: Sequence[str]) -> list[str]:
        """Those that are neither queued nor leased."""
        ...

    async def scan(self, cursor: str) -> tuple[list[str], str]:
        """Some ids of jobs that are here, and the cursor for the next ones; "" begins, and is the end.

        Only where the queue outlives those who fill it; else nothing.
        """
        ...

    async def size(self) -> int:
        """Jobs queued or leased."""
        ...

    def close(self) -> None:
        """Every `lease`, waiting or to come, returns []."""
        ...
