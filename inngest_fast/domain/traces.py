"""Traces: what a run did, as spans (http-api §6.5).

A tree is not stored. It is made of the run, its steps, the attempts that did not finish a step, and what was
noted on them since.
"""

import enum
from collections.abc import Mapping
from typing import Any, Final

import msgspec


class SpanStatus(enum.StrEnum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"


class Response(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an app's answer had beside its body."""

    status: int
    headers: dict[str, str] = {}


_SHOWN = ("content-type", "retry-after")


def shown_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Those of an answer that a trace shows: what the SDK and the type of the body are."""
    return {
        name.title(): value
        for name, value in headers.items()
        if name in _SHOWN or (name.startswith("x-inngest-") and name != "x-inngest-signature")
    }


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True):
    """An answered call that finished no step, or the run. Stored apart, since a run has few.

    `group` is the id of its job within the run: calls of one job are one group.
    """

    group: str
    number: int
    queued_at: int
    started_at: int
    ended_at: int
    step_id: str = ""  # of the step that failed in it, "" for the function's body
    name: str = ""
    op: str = ""
    output: bytes | None = None  # JSON
    error: bytes | None = None  # JSON, as the user sees it
    response: Response | None = None


ATTEMPTS: Final = "a:"  # what keys of attempts among the rows of a trace begin with


def attempt_key(attempt: Attempt) -> str:
    """Under which it is stored; those of a group are in order."""
    return f"{ATTEMPTS}{attempt.group}:{attempt.number:06d}:{attempt.step_id}"


class SleepInfo(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="sleep"):
    until: int  # unix ms


class EventWaitInfo(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="event"):
    event: str
    timeout: int  # unix ms
    expression: str = ""
    found_event_id: str = ""
    timed_out: bool | None = None  # None while it is open


class SignalWaitInfo(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="signal"):
    signal: str
    timeout: int
    timed_out: bool | None = None


class InvokeInfo(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="invoke"):
    function_id: str  # the slug
    event_id: str
    timeout: int
    return_event_id: str = ""
    run_id: str = ""
    timed_out: bool | None = None


class RunInfo(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="run"):
    type: str = ""


StepInfo = SleepInfo | EventWaitInfo | SignalWaitInfo | InvokeInfo | RunInfo


class Metadata(msgspec.Struct, frozen=True):
    """What was noted on a span. `values` is a JSON object."""

    scope: str  # "run", "step", "step_attempt", "request" or "extended_trace"
    kind: str
    values: dict[str, Any]
    updated_at: int  # unix ms


class UserlandSpan(msgspec.Struct, frozen=True):
    """A span that the app's own tracing made (connect-realtime §3.2). Attributes are JSON values."""

    name: str
    kind: str
    service: str
    resource: dict[str, Any]
    scope_name: str
    scope_version: str
    attributes: dict[str, Any]


class Span(msgspec.Struct):
    """One node of a trace. Times are unix ms, 0 where it has not come to that.

    `output_id` names the output, for `RunTraces.output`; "" when there is none.
    """

    id: str
    name: str
    status: SpanStatus
    queued_at: int
    started_at: int = 0
    ended_at: int = 0
    scheduled_at: int = 0
    attempts: int | None = None
    parent_id: str = ""
    group_id: str = ""
    step_id: str = ""  # hashed
    op: str = ""  # StepOp of http-api §6.3, "" for none
    type: str = ""  # stepType: the op, FINALIZATION, or ""
    info: StepInfo | None = None
    output_id: str = ""
    skip_reason: str = ""
    skipped_for: str = ""
    is_root: bool = False
    userland: UserlandSpan | None = None
    metadata: list[Metadata] = []
    response: Response | None = None
    children: list["Span"] = []

    @property
    def duration(self) -> int | None:
        """Ms from its start to its end."""
        return self.ended_at - self.started_at if self.ended_at and self.started_at else None


class SpanOutput(msgspec.Struct):
    """All three are JSON; `error` is an object with message, name and stack."""

    input: bytes | None = None
    data: bytes | None = None
    error: bytes | None = None
