"""The store: the truth about events, runs, steps, jobs, waits, apps and functions."""

import enum
from asyncio import Future
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec
from msgspec.structs import replace

from inngest_fast.domain.apps import App, Function
from inngest_fast.domain.cancellations import Cancellation
from inngest_fast.domain.events import Event
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.ids import first_ulid
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import Run, RunStatus
from inngest_fast.domain.transitions import Committed, Transition
from inngest_fast.domain.waits import Wait
from inngest_fast.ports.api_keys import ApiKeys

Bound = tuple[str, str, int | str]
"""A column, how it is to compare, and to what."""


class EventQuery(msgspec.Struct, frozen=True):
    """Events, newest first. Empty fields do not restrict; times are unix ms of receipt."""

    limit: int
    before_id: str = ""  # ids below it
    name: str = ""
    names: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    received_after: int = 0  # inclusive
    received_before: int = 0  # exclusive; 0: no bound
    internal: bool = True  # with those named `inngest/…`

    @property
    def any_of_names(self) -> tuple[str, ...]:
        return self.names or ((self.name,) if self.name else ())

    @property
    def bounds(self) -> list[Bound]:
        """Of the times. Ids narrow them down to a range of the table."""
        found: list[Bound] = []
        if after := self.received_after:
            found += (("received_at", ">=", after), ("id", ">=", first_ulid(after - SEED_LATE_MS)))
        if before := self.received_before:
            found += (("received_at", "<", before), ("id", "<", first_ulid(before + SEED_LATE_MS)))
        return found


SEED_LATE_MS: Final = 86_400_000
"""How far the time in an event's id may be from that of its receipt, where lists go by the latter: a seeded
id has the time of its first sending (http-api §2.2)."""


class RunTime(enum.StrEnum):
    """A time of a run. A run that was never started, or has not ended, is at 0."""

    QUEUED = "queued_at"
    STARTED = "started_at"
    ENDED = "ended_at"


class RunQuery(msgspec.Struct, frozen=True):
    """Runs in the order of one of their times and then of their ids; newest first unless `ascending`.

    Empty fields do not restrict; times are unix ms. `after` is the place of the last run of the page before:
    its time and id.
    """

    limit: int
    offset: int = 0
    before_id: str = ""  # ids below it
    status: RunStatus | None = None
    function_id: str = ""
    event_id: str = ""
    statuses: tuple[RunStatus, ...] = ()
    function_ids: tuple[str, ...] = ()
    event_ids: tuple[str, ...] = ()  # started by any of these
    order: RunTime = RunTime.QUEUED
    ascending: bool = False
    time: RunTime = RunTime.QUEUED  # the one that `since` and `until` are about
    since: int = 0  # inclusive
    until: int = 0  # inclusive; 0: no bound
    after: tuple[int, str] | None = None
    timed: bool | None = None  # with the time of the order, or without; None: both

    @property
    def any_of_statuses(self) -> tuple[RunStatus, ...]:
        return self.statuses or (() if self.status is None else (self.status,))

    @property
    def any_of_events(self) -> tuple[str, ...]:
        return self.event_ids or ((self.event_id,) if self.event_id else ())

    @property
    def bounds(self) -> list[Bound]:
        """Of the times. Ids are in the order of queueing, and have its time."""
        found: list[Bound] = []
        if self.time is RunTime.QUEUED:
            if self.since:
                found.append(("id", ">=", first_ulid(self.since)))
            if self.until:
                found.append(("id", "<", first_ulid(self.until + 1)))
        else:
            if self.since or self.until:
                found.append((self.time.value, ">=", max(self.since, 1)))
            if self.until:
                found.append((self.time.value, "<=", self.until))
        return found

    @property
    def order_columns(self) -> tuple[str, ...]:
        """What the list is in the order of; `after` has a value for each, its last ones."""
        by_id = self.order is RunTime.QUEUED or not self.timed
        return ("id",) if by_id else (self.order.value, "id")

    @property
    def halves(self) -> "list[RunQuery]":
        """Queries for the parts of this list, in its order: runs that have the time, and those that do not.
        So an index of the former serves.
        """
        if self.order is RunTime.QUEUED or self.timed is not None:
            return [self]
        timed, not_yet = replace(self, timed=True), replace(self, timed=False)
        if self.after is None:
            return [not_yet, timed] if self.ascending else [timed, not_yet]
        if self.after[0] == 0:
            return [not_yet, replace(timed, after=None)] if self.ascending else [not_yet]
        return [timed] if self.ascending else [timed, replace(not_yet, after=None)]


