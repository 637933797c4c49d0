"""Runs of durable endpoints: the app works by itself and reports (sdk-protocol §7.2).

While it does, the run's only job is one that looks whether the endpoint has fallen silent. Once it asks for
something that takes time, or fails, the run goes on by calls, as every other.
"""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from inngest_fast.domain.apps import Function
from inngest_fast.domain.errors import CheckpointRefusedError
from inngest_fast.domain.events import Event
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.ops import Op, Opcode
from inngest_fast.domain.runs import Run, RunStatus, StepStatus
from inngest_fast.domain.transitions import AddJob, CreateRun, Transition
from inngest_fast.domain.waits import Wait
from inngest_fast.engine import limits
from inngest_fast.engine.answer import Ops
from inngest_fast.engine.answer.error_object import standard_error
from inngest_fast.engine.lifecycle import finish, retry
from inngest_fast.engine.lifecycle.answered import Called, take_ops
from inngest_fast.engine.lifecycle.checkpoint import conflicts
from inngest_fast.engine.lifecycle.draft import Draft, run_job
from inngest_fast.engine.lifecycle.errors import AttemptError, RunFatalError
from inngest_fast.engine.lifecycle.proceed import rediscover
from inngest_fast.engine.ops.defer import take_defers
from inngest_fast.engine.ops.finished import error_of, finish_step
from inngest_fast.engine.ops.report import reported
from inngest_fast.engine.ops.run_complete import ENDS, complete_run

COMPLETE_ID = "0737c22d3bfae812339732d14d8c7dbd6dc4e09c"  # the id that the function itself has as a step

_DONE = frozenset((Opcode.STEP, Opcode.STEP_RUN))
_SILENCE = "silence"


def begin(function: Function, event: Event, run_id: str, version: int, key: str, now: int) -> CreateRun:
    """The run of a request that an endpoint has begun to answer. Who comes second with its key changes
    nothing.
    """
    run = Run(
        id=run_id,
        app_id=function.app_id,
        function_id=function.id,
        slug=function.slug,
        event_ids=(event.id,),
        events=(event.wire,),
        queued_at=now,
        status=RunStatus.RUNNING,
        started_at=now,
        due_at=now,
        function_version=function.version,
        request_version=version,
        state_size=len(event.wire),
        score=now,
        key=key,
        branched=True,
        by_itself=True,
    )
    due = now + limits.SILENCE
    job = run_job(run, JobKind.SILENCE, _SILENCE, due, due)
    return CreateRun(run, (job,), (), now + limits.KEY_LIFE)


def decide(
    run: Run,
    function: Function,
    ops: Sequence[Op],
    holders: Mapping[str, Sequence[Wait]],
    now: int,
    retry_interval_ms: int,
    entropy: Entropy,
) -> Transition | None:
    """Takes in what an endpoint reports; None if all of it is known.

    Raises CheckpointRefusedError for a run that is over, or for an op that cannot be done.
    """
    ops = [op for op in ops if op.op is not Opcode.NONE]
    news = [op for op in ops if op.op not in _DONE or op.id not in run.stack]
    if not run.by_itself:  # it goes on by calls: what else is to be done they say
        news = [op for op in news if op.op in _DONE or op.op in ENDS or op.lazy]
    if run.status.ended:
        if not news or any(op.op in ENDS for op in ops):
            return None
        raise CheckpointRefusedError(f"run {run.id} is over", "stale")
    if not news:
        return None
    if conflicts(run, ops):
        raise CheckpointRefusedError(f"run {run.id} went on without this", "stale")
    draft = Draft(run, function, now, entropy)
    draft.run.branched = True
    # No job of the store: what is read of it is the attempt that is under way.
    job = run_job(run, JobKind.EDGE, "sync", now, now)
    called = Called(
        job=job,
        answer=Ops(tuple(news), None, no_retry=False, retry_at=None),
        started_at=now,
        now=now,
        retry_interval_ms=retry_interval_ms,
        holders=holders,
    )
    try:
        _take(draft, called, news)
    except RunFatalError as fatal:
        draft = Draft(run, function, now, entropy)
        draft.run.branched = True
        finish.fail(draft, fatal.error_object, None)
    except AttemptError as error:
        raise CheckpointRefusedError(str(error), "invalid") from None
    return draft.close()


def silent(run: Run, function: Function, job: Job, now: int, entropy: Entropy) -> Transition:
    """An endpoint of which nothing was heard for too long is called, to go on where it stopped."""
    draft = Draft(run, function, now, entropy, job)
    heard = max((step.ended_at for step in run.steps.values()), default=0)
    due = max(run.started_at, heard) + limits.SILENCE
    if now < due:
        draft.retry_job(due)
    else:
        draft.run.by_itself = False
        rediscover(draft, "after-silence", 0)
    return draft.close()


def _take(draft: Draft, called: Called, ops: Sequence[Op]) -> None:
    end = next((op for op in ops if op.op in ENDS), None)
    failed = next((op for op in ops if op.op in (Opcode.STEP_ERROR, Opcode.STEP_FAILED)), None)
    if end is None and failed is None and all(op.op in _DONE or op.lazy for op in ops):
        take_defers(draft, ops)
        _finish(draft, ops)
        return
    draft.drop_job(_SILENCE)
    draft.run.by_itself = False
    if end is None and failed is not None and (failed.id == COMPLETE_ID or failed.op is Opcode.STEP_ERROR):
        _finish(draft, ops)
        take_defers(draft, ops)
        _failed(draft, called, failed)
    elif end is not None:
        take_defers(draft, ops)
        _finish(draft, ops)
        complete_run(draft, end)
    else:
        take_ops(draft, called, Ops(tuple(ops), None, no_retry=False, retry_at=None))


def _finish(draft: Draft, ops: Sequence[Op]) -> None:
    for op in ops:
        if op.op in _DONE:
            began_at = op.began_at or draft.now
            finish_step(draft, op, min(max(began_at, draft.run.started_at), draft.now))


def _failed(draft: Draft, called: Called, op: Op) -> None:
    """The function, or a step of it, threw: it is called again, as long as it may be."""
    final = op.op is Opcode.STEP_FAILED or not retry.attempts_left(draft.function.config, 0)
    if op.id != COMPLETE_ID:
        if final:
            finish_step(draft, op, called.started_at)
            rediscover(draft, f"{op.id}-failure", 0)
            return
        draft.put_step(reported(draft, op, StepStatus.RETRYING, started_at=called.started_at))
    elif final:
        finish.fail(draft, standard_error(error_of(op), "Function execution error"), None)
        return
    due = retry.next_attempt_at(0, draft.now, None, called.retry_interval_ms, draft.entropy)
    job = run_job(draft.run, JobKind.EDGE, f"retry-{draft.run.version}", due, due)
    draft.act(AddJob(replace(job, attempt=1, generation=2)))
