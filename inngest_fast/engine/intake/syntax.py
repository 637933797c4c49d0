"""What to say of a body that is no JSON (http-api §2.1)."""

from typing import Final

from inngest_fast._native.canonical import CanonicalError

NO_EVENT: Final = "Request body must contain an event object or an array of event objects"

_LITERALS: Final = (b"true", b"false", b"null")


def syntax_error(body: bytes, error: CanonicalError) -> str:
    """The wire text for a body that is no event because it is no JSON."""
    text = body.strip()
    if not text:
        return NO_EVENT
    place = error.position
    rest = body[place:]
    if not rest.strip() or any(literal.startswith(rest) for literal in _LITERALS):
        return "unexpected end of JSON input"
    reason = str(error)
    character = repr(chr(rest[0])) if rest[0] < 128 else f"0x{rest[0]:02x}"
    if reason.startswith("unexpected data after"):
        return f"invalid character {character} after top-level value"
    if not reason.startswith(("unexpected character", "expected")):
        return f"invalid JSON: {reason}"
    if not body[:place].strip():
        return f"invalid character {character} looking for beginning of value"
    return f"invalid character {character} at offset {place}"
