"""The queue of several processes, outside of all of them: what a server for it would hold and do."""

from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import structs

from inngest_fast.domain.flow import NO_LIMITS, FunctionLimits, rule_of
from inngest_fast.domain.jobs import Job
from inngest_fast.ports.queue import Depth, JobPlace
from tests.sim.places import Places
from tests.sim.shared_order import SharedOrder

UNDONE_AT_MOST = 6  # operations that a failover undoes
_SETTLE_S = 30.0  # after a loss, unless it is filled again before
_SCANNED_AT_ONCE = 20
_CLOCKS_DIFFER_MS = 10_000  # at most: one that is further behind was set
_NODE_LEASES = 10  # a node silent for so many leases is forgotten


@dataclass(frozen=True)
class Record:
    """One job there."""

    job: Job
    seq: int
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
    groups: dict[str, int] = field(default_factory=dict)  # their limits
    functions: dict[str, FunctionLimits] = field(default_factory=dict)
    arrivals: dict[str, int] = field(default_factory=dict)  # of throttles
    waiting: dict[str, None] = field(default_factory=dict)
    begun: bool = False
    settled_at: float = 0.0
    counter: int = 0

    def copy(self) -> "_State":
        return _State(
            dict(self.records),
            dict(self.heard),
            dict(self.groups),
            dict(self.functions),
            dict(self.arrivals),
            dict(self.waiting),
            self.begun,
            self.settled_at,
            self.counter,
        )


