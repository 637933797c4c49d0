"""The queue of several processes, outside of all of them: what a server for it would hold and do."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import structs

from inngest_fast.domain.jobs import Job
from inngest_fast.ports.queue import Depth, JobPlace

UNDONE_AT_MOST = 6  # operations that a failover undoes
_SCANNED_AT_ONCE = 20
_NODE_LEASES = 10  # a node silent for so many leases is forgotten


@dataclass(frozen=True)
class Record:
    """One job there."""

    job: Job
    seq: int
    ready: bool = False
    doubtful: bool = False
    owner: tuple[str, int] | None = None  # a node, and the call by which it leased
    expiry: float = 0.0

    @property
    def identity(self) -> tuple[int, int]:
        return identity(self.job)


def identity(job: Job) -> tuple[int, int]:
    """Of two jobs of one id the one with the higher identity is the later one."""
    return job.since, job.attempt


@dataclass
class _State:
    records: dict[str, Record] = field(default_factory=dict)
    heard: dict[str, float] = field(default_factory=dict)  # nodes, by their last sign of life
    limits: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, None] = field(default_factory=dict)
    turns: dict[str, int] = field(default_factory=dict)  # partitions, by when they last had one
    counter: int = 0

    def copy(self) -> "_State":
        return _State(
            dict(self.records),
            dict(self.heard),
            dict(self.limits),
            dict(self.waiting),
            dict(self.turns),
            self.counter,
        )


class SharedQueue:
    """Operations are carried out one by one; each is of a node, and may wake others through `tell`.

    `tell(node, what)` carries "wake" and "lost" to a node that listens, and says whether it does. Leases end
    on this server's own clock `now`, in seconds; due times are of the clock of whoever asks.
    """

    def __init__(
        self, now: Callable[[], float], lease_s: float, tell: Callable[[str, str], bool] = lambda _, __: False
    ) -> None:
        self._now = now
        self._lease_s = lease_s
        self.tell = tell
        self._state = _State()
        self._past: deque[_State] = deque(maxlen=UNDONE_AT_MOST)
        self.reachable = True
        self.doubted: list[tuple[float, Job]] = []  # jobs that were missing, and when they were added

    def carry_out(self, node: str, operation: str, *arguments: Any, **named: bool) -> Any:
        self._past.append(self._state.copy())
        return getattr(self, operation)(node, *arguments, **named)

    @property
    def records(self) -> dict[str, Record]:
        return self._state.records

    # What goes wrong

    def flush(self) -> None:
        """Everything is gone; nobody is told."""
        counter = self._state.counter
        self._state = _State(counter=counter)

    def undo(self, n: int) -> None:
        """The last n operations never were."""
        for _ in range(n):
            if self._past:
                self._state = self._past.pop()

    def lose(self, job_id: str) -> None:
        self._state.records.pop(job_id, None)

    # Nodes

    def join(self, node: str) -> bool:
        """Whether no other node is here, or has been for the time of a lease."""
        state, now = self._state, self._now()
        if node in state.heard:
            state.heard[node] = now
            return False
        state.heard[node] = now
        for other, heard in list(state.heard.items()):
            if heard < now - _NODE_LEASES * self._lease_s:
                del state.heard[other]
        first = sum(heard > now - self._lease_s for heard in state.heard.values()) == 1
        if first:
            state.waiting.clear()
            self._tell_all("lost")
        else:
            self._wake_all()
        return first

    def leave(self, node: str) -> None:
        self._state.heard.pop(node, None)
        self.stop_waiting(node)

    def stop_waiting(self, node: str) -> None:
        self._state.waiting.pop(node, None)
        self._wake_one()

    def limit_group(self, _: str, group: str, limit: int | None) -> None:
        if limit is None:
            self._state.limits.pop(group, None)
        else:
            self._state.limits[group] = limit

    # Changes

    def add(self, _: str, job: Job, now: int, *, doubtful: bool) -> bool:
        known = self.records.get(job.id)
        if known is not None and identity(job) <= known.identity:
            return False
        self._put(job, now, doubtful=doubtful)
        if doubtful:
            self.doubted.append((self._now(), job))
        return True

    def requeue(self, node: str, job: Job, now: int, *, again: bool) -> None:
        known = self.records.get(job.id)
        if known is not None:
            if known.identity > identity(job):
                return
            mine = known.owner is not None and known.owner[0] == node
            if again and known.identity == identity(job) and not mine:
                return
        self._put(job, now, doubtful=again and known is None)
        self._wake_one()

    def done(self, _: str, job_id: str, known: tuple[int, int] | None) -> None:
        record = self.records.get(job_id)
        if record is None or (known is not None and record.identity > known):
            return
        if record.owner is None and not (known is not None and record.doubtful):
            return
        del self.records[job_id]
        self._wake_one()

    def drop(self, _: str, job_id: str) -> None:
        if self.records.pop(job_id, None) is not None:
            self._wake_one()

    # Leases

    def lease(
        self, node: str, n: int, now: int, call: int
    ) -> tuple[list[Job], int | None, float | None] | None:
        """Jobs; else when the next is due, and in how many seconds leases are worth a look. None: who is that?"""
        state, clock = self._state, self._now()
        if node not in state.heard:
            return None
        for record in list(state.records.values()):
            if record.owner is not None and record.expiry <= clock:
                self._put_back(record)
        for id, record in state.records.items():
            if not record.ready and record.job.due <= now:
                state.records[id] = replace(record, ready=True)
        jobs: list[Job] = []
        while len(jobs) < n and (record := self._next()) is not None:
            state.counter += 1
            state.turns[record.job.partition] = state.counter
            state.records[record.job.id] = replace(
                record, owner=(node, call), expiry=clock + self._lease_s, doubtful=record.doubtful
            )
            jobs.append(replace_doubt(record.job, doubtful=record.doubtful))
        if jobs:
            self._wake_one()
            return jobs, None, None
        state.waiting.setdefault(node)
        due = min(
            (r.job.due for r in state.records.values() if r.owner is None and not r.ready), default=None
        )
        ends = [r.expiry - clock for r in state.records.values() if r.owner is not None]
        if len(state.heard) > 1:
            ends.append(self._lease_s)
        return jobs, due, max(min(ends), 0.0) if ends else None

    def extend(self, node: str, job_ids: Sequence[str]) -> list[str] | None:
        """Those that the node does not hold. None: who is that?"""
        if node not in self._state.heard:
            return None
        clock = self._state.heard[node] = self._now()
        lost = []
        for id in job_ids:
            record = self.records.get(id)
            if record is not None and record.owner is not None and record.owner[0] == node:
                self.records[id] = replace(record, expiry=clock + self._lease_s)
            else:
                lost.append(id)
        return lost

    def hold(self, node: str, jobs: Sequence[Job]) -> list[str]:
        """What a node is at work on is leased by it again. Those that others have, or that have moved on."""
        expiry, lost = self._now() + self._lease_s, []
        for job in jobs:
            record = self.records.get(job.id)
            others = record is not None and record.owner is not None and record.owner[0] != node
            if record is not None and (
                record.identity > identity(job) or (others and record.identity == identity(job))
            ):
                lost.append(job.id)
            elif record is not None and record.owner is not None and not others:
                self.records[job.id] = replace(record, expiry=expiry)
            else:
                plain = replace_doubt(job, doubtful=False)
                self.records[job.id] = Record(plain, self._number(), True, False, (node, 0), expiry)
        return lost

    def hand_back(self, node: str) -> None:
        self._free(r for r in self.records.values() if r.owner is not None and r.owner[0] == node)

    def reclaim(self, node: str, call: int) -> None:
        """What that call leased, and nobody received."""
        self._free(r for r in self.records.values() if r.owner == (node, call))

    # Questions

    def missing(self, _: str, job_ids: Sequence[str]) -> list[str]:
        return [id for id in job_ids if id not in self.records]

    def scan(self, _: str, cursor: str) -> tuple[list[str], str]:
        ids = sorted(id for id in self.records if id > cursor)[: _SCANNED_AT_ONCE + 1]
        found = ids[:_SCANNED_AT_ONCE]
        return found, found[-1] if len(ids) > len(found) else ""

    def explain(self, _: str, job_id: str, now: int) -> JobPlace | None:
        record = self.records.get(job_id)
        if record is None:
            return None
        return JobPlace(_state_of(record, now), record.job.due, record.job.score, 0)

    def depth(self, _: str, now: int) -> dict[str, Depth]:
        found: dict[str, list[int]] = {}
        for record in self.records.values():
            counts = found.setdefault(record.job.partition, [0, 0, 0])
            counts[("scheduled", "ready", "leased").index(_state_of(record, now))] += 1
        return {partition: Depth(*counts) for partition, counts in found.items()}

    def oldest_ready(self, _: str, now: int) -> int | None:
        ready = (r.job.due for r in self.records.values() if _state_of(r, now) == "ready")
        return min(ready, default=None)

    def size(self, _: str) -> int:
        return len(self.records)

    # Places

    def _number(self) -> int:
        self._state.counter += 1
        return self._state.counter

    def _put(self, job: Job, now: int, *, doubtful: bool) -> None:
        ready = job.due <= now
        earliest = all(job.due < r.job.due for r in self.records.values() if r.owner is None and not r.ready)
        plain = replace_doubt(job, doubtful=False)
        self.records[job.id] = Record(plain, self._number(), ready, doubtful)
        if ready:
            self._wake_one()
        elif earliest:
            self._wake_all()  # their timers are set too late

    def _put_back(self, record: Record) -> None:
        """It may have been done."""
        self.records[record.job.id] = replace(record, owner=None, ready=True, doubtful=True)

    def _free(self, records: Iterable[Record]) -> None:
        for record in list(records):
            self._put_back(record)
        self._wake_one()

    def _next(self) -> Record | None:
        """Partitions take turns; in one the lowest score goes first, then first come."""
        used: dict[str, int] = {}
        for record in self.records.values():
            if record.owner is not None:
                used[record.job.group] = used.get(record.job.group, 0) + 1
        limits, turns = self._state.limits, self._state.turns
        ready = [
            record
            for record in self.records.values()
            if record.ready
            and record.owner is None
            and used.get(record.job.group, 0) < limits.get(record.job.group, 1 << 30)
        ]
        return min(ready, key=lambda r: (turns.get(r.job.partition, 0), r.job.score, r.seq), default=None)

    # Waking: whoever waits leaves the list with the message

    def _wake_one(self) -> None:
        waiting = self._state.waiting
        if self._next() is None:
            return
        while waiting:
            node = next(iter(waiting))
            del waiting[node]
            if self.tell(node, "wake"):
                return
        if not self._state.heard:
            self._tell_all("wake")

    def _wake_all(self) -> None:
        if self._state.waiting or not self._state.heard:
            self._state.waiting.clear()
            self._tell_all("wake")

    def _tell_all(self, what: str) -> None:
        self.tell("", what)


def replace_doubt(job: Job, *, doubtful: bool) -> Job:
    if job.doubtful == doubtful:
        return job
    return structs.replace(job, doubtful=doubtful)


def _state_of(record: Record, now: int) -> str:
    if record.owner is not None:
        return "leased"
    return "ready" if record.ready or record.job.due <= now else "scheduled"
