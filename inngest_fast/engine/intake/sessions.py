"""The `meta` of an event: sessions, given by hand or inherited (http-api §2.1)."""

from typing import Final

import msgspec

from inngest_fast._native.canonical import canonicalize
from inngest_fast.domain.errors import InvalidEventError

MAX_SESSIONS: Final = 5
MAX_KEY: Final = 128
MAX_ID: Final = 512

_NULL: Final = b"null"
_absent = msgspec.Raw(b"")


class _Meta(msgspec.Struct):
    sessions: msgspec.Raw = _absent
    propagated_sessions: msgspec.Raw = _absent


_decoder = msgspec.json.Decoder(_Meta)
_entries = msgspec.json.Decoder(dict[str, msgspec.Raw])


def merged_meta(meta: bytes) -> bytes:
    """The `meta` to keep, canonical, b"" for none: manual sessions first, then inherited ones up to five.

    Raises InvalidEventError with the wire text.
    """
    sent = _decoder.decode(meta)
    manual, inherited = bytes(sent.sessions), bytes(sent.propagated_sessions)
    chosen: dict[str, msgspec.Raw] = {}
    named: frozenset[str] = frozenset()
    if manual[:1] == b"{":
        given = _entries.decode(manual)
        if len(given) > MAX_SESSIONS:
            raise InvalidEventError(f"event sessions can include at most {MAX_SESSIONS} entries")
        for key, value in given.items():
            if problem := _problem(key, bytes(value)):
                raise InvalidEventError(problem)
            if bytes(value) != _NULL:
                chosen[key] = value
        named = frozenset(given)
    elif manual not in (b"", _NULL):
        raise InvalidEventError("event sessions must be an object")
    if manual != _NULL and inherited[:1] == b"{":
        for key, value in sorted(_entries.decode(inherited).items()):
            if len(chosen) >= MAX_SESSIONS:
                break
            if key not in named and bytes(value) != _NULL and not _problem(key, bytes(value)):
                chosen[key] = value
    return canonicalize(msgspec.json.encode({"sessions": chosen})) if chosen else b""


def _problem(key: str, value: bytes) -> str:
    if value[:1] in (b"{", b"[", b"t", b"f"):
        return f'event session "{key}" must be a string, number, or null'
    if value == b'""':
        return f'event session "{key}" cannot have an empty ID'
    if not key or len(key.encode()) > MAX_KEY:
        return f'event session key "{key[:MAX_KEY]}" must have 1 to {MAX_KEY} bytes'
    size = len(msgspec.json.decode(value, type=str).encode()) if value[:1] == b'"' else len(value)
    if size > MAX_ID:
        return f'event session "{key}" has an ID of more than {MAX_ID} bytes'
    return ""
