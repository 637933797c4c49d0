"""WaitForEvent (sdk-protocol §8.2, flow-control §7.1)."""

from inngest_fast.domain.ops import Op
from inngest_fast.domain.traces import EventWaitInfo
from inngest_fast.domain.waits import WaitKind
from inngest_fast.engine import limits
from inngest_fast.engine.expressions import InvalidExpressionError, residue
from inngest_fast.engine.lifecycle.draft import Draft
from inngest_fast.engine.lifecycle.errors import AttemptError, RunFatalError
from inngest_fast.engine.ops.waiting import expiry, wait_for


def wait_for_event(draft: Draft, op: Op, *, parallel: bool) -> None:
    name = op.event or op.name
    if not name:
        raise AttemptError(f"step {op.display_name!r} waits for an event without naming it")
    try:
        left = residue(op.expression, draft.run.events[0], draft.now)
    except InvalidExpressionError as error:
        raise RunFatalError(
            "InvalidExpression", f"Wait for event If expression failed to compile: {error}"
        ) from None
    expires = expiry(op, draft.now, None)
    if expires > draft.now + limits.MAX_SUSPENSION:
        raise RunFatalError(
            "InngestErrTimeoutTooLong",
            f'The wait "{op.timeout}" ends more than one year in the future; '
            "waits for events may last at most one year.",
        )
    info = EventWaitInfo(name, expires, op.expression)
    wait_for(draft, op, WaitKind.EVENT, expires, parallel=parallel, event=name, expression=left, info=info)
