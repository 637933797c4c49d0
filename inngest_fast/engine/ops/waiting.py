"""What every waiting step has: a wait, and a job for when nothing meets it in time."""

from msgspec.structs import replace

from inngest_fast.domain.durations import parse_timeout
from inngest_fast.domain.errors import InvalidDurationError
from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.ops import Op
from inngest_fast.domain.runs import StepStatus
from inngest_fast.domain.traces import StepInfo
from inngest_fast.domain.transitions import AddWait
from inngest_fast.domain.waits import Wait, WaitKind
from inngest_fast.engine.lifecycle.draft import Draft
from inngest_fast.engine.lifecycle.errors import AttemptError
from inngest_fast.engine.ops.report import reported


def timeout_job(step_id: str) -> str:
    """The id of a waiting step's timeout job within its run."""
    return f"{step_id}-timeout"


def resume_job(step_id: str) -> str:
    """The id, within its run, of the job that a met wait adds."""
    return f"{step_id}-event"


def expiry(op: Op, now: int, default: int | None) -> int:
    """Unix ms at which a step's wait ends: at once without a timeout, unless there is a default."""
    if not op.timeout:
        return now if default is None else now + default
    try:
        return max(now, parse_timeout(op.timeout, now))
    except InvalidDurationError as error:
        raise AttemptError(f"step {op.display_name!r} has no usable timeout: {error}") from None


def wait_for(
    draft: Draft,
    op: Op,
    kind: WaitKind,
    expires: int,
    *,
    parallel: bool,
    event: str = "",
    expression: str = "",
    key: str = "",
    info: StepInfo,
) -> None:
    """Stores the wait, its timeout and the step."""
    run = draft.run
    wait = Wait(
        id=draft.entropy.wait_id(draft.now),
        kind=kind,
        run_id=run.id,
        step_id=op.id,
        app_id=run.app_id,
        function_id=run.function_id,
        created_at=draft.now,
        expires_at=expires,
        event=event,
        expression=expression,
        key=key,
        score=run.score,
    )
    run.branched = True
    step = reported(draft, op, StepStatus.WAITING, parallel=parallel)
    draft.put_step(replace(step, wait_id=wait.id, info=info))
    draft.act(AddWait(wait))
    draft.schedule(JobKind.WAIT_TIMEOUT, timeout_job(op.id), due=expires, step_id=op.id)
