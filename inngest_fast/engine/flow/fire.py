"""Debounces and batches whose time has come (flow-control §5.3, §5.4)."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from inngest_fast.domain.apps import Function
from inngest_fast.domain.events import Event
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.transitions import (
    Action,
    Admit,
    DropBatch,
    DropJob,
    DropRow,
    MoveJob,
    Transition,
)
from inngest_fast.engine.flow import batch, debounce
from inngest_fast.engine.flow.admission import Invoker, Start, start_of
from inngest_fast.engine.flow.batch import BatchPayload


class FiredDebounce(msgspec.Struct, frozen=True):
    """Starts a run with the event that came last, unless another came meanwhile."""

    job: Job
    key: str
    event: Event
    start: Start | None  # None: the function takes no more runs
    now: int

    @property
    def keys(self) -> Sequence[str]:
        return (self.key, *self.start.keys) if self.start is not None else (self.key,)

    @property
    def possible(self) -> Sequence[Action]:
        return self.start.possible if self.start is not None else ()

    def decide(self, rows: Mapping[str, FlowRow]) -> Sequence[Action]:
        row = rows.get(self.key)
        if row is None:
            return ()
        state = debounce.read(row)
        if state.job_id != self.job.id:
            return ()
        if state.due > self.now:
            return (
                debounce.put(self.key, replace(state, job_due=state.due)),
                MoveJob(_again(self.job, state.due)),
            )
        if state.event_id != self.event.id:
            return (MoveJob(_again(self.job, self.now)),)
        return (DropRow(self.key), *(self.start.decide(rows) if self.start is not None else ()))


class FiredBatch(msgspec.Struct, frozen=True):
    """Starts a run with all events of a batch, unless another has joined or it was closed meanwhile."""

    job: Job
    batch: BatchPayload
    events: int
    start: Start | None
    now: int

    @property
    def keys(self) -> Sequence[str]:
        key = self.batch.key
        return (key, *self.start.keys) if self.start is not None else (key,)

    @property
    def possible(self) -> Sequence[Action]:
        in_time, _ = batch.job_ids(self.batch.batch)
        return (DropJob(in_time), *(self.start.possible if self.start is not None else ()))

    def decide(self, rows: Mapping[str, FlowRow]) -> Sequence[Action]:
        id, key = self.batch.batch, self.batch.key
        in_time, _ = batch.job_ids(id)
        actions: list[Action] = [DropBatch(id)]
        if self.batch.full:
            actions.append(DropJob(in_time))
        else:
            row = rows.get(key)
            state = batch.read(row) if row is not None else None
            if state is None or state.batch_id != id:
                return ()  # closed: the job for that has the rest
            if state.count != self.events:
                return (MoveJob(_again(self.job, self.now)),)
            actions.append(DropRow(key))
        return [*actions, *(self.start.decide(rows) if self.start is not None else ())]


def fire_debounce(
    function: Function,
    job: Job,
    row: FlowRow,
    event: Event,
    now: int,
    entropy: Entropy,
    invokers: Sequence[Invoker] = (),
) -> Transition:
    """What a due DEBOUNCE job does, given its row and that row's event as they were found."""
    start = None
    if function.live:
        state = debounce.read(row)
        correlated = [id for id in state.correlated if id != event.correlation_id]
        start = start_of(function, [event], now, entropy, correlated=correlated, invokers=invokers)
    return Transition([Admit(FiredDebounce(job, row.key, event, start, now))], job)


def fire_batch(
    function: Function,
    job: Job,
    events: Sequence[Event],
    now: int,
    entropy: Entropy,
    invokers: Sequence[Invoker] = (),
) -> Transition:
    """What a due BATCH job does, given the events that were found; without any it only ends."""
    payload = batch_of(job)
    if not events:
        return Transition([], job)
    start = None
    if function.live:
        start = start_of(function, events, now, entropy, batch_id=payload.batch, invokers=invokers)
    return Transition([Admit(FiredBatch(job, payload, len(events), start, now))], job)


def batch_of(job: Job) -> BatchPayload:
    return msgspec.json.decode(job.payload, type=BatchPayload)


def _again(job: Job, due: int) -> Job:
    return replace(job, attempt=job.attempt + 1, due=due, score=due)
