"""StepError: a step's attempt failed (sdk-protocol §4.2)."""

from msgspec.structs import replace

from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.ops import Op, Opcode
from inngest_fast.domain.runs import StepStatus
from inngest_fast.engine.lifecycle.draft import Draft
from inngest_fast.engine.ops.finished import error_of
from inngest_fast.engine.ops.report import reported
from inngest_fast.engine.trace.metadata import annotate


def retry_step(draft: Draft, op: Op, due: int, started_at: int) -> None:
    """Puts the job back for the step's next attempt.

    A step stays reserved by the job or wait that will finish it. One that ran inside a discovery call is not:
    the repeated call decides anew what to do with it.
    """
    job = draft.job
    assert job is not None
    known = draft.run.steps.get(op.id)
    if job.kind is JobKind.PLAN and job.step_id == op.id:
        status = StepStatus.PLANNED
    elif known is not None and known.reserved:
        status = known.status
    else:
        status = StepStatus.RETRYING
    step = reported(draft, op, status, started_at=started_at)
    if step.memo is None:
        annotate(draft, op)
        draft.put_step(replace(step, attempts=job.attempt + 1))
    draft.put_attempt(
        replace(
            draft.attempt(error=error_of(op)),
            step_id=op.id,
            name=op.display_name or step.name,
            op=Opcode.STEP_RUN.value,
        )
    )
    if not draft.moved:
        draft.retry_job(due)
