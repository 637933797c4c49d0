"""Gateway, AIGateway: a request that the server makes for the app (sdk-protocol §4.2)."""

from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.ops import Op
from inngest_fast.domain.runs import StepStatus
from inngest_fast.engine.gateway.request import encode, outbound
from inngest_fast.engine.lifecycle.draft import Draft
from inngest_fast.engine.ops.report import reported


def plan_request(draft: Draft, op: Op, *, parallel: bool) -> None:
    """The request is in the job and nowhere else: with it go the keys that it carries."""
    payload = encode(outbound(op))
    draft.put_step(reported(draft, op, StepStatus.PLANNED, parallel=parallel))
    draft.schedule(JobKind.GATEWAY, f"{op.id}-gateway", step_id=op.id, payload=payload)
