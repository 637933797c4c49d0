"""What a trace is made of, and what both of its trees read off it."""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from inngest_fast.domain.jobs import CALLS, Job
from inngest_fast.domain.ops import Opcode
from inngest_fast.domain.runs import Run, RunStatus, Step, StepStatus
from inngest_fast.domain.trace_ids import run_ids, span_id
from inngest_fast.domain.traces import Attempt, InvokeInfo, Metadata, Span, SpanStatus, StepInfo
from inngest_fast.engine.trace.metadata import Target

RUN = "RUN"
_OPS = {
    Opcode.SLEEP.value: "SLEEP",
    Opcode.WAIT_FOR_EVENT.value: "WAIT_FOR_EVENT",
    Opcode.INVOKE_FUNCTION.value: "INVOKE",
    Opcode.WAIT_FOR_SIGNAL.value: "WAIT_FOR_SIGNAL",
    Opcode.AI_GATEWAY.value: "AI_GATEWAY",
    Opcode.GATEWAY.value: "AI_GATEWAY",
}
_STATUS = {
    RunStatus.QUEUED: SpanStatus.QUEUED,
    RunStatus.RUNNING: SpanStatus.RUNNING,
    RunStatus.COMPLETED: SpanStatus.COMPLETED,
    RunStatus.FAILED: SpanStatus.FAILED,
    RunStatus.CANCELLED: SpanStatus.CANCELLED,
    RunStatus.SKIPPED: SpanStatus.SKIPPED,
}
_NOTES: Mapping[Target, Sequence[Metadata]] = {}


class Known(msgspec.Struct, frozen=True):
    """A run whole, and what is stored beside it.

    `children` are runs that its invocations started, by the event that did; `max_attempts` is its
    function's. `notes` are metadata by what they are on, `rows` all that is stored with the trace.
    """

    run: Run
    attempts: Sequence[Attempt] = ()
    jobs: Sequence[Job] = ()
    children: Mapping[str, str] = {}
    max_attempts: int = 4
    notes: Mapping[Target, Sequence[Metadata]] = _NOTES
    rows: Sequence[tuple[str, bytes]] = ()

    @property
    def status(self) -> SpanStatus:
        return _STATUS[self.run.status]

    def failures_of(self, step: Step) -> list[Attempt]:
        """Attempts that went before what a step is now: its own, and those of the body that led to it."""
        return self._in_order(
            each
            for each in self.attempts
            if each.step_id == step.id or (not each.step_id and each.group == step.group)
        )

    def failures_in(self, group: str) -> list[Attempt]:
        """Attempts of the function's body in that group."""
        return self._in_order(each for each in self.attempts if not each.step_id and each.group == group)

    def open_body(self) -> str:
        """The group of a call that will be made again although no step of it failed; "" if there is none."""
        if self.run.status.ended:
            return ""
        for job in self.jobs:
            if job.kind in CALLS and job.attempt > 0 and self.failures_in(job.within_run):
                return job.within_run
        return ""

    def body(self) -> tuple[str, list[Attempt]]:
        """The group in which the function itself ended, or will be called again, "" if there is none; and the
        attempts that failed in it before.
        """
        last = self.run.last_call
        group = last.group if last is not None else self.open_body()
        return group, self.failures_in(group) if group else []

    def next_due(self, group: str = "") -> int:
        """When the next job of the run is due, or of that group; unix ms."""
        dues = [job.due for job in self.jobs if not group or job.within_run == group]
        return min(dues, default=self.run.queued_at)

    def shown_steps(self) -> list[Step]:
        """Those that something happened to, in the order of their beginning."""
        shown = [
            step
            for step in self.run.steps.values()
            if step.memo is not None or step.started_at or step.status in _OPEN_OPS or step.op in _REQUESTS
        ]
        return sorted(shown, key=_place)

    def info(self, step: Step) -> StepInfo | None:
        found = step.info
        if isinstance(found, InvokeInfo) and found.event_id in self.children:
            return msgspec.structs.replace(found, run_id=self.children[found.event_id])
        return found

    def root(self, name: str) -> Span:
        run = self.run
        return Span(
            id=run_ids(run.id)[1],
            name=name,
            status=self.status,
            queued_at=run.queued_at,
            scheduled_at=run.queued_at,
            started_at=run.started_at,
            ended_at=run.ended_at,
            attempts=run.last_call.number if run.last_call is not None else 0,
            is_root=True,
            skip_reason=run.skip_reason.value,
            skipped_for=run.skipped_for,
        )

    @staticmethod
    def _in_order(attempts: Iterable[Attempt]) -> list[Attempt]:
        return sorted(attempts, key=lambda each: (each.started_at, each.number))


