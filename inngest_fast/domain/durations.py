"""Durations and instants as SDKs write them: Go duration text and RFC 3339 times."""

import re
from datetime import UTC, date, datetime

from inngest_fast.domain.errors import InvalidDurationError

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY

_GO_UNITS = {
    "ns": 1,
    "us": MICROSECOND,
    "µs": MICROSECOND,  # U+00B5
    "μs": MICROSECOND,  # U+03BC
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
}
_EXTENDED_UNITS = {**_GO_UNITS, "d": DAY, "w": WEEK}
_MAX_NS = 2**63 - 1
_MAX_TEXT = 256
_MIN_DATE_TEXT = len("2026-11-23")
_EPOCH_ORDINAL = 719_163  # 1970-01-01

_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([a-zµμ]+)")
_DATE_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?([Zz]|[+-][0-9]{2}:[0-9]{2})?)?",
)


def parse_extended(text: str) -> int:
    """Nanoseconds of a Go duration that may also use `d` (24 h) and `w` (7 d): `1w2d3h4m5s6ms`, `-1.5h`, `0`.

    Raises InvalidDurationError for anything else, and for what a signed 64-bit count cannot hold.
    """
    return _parse(text, _EXTENDED_UNITS)


def parse_go(text: str) -> int:
    """Nanoseconds of a Go duration, without `d` and `w` (the grammar of batch timeouts, flow-control §0).

    Raises InvalidDurationError.
    """
    return _parse(text, _GO_UNITS)


def _parse(text: str, units: dict[str, int]) -> int:
    if len(text) > _MAX_TEXT:
        raise InvalidDurationError(f"a duration has at most {_MAX_TEXT} characters, got {len(text)}")
    unsigned = text[1:] if text[:1] in ("-", "+") else text
    if unsigned == "0":
        return 0
    total = 0
    position = 0
    while position < len(unsigned):
        part = _PART.match(unsigned, position)
        if part is None:
            break
        whole, fraction, unit = part[1], part[2], part[3]
        if not whole and not fraction:
            break
        size = units.get(unit)
        if size is None:
            known = ", ".join(name for name in units if name.isascii())
            raise InvalidDurationError(f"{text!r} has the unknown unit {unit!r}: use one of {known}")
        if whole:
            total += int(whole) * size
        if fraction:
            total += int(fraction) * size // 10 ** len(fraction)
        position = part.end()
    if not unsigned or position < len(unsigned):
        raise InvalidDurationError(f"{text!r} is no duration: write it like '30s' or '1h30m'")
    if total > _MAX_NS:
        raise InvalidDurationError(f"{text!r} is longer than a duration can be (about 292 years)")
    return -total if text[0] == "-" else total


def format_go(ns: int) -> str:
    """The text Go prints for a duration: `168h0m0s`, `1m30s`, `1.5s`, `250ms`, `0s`."""
    if ns == 0:
        return "0s"
    sign = "-" if ns < 0 else ""
    ns = abs(ns)
    if ns < MICROSECOND:
        return f"{sign}{ns}ns"
    if ns < MILLISECOND:
        return f"{sign}{_decimal(ns, MICROSECOND)}µs"
    if ns < SECOND:
        return f"{sign}{_decimal(ns, MILLISECOND)}ms"
    minutes, rest = divmod(ns, MINUTE)
    seconds = _decimal(rest, SECOND)
    if not minutes:
        return f"{sign}{seconds}s"
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}h{minutes}m{seconds}s" if hours else f"{sign}{minutes}m{seconds}s"


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    if not rest:
        return str(whole)
    return f"{whole}.{rest:0{len(str(unit)) - 1}d}".rstrip("0")


def parse_rfc3339(text: str) -> int:
    """Unix milliseconds of an RFC 3339 time; digits below the millisecond are cut off.

    Raises InvalidDurationError, also for a time without a zone.
    """
    found = _match_time(text)
    if found is None or found[8] is None:
        raise InvalidDurationError(f"{text!r} is no RFC 3339 time: write it like '2026-11-23T09:17:11Z'")
    return _instant(text, found)


def _match_time(text: str) -> re.Match[str] | None:
    return _DATE_TIME.fullmatch(text) if len(text) <= _MAX_TEXT else None


def _instant(text: str, found: re.Match[str]) -> int:
    hour, minute, second = int(found[4] or 0), int(found[5] or 0), int(found[6] or 0)
    zone = found[8]
    offset = 0
    valid = hour <= 23 and minute <= 59 and second <= 59
    if zone and zone not in ("Z", "z"):
        zone_hours, zone_minutes = int(zone[1:3]), int(zone[4:6])
        valid = valid and zone_hours <= 23 and zone_minutes <= 59
        offset = (zone_hours * 60 + zone_minutes) * (-60 if zone[0] == "-" else 60)
    try:
        ordinal = date(int(found[1]), int(found[2]), int(found[3])).toordinal()
    except ValueError:
        valid = False
    if not valid:
        raise InvalidDurationError(f"{text!r} is a date that does not exist")
    seconds = (ordinal - _EPOCH_ORDINAL) * 86_400 + hour * 3_600 + minute * 60 + second - offset
    return seconds * 1_000 + int((found[7] or "0")[:3].ljust(3, "0"))


def format_rfc3339(ms: int) -> str:
    """A UTC time with as many fraction digits as it needs: `2026-11-23T09:17:11.083Z`.

    Raises InvalidDurationError outside the years 1 to 9999.
    """
    seconds, fraction = divmod(ms, 1_000)
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidDurationError(f"{ms} ms since 1970 is no time between the years 1 and 9999") from None
    digits = f".{fraction:03d}".rstrip("0") if fraction else ""
    return f"{moment.replace(tzinfo=None).isoformat()}{digits}Z"


def parse_timeout(text: str, now_ms: int) -> int:
    """Unix milliseconds at which a timeout given as a duration or an RFC 3339 time ends; may be past.

    What an absent timeout means differs by place (sdk-protocol §8), so an empty text is an error here.
    Parts of a millisecond count as a whole one: no timeout ends early. Raises InvalidDurationError.
    """
    found = _match_time(text)
    if found is not None and found[8] is not None:
        return _instant(text, found)
    try:
        ns = parse_extended(text)
    except InvalidDurationError as error:
        raise InvalidDurationError(f"{error} (an RFC 3339 time is accepted as well)") from None
    return now_ms - (-ns // MILLISECOND)


def parse_sleep(text: str, now_ms: int) -> int:
    """Unix milliseconds at which a sleep ends (sdk-protocol §4.2), never before `now_ms`.

    A text of ten or more characters is read as a date first (without a zone: UTC), and what remains until
    then is rounded to whole seconds. Empty text and past dates mean now. Raises InvalidDurationError.
    """
    if not text:
        return now_ms
    found = _match_time(text) if len(text) >= _MIN_DATE_TEXT else None
    if found is not None:
        due = now_ms + (_instant(text, found) - now_ms + 500) // 1_000 * 1_000
    else:
        due = now_ms - (-parse_extended(text) // MILLISECOND)
    return max(due, now_ms)
