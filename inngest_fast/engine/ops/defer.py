"""DeferAdd, DeferAbort: runs to start once this one has ended (sdk-protocol §4.6)."""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from inngest_fast.domain.defers import KEY_PREFIX, DeferBody, DeferMark, DeferStatus, encode_body
from inngest_fast.domain.ops import Op, Opcode
from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import PutTrace
from inngest_fast.engine import limits
from inngest_fast.engine.lifecycle.draft import Draft

_NOTHING: Final = b"{}"


def take_defers(draft: Draft, ops: Iterable[Op]) -> None:
    """Notes what the ops defer and abort. One that was noted before stays as it is; one over a limit is
    rejected, which does no harm to the run.
    """
    for op in ops:
        if op.op is Opcode.DEFER_ADD:
            _add(draft, op)
        elif op.op is Opcode.DEFER_ABORT:
            _abort(draft.run, op.target_id)


def _add(draft: Draft, op: Op) -> None:
    run = draft.run
    if len(run.defers) >= limits.MAX_DEFERS_NOTED or any(mark.id == op.id for mark in run.defers):
        return
    given, meta = op.input or _NOTHING, op.meta or b""
    body = DeferBody(op.fn_slug, op.userland_id)
    mark = DeferMark(op.id, DeferStatus.REJECTED)
    if op.fn_slug and given.startswith(b"{") and _fits(run, len(given), len(meta)):
        body = replace(body, input=given, meta=meta)
        mark = DeferMark(op.id, DeferStatus.SCHEDULED, len(given) + len(meta))
    run.defers = (*run.defers, mark)
    draft.act(PutTrace(run.id, KEY_PREFIX + op.id, encode_body(body)))


def _fits(run: Run, given: int, meta: int) -> bool:
    accepted = [mark.size for mark in run.defers if mark.status is not DeferStatus.REJECTED]
    return (
        len(accepted) < limits.MAX_DEFERS
        and meta <= limits.MAX_DEFER_META
        and sum(accepted) + given + meta <= limits.MAX_DEFER_SIZE
    )


def _abort(run: Run, defer_id: str) -> None:
    run.defers = tuple(
        replace(mark, status=DeferStatus.ABORTED)
        if mark.id == defer_id and mark.status is DeferStatus.SCHEDULED
        else mark
        for mark in run.defers
    )