_OPEN_OPS = frozenset((StepStatus.SLEEPING, StepStatus.WAITING))
_REQUESTS = frozenset((Opcode.GATEWAY.value, Opcode.AI_GATEWAY.value))  # nobody tells when one begins
_LAST = 1 << 30


def _place(step: Step) -> tuple[int, int, str]:
    return step.queued_at, step.seq if step.seq >= 0 else _LAST, step.id


def op_of(step: Step) -> str:
    """The StepOp of http-api §6.3."""
    return _OPS.get(step.op, RUN)


def op_status(step: Step, run: Run, *, sleeping: SpanStatus) -> SpanStatus:
    """Of a step; `sleeping` is what one is called that sleeps."""
    match step.status:
        case StepStatus.COMPLETED:
            return SpanStatus.COMPLETED
        case StepStatus.FAILED:
            return SpanStatus.FAILED
        case StepStatus.TIMED_OUT:
            return SpanStatus.FAILED if op_of(step) == "INVOKE" else SpanStatus.COMPLETED
    if run.status.ended:
        return SpanStatus.CANCELLED
    match step.status:
        case StepStatus.SLEEPING:
            return sleeping
        case StepStatus.WAITING:
            return SpanStatus.RUNNING if op_of(step) in ("INVOKE", "AI_GATEWAY") else SpanStatus.WAITING
        case StepStatus.PLANNED if not step.started_at:
            return SpanStatus.QUEUED
    return SpanStatus.RUNNING


def ended_at(step: Step, run: Run) -> int:
    """Unix ms; what is open when its run ends has ended with it."""
    return step.ended_at or (run.ended_at if run.status.ended else 0)


def last_times(step: Step) -> tuple[int, int]:
    """When the last attempt of a step was queued and started."""
    return step.last_queued_at or step.queued_at, step.last_started_at or step.started_at


def attempt_span_id(run_id: str, attempt: Attempt) -> str:
    return span_id(f"{attempt.step_id or f'{run_id}:{attempt.group}'}:{attempt.number}")


def group_id(run_id: str, group: str) -> str:
    """A UUID that stands for a group."""
    digest = hashlib.blake2b(f"{run_id}:{group}".encode(), digest_size=16).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}"


# Outputs


class OutputPlace(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an output id names: an attempt by its key, a step, or else the run itself."""

    run: str
    step: str = ""
    attempt: str = ""


_read_place = msgspec.json.Decoder(OutputPlace)


def output_id(place: OutputPlace) -> str:
    """Opaque to clients."""
    return base64.b64encode(msgspec.json.encode(place)).decode()


def step_output_id(run_id: str, step: Step) -> str:
    """Of what a step put out; "" where there is nothing to see."""
    op = op_of(step)
    if step.memo is None or op == "SLEEP" or (step.status is StepStatus.TIMED_OUT and op != "INVOKE"):
        return ""
    return output_id(OutputPlace(run_id, step=step.id))


def read_output_id(text: str) -> OutputPlace:
    """Raises ValueError for what `output_id` has not made."""
    try:
        return _read_place.decode(base64.b64decode(text, validate=True))
    except (ValueError, msgspec.DecodeError) as error:
        raise ValueError(f"error parsing span identifier: {error}") from None
