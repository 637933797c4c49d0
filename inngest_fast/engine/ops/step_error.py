"""StepError: a step's attempt failed (sdk-protocol §4.2)."""

from msgspec.structs import replace

from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.ops import Op
from inngest_fast.domain.runs import StepStatus
from inngest_fast.engine.lifecycle.draft import Draft
from inngest_fast.engine.ops.report import reported


def retry_step(draft: Draft, op: Op, due: int, started_at: int) -> None:
    """Puts the job back for the step's next attempt.

    A planned step stays reserved by its job. One that ran inside a discovery call is not: the repeated call
    decides anew what to do with it.
    """
    job = draft.job
    assert job is not None
    planned = job.kind is JobKind.PLAN and job.step_id == op.id
    step = reported(draft, op, StepStatus.PLANNED if planned else StepStatus.RETRYING, started_at=started_at)
    if step.memo is None:
        draft.put_step(replace(step, attempts=job.attempt + 1))
    if not draft.moved:
        draft.retry_job(due)
