"""What older documents call the history of a run, told from its trace (http-api §6.3)."""

import hashlib
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from inngest_fast.domain.ids import ulid
from inngest_fast.domain.runs import Run
from inngest_fast.domain.traces import EventWaitInfo, InvokeInfo, SignalWaitInfo, SleepInfo, Span, SpanStatus

_STEP_TYPES: Final = {
    "RUN": "Run",
    "AI_GATEWAY": "Run",
    "SLEEP": "Sleep",
    "WAIT_FOR_EVENT": "Wait",
    "WAIT_FOR_SIGNAL": "Wait",
    "INVOKE": "Invoke",
}
_RUN_ENDS: Final = {
    SpanStatus.COMPLETED: "FunctionCompleted",
    SpanStatus.FAILED: "FunctionFailed",
    SpanStatus.CANCELLED: "FunctionCancelled",
    SpanStatus.SKIPPED: "FunctionStatusUpdated",
}


class Item(msgspec.Struct):
    """One thing that happened, to the run or to a step."""

    type: str
    at: int
    run: Run
    span: Span | None = None
    attempt: int = 0
    output_id: str = ""

    @property
    def id(self) -> str:
        """The same whenever it is asked for."""
        seed = f"{self.run.id}\0{self.span.id if self.span else ''}\0{self.type}\0{self.attempt}"
        return ulid(self.at, hashlib.blake2b(seed.encode(), digest_size=10).digest())

    @property
    def step_type(self) -> str | None:
        return _STEP_TYPES.get(self.span.op) if self.span is not None else None

    @property
    def ends(self) -> bool:
        return self.type in ("StepCompleted", "StepFailed", "StepErrored")


def items(root: Span, run: Run) -> list[Item]:
    """The history of a run by its older trace, oldest first."""
    found = [Item("FunctionScheduled", root.queued_at, run)]
    if root.started_at:
        found.append(Item("FunctionStarted", root.started_at, run))
    for child in root.children:
        found += _of_step(child, run)
    if root.ended_at and root.status in _RUN_ENDS:
        found.append(Item(_RUN_ENDS[root.status], root.ended_at, run, output_id=root.output_id))
    return sorted(found, key=lambda item: item.at)


def _of_step(span: Span, run: Run) -> Iterator[Item]:
    yield Item("StepScheduled", span.queued_at, run, span)
    info = span.info
    if isinstance(info, SleepInfo):
        yield Item("StepSleeping", span.started_at or span.queued_at, run, span)
    elif isinstance(info, EventWaitInfo | SignalWaitInfo):
        yield Item("StepWaiting", span.started_at or span.queued_at, run, span)
    elif isinstance(info, InvokeInfo):
        yield Item("StepInvoking", span.started_at or span.queued_at, run, span)
    attempts = span.children or [span]
    for number, attempt in enumerate(attempts):
        if attempt.started_at and info is None:
            yield Item("StepStarted", attempt.started_at, run, attempt, number)
        if attempt.ended_at:
            last = number == len(attempts) - 1 and bool(span.ended_at)
            if attempt.status is not SpanStatus.FAILED:
                type = "StepCompleted"
            else:
                type = "StepFailed" if last else "StepErrored"
            named = msgspec.structs.replace(attempt, name=span.name, op=span.op, info=info or attempt.info)
            yield Item(type, attempt.ended_at, run, named, number, attempt.output_id)


def _sleep(item: Item) -> dict[str, Any] | None:
    info = item.span.info if item.span is not None else None
    return {"until": info.until} if item.type == "StepSleeping" and isinstance(info, SleepInfo) else None


def _wait(item: Item) -> dict[str, Any] | None:
    info = item.span.info if item.span is not None else None
    if item.type != "StepWaiting" or not isinstance(info, EventWaitInfo):
        return None
    return {"eventName": info.event, "expression": info.expression or None, "timeout": info.timeout}


def _wait_result(item: Item) -> dict[str, Any] | None:
    info = item.span.info if item.span is not None else None
    if not item.ends or not isinstance(info, EventWaitInfo | SignalWaitInfo):
        return None
    met = info.found_event_id if isinstance(info, EventWaitInfo) else ""
    return {"eventID": met or None, "timeout": bool(info.timed_out)}


def _invoke(item: Item) -> dict[str, Any] | None:
    info = item.span.info if item.span is not None else None
    if item.type != "StepInvoking" or not isinstance(info, InvokeInfo) or item.span is None:
        return None
    return {
        "eventID": info.event_id,
        "functionID": info.function_id,
        "correlationID": f"{item.run.id}.{item.span.step_id}",
        "timeout": info.timeout,
    }


def _invoke_result(item: Item) -> dict[str, Any] | None:
    info = item.span.info if item.span is not None else None
    if not item.ends or not isinstance(info, InvokeInfo):
        return None
    return {
        "eventID": info.return_event_id or None,
        "timeout": bool(info.timed_out),
        "runID": info.run_id or None,
    }


def _result(item: Item) -> dict[str, Any] | None:
    if not item.ends or item.span is None:
        return None
    return {
        "durationMS": item.span.duration or 0,
        "errorCode": None,
        "framework": None,
        "platform": None,
        "sdkLanguage": "",
        "sdkVersion": "",
        "sizeBytes": 0,
    }


SHOWN: Final = {
    "id": lambda item, _: item.id,
    "attempt": lambda item, _: item.attempt,
    "cancel": lambda *_: None,
    "createdAt": lambda item, _: item.at,
    "functionVersion": lambda item, _: item.run.function_version,
    "groupID": lambda item, _: (item.span.group_id or None) if item.span is not None else None,
    "invokeFunction": lambda item, _: _invoke(item),
    "invokeFunctionResult": lambda item, _: _invoke_result(item),
    "result": lambda item, _: _result(item),
    "sleep": lambda item, _: _sleep(item),
    "stepName": lambda item, _: item.span.name if item.span is not None else None,
    "stepType": lambda item, _: item.step_type,
    "type": lambda item, _: item.type,
    "url": lambda *_: None,
    "waitForEvent": lambda item, _: _wait(item),
    "waitResult": lambda item, _: _wait_result(item),
}
