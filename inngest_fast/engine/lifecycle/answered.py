"""What an app's answer to a call does to its run (sdk-protocol §§3–5)."""

from collections.abc import Mapping, Sequence

import msgspec

from inngest_fast.domain.apps import Function
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.ops import Op, Opcode
from inngest_fast.domain.runs import Run, StepStatus
from inngest_fast.domain.traces import Response
from inngest_fast.domain.transitions import Transition
from inngest_fast.domain.waits import Wait
from inngest_fast.engine import limits
from inngest_fast.engine.answer import Answer, Failure, Ops, Result
from inngest_fast.engine.lifecycle import finish, retry
from inngest_fast.engine.lifecycle.checkpoint import conflicts, dispatch_anew, superseded
from inngest_fast.engine.lifecycle.draft import Draft
from inngest_fast.engine.lifecycle.errors import AttemptError, RunFatalError, error_object
from inngest_fast.engine.lifecycle.proceed import after_step, open_group, rediscover
from inngest_fast.engine.ops.defer import take_defers
from inngest_fast.engine.ops.finished import finish_step, overflow
from inngest_fast.engine.ops.gateway import plan_request
from inngest_fast.engine.ops.invoke import invoke
from inngest_fast.engine.ops.planned import plan_step
from inngest_fast.engine.ops.run_complete import ENDS, complete_run
from inngest_fast.engine.ops.sleep import plan_sleep
from inngest_fast.engine.ops.step_error import retry_step
from inngest_fast.engine.ops.wait_for_event import wait_for_event
from inngest_fast.engine.ops.wait_for_signal import wait_for_signal

_FINISHED = frozenset((Opcode.STEP, Opcode.STEP_RUN, Opcode.STEP_FAILED))
_REQUESTS = frozenset((Opcode.GATEWAY, Opcode.AI_GATEWAY))
_NO_HOLDERS: Mapping[str, Sequence[Wait]] = {}


class Called(msgspec.Struct, frozen=True):
    """A call that was answered. Times are unix ms; `retry_interval_ms` of 0 means the backoff table."""

    job: Job
    answer: Answer
    started_at: int
    now: int
    retry_interval_ms: int = 0
    response: Response | None = None
    holders: Mapping[str, Sequence[Wait]] = _NO_HOLDERS  # live waits for the signals that the answer asks for


def decide(run: Run, function: Function, called: Called, entropy: Entropy) -> Transition:
    """The transition that takes the answer in. A run that has ended takes nothing more."""
    if run.status.ended:
        return Transition([], called.job)
    draft = _draft(run, function, called, entropy)
    answer = called.answer
    try:
        if isinstance(answer, Ops):
            take_ops(draft, called, answer)
        elif isinstance(answer, Result):
            finish.complete(draft, answer.data)
        else:
            _attempt_failed(draft, called, answer)
    except RunFatalError as fatal:
        draft = _draft(run, function, called, entropy)
        finish.fail(draft, fatal.error_object, None)
    except AttemptError as refused:
        draft = _draft(run, function, called, entropy)
        message = str(refused)
        failure = Failure(
            error=error_object("Error", message, message), output=None, code="", no_retry=False, retry_at=None
        )
        _attempt_failed(draft, called, failure)
    return draft.close()


def signals(answer: Answer) -> list[str]:
    """The signals that an answer asks to wait for: whoever has them is to be in `Called.holders`."""
    if not isinstance(answer, Ops):
        return []
    return [op.signal or op.name for op in answer.ops if op.op is Opcode.WAIT_FOR_SIGNAL]


def _draft(run: Run, function: Function, called: Called, entropy: Entropy) -> Draft:
    draft = Draft(run, function, called.now, entropy, called.job)
    draft.called_at, draft.response = called.started_at, called.response
    draft.started(called.started_at)
    version = called.answer.version
    if version is not None and draft.run.request_version < 0:
        draft.run.request_version = version
    return draft


def _attempt_failed(draft: Draft, called: Called, failure: Failure) -> None:
    job = called.job
    if superseded(draft.run, job, failure):
        dispatch_anew(draft, job, delay=limits.REDISCOVERY_DELAY)
        return
    if failure.no_retry or not retry.attempts_left(draft.function.config, retry.counted(draft.run, job)):
        finish.fail(draft, failure.error, failure.output)
        return
    if job.kind is JobKind.PLAN and (step := draft.run.steps.get(job.step_id)) and step.memo is None:
        draft.put_step(
            msgspec.structs.replace(
                step, attempts=job.attempt + 1, started_at=step.started_at or called.started_at
            )
        )
    draft.put_attempt(draft.attempt(output=failure.output, error=failure.error))
    draft.retry_job(_retry_at(draft, called, failure.retry_at))


def _retry_at(draft: Draft, called: Called, retry_at: int | None) -> int:
    return retry.next_attempt_at(
        retry.counted(draft.run, called.job), draft.now, retry_at, called.retry_interval_ms, draft.entropy
    )


