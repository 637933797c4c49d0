"""What the end of a request that the server made for an app does to its run (sdk-protocol §4.2)."""

import msgspec
from msgspec.structs import replace

from inngest_fast.domain.apps import Function
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import Run, StepStatus
from inngest_fast.domain.transitions import Transition
from inngest_fast.engine.gateway.outcome import Outcome, error_of
from inngest_fast.engine.lifecycle import finish, retry
from inngest_fast.engine.lifecycle.draft import Draft
from inngest_fast.engine.lifecycle.errors import RunFatalError
from inngest_fast.engine.lifecycle.proceed import after_step
from inngest_fast.engine.ops.finished import check_limits
from inngest_fast.engine.trace.metadata import AI, Note, put_note


class Fetched(msgspec.Struct, frozen=True):
    """A request that is over. Times are unix ms; `retry_interval_ms` of 0 means the backoff table."""

    job: Job
    outcome: Outcome
    started_at: int
    now: int
    retry_interval_ms: int = 0


def decide(run: Run, function: Function, fetched: Fetched, entropy: Entropy) -> Transition:
    """The transition that takes the outcome in; a step that is done already keeps what it has."""
    job, outcome = fetched.job, fetched.outcome
    step = run.steps.get(job.step_id)
    if run.status.ended or step is None or step.memo is not None:
        return Transition([], job)
    draft = Draft(run, function, fetched.now, entropy, job)
    step = replace(
        step,
        attempts=job.attempt + 1,
        started_at=step.started_at or fetched.started_at,
        last_queued_at=min(job.due, fetched.started_at),
        last_started_at=fetched.started_at,
    )
    if outcome.failed and not outcome.final and retry.attempts_left(function.config, job.attempt):
        draft.put_step(step)
        draft.called_at = fetched.started_at
        failed = draft.attempt(error=error_of(outcome.memo))
        draft.put_attempt(replace(failed, step_id=step.id, name=step.name, op=step.op))
        draft.retry_job(
            retry.next_attempt_at(
                job.attempt, fetched.now, outcome.retry_at, fetched.retry_interval_ms, entropy
            )
        )
        return draft.close()
    draft.memoize(step, outcome.memo, StepStatus.FAILED if outcome.failed else StepStatus.COMPLETED)
    if outcome.usage is not None:
        put_note(draft, Note(AI, "set", outcome.usage, fetched.now, "step", step.id))
    try:
        check_limits(draft)
    except RunFatalError as fatal:
        finish.fail(draft, fatal.error_object, None)
        return draft.close()
    after_step(draft, step.id, race=step.race, suffix="-failure" if outcome.failed else "")
    return draft.close()
