"""`RunTraceSpan` and the outputs of spans (http-api §6.5)."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from inngest_fast.api.graphql.request import Asked, Info, Resolvers, failed, known, text
from inngest_fast.api.graphql.runs import run_of
from inngest_fast.domain.runs import Run
from inngest_fast.domain.trace_ids import run_ids
from inngest_fast.domain.traces import (
    EventWaitInfo,
    InvokeInfo,
    Metadata,
    RunInfo,
    SignalWaitInfo,
    SleepInfo,
    Span,
    SpanOutput,
    StepInfo,
)

# Names of the union's members, by what stands for them here.
STEP_INFOS: Final = {
    InvokeInfo: "InvokeStepInfo",
    SleepInfo: "SleepStepInfo",
    EventWaitInfo: "WaitForEventStepInfo",
    RunInfo: "RunStepInfo",
    SignalWaitInfo: "WaitForSignalStepInfo",
}
_END: Final = "FINALIZATION"  # the type of the span that ends a run
_OPS: Final = frozenset(("INVOKE", "RUN", "SLEEP", "WAIT_FOR_EVENT", "AI_GATEWAY", "WAIT_FOR_SIGNAL"))


def trace_id(run_id: str) -> str:
    return run_ids(run_id)[0]


class Node(msgspec.Struct, frozen=True):
    """A span in its tree."""

    span: Span
    run: Run
    preview: bool
    parent: "Node | None" = None

    @property
    def children(self) -> Sequence["Node"]:
        return [Node(child, self.run, self.preview, self) for child in self.span.children]


async def tree(context: Asked, run: Run, *, preview: bool) -> Node:
    """The trace of a run, which may come from a list."""
    context.reading()
    whole = run if run.events else await context.runs.get(run.id)
    return Node(await context.services.traces.tree_of(whole or run, preview=preview), run, preview)


async def _trace(run: Run, info: Info, preview: bool | None = None) -> Node:
    return await tree(info.context, run, preview=bool(preview))


async def run_trace(_: object, info: Info, runID: str) -> Node:  # noqa: N803 its name on the wire
    return await tree(info.context, await run_of(info.context, runID), preview=True)


async def output_by_id(_: object, info: Info, outputID: str) -> SpanOutput:  # noqa: N803 its name on the wire
    info.context.reading()
    try:
        found = await info.context.services.traces.output(outputID)
    except ValueError:
        raise failed("error parsing span identifier: illegal base64 data at input byte 0") from None
    if found is None:
        raise failed("error retrieving span output: no such span")
    return found


def step_error(output: SpanOutput) -> dict[str, Any] | None:
    """What went wrong; of an error without a message all there is stands in `stack`."""
    if output.error is None:
        return None
    error = msgspec.json.decode(output.error)
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        name = error.get("name") if isinstance(error, dict) else None
        return {"message": "", "name": _string(name), "stack": text(output.error), "cause": None}
    return {
        "message": error["message"],
        "name": _string(error.get("name")),
        "stack": _string(error.get("stack")),
        "cause": error.get("cause"),
    }


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _output_id(node: Node, _: Info) -> str | None:
    """The end of a run has the run's own output: what waits for it as a span asks for that one's output."""
    span = node.span
    if not span.output_id and span.type == _END and span.ended_at and node.parent is not None:
        span = node.parent.span
    return span.output_id or None


def _metadata(node: Node, _: Info) -> Sequence[Metadata]:
    return node.span.metadata if node.preview else ()


def _info_type(info: StepInfo, *_: object) -> str:
    return STEP_INFOS[type(info)]


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


RESOLVERS: Resolvers = {
    "Query": {"runTrace": run_trace, "runTraceSpanOutputByID": output_by_id},
    "FunctionRunV2": {"trace": _trace, "traceID": lambda run, _: trace_id(run.id)},
    "RunTraceSpan": {
        "appID": lambda node, _: node.run.app_id,
        "functionID": lambda node, _: node.run.function_id,
        "runID": lambda node, _: node.run.id,
        "run": lambda node, _: node.run,
        "spanID": lambda node, _: node.span.id,
        "traceID": lambda node, _: trace_id(node.run.id),
        "groupID": lambda node, _: (node.span.group_id or None) if node.preview else None,
        "name": lambda node, _: node.span.name,
        "status": lambda node, _: node.span.status.value,
        "attempts": lambda node, _: node.span.attempts,
        "duration": lambda node, _: node.span.duration,
        "outputID": _output_id,
        "queuedAt": lambda node, _: node.span.queued_at,
        "scheduledAt": lambda node, _: known(node.span.scheduled_at) if node.preview else None,
        "startedAt": lambda node, _: known(node.span.started_at),
        "endedAt": lambda node, _: known(node.span.ended_at),
        "childrenSpans": lambda node, _: node.children,
        "stepOp": lambda node, _: node.span.op if node.span.op in _OPS else None,
        "stepID": lambda node, _: node.span.step_id or None,
        "stepInfo": lambda node, _: node.span.info,
        "stepType": lambda node, _: node.span.type if node.preview else "",
        "isRoot": lambda node, _: node.span.is_root,
        "parentSpanID": lambda node, _: node.span.parent_id or None,
        "parentSpan": lambda node, _: node.parent,
        "isUserland": lambda node, _: node.span.userland is not None,
        "userlandSpan": lambda node, _: node.span.userland,
        "debugRunID": lambda node, _: node.run.debug_run_id or None,
        "debugSessionID": lambda node, _: node.run.debug_session_id or None,
        "debugPaused": lambda *_: False,
        "skipReason": lambda node, _: node.span.skip_reason or None,
        "skipExistingRunID": lambda node, _: node.span.skipped_for or None,
        "metadata": _metadata,
        "response": lambda node, _: node.span.response if node.preview else None,
    },
    "StepInfo": {"": _info_type},
    "InvokeStepInfo": {
        "triggeringEventID": lambda info, _: info.event_id,
        "functionID": lambda info, _: info.function_id,
        "timeout": lambda info, _: info.timeout,
        "returnEventID": lambda info, _: info.return_event_id or None,
        "runID": lambda info, _: info.run_id or None,
        "timedOut": lambda info, _: info.timed_out,
    },
    "SleepStepInfo": {"sleepUntil": lambda info, _: info.until},
    "WaitForEventStepInfo": {
        "eventName": lambda info, _: info.event,
        "expression": lambda info, _: info.expression or None,
        "timeout": lambda info, _: info.timeout,
        "foundEventID": lambda info, _: info.found_event_id or None,
        "timedOut": lambda info, _: info.timed_out,
    },
    "RunStepInfo": {"type": lambda info, _: info.type or None},
    "WaitForSignalStepInfo": {
        "signal": lambda info, _: info.signal,
        "timeout": lambda info, _: info.timeout,
        "timedOut": lambda info, _: info.timed_out,
    },
    "UserlandSpan": {
        "spanName": lambda span, _: span.name,
        "spanKind": lambda span, _: span.kind,
        "serviceName": lambda span, _: span.service,
        "resourceAttrs": lambda span, _: _json(span.resource),
        "scopeName": lambda span, _: span.scope_name,
        "scopeVersion": lambda span, _: span.scope_version,
        "spanAttrs": lambda span, _: _json(span.attributes),
    },
    "SpanMetadata": {
        "scope": lambda item, _: item.scope,
        "kind": lambda item, _: item.kind,
        "values": lambda item, _: item.values,
        "updatedAt": lambda item, _: item.updated_at,
    },
    "SpanResponse": {
        "statusCode": lambda response, _: response.status,
        "headers": lambda response, _: response.headers,
    },
    "RunTraceSpanOutput": {
        "input": lambda output, _: text(output.input),
        "data": lambda output, _: text(output.data),
        "error": lambda output, _: step_error(output),
    },
}
