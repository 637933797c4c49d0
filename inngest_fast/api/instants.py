"""Times as the surfaces take and give them (http-api §0)."""

from inngest_fast.domain.durations import format_rfc3339, parse_rfc3339
from inngest_fast.domain.errors import InvalidDurationError

_DATE = len("2026-11-23")


def shown(ms: int) -> str | None:
    """RFC 3339, or None for 0, which stands for "not yet"."""
    return format_rfc3339(ms) if ms else None


def read(text: str) -> int:
    """Unix ms of an RFC 3339 time, a time without a zone (UTC) or a date. Raises InvalidDurationError."""
    text = text.strip().replace(" ", "T", 1)
    for tail in ("", "Z") if len(text) != _DATE else ("T00:00:00Z",):
        try:
            return parse_rfc3339(text + tail)
        except InvalidDurationError:
            continue
    raise InvalidDurationError(f"{text!r} is no time")
