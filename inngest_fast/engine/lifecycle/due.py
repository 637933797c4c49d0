"""Jobs that need no call: sleeps that end, waits that are met or expire, timeouts, cancellations."""

import msgspec
from msgspec.structs import replace

from inngest_fast.domain.apps import Function
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.ops import Opcode
from inngest_fast.domain.runs import Run, RunStatus, Step, StepStatus
from inngest_fast.domain.traces import EventWaitInfo, InvokeInfo, SignalWaitInfo, StepInfo
from inngest_fast.domain.transitions import Transition
from inngest_fast.engine.lifecycle import finish, sync_run
from inngest_fast.engine.lifecycle.draft import Draft
from inngest_fast.engine.lifecycle.errors import RunFatalError, error_object
from inngest_fast.engine.lifecycle.join import join
from inngest_fast.engine.lifecycle.proceed import after_step
from inngest_fast.engine.ops.finished import check_limits
from inngest_fast.engine.ops.waiting import timeout_job

_INVOKE_TIMEOUT = (
    b'{"error":'
    + error_object("InngestInvokeTimeoutError", "Timed out waiting for invoked function to complete")
    + b"}"
)


class CancelPayload(msgspec.Struct):
    """Of a CANCEL job: the internal id of the event that asked for it."""

    event: str


def decide(run: Run, function: Function, job: Job, now: int, entropy: Entropy) -> Transition:
    """The transition that a due job makes; it may only be the job's own end."""
    if job.kind is JobKind.JOIN:
        return join(run, function, job, now, entropy)
    if run.status.ended:
        return Transition([], job)
    kind = job.kind
    if kind is JobKind.SLEEP:
        return _step_done(run, function, job, b"null", now, entropy)
    if kind is JobKind.RESUME:
        return _step_done(run, function, job, job.payload, now, entropy)
    if kind is JobKind.WAIT_TIMEOUT:
        return _wait_expired(run, function, job, now, entropy)
    if kind is JobKind.CANCEL:
        return _cancel_by_event(run, function, job, now, entropy)
    if kind is JobKind.SILENCE:
        return sync_run.silent(run, function, job, now, entropy)
    if kind is JobKind.START_TIMEOUT:
        limit = function.config.timeouts.start_ms
        late = run.status is RunStatus.QUEUED
        return _timed_out(run, function, job, now, entropy, run.queued_at, limit, late=late)
    limit = function.config.timeouts.finish_ms
    return _timed_out(run, function, job, now, entropy, run.started_at, limit, late=True)


def cancel(run: Run, function: Function, now: int, entropy: Entropy) -> Transition:
    """Cancels a run from outside, whatever it is doing (flow-control §6.2)."""
    draft = Draft(run, function, now, entropy)
    draft.run.branched = True  # its job is not consumed here: sweep
    finish.cancel(draft)
    return draft.close()


def _step_done(run: Run, function: Function, job: Job, memo: bytes, now: int, entropy: Entropy) -> Transition:
    step = run.steps.get(job.step_id)
    if step is None or step.memo is not None:
        return Transition([], job)
    draft = Draft(run, function, now, entropy, job)
    _resolve(draft, step, memo)
    if job.kind is JobKind.RESUME:
        draft.drop_job(timeout_job(step.id))
    return draft.close()


def _wait_expired(run: Run, function: Function, job: Job, now: int, entropy: Entropy) -> Transition:
    step = run.steps.get(job.step_id)
    if step is None or step.memo is not None:
        return Transition([], job)
    draft = Draft(run, function, now, entropy, job)
    invoked = step.op == Opcode.INVOKE_FUNCTION
    _resolve(draft, step, _INVOKE_TIMEOUT if invoked else b"null", expired=True)
    return draft.close(wait_id=step.wait_id)


def _resolve(draft: Draft, step: Step, memo: bytes, *, expired: bool = False) -> None:
    status = StepStatus.COMPLETED
    if expired:
        status = StepStatus.TIMED_OUT
    elif step.op == Opcode.INVOKE_FUNCTION and memo.startswith(b'{"error"'):
        status = StepStatus.FAILED
    event_id = draft.job.event_id if draft.job is not None else ""
    draft.memoize(replace(step, info=_outcome(step.info, event_id, expired=expired)), memo, status)
    try:
        check_limits(draft)
    except RunFatalError as fatal:
        finish.fail(draft, fatal.error_object, None)
        return
    after_step(draft, step.id, race=step.race, suffix="-expired" if expired else "-resumed")


def _outcome(info: StepInfo | None, event_id: str, *, expired: bool) -> StepInfo | None:
    """What a waiting step came to, for its trace."""
    if isinstance(info, EventWaitInfo):
        return replace(info, found_event_id=event_id, timed_out=expired)
    if isinstance(info, InvokeInfo):
        return replace(info, return_event_id=event_id, timed_out=expired)
    if isinstance(info, SignalWaitInfo):
        return replace(info, timed_out=expired)
    return info


def _cancel_by_event(run: Run, function: Function, job: Job, now: int, entropy: Entropy) -> Transition:
    if msgspec.json.decode(job.payload, type=CancelPayload).event in run.event_ids:
        return Transition([], job)
    draft = Draft(run, function, now, entropy, job)
    draft.run.branched = True  # another run may have sent it, of which this one knows nothing: sweep
    finish.cancel(draft)
    return draft.close()


def _timed_out(
    run: Run,
    function: Function,
    job: Job,
    now: int,
    entropy: Entropy,
    since: int,
    limit: int | None,
    *,
    late: bool,
) -> Transition:
    """The config of now counts, not that of when the job was made: it may have been lifted or extended."""
    if limit is None or not late:
        return Transition([], job)
    draft = Draft(run, function, now, entropy, job)
    if now < since + limit:
        draft.retry_job(since + limit)
    else:
        finish.cancel(draft)
    return draft.close()
