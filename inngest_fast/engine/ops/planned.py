"""StepPlanned: a step that wants a call of its own (sdk-protocol §4.2)."""

from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.ops import Op
from inngest_fast.domain.runs import StepStatus
from inngest_fast.engine.lifecycle.draft import Draft
from inngest_fast.engine.ops.report import reported


def plan_step(draft: Draft, op: Op, *, parallel: bool) -> None:
    draft.put_step(reported(draft, op, StepStatus.PLANNED, parallel=parallel))
    draft.schedule(JobKind.PLAN, f"{op.id}-plan", step_id=op.id)