class Store(Protocol):
    """One store. `commit` is the only write path; reads see what was committed and never delay it.

    Every method raises StoreError, which names the cause, when the store cannot serve; then nothing of
    that call was committed. A store is used from one event loop.
    """

    name: str  # "sqlite", …
    on_group: Callable[[int], None]  # called with the number of transitions in each group that is decided

    @property
    def api_keys(self) -> ApiKeys:
        """Of this store, while it is open."""
        ...

    @property
    def backlog(self) -> int:
        """Transitions handed in and not yet decided."""
        ...

    def details(self) -> Mapping[str, object]:
        """What an operator wants to know of it: version, place, use of connections. Asks nobody."""
        ...

    async def open(self) -> None:
        """Connects, migrates. Raises StoreVersionError for a store written by a newer version."""
        ...

    async def close(self) -> None:
        """Commits what was handed in, then lets go of everything."""
        ...

    def commit(self, transition: Transition) -> Future[Committed]:
        """Hands in a transition; the result comes once it is durable.

        Transitions are applied one after the other in the order of these calls (not of the awaits), each
        whole or not at all (design §3.2). Fences: see `Transition`, `UpdateRun`, `CreateRun`; and an
        AddWait of kind SIGNAL whose key another run's live wait has drops all with reason "signal".
        """
        ...

    async def run(self, run_id: str) -> Run | None:
        """A run whole: its events' wire forms, its steps with memos, its stack."""
        ...

    async def runs(self, query: RunQuery) -> list[Run]:
        """Runs without `events`, `steps` and `stack`."""
        ...

    async def count_runs(self, query: RunQuery) -> int:
        """How many there are, wherever a page begins or ends."""
        ...

    async def trace_rows(self, run_id: str, prefix: str = "") -> list[tuple[str, bytes]]:
        """Key and body of what PutTrace stored for a run under keys that begin so, by key."""
        ...

    async def clear(self) -> None:
        """Forgets everything but apps, functions and API keys. For tests of apps: what is being done
        meanwhile comes to nothing.
        """
        ...

    async def event(self, event_id: str) -> Event | None: ...

    async def events(self, query: EventQuery) -> list[Event]: ...

    async def count_events(self, query: EventQuery) -> int:
        """How many there are, wherever a page begins or ends."""
        ...

    async def waits(self, ids: Sequence[int]) -> list[Wait]:
        """The live ones among these waits, in any order."""
        ...

    async def live_waits(self, after: int, limit: int) -> list[Wait]:
        """Live waits with an id above `after`, by id: to page through all."""
        ...

    async def jobs(self, after: str, limit: int) -> list[Job]:
        """Live jobs with an id above `after`, by id: to page through all."""
        ...

    async def run_jobs(self, run_id: str) -> list[Job]:
        """The live jobs of a run."""
        ...

    async def job(self, job_id: str) -> Job | None: ...

    async def jobs_over(self, job_ids: Sequence[str]) -> list[str]:
        """Those that are not live."""
        ...

    async def apps(self) -> list[App]: ...

    async def functions(self) -> list[Function]:
        """All functions, archived ones too."""
        ...

    async def count_live_runs(self) -> int:
        """Runs that have not ended."""
        ...

    async def rows(self, keys: Sequence[str]) -> list[FlowRow]:
        """Those that there are and that have not ended, in any order."""
        ...

    async def rows_of(self, kind: str, after: str, limit: int, until_after: int = 0) -> list[FlowRow]:
        """Rows of one kind that have not ended, with a key above `after`, by key: to page through all. With
        `until_after` only those that last longer than that.
        """
        ...

    async def batch(self, batch_id: str) -> list[Event]:
        """The events of a batch that has not started yet, in order."""
        ...

    async def live_runs(self, function_id: str, after: str, until: str, limit: int) -> list[Run]:
        """Runs of a function that have not ended, by id, with ids above `after` and up to `until`; without
        `events`, `steps` and `stack`.
        """
        ...

    async def cancellation(self, id: str) -> Cancellation | None: ...

    async def cancellations(self, before_id: str, limit: int) -> list[Cancellation]:
        """Newest first; with `before_id` those with ids below it."""
        ...

    async def stuck_runs(self, after: str, limit: int, queued_before: int) -> tuple[list[str], str]:
        """Looks at the next `limit` runs that have not ended, by id, above `after`. Of these the ids of those
        that were queued before that time and have no job (invariant 7); and the last id looked at, "" when
        there were no more.

        Every wait has a timeout job, so a run without a job has nothing that will ever move it.
        """
        ...
