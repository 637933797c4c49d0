"""Events: what starts runs, resumes waits and cancels."""

import msgspec

from inngest_fast.domain.ids import Seed
from inngest_fast.domain.trace_context import TraceContext

INTERNAL_PREFIX = "inngest/"
FINISHED = "inngest/function.finished"
FAILED = "inngest/function.failed"
CANCELLED = "inngest/function.cancelled"
INVOKED = "inngest/function.invoked"
TIMER = "inngest/scheduled.timer"
HTTP_REQUEST = "inngest/http.request"

_null = msgspec.Raw(b"null")


class Event(msgspec.Struct, frozen=True):
    """One accepted event.

    `wire` is the canonical JSON object that functions and expressions see:
    `{"data":{…},"id":"…","name":"…","ts":<ms>,"user":{…}}`, with `v` and `meta` only if they were set.
    """

    id: str  # ULID of its receipt, ours alone
    name: str
    external_id: str  # the sender's id, or `id`
    ts: int  # unix ms as the sender says
    received_at: int  # unix ms
    wire: bytes
    repeatable: bool = False  # its id may arrive again (sender's id or seed): runs need a key
    correlation_id: str = ""  # of an invoke: in function.invoked and function.finished
    target: str = ""  # the function an invoke names: slug or id
    caller: TraceContext | None = None  # never stored: the trace that it was sent in


class Accepted(msgspec.Struct, frozen=True):
    """What an event did: the runs it started, or whether one may yet start, as with a debounce or a batch."""

    run_ids: list[str]
    matched: bool


class WireEvent(msgspec.Struct):
    """The parts of `Event.wire`, each as raw JSON where it is the user's."""

    name: str
    id: str
    ts: int
    data: msgspec.Raw = _null
    user: msgspec.Raw = _null
    v: str = ""
    meta: msgspec.Raw = _null


_decoder = msgspec.json.Decoder(WireEvent)


def parts(wire: bytes) -> WireEvent:
    """Reads `Event.wire` back without decoding the user's JSON."""
    return _decoder.decode(wire)


def wire_form(
    *, name: str, id: str, ts: int, data: bytes, user: bytes = b"{}", v: str = "", meta: bytes = b""
) -> bytes:
    """`Event.wire` from parts that are canonical JSON already."""
    quoted = msgspec.json.encode
    out = [b'{"data":', data, b',"id":', quoted(id)]
    if meta:
        out += (b',"meta":', meta)
    out += (b',"name":', quoted(name), b',"ts":%d,"user":' % ts, user)
    if v:
        out += (b',"v":', quoted(v))
    out.append(b"}")
    return b"".join(out)


__all__ = [
    "CANCELLED",
    "FAILED",
    "FINISHED",
    "HTTP_REQUEST",
    "INTERNAL_PREFIX",
    "INVOKED",
    "TIMER",
    "Accepted",
    "Event",
    "Seed",
    "WireEvent",
    "parts",
    "wire_form",
]
