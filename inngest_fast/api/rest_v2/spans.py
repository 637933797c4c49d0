"""Traces as REST v2 shows them (http-api §5.4)."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from inngest_fast.api.rest_v2.replies import instant, some
from inngest_fast.api.rest_v2.shapes import failure, wrapped
from inngest_fast.domain.traces import Metadata, Span, SpanOutput

MAX_DEPTH: Final = 100  # spans of the app's own tracing may nest as they like

Outputs = Callable[[str], SpanOutput | None]


def tree(span: Span, outputs: Outputs | None, depth: int = 0) -> dict[str, Any]:
    """A span and those below it, with their outputs if there is something to ask for them. What is nested
    deeper than `MAX_DEPTH` is left out.
    """
    duration = span.duration
    shown = some(
        id=span.id,
        name=span.name,
        status=span.status.value,
        stepOp=span.op,
        stepId=span.step_id,
        durationMs=str(duration) if duration is not None and duration > 0 else "",
        queuedAt=instant(span.queued_at),
        startedAt=instant(span.started_at),
        endedAt=instant(span.ended_at),
        metadata=[_metadata(each) for each in span.metadata],
        children=[tree(child, outputs, depth + 1) for child in span.children if depth < MAX_DEPTH],
    )
    found = outputs(span.output_id) if outputs is not None and span.output_id else None
    if found is not None:
        shown |= _output(found)
    return shown


def _output(found: SpanOutput) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if found.input is not None:
        shown["input"] = msgspec.Raw(found.input)
    if found.error is not None:
        shown["output"] = failure(found.error)
    elif found.data is not None:
        shown["output"] = wrapped(found.data)
    return shown


def _metadata(item: Metadata) -> dict[str, Any]:
    """All values are texts: those that are none as JSON."""
    return some(
        kind=item.kind,
        scope=item.scope,
        updatedAt=instant(item.updated_at),
        values={
            name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
            for name, value in item.values.items()
        },
    )