def take_ops(draft: Draft, called: Called, answer: Ops) -> None:
    """Does what reported ops ask for. Raises RunFatalError, AttemptError."""
    run, job = draft.run, called.job
    take_defers(draft, answer.ops)
    ops = [op for op in answer.ops if not op.lazy and op.op is not Opcode.NONE]
    if job.kind is not JobKind.PLAN:
        _forget_unreported(run, ops)
    if not ops:
        _nothing_said(draft, job)
        return
    if len(ops) > limits.MAX_STEPS:
        raise overflow(limits.MAX_STEPS)
    end = next((op for op in ops if op.op in ENDS), None)
    if end is not None and conflicts(run, ops):  # it rests on what is not so
        dispatch_anew(draft, job, delay=limits.REDISCOVERY_DELAY)
        return
    if end is not None:
        ops = [op for op in ops if op.op in _FINISHED]  # nothing begins in a run that ends
    grouped = len(ops) > 1
    if grouped:
        run.force_plan = True
        run.branched = True
    in_group = grouped and run.request_version >= 2 and any(op.plans for op in ops)
    if in_group:
        steps = [op.id for op in ops if op.op is not Opcode.DISCOVERY_REQUEST]
        open_group(run, [id for id in steps if not _has_memo(run, id)])

    for op in ops:
        if op.op is Opcode.WAIT_FOR_EVENT and not _known(run, op.id):
            wait_for_event(draft, op, parallel=grouped)
    done = [op for op in ops if op.op in _FINISHED]
    for op in done:
        finish_step(draft, op, called.started_at)
    for op in ops:
        _plan(draft, called, op, parallel=grouped)
    failed = [op for op in ops if op.op is Opcode.STEP_ERROR]
    may_retry = not answer.no_retry and retry.attempts_left(draft.function.config, retry.counted(run, job))
    for op in failed:
        if may_retry and not _has_memo(run, op.id):
            retry_step(draft, op, _retry_at(draft, called, answer.retry_at), called.started_at)
        else:
            finish_step(draft, op, called.started_at)
            done.append(op)
    if end is not None:
        complete_run(draft, end)
        return
    _proceed(draft, job, done, ops, emptied=in_group and not run.pending)


def _plan(draft: Draft, called: Called, op: Op, *, parallel: bool) -> None:
    kind = op.op
    if not op.plans or _known(draft.run, op.id):
        return
    if kind is Opcode.STEP_PLANNED:
        plan_step(draft, op, parallel=parallel)
    elif kind is Opcode.SLEEP:
        plan_sleep(draft, op, parallel=parallel)
    elif kind is Opcode.INVOKE_FUNCTION:
        invoke(draft, op, parallel=parallel)
    elif kind in _REQUESTS:
        plan_request(draft, op, parallel=parallel)
    elif kind is Opcode.WAIT_FOR_SIGNAL:
        wait_for_signal(draft, op, called.holders, parallel=parallel)


def _proceed(draft: Draft, job: Job, done: Sequence[Op], ops: Sequence[Op], *, emptied: bool) -> None:
    """Makes sure that something follows: a finished step, a repeated call, or an open step."""
    run = draft.run
    if draft.moved:
        for op in done:
            run.pending = tuple(id for id in run.pending if id != op.id)
        return  # the repeated call is the discovery
    scheduled = False
    last = len(done) - 1
    for place, op in enumerate(done):
        if len(done) > 1 and place < last and op.id not in run.pending:
            continue  # one discovery sees them all
        step = run.steps[op.id]
        after_step(
            draft, op.id, race=step.race, suffix="-failure" if step.status is StepStatus.FAILED else ""
        )
        scheduled = True
    if job.kind is JobKind.PLAN and _abandon(draft, job.step_id):
        rediscover(draft, f"{job.step_id}-lost", limits.REDISCOVERY_DELAY)
        return
    if any(op.op is Opcode.DISCOVERY_REQUEST for op in ops):
        rediscover(draft, f"discover-{run.version}", 0)
    elif emptied or (not scheduled and not _any_open(run)):
        rediscover(draft, f"discover-{run.version}", limits.REDISCOVERY_DELAY)


def _forget_unreported(run: Run, ops: Sequence[Op]) -> None:
    """A step that failed in an earlier call and is not reported again must not keep its group waiting."""
    if run.pending:
        ids = {op.id for op in ops}
        run.pending = tuple(id for id in run.pending if id in ids or _known(run, id))


def _nothing_said(draft: Draft, job: Job) -> None:
    """An answer without a step: fine while others are open, else the app is asked again (§4.5)."""
    lost = job.kind is JobKind.PLAN and _abandon(draft, job.step_id)
    if lost or not _any_open(draft.run):
        rediscover(draft, f"discover-{draft.run.version}", limits.REDISCOVERY_DELAY)


def _abandon(draft: Draft, step_id: str) -> bool:
    """Whether a targeted call came back without its step, which then may be reported anew."""
    step = draft.run.steps.get(step_id)
    if step is None or not step.reserved:
        return False
    draft.put_step(msgspec.structs.replace(step, status=StepStatus.ABANDONED))
    draft.run.pending = tuple(id for id in draft.run.pending if id != step_id)
    return True


def _has_memo(run: Run, step_id: str) -> bool:
    step = run.steps.get(step_id)
    return step is not None and step.memo is not None


def _known(run: Run, step_id: str) -> bool:
    step = run.steps.get(step_id)
    return step is not None and (step.memo is not None or step.reserved)


def _any_open(run: Run) -> bool:
    return any(step.reserved for step in run.steps.values())
