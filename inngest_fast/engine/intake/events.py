"""Events as senders post them (http-api §2)."""

from typing import Final

import msgspec

from inngest_fast._native.canonical import CanonicalError, canonicalize
from inngest_fast.domain.errors import InvalidEventError
from inngest_fast.domain.events import INTERNAL_PREFIX, Event, wire_form
from inngest_fast.domain.ids import Entropy, Seed
from inngest_fast.domain.trace_context import TraceContext
from inngest_fast.engine.intake.fields import read_fields
from inngest_fast.engine.intake.syntax import NO_EVENT, syntax_error

MAX_EVENT: Final = 3 * 1024 * 1024
MAX_EVENTS: Final = 5_000
MAX_NAME: Final = 512

_array = msgspec.json.Decoder(list[msgspec.Raw])


class Intake(msgspec.Struct):
    """What a body held: the good events up to the first bad one, and what is wrong with that one."""

    events: list[Event]
    error: str = ""


def read_events(
    body: bytes,
    *,
    now_ms: int,
    entropy: Entropy,
    seed: Seed | None = None,
    caller: TraceContext | None = None,
) -> Intake:
    """The events of an object or an array. A body that is refused as a whole gives none.

    `caller` is the trace that they were sent in.
    """
    if len(body) > MAX_EVENT and body.lstrip()[:1] == b"{":
        return Intake([], _too_large(len(body)))
    try:
        whole = canonicalize(body)
    except CanonicalError as error:
        return Intake([], syntax_error(body, error))
    first = whole[:1]
    if first == b"{":
        items = [whole]
    elif first == b"[":
        items = [bytes(item) for item in _array.decode(whole)]
        if len(items) > MAX_EVENTS:
            return Intake([], f"Cannot have more than {MAX_EVENTS} events in a batch")
    else:
        return Intake([], NO_EVENT)
    events: list[Event] = []
    try:
        for index, item in enumerate(items):
            id = entropy.ulid(now_ms) if seed is None else seed.id(index)
            events.append(_event(item, id, now_ms, caller, seeded=seed is not None))
    except InvalidEventError as error:
        return Intake(events, str(error))
    return Intake(events)


def _too_large(size: int) -> str:
    return f"Event is over the max size: Max {MAX_EVENT} bytes / Size {size} bytes"


def _event(body: bytes, id: str, now_ms: int, caller: TraceContext | None, *, seeded: bool) -> Event:
    if len(body) > MAX_EVENT:
        raise InvalidEventError(_too_large(len(body)))
    if body[:1] != b"{":
        raise InvalidEventError(NO_EVENT)
    sent = read_fields(body)
    name = sent.name
    if not name:
        raise InvalidEventError("event name is empty")
    if name[:8].lower() == INTERNAL_PREFIX:
        raise InvalidEventError(f"event name is reserved for internal use: {name}")
    if len(name) > MAX_NAME:
        raise InvalidEventError(f"event name is over the max length: Max {MAX_NAME} / Length {len(name)}")
    external_id = sent.id or id
    ts = sent.ts or now_ms
    wire = wire_form(
        name=name, id=external_id, ts=ts, data=sent.data, user=sent.user, v=sent.v, meta=sent.meta
    )
    repeatable = seeded or bool(sent.id)
    return Event(id, name, external_id, ts, now_ms, wire, repeatable=repeatable, caller=caller)
