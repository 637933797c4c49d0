"""The end of a run, and the events that tell of it (sdk-protocol §5)."""

import msgspec

from inngest_fast.domain.events import CANCELLED, FAILED, FINISHED, Event, parts, wire_form
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.runs import Run, RunStatus
from inngest_fast.domain.transitions import PutEvent
from inngest_fast.engine.lifecycle.deferred import at_end
from inngest_fast.engine.lifecycle.draft import Draft

_SILENT = frozenset((FINISHED, FAILED))
_WORD = {
    RunStatus.COMPLETED: b"Completed",
    RunStatus.FAILED: b"Failed",
    RunStatus.CANCELLED: b"Cancelled",
}


def complete(draft: Draft, output: bytes | None) -> None:
    """The function returned; None for an answer without a body."""
    _end(draft, RunStatus.COMPLETED, output, None)


def fail(draft: Draft, error: bytes, output: bytes | None) -> None:
    """The function failed for good; `error` is the standard error object (sdk-protocol §3.2)."""
    _end(draft, RunStatus.FAILED, output, error)


def cancel(draft: Draft) -> None:
    _end(draft, RunStatus.CANCELLED, None, None)


def _end(draft: Draft, status: RunStatus, output: bytes | None, error: bytes | None) -> None:
    run = draft.run
    run.status = status
    run.ended_at = draft.now
    run.output = output
    run.error = error
    run.pending = ()
    at_end(draft)
    if draft.called_at:
        run.last_call = draft.attempt()
    trigger = parts(run.events[0])
    if trigger.name in _SILENT:
        return
    data = _data(run, status, run.correlation_id)
    meta = bytes(trigger.meta)
    if meta == b"null":
        meta = b""
    draft.act(_event(draft, FINISHED, "", data, meta, run.correlation_id))
    for invoker in run.correlated:
        draft.act(_event(draft, FINISHED, "", _data(run, status, invoker), meta, invoker))
    if status is RunStatus.FAILED:
        draft.act(_event(draft, FAILED, run.id, data, meta))
    elif status is RunStatus.CANCELLED:
        draft.act(_event(draft, CANCELLED, run.id, data, meta))


def finished_for(run: Run, invoker: str, now: int, entropy: Entropy) -> PutEvent:
    """Tells one more invoker of a run that has ended."""
    meta = bytes(parts(run.events[0]).meta)
    data = _data(run, run.status, invoker)
    return _made(FINISHED, "", data, b"" if meta == b"null" else meta, invoker, now, entropy)


def _event(
    draft: Draft, name: str, external_id: str, data: bytes, meta: bytes, correlation_id: str = ""
) -> PutEvent:
    return _made(name, external_id, data, meta, correlation_id, draft.now, draft.entropy)


def _made(
    name: str, external_id: str, data: bytes, meta: bytes, correlation_id: str, now: int, entropy: Entropy
) -> PutEvent:
    id = entropy.ulid(now)
    external_id = external_id or id
    return PutEvent(
        Event(
            id=id,
            name=name,
            external_id=external_id,
            ts=now,
            received_at=now,
            wire=wire_form(name=name, id=external_id, ts=now, data=data, meta=meta),
            correlation_id=correlation_id,
        )
    )


def _data(run: Run, status: RunStatus, correlation_id: str) -> bytes:
    quoted = msgspec.json.encode
    out = [b'{"_inngest":{"status":"', _WORD[status], b'"}']
    if correlation_id:
        out += (b',"correlation_id":', quoted(correlation_id))
    if run.error is not None:
        out += (b',"error":', run.error)
    out += (b',"event":', run.events[0], b',"events":[', b",".join(run.events), b"]")
    out += (b',"function_id":', quoted(run.slug))
    if run.output is not None:
        out += (b',"result":', run.output)
    out += (b',"run_id":"', run.id.encode(), b'"}')
    return b"".join(out)
