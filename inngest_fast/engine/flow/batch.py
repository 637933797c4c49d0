"""Runs of several events (flow-control §5.4)."""

from collections.abc import Mapping, Sequence

import msgspec

from inngest_fast._native.expr import EvaluationError
from inngest_fast.domain.apps import Function
from inngest_fast.domain.events import Event
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.functions import Batch
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.transitions import Action, AddJob, AppendEvent, DropRow, PutRow
from inngest_fast.engine.expressions import InvalidExpressionError, over_event
from inngest_fast.engine.flow.keys import row_key, value_of

KIND = "batch"
MAX_BYTES = 10 * 1024 * 1024
SEEN_FOR_MS = 1_800_000  # within which the same event is not taken twice


class BatchState(msgspec.Struct, frozen=True):
    """An open batch. `due` is when it starts, full or not, unix ms."""

    batch_id: str
    count: int
    bytes: int
    due: int


class BatchPayload(msgspec.Struct, frozen=True):
    """Of a BATCH job. One that is `full` is closed: nothing joins it any more."""

    batch: str
    key: str
    full: bool = False


_decode = msgspec.msgpack.Decoder(BatchState).decode
_encode = msgspec.msgpack.encode


def read(row: FlowRow) -> BatchState:
    return _decode(row.body)


def job_ids(batch_id: str) -> tuple[str, str]:
    """Of the job for when its time is up, and of the one for when it is full."""
    return f"batch:{batch_id}", f"batch:{batch_id}:full"


class BatchAppend(msgspec.Struct, frozen=True):
    """An event that joins the open batch, or opens one."""

    config: Batch
    function: Function
    event: Event
    now: int
    key: str
    batch_id: str  # of the batch that it may open
    seen_key: str = ""  # of an event that can come again

    @property
    def keys(self) -> Sequence[str]:
        return (self.key, self.seen_key) if self.seen_key else (self.key,)

    def append(self, rows: Mapping[str, FlowRow]) -> list[Action]:
        if self.seen_key in rows:
            return []
        actions: list[Action] = []
        if self.seen_key:
            actions.append(PutRow(FlowRow(self.seen_key, until=self.now + SEEN_FOR_MS)))
        row = rows.get(self.key)
        if row is None:
            state = BatchState(self.batch_id, 0, 0, self.now + self.config.timeout_ms)
        else:
            state = read(row)
        actions.append(AppendEvent(state.batch_id, state.count, self.event.id))
        state = BatchState(state.batch_id, state.count + 1, state.bytes + len(self.event.wire), state.due)
        in_time, full = job_ids(state.batch_id)
        if state.count >= self.config.size or state.bytes >= MAX_BYTES:
            if row is not None:
                actions.append(DropRow(self.key))
            actions.append(AddJob(self._job(full, state, self.now, full=True)))
        else:
            actions.append(PutRow(FlowRow(self.key, body=_encode(state))))
            if row is None:
                actions.append(AddJob(self._job(in_time, state, state.due)))
        return actions

    def _job(self, id: str, state: BatchState, due: int, *, full: bool = False) -> Job:
        return Job(
            id=id,
            kind=JobKind.BATCH,
            app_id=self.function.app_id,
            function_id=self.function.id,
            due=due,
            score=due,
            payload=msgspec.json.encode(BatchPayload(state.batch_id, self.key, full)),
        )


def batch_append(function: Function, event: Event, now: int, entropy: Entropy) -> BatchAppend | None:
    """None for an event that is to run alone. Raises NoValueError: then it starts nothing."""
    config = function.config.batch
    if config is None or not _batched(config, event.wire, now):
        return None
    value: object = value_of(config.key, event.wire, now) if config.key else ""
    key = row_key(KIND, function.id, config.key, value)
    seen_key = row_key("appended", function.id, event.id) if event.repeatable else ""
    return BatchAppend(config, function, event, now, key, entropy.ulid(now), seen_key)


def _batched(config: Batch, event: bytes, now: int) -> bool:
    if not config.condition:
        return True
    try:
        return over_event(config.condition).matches(event, now_ms=now)
    except (InvalidExpressionError, EvaluationError):
        return False