class SharedQueue:
    """Operations are carried out one by one; each is of a node, and may wake others through `tell`.

    `tell(node, what)` carries "wake" and "lost" to a node that listens, and says whether it does. Leases end
    on this server's own clock `now`, in seconds; due times are of the clock of whoever asks.
    """

    def __init__(
        self, now: Callable[[], float], lease_s: float, places: Places, tell: Callable[[str, str], bool]
    ) -> None:
        self._now = now
        self._lease_s = lease_s
        self._places = places
        self.tell = tell
        self._state = _State()
        self._order = SharedOrder()
        self._now_ms = 0  # unix
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

    def flush(self, at_work: Container[str] = ()) -> None:
        """Everything is gone; nobody is told. These nodes go on with what they are at work on."""
        held = [
            record.job.id for record in self.records.values() if record.owner and record.owner[0] in at_work
        ]
        counter = self._state.counter
        self._state = _State(counter=counter)
        self._rebuild()
        self._places.forget(held)

    def undo(self, n: int) -> None:
        """The last n operations never were."""
        for _ in range(n):
            if self._past:
                self._state = self._past.pop()
        self._rebuild()
        leased = [record.job for record in self.records.values() if record.owner is not None]
        self._places.whole = False
        self._places.reset([record.job for record in self.records.values()], leased, self._state.arrivals)

    def lose(self, job_id: str) -> None:
        if self._state.records.pop(job_id, None) is not None:
            self._order.drop(job_id)
            self._places.drop(job_id)
            self._places.whole = False

    def _rebuild(self) -> None:
        state = self._state
        records = sorted(state.records.values(), key=lambda record: record.seq)
        functions = {id: self._in_force(limits) for id, limits in state.functions.items()}
        self._order.rebuild(
            [record.job for record in records if record.owner is not None],
            [record.job for record in records if record.owner is None],
            state.groups,
            functions,
            state.arrivals,
            self._now_ms,
        )

    # Nodes

    def join(self, node: str) -> bool:
        """Whether no other node is here, or has been for the time of a lease."""
        state, now = self._state, self._now()
        if not state.begun:
            state.begun = True
            state.settled_at = now + _SETTLE_S
            self._rebuild()
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
            self._state.groups.pop(group, None)
        else:
            self._state.groups[group] = limit
        self._order.limit_group(group, limit)
        self._wake_one()

    def limit_function(self, _: str, function_id: str, limits: FunctionLimits, now: int) -> None:
        now = self._at(now)
        self._state.functions[function_id] = limits
        self._order.limit_function(function_id, self._in_force(limits), now)
        self._places.tell(function_id, limits, now)
        self._wake_all()

    def restore_throttles(self, _: str, arrivals: dict[str, int], now: int) -> None:
        now = self._at(now)
        state = self._state
        for counter, arrival in arrivals.items():
            state.arrivals[counter] = max(arrival, state.arrivals.get(counter, 0))
        self._order.restore_throttles(arrivals, now)
        self._places.restore(arrivals)
        self._wake_all()

    def rebuilt(self, node: str) -> None:
        """A node that has yet to come back speaks of what was lost before."""
        if self._settling and node in self._state.heard:
            self._state.settled_at = 0.0
            self._rebuild()
            self._wake_all()

    def _in_force(self, limits: FunctionLimits) -> FunctionLimits:
        """What limits bind waits until it is known who is in them."""
        if limits != NO_LIMITS and self._settling:
            return structs.replace(limits, paused=True)
        return limits

    def _at(self, now: int) -> int:
        """The time of all nodes, by whoever is ahead: what a slower one says must not take anything back."""
        behind = self._now_ms - now
        if not 0 < behind <= _CLOCKS_DIFFER_MS:
            self._now_ms = now
        return self._now_ms

    @property
    def _settling(self) -> bool:
        return self._now() < self._state.settled_at

    # Changes

    def add(self, _: str, job: Job, now: int, *, doubtful: bool) -> bool:
        now = self._at(now)
        known = self.records.get(job.id)
        if known is not None and identity(job) <= known.identity:
            return False
        self._put(job, now, doubtful=doubtful)
        if doubtful:
            self.doubted.append((self._now(), job))
        return True

    def requeue(self, node: str, job: Job, now: int, *, again: bool) -> None:
        now = self._at(now)
        known = self.records.get(job.id)
        if known is not None:
            if known.identity > identity(job):
                return
            mine = known.owner is not None and known.owner[0] == node
            if again and known.identity == identity(job) and not mine:
                return
        self._put(job, now, doubtful=again and known is None)

    def done(
        self,
        _: str,
        job_id: str,
        known: tuple[int, int] | None,
        followed_by: Sequence[Job],
        now: int,
        *,
        doubtful: bool,
    ) -> None:
        now = self._at(now)
        record = self.records.get(job_id)
        if record is not None and known is not None and record.identity > known:
            record = None
        leased = record is not None and record.owner is not None
        if leased or (record is not None and known is not None and record.doubtful):
            del self.records[job_id]
            self._places.drop(job_id)
        new = [job for job in followed_by if job.id not in self.records]
        for job in new:
            self._record(job, doubtful=doubtful)
        if leased:
            with self._waking():
                self._order.done(job_id, new, now)
        else:
            for job in new:
                self._put(job, now, doubtful=doubtful)
            if job_id not in self.records:
                self._order.drop(job_id)
        for job in followed_by:
            if job not in new:
                self.add(_, job, now, doubtful=doubtful)

    def drop(self, _: str, job_id: str) -> None:
        if self.records.pop(job_id, None) is not None:
            self._order.drop(job_id)
            self._places.drop(job_id)
            self._wake_one()

    # Leases

    def lease(
        self, node: str, n: int, now: int, call: int
    ) -> tuple[list[Job], int | None, float | None] | None:
        """Jobs; else when the next is due, and in how many seconds leases are worth a look. None: who is that?"""
        state, clock = self._state, self._now()
        if node not in state.heard:
            return None
        now = self._at(now)
        for record in list(state.records.values()):
            if record.owner is not None and record.expiry <= clock:
                self._put_back(record, now)
        if state.settled_at and not self._settling:
            state.settled_at = 0.0
            self._rebuild()
        jobs: list[Job] = []
        for job, arrival in self._order.lease(n, now):
            record = state.records[job.id]
            state.records[job.id] = replace(record, owner=(node, call), expiry=clock + self._lease_s)
            if arrival:
                state.arrivals[job.throttle] = arrival
            jobs.append(structs.replace(record.job, doubtful=record.doubtful, arrival=arrival))
            self._places.lease(jobs[-1], now)
        if jobs:
            self._wake_one()
            return jobs, None, None
        state.waiting.setdefault(node)
        ends = [r.expiry - clock for r in state.records.values() if r.owner is not None]
        if len(state.heard) > 1:
            ends.append(self._lease_s)
        if self._settling:
            ends.append(state.settled_at - clock)
        return jobs, self._order.next_due(), max(min(ends), 0.0) if ends else None

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

    def hold(self, node: str, jobs: Sequence[Job], now: int) -> list[str]:
        """What a node is at work on is leased by it again. Those that others have, or that have moved on."""
        expiry, lost, new = self._now() + self._lease_s, [], False
        now = self._at(now)
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
                self.records[job.id] = Record(_plain(job), self._number(), False, (node, 0), expiry)
                self._places.hold(_plain(job))
                new = True
        if new:
            self._rebuild()
        return lost

    def hand_back(self, node: str, now: int) -> None:
        self._free([r for r in self.records.values() if r.owner is not None and r.owner[0] == node], now)

    def reclaim(self, node: str, call: int, now: int) -> None:
        """What that call leased, and nobody received, with what it paid."""
        now = self._at(now)
        found = [record for record in self.records.values() if record.owner == (node, call)]
        for record in found:
            self._refund(record.job, now)
        self._free(found, now)

    def _refund(self, job: Job, now: int) -> None:
        limits = self._state.functions.get(job.function_id, NO_LIMITS)
        arrival = self._state.arrivals.get(job.throttle)
        if (
            arrival is not None
            and limits.throttle is not None
            and limits.throttle.rule == rule_of(job.throttle)
        ):
            self._state.arrivals[job.throttle] = max(arrival - limits.throttle.emission, now)
            self._places.refund(job, self._state.arrivals[job.throttle])

    # Questions

    def missing(self, _: str, job_ids: Sequence[str]) -> list[str]:
        return [id for id in job_ids if id not in self.records]

    def scan(self, _: str, cursor: str) -> tuple[list[str], str]:
        ids = sorted(id for id in self.records if id > cursor)[: _SCANNED_AT_ONCE + 1]
        found = ids[:_SCANNED_AT_ONCE]
        return found, found[-1] if len(ids) > len(found) else ""

    def explain(self, _: str, job_id: str, now: int) -> JobPlace | None:
        return self._order.explain(job_id, self._at(now))

    def depth(self, _: str, now: int) -> dict[str, Depth]:
        return {partition: Depth(*counts) for partition, counts in self._order.depth(self._at(now)).items()}

    def oldest_ready(self, _: str, now: int) -> int | None:
        return self._order.oldest_ready(self._at(now))

    def size(self, _: str) -> int:
        return len(self.records)

    # Records

    def _number(self) -> int:
        self._state.counter += 1
        return self._state.counter

    def _record(self, job: Job, *, doubtful: bool) -> None:
        self.records[job.id] = Record(_plain(job), self._number(), doubtful)
        self._places.put(_plain(job))

    def _put(self, job: Job, now: int, *, doubtful: bool) -> None:
        self._record(job, doubtful=doubtful)
        with self._waking():
            self._order.put(job, now)

    @contextmanager
    def _waking(self) -> Iterator[None]:
        """Around a change of the order: somebody who waits has something to do, or all look at it earlier."""
        before = self._order.next_due()
        yield
        after = self._order.next_due()
        if after is not None and (before is None or after < before):
            self._wake_all()  # their timers are set too late
        else:
            self._wake_one()

    def _put_back(self, record: Record, now: int) -> None:
        """It may have been done."""
        self.records[record.job.id] = replace(record, owner=None, doubtful=True)
        self._order.put(record.job, now)
        self._places.put(record.job)

    def _free(self, records: Iterable[Record], now: int) -> None:
        now = self._at(now)
        found = list(records)
        for record in found:
            self._put_back(record, now)
        if found:
            self._rebuild()  # what was paid may have come back
        self._wake_one()

    # Waking: whoever waits leaves the list with the message

    def _wake_one(self) -> None:
        waiting = self._state.waiting
        if not self._order.has_ready():
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


def _plain(job: Job) -> Job:
    return structs.replace(job, doubtful=False, arrival=0) if job.doubtful or job.arrival else job
