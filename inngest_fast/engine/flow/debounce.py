"""Starts that wait until events have stopped (flow-control §5.3)."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from inngest_fast.domain.apps import Function
from inngest_fast.domain.events import Event
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.functions import Debounce
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.transitions import Action, AddJob, PutRow
from inngest_fast.engine.flow.keys import NoValueError, row_key, value_of

KIND = "debounce"
MAX_CORRELATED = 1_000


class DebounceState(msgspec.Struct, frozen=True, omit_defaults=True):
    """An open debounce. Its job may be due earlier than `due`, and then moves itself there. Times unix ms."""

    event_id: str  # the one that will start the run
    ts: int
    due: int
    deadline: int  # 0: none
    job_id: str
    job_due: int
    correlated: tuple[str, ...] = ()  # invokers that its run ends for


_decode = msgspec.msgpack.Decoder(DebounceState).decode


def read(row: FlowRow) -> DebounceState:
    return _decode(row.body)


def put(key: str, state: DebounceState) -> PutRow:
    return PutRow(FlowRow(key, body=msgspec.msgpack.encode(state)))


class DebouncePush(msgspec.Struct, frozen=True):
    """An event that opens a debounce or takes the place of the last one."""

    config: Debounce
    function: Function
    event: Event
    now: int
    key: str
    job_id: str  # of the job that it may add

    def push(self, rows: Mapping[str, FlowRow]) -> list[Action]:
        now, event = self.now, self.event
        row = rows.get(self.key)
        if row is None:
            timeout = self.config.timeout_s
            deadline = now + timeout * 1_000 if timeout is not None else 0
            due = self._due(deadline)
            state = DebounceState(event.id, event.ts, due, deadline, self.job_id, due, self._invokers())
            return [put(self.key, state), AddJob(self._job(due))]
        state = read(row)
        correlated = (*state.correlated, *self._invokers())[-MAX_CORRELATED:]
        if state.ts > event.ts:
            return [put(self.key, replace(state, correlated=correlated))] if self._invokers() else []
        due = self._due(state.deadline)
        actions: list[Action] = []
        changed = replace(state, event_id=event.id, ts=event.ts, due=due, correlated=correlated)
        if due < state.job_due:  # the period was made shorter: the job that is there would come too late
            changed = replace(changed, job_id=self.job_id, job_due=due)
            actions.append(AddJob(self._job(due)))
        return [put(self.key, changed), *actions]

    def _invokers(self) -> tuple[str, ...]:
        return (self.event.correlation_id,) if self.event.correlation_id else ()

    def _due(self, deadline: int) -> int:
        due = self.now + self.config.period_s * 1_000
        return min(due, deadline) if deadline else due

    def _job(self, due: int) -> Job:
        return Job(
            id=self.job_id,
            kind=JobKind.DEBOUNCE,
            app_id=self.function.app_id,
            function_id=self.function.id,
            due=due,
            score=due,
            payload=self.key.encode(),
        )


def debounce_push(function: Function, event: Event, now: int, entropy: Entropy) -> DebouncePush | None:
    config = function.config.debounce
    if config is None:
        return None
    value: object = ""
    if config.key:
        try:
            value = value_of(config.key, event.wire, now)
        except NoValueError:
            value = "<invalid>"
    key = row_key(KIND, function.id, config.key, value)
    return DebouncePush(config, function, event, now, key, f"debounce:{entropy.ulid(now)}")
