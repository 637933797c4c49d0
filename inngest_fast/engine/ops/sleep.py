"""Sleep (sdk-protocol §4.2)."""

from msgspec.structs import replace

from inngest_fast.domain.durations import parse_sleep
from inngest_fast.domain.errors import InvalidDurationError
from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.ops import Op
from inngest_fast.domain.runs import StepStatus
from inngest_fast.domain.traces import SleepInfo
from inngest_fast.engine import limits
from inngest_fast.engine.lifecycle.draft import Draft
from inngest_fast.engine.lifecycle.errors import AttemptError, RunFatalError
from inngest_fast.engine.ops.report import reported


def plan_sleep(draft: Draft, op: Op, *, parallel: bool) -> None:
    text = op.duration or op.name
    try:
        due = parse_sleep(text, draft.now)
    except InvalidDurationError as error:
        raise AttemptError(f"step {op.display_name!r} cannot sleep: {error}") from None
    if due > draft.now + limits.MAX_SUSPENSION:
        raise RunFatalError(
            "InngestErrTimeoutTooLong",
            f'The sleep "{text}" ends more than one year in the future; sleeps may last at most one year.',
        )
    step = reported(draft, op, StepStatus.SLEEPING, parallel=parallel)
    draft.put_step(replace(step, info=SleepInfo(due)))
    draft.schedule(JobKind.SLEEP, f"{op.id}-sleep", due=due, step_id=op.id)
