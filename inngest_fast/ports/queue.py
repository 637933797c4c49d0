"""The queue: which job is next. Derived from the store, and rebuilt from it when lost."""

from typing import Protocol

import msgspec

from inngest_fast.domain.jobs import Job


class JobPlace(msgspec.Struct, frozen=True):
    """Where a job stands and what it waits for (flow-control §8)."""

    state: str  # "scheduled", "ready" or "leased"
    due: int
    score: int
    position: int  # 0-based within its partition
    blocked_by: str = ""  # "", "group limit", "partition limit" or "hold"
    limit: int = 0
    in_use: int = 0


class Depth(msgspec.Struct, frozen=True):
    """Jobs of one partition."""

    scheduled: int
    ready: int
    leased: int


class Queue(Protocol):
    """Jobs in fair order. Changes are hints: a lost one is repaired by the reconciler, never fatal.

    A leased job holds a place of its partition and group until `done`, `requeue` or `drop`.
    """

    name: str  # "memory", …

    def add(self, job: Job) -> bool:
        """Queues a job and wakes a waiting `lease`. False, and no change, if its id is queued or leased."""
        ...

    async def lease(self, n: int) -> list[Job]:
        """At most n due jobs, at least one: waits, woken and not polling, until there is one.

        Order: partitions take turns; in a partition the lowest score first, then first come.
        Returns [] once the queue is closed.
        """
        ...

    def done(self, job_id: str) -> None:
        """The leased job is over."""
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

    def explain(self, job_id: str) -> JobPlace | None:
        """Why a job is not running, or None if it is not here."""
        ...

    def depth(self) -> dict[str, Depth]:
        """By partition."""
        ...

    def oldest_ready(self) -> int | None:
        """The smallest due time among jobs that could run now, unix ms."""
        ...

    def __contains__(self, job_id: str) -> bool:
        """Whether a job is queued or leased."""
        ...

    def __len__(self) -> int:
        """Jobs queued or leased."""
        ...

    def close(self) -> None:
        """Every `lease`, waiting or to come, returns []."""
        ...
