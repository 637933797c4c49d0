"""Canonical JSON (RFC 8785): sorted keys, no blanks, shortest numbers, raw UTF-8."""

MAX_DEPTH: int

class CanonicalError(ValueError):
    """Text that is no JSON, not UTF-8, too deep, or has a number beyond a double."""

    position: int  # byte offset

def canonicalize(data: bytes) -> bytes:
    """The canonical spelling of a JSON text; the very object if it is canonical already.

    Of repeated keys the last counts. Half of a surrogate pair becomes U+FFFD. Raises CanonicalError.
    """

def quote(text: str) -> bytes:
    """A string as canonical JSON. Halves of surrogate pairs are as in `canonicalize`."""
