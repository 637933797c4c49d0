"""The tree of a run that has ended, as spans for a collector (docs/observability.md)."""

from collections.abc import Iterator

import msgspec

from inngest_fast.domain.otlp import ExportedSpan
from inngest_fast.domain.runs import Run
from inngest_fast.domain.trace_context import TraceContext
from inngest_fast.domain.trace_ids import run_ids, span_id, step_span_id
from inngest_fast.domain.traces import EventWaitInfo, InvokeInfo, SignalWaitInfo, SleepInfo, Span, SpanStatus

_INTERNAL, _CONSUMER = 1, 5
_ERROR = 2
_MS = 1_000_000  # ns
_MAX_MESSAGE = 1_000  # characters

_Values = dict[str, str | int]


class _Error(msgspec.Struct):
    message: str = ""


_read_error = msgspec.json.Decoder(_Error).decode


class Ended(msgspec.Struct, frozen=True):
    """What is kept of a run until its tree is read."""

    run_id: str
    slug: str
    function_id: str
    app_id: str
    status: str
    message: str
    caller: TraceContext | None


def ended(run: Run) -> Ended:
    return Ended(
        run.id,
        run.slug,
        run.function_id,
        run.app_id,
        run.status.name.lower(),
        _message(run.error),
        run.caller,
    )


def trace_id(run: Run) -> str:
    """That of the trace which a run's spans are in."""
    return run.caller.trace_id if run.caller is not None else run_ids(run.id)[0]


def exported(about: Ended, root: Span) -> list[ExportedSpan]:
    """The spans of a tree, parents first. Those that the app's own tracing made are for it to export."""
    return list(_below(about, root, root, about.caller.span_id if about.caller else ""))


def _below(about: Ended, root: Span, span: Span, parent_id: str) -> Iterator[ExportedSpan]:
    made = _exported(about, span, root, parent_id)
    yield made
    for child in span.children:
        if child.userland is None:
            yield from _below(about, root, child, made.span_id)


def _exported(about: Ended, span: Span, root: Span, parent_id: str) -> ExportedSpan:
    caller = about.caller
    start = (span.queued_at if span.is_root else span.started_at) or span.queued_at
    failed = span.status is SpanStatus.FAILED
    return ExportedSpan(
        trace_id=caller.trace_id if caller is not None else run_ids(about.run_id)[0],
        span_id=_id(about, span, root),
        parent_id=parent_id,
        name=about.slug if span.is_root else span.name,
        kind=_CONSUMER if span.is_root else _INTERNAL,
        start=start * _MS,
        end=max(span.ended_at or root.ended_at, start) * _MS,
        attributes=tuple((_of_run(about, span) if span.is_root else _of_step(about, span)).items()),
        status=_ERROR if failed else 0,
        message=about.message if failed and span.is_root else "",
        trace_state=caller.state if caller is not None else "",
    )


def _id(about: Ended, span: Span, root: Span) -> str:
    """As the calls of the run name it. In a trace that others share, steps of one hash are told apart."""
    if about.caller is None or span.is_root:
        return span.id
    if span.step_id and span.parent_id == root.id:
        return step_span_id(about.run_id, span.step_id, shared=True)
    return span_id(f"{about.run_id}:{span.id}")


def _of_run(about: Ended, span: Span) -> _Values:
    return {
        "inngest.run.id": about.run_id,
        "inngest.run.status": about.status,
        "inngest.function.slug": about.slug,
        "inngest.function.id": about.function_id,
        "inngest.app.id": about.app_id,
        **_delay(span),
    }


def _of_step(about: Ended, span: Span) -> _Values:
    values: _Values = {"inngest.run.id": about.run_id, "inngest.step.status": span.status.value.lower()}
    if span.step_id:
        values["inngest.step.hash"] = span.step_id
    if span.type:
        values["inngest.step.type"] = span.type
    if span.attempts is not None:
        values["inngest.step.attempts"] = span.attempts
    if span.response is not None:
        values["http.response.status_code"] = span.response.status
    return {**values, **_info(span), **_delay(span)}


def _info(span: Span) -> _Values:
    match span.info:
        case SleepInfo(until):
            return {"inngest.sleep.until": until}
        case EventWaitInfo(event=event):
            return {"inngest.wait.event": event}
        case SignalWaitInfo(signal=signal):
            return {"inngest.wait.signal": signal}
        case InvokeInfo(function_id=slug, run_id=run_id):
            return {
                "inngest.invoke.function.slug": slug,
                **({"inngest.invoke.run.id": run_id} if run_id else {}),
            }
    return {}


def _delay(span: Span) -> _Values:
    if not span.started_at or span.started_at < span.queued_at:
        return {}
    return {"inngest.queue.delay_ms": span.started_at - span.queued_at}


def _message(error: bytes | None) -> str:
    if error is None:
        return ""
    try:
        return _read_error(error).message[:_MAX_MESSAGE]
    except msgspec.DecodeError:
        return ""
