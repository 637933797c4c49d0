"""W3C trace context: what headers say of the trace that a request belongs to (connect-realtime §3.1)."""

import re

import msgspec

MAX_STATE = 512  # characters of a tracestate that are kept

_PARENT = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_STATE = re.compile(r"[\x20-\x7e]*", re.ASCII)
_OURS = "inngest@"


class TraceContext(msgspec.Struct, frozen=True, omit_defaults=True):
    """The span of somebody else that ours continue. Ids are hex."""

    trace_id: str
    span_id: str
    sampled: bool = True
    state: str = ""  # entries of other vendors, as they came


def read_context(parent: str, state: str = "") -> TraceContext | None:
    """What `traceparent` and `tracestate` say; None for a malformed one, which is as good as none."""
    match = _PARENT.fullmatch(parent.strip())
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if not trace_id.strip("0") or not span_id.strip("0") or (more and version == "00"):
        return None
    return TraceContext(trace_id, span_id, bool(int(flags, 16) & 1), _others(state))


def _others(state: str) -> str:
    """The entries that are not ours; the last ones go first when there are too many."""
    if not state or not _STATE.fullmatch(state):
        return ""
    kept: list[str] = []
    length = 0
    for entry in filter(None, map(str.strip, state.split(","))):
        length += len(entry) + 1
        if length > MAX_STATE + 1:
            break
        if not entry.startswith(_OURS):
            kept.append(entry)
    return ",".join(kept)
