"""Which waits an event meets, and what it leaves for the run (sdk-protocol §8, flow-control §6.1, §7)."""

from collections.abc import Callable, Sequence

import msgspec

from inngest_fast._native import expr
from inngest_fast.domain.events import Event, parts
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.waits import Wait, WaitKind
from inngest_fast.engine.expressions import NEVER, InvalidExpressionError, over_async
from inngest_fast.engine.lifecycle.due import CancelPayload
from inngest_fast.engine.lifecycle.errors import error_object
from inngest_fast.engine.ops.waiting import resume_job

Key = tuple[tuple[str, ...], str | float | bool | None]
Lookup = Callable[[tuple[str, ...]], object]

# No event has such names: ingest refuses control characters in none, but these are never looked up by one.
_INVOKE = "\0invoke"
_SIGNAL = "\0signal"
_KEY = ("key",)
_EMPTY_EVENT = b"{}"


def index_entry(wait: Wait) -> tuple[str, Sequence[Key | None]]:
    """The event name and the keys under which a wait is to be found."""
    if wait.kind is WaitKind.INVOKE:
        return _INVOKE, ((_KEY, wait.key),)
    if wait.kind is WaitKind.SIGNAL:
        return _SIGNAL, ((_KEY, wait.key),)
    if not wait.expression:
        return wait.event, (None,)
    if wait.expression == NEVER:
        return wait.event, ()
    try:
        return wait.event, over_async(wait.expression).index_keys()
    except InvalidExpressionError:
        return wait.event, ()


def by_event(event: Event) -> tuple[str, Lookup]:
    """How the waits for an event's name are looked up."""
    return event.name, lambda path: _plain(expr.lookup(event.wire, path))


def by_invoke(correlation_id: str) -> tuple[str, Lookup]:
    return _INVOKE, lambda _: correlation_id


def by_signal(signal: str) -> tuple[str, Lookup]:
    return _SIGNAL, lambda _: signal


def meets(wait: Wait, event: Event, now: int) -> bool:
    """Whether an event, found under the wait's name, is what it waits for."""
    if wait.expires_at <= now and wait.expires_at < event.received_at:
        return False
    if wait.kind is WaitKind.INVOKE:
        return wait.key == event.correlation_id
    if wait.kind not in (WaitKind.EVENT, WaitKind.CANCEL) or wait.event != event.name:
        return False
    if not wait.expression:
        return True
    try:
        return over_async(wait.expression).matches(_EMPTY_EVENT, event.wire, now_ms=now)
    except InvalidExpressionError:
        return False


def resumption(wait: Wait, event: Event, now: int) -> Job:
    """The job that carries what an event gave to the run that waited for it."""
    if wait.kind is WaitKind.CANCEL:
        kind, id = JobKind.CANCEL, "cancel"
        payload = msgspec.json.encode(CancelPayload(event.id))
    else:
        kind, id = JobKind.RESUME, resume_job(wait.step_id)
        payload = _invoke_memo(event) if wait.kind is WaitKind.INVOKE else event.wire
    return _job(wait, kind, id, payload, now, event.id)


def signalled(wait: Wait, data: bytes, now: int) -> Job:
    """As `resumption`, for a signal; `data` is canonical JSON."""
    payload = b'{"data":{"data":' + data + b',"signal":' + msgspec.json.encode(wait.key) + b"}}"
    return _job(wait, JobKind.RESUME, resume_job(wait.step_id), payload, now)


def _job(wait: Wait, kind: JobKind, id: str, payload: bytes, now: int, event_id: str = "") -> Job:
    return Job(
        id=f"{wait.run_id}:{id}",
        kind=kind,
        app_id=wait.app_id,
        function_id=wait.function_id,
        due=now,
        score=wait.score,
        run_id=wait.run_id,
        step_id=wait.step_id,
        payload=payload,
        event_id=event_id,
    )


_absent = msgspec.Raw(b"")


class _Marks(msgspec.Struct):
    status: str = ""


class _Finished(msgspec.Struct):
    """The data of `inngest/function.finished`."""

    error: msgspec.Raw = _absent
    result: msgspec.Raw = _absent
    marks: _Marks = msgspec.field(name="_inngest", default_factory=_Marks)


_finished = msgspec.json.Decoder(_Finished)


def _invoke_memo(event: Event) -> bytes:
    data = _finished.decode(parts(event.wire).data)
    if data.error != _absent:
        return b'{"error":' + bytes(data.error) + b"}"
    if data.marks.status == "Cancelled":
        # The reference server resumes with the event itself, as if the call had worked (§8.1).
        error = error_object("InngestInvokeCancelledError", "The invoked function was cancelled")
        return b'{"error":' + error + b"}"
    return b'{"data":' + (bytes(data.result) or b"null") + b"}"


def _plain(value: object) -> object:
    return None if value is expr.MISSING else value
