"""What is checked, and noted, before an app is called (flow-control §5.8)."""

from inngest_fast.domain.apps import Function
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.runs import Run, RunStatus
from inngest_fast.domain.transitions import Transition
from inngest_fast.engine.lifecycle import finish
from inngest_fast.engine.lifecycle.checkpoint import dispatch_anew
from inngest_fast.engine.lifecycle.draft import Draft


def obstacle(run: Run, function: Function, job: Job, now: int, entropy: Entropy) -> Transition | None:
    """The transition to make in place of the call, or None if the call is to be made."""
    if run.status.ended:
        return Transition([], job)
    if job.kind in (JobKind.PLAN, JobKind.GATEWAY):
        step = run.steps.get(job.step_id)
        if step is not None and step.memo is not None:
            return Transition([], job)
    timeouts = function.config.timeouts
    start, end = timeouts.start_ms, timeouts.finish_ms
    if start is not None and run.status is RunStatus.QUEUED and now > run.queued_at + start:
        return _cancelled(run, function, job, now, entropy)
    if end is not None and run.started_at and now > run.started_at + end:
        return _cancelled(run, function, job, now, entropy)
    if run.reported == (job.id, job.generation):
        return _renamed(run, function, job, now, entropy)
    return None


def is_begin_due(run: Run, function: Function) -> bool:
    """Whether the run's start must be durable before its first call: a timeout counts from it."""
    timeouts = function.config.timeouts
    return run.status is RunStatus.QUEUED and (
        timeouts.start_ms is not None or timeouts.finish_ms is not None
    )


def begin(run: Run, function: Function, now: int, entropy: Entropy) -> Transition:
    """Notes that the run has started, and arms `timeouts.finish`. It consumes no job."""
    draft = Draft(run, function, now, entropy)
    draft.started(now)
    if function.config.timeouts.start_ms is not None:
        draft.drop_job("start-timeout")
    if function.config.timeouts.finish_ms is not None:
        draft.run.branched = True
        draft.schedule(JobKind.FINISH_TIMEOUT, "finish-timeout", due=now + function.config.timeouts.finish_ms)
    return draft.close()


def _cancelled(run: Run, function: Function, job: Job, now: int, entropy: Entropy) -> Transition:
    draft = Draft(run, function, now, entropy, job)
    finish.cancel(draft)
    return draft.close()


def _renamed(run: Run, function: Function, job: Job, now: int, entropy: Entropy) -> Transition:
    """The call was made already, and has checkpointed: its server died, or lost it. It may go on still."""
    draft = Draft(run, function, now, entropy, job)
    dispatch_anew(draft, job)
    return draft.close()
