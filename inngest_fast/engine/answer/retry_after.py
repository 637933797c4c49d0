"""The `Retry-After` header (sdk-protocol §3.1)."""

from datetime import UTC, datetime

from inngest_fast.domain.durations import parse_rfc3339
from inngest_fast.domain.errors import InvalidDurationError

_MIN_MS = 1_000
_MAX_MS = 86_400_000
_MAX_DIGITS = 7
_MAX_TEXT = 64
_LAYOUTS = (
    "%Y-%m-%dT%H:%M:%S",
    "%a, %d %b %Y %H:%M:%S %Z",  # RFC 1123
    "%a, %d %b %Y %H:%M:%S %z",
    "%d %b %y %H:%M %Z",  # RFC 822
    "%d %b %y %H:%M %z",
    "%A, %d-%b-%y %H:%M:%S %Z",  # RFC 850
    "%a %b %d %H:%M:%S %Y",  # ANSI C
    "%a %b %d %H:%M:%S %Z %Y",  # date(1)
    "%Y-%m-%d",
)


def parse_retry_after(text: str, now_ms: int) -> int | None:
    """Unix ms of the next attempt, from 1 s to 24 h ahead; None for a text that says nothing usable."""
    text = text.strip()
    if not text or len(text) > _MAX_TEXT:
        return None
    if text.isascii() and text.isdigit():
        if len(text) > _MAX_DIGITS or not int(text):
            return None
        return now_ms + _clamp(int(text) * 1_000)
    moment = _moment(text)
    return None if moment is None else now_ms + _clamp(moment - now_ms)


def _clamp(delay_ms: int) -> int:
    return min(max(delay_ms, _MIN_MS), _MAX_MS)


def _moment(text: str) -> int | None:
    try:
        return parse_rfc3339(text)
    except InvalidDurationError:
        pass
    for layout in _LAYOUTS:
        try:
            moment = datetime.strptime(text, layout)  # noqa: DTZ007 - the zone is added below
        except ValueError:
            continue
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * 1_000)
    return None
