"""The step that an op reports on."""

from msgspec.structs import replace

from inngest_fast.domain.ops import Op
from inngest_fast.domain.runs import Step, StepStatus
from inngest_fast.engine.lifecycle.draft import Draft


def reported(
    draft: Draft, op: Op, status: StepStatus, *, started_at: int = 0, parallel: bool = False
) -> Step:
    """The step of an op as it is after this report; what an earlier report said of it stays."""
    job = draft.job
    race = op.parallel_mode == "race"
    attempts = 0
    if started_at:
        attempts = 1 + (job.attempt if job is not None else 0)
    queued_at = started_at or draft.now
    if job is not None and started_at:
        queued_at = min(job.due, started_at)
    known = draft.run.steps.get(op.id)
    if known is None:
        return Step(
            id=op.id,
            op=op.op.value,
            name=op.display_name,
            status=status,
            queued_at=queued_at,
            attempts=attempts,
            started_at=started_at,
            race=race,
            parallel=parallel,
            group=draft.group,
            response=draft.response if started_at else None,
        )
    return replace(
        known,
        op=known.op if known.reserved else op.op.value,
        name=op.display_name or known.name,
        status=status,
        attempts=max(known.attempts, attempts),
        started_at=known.started_at or started_at,
        race=race or known.race,
        parallel=parallel or known.parallel,
        group=draft.group or known.group,
        last_queued_at=queued_at if started_at else known.last_queued_at,
        last_started_at=started_at or known.last_started_at,
        response=draft.response if started_at else known.response,
    )
