"""The debug session and run that an invocation is of (http-api §6.6)."""

from typing import Final

import msgspec

from inngest_fast.domain.events import Event, parts

_MARK: Final = b'"debug_'


class _Marks(msgspec.Struct):
    debug_session_id: str = ""
    debug_run_id: str = ""


class _Data(msgspec.Struct):
    marks: _Marks = msgspec.field(name="_inngest", default_factory=_Marks)


_decode = msgspec.json.Decoder(_Data).decode


def debug_ids(event: Event) -> tuple[str, str]:
    """Of the session and the run, "" for events that are of none."""
    if not event.target or _MARK not in event.wire:
        return "", ""
    try:
        marks = _decode(parts(event.wire).data).marks
    except msgspec.DecodeError:
        return "", ""
    return marks.debug_session_id, marks.debug_run_id
