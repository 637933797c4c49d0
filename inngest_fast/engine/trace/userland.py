"""Spans of the app's own tracing, in the trace of their run (connect-realtime §3.2)."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from inngest_fast.domain.ids import is_ulid
from inngest_fast.domain.traces import Metadata, Span, SpanStatus, UserlandSpan
from inngest_fast.engine.otlp.spans import Received
from inngest_fast.engine.trace.metadata import AI, with_cost

KEY_PREFIX: Final = "u:"  # of the trace rows that hold these spans
MAX_SPAN: Final = 64 * 1024  # bytes of one as it is stored

_EXECUTION = ("inngest", "inngest.execution")  # scope and name of the span around everything
_TRACEREF = "inngest.traceref"
_HIDDEN_PREFIXES = ("inngest.step.", "_inngest.")
_HIDDEN = frozenset((_TRACEREF, "inngest.traceparent", "sdk.run.id", "sys.app.id", "sys.function.id"))
_MS = 1_000_000  # ns
_STATUS = {1: SpanStatus.COMPLETED, 2: SpanStatus.FAILED}
# Values of `inngest.ai` by the attribute of `gen_ai.` that has them; the first that is there counts.
_AI = {
    "request_model": ("request.model",),
    "response_model": ("response.model",),
    "response_id": ("response.id",),
    "finish_reasons": ("response.finish_reasons",),
    "operation_name": ("operation.name",),
    "provider": ("provider.name", "system"),
    "input_tokens": ("usage.input_tokens",),
    "output_tokens": ("usage.output_tokens",),
    "total_tokens": ("usage.total_tokens",),
    "cache_read_tokens": ("usage.cache_read.input_tokens",),
    "cache_creation_tokens": ("usage.cache_creation.input_tokens",),
    "reasoning_tokens": ("usage.reasoning.output_tokens",),
    "temperature": ("request.temperature",),
    "top_p": ("request.top_p",),
    "max_tokens": ("request.max_tokens",),
    "frequency_penalty": ("request.frequency_penalty",),
    "presence_penalty": ("request.presence_penalty",),
    "seed": ("request.seed",),
}


class Placed(msgspec.Struct, frozen=True):
    """A span that names its run; `row` is the key and body of its trace row."""

    run_id: str
    function_id: str
    row: tuple[str, bytes]


class _Stored(msgspec.Struct, frozen=True, omit_defaults=True):
    """Times are unix ms."""

    id: str
    span: UserlandSpan
    start: int
    end: int
    status: int = 0
    parent_id: str = ""
    step_id: str = ""
    attempt: int = 0
    wraps: bool = False  # it is the one around everything, and never shown
    ai: dict[str, Any] = {}


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Stored).decode


def place(span: Received) -> Placed | None:
    """Where a span belongs; None for one that does not say so, or is too large."""
    found = span.attributes
    run_id, function_id = found.get("sdk.run.id"), found.get("sys.function.id")
    if not isinstance(found.get(_TRACEREF), str) or not span.span_id:
        return None
    if not isinstance(run_id, str) or not is_ulid(run_id) or not isinstance(function_id, str):
        return None
    stored = _Stored(
        id=span.span_id,
        span=UserlandSpan(
            name=span.name,
            kind=span.kind,
            service=str(span.resource.get("service.name", "")),
            resource=_shown(span.resource),
            scope_name=span.scope_name,
            scope_version=span.scope_version,
            attributes=_shown(found),
        ),
        start=span.start // _MS,
        end=span.end // _MS,
        status=span.status,
        parent_id=span.parent_id,
        step_id=_text(found.get("inngest.step.hash")),
        attempt=_whole(found.get("inngest.step.attempt")),
        wraps=(span.scope_name, span.name) == _EXECUTION,
        ai=_ai(found, (span.end - span.start) // _MS),
    )
    body = _encode(stored)
    return Placed(run_id, function_id, (KEY_PREFIX + span.span_id, body)) if len(body) <= MAX_SPAN else None


def attach(root: Span, rows: Iterable[tuple[str, bytes]]) -> None:
    """Hangs a run's userland spans into its tree: under each other, under their steps' attempts, or at its
    root.
    """
    stored = {each.id: each for each in _read(rows)}
    if not stored:
        return
    spans = {id: _span(each) for id, each in stored.items() if not each.wraps}
    for id, each in _by_start(stored, spans):
        parent = _shown_parent(stored, each)
        within = spans[parent] if parent else _step_span(root, each) or root
        spans[id].parent_id = within.id
        within.children.append(spans[id])


def _by_start(stored: dict[str, _Stored], spans: Iterable[str]) -> list[tuple[str, _Stored]]:
    return sorted(((id, stored[id]) for id in spans), key=lambda pair: (pair[1].start, pair[0]))


def _read(rows: Iterable[tuple[str, bytes]]) -> Iterator[_Stored]:
    return (_decode(body) for key, body in rows if key.startswith(KEY_PREFIX))


def _shown_parent(stored: dict[str, _Stored], span: _Stored) -> str:
    """The nearest span above that is shown; "" if there is none, or they go round in a ring."""
    seen = {span.id}
    found, above = "", span.parent_id
    while above in stored:
        if above in seen:
            return ""
        seen.add(above)
        if not found and not stored[above].wraps:
            found = above
        above = stored[above].parent_id
    return found


def _step_span(root: Span, span: _Stored) -> Span | None:
    if not span.step_id:
        return None
    step = next((child for child in root.children if child.step_id == span.step_id), None)
    if step is None:
        return None
    attempts = (child for child in step.children if child.userland is None)
    return next((child for child in attempts if child.attempts == span.attempt), step)


def _span(stored: _Stored) -> Span:
    metadata = []
    if stored.ai:
        metadata.append(with_cost(Metadata("extended_trace", AI, stored.ai, stored.end)))
    return Span(
        id=stored.id,
        name=stored.span.name,
        status=_STATUS.get(stored.status, SpanStatus.COMPLETED if stored.end else SpanStatus.RUNNING),
        queued_at=stored.start,
        started_at=stored.start,
        ended_at=stored.end,
        step_id=stored.step_id,
        userland=stored.span,
        metadata=metadata,
    )


def _shown(attributes: dict[str, Any]) -> dict[str, Any]:
    """What is not ours; a value that is no scalar becomes ""."""
    return {
        name: value if isinstance(value, str | int | float | bool) else ""
        for name, value in attributes.items()
        if name not in _HIDDEN and not name.startswith(_HIDDEN_PREFIXES)
    }


def _ai(attributes: dict[str, Any], latency: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, sources in _AI.items():
        values = (attributes.get(f"gen_ai.{source}") for source in sources)
        value = next((value for value in values if value is not None), None)
        if value is not None:
            found[name] = value
    return {**found, "latency_ms": latency} if found else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0
