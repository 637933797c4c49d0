"""The start of what a run that has ended deferred (sdk-protocol §4.6)."""

from collections.abc import Iterable

import msgspec

from inngest_fast._native.canonical import canonicalize
from inngest_fast.domain.apps import Function
from inngest_fast.domain.defers import SCHEDULE, DeferBody, DeferMark, DeferStatus, event_id
from inngest_fast.domain.errors import InvalidEventError
from inngest_fast.domain.events import Event, parts, wire_form
from inngest_fast.domain.ids import is_ulid
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import AddJob, PutEvent, Transition
from inngest_fast.engine.intake.sessions import merged_meta
from inngest_fast.engine.lifecycle.draft import Draft

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Parent(msgspec.Struct):
    parent_run_id: str = ""


class _Data(msgspec.Struct):
    parent: _Parent = msgspec.field(name="_inngest", default_factory=_Parent)


def at_end(draft: Draft) -> None:
    """A run that ends, however it ends, leaves a job that starts what it deferred."""
    run = draft.run
    if any(mark.status is DeferStatus.SCHEDULED for mark in run.defers):
        job = Job(
            id=f"{run.id}:defers",  # not one of the run's jobs: they go with it
            kind=JobKind.DEFERS,
            app_id=run.app_id,
            function_id=run.function_id,
            due=draft.now,
            score=run.score,
            payload=run.id.encode(),
        )
        draft.act(AddJob(job))


def start(
    run: Run, function: Function, deferred: Iterable[tuple[DeferMark, DeferBody]], job: Job, now: int
) -> Transition:
    """The events that start it, in place of the job."""
    events = [
        PutEvent(_event(run, function, mark, body, now))
        for mark, body in deferred
        if mark.status is DeferStatus.SCHEDULED
    ]
    return Transition(list(events), job)


def parent_of(event: Event) -> str:
    """The run that deferred what this event starts, "" for any other event."""
    if event.name != SCHEDULE:
        return ""
    try:
        parent = msgspec.json.decode(parts(event.wire).data, type=_Data).parent.parent_run_id
    except msgspec.DecodeError:
        return ""
    return parent if is_ulid(parent) else ""


def _event(run: Run, function: Function, mark: DeferMark, body: DeferBody, now: int) -> Event:
    id = event_id(run.id, run.ended_at, mark.id)
    about = {
        "fn_slug": body.fn_slug,
        "parent_app_id": run.app_id,
        "parent_defer_span": "",
        "parent_fn_id": run.function_id,
        "parent_fn_slug": function.slug,
        "parent_run_id": run.id,
    }
    data = {**_fields.decode(body.input), "_inngest": about}
    return Event(
        id=id,
        name=SCHEDULE,
        external_id=id,
        ts=now,
        received_at=now,
        wire=wire_form(
            name=SCHEDULE, id=id, ts=now, data=canonicalize(msgspec.json.encode(data)), meta=_meta(body.meta)
        ),
        repeatable=True,
    )


def _meta(given: bytes) -> bytes:
    """Its sessions; none if they are not as they should be."""
    try:
        return merged_meta(given) if given else b""
    except (InvalidEventError, msgspec.DecodeError):
        return b""
