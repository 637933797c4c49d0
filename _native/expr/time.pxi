# Instants and spans: reading, writing, calendar fields.

cdef object NS = 1_000_000_000
cdef object MS = 1_000_000
cdef object DAY_NS = 86_400 * 1_000_000_000
cdef object MIN_NS = days_of_date(1, 1, 1) * DAY_NS
cdef object YEAR_0_NS = days_of_date(0, 1, 1) * DAY_NS
cdef object MAX_NS = days_of_date(10000, 1, 1) * DAY_NS - 1

cdef tuple MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
cdef tuple MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
cdef dict UNITS = {
    "ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000, "s": 1_000_000_000,
    "m": 60 * 1_000_000_000, "h": 3600 * 1_000_000_000,
}
cdef dict EXTENDED_UNITS = dict(UNITS, d=86_400 * 1_000_000_000, w=7 * 86_400 * 1_000_000_000)

_RFC3339 = (
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,30}))?([Zz]|[+-]\d\d:\d\d)?)?"
)
_DAY_NAME = r"(?:mon|tue|wed|thu|fri|sat|sun)"
_LONG_DAY_NAME = r"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
_MONTH = r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_CLOCK = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?"
_ABBREVIATION = r"(?P<zone>[A-Za-z]{3,5}(?:[+-]\d{1,2})?)"
_OFFSET = r"(?P<zone>[+-]\d{4})"
_PADDED_DAY = r"(?P<day>\d\d| \d|\d)"
_LAYOUTS = (
    # RFC 1123, with either kind of zone
    rf"{_DAY_NAME}, (?P<day>\d\d) {_MONTH} (?P<year>\d{{4}}) {_CLOCK} {_ABBREVIATION}",
    # RFC 822 and 822Z
    rf"(?P<day>\d\d) {_MONTH} (?P<year>\d\d) (?P<hour>\d\d):(?P<minute>\d\d) {_ABBREVIATION}",
    rf"(?P<day>\d\d) {_MONTH} (?P<year>\d\d) (?P<hour>\d\d):(?P<minute>\d\d) {_OFFSET}",
    # RFC 850
    rf"{_LONG_DAY_NAME}, (?P<day>\d\d)-{_MONTH}-(?P<year>\d\d) {_CLOCK} {_ABBREVIATION}",
    # Ruby, Unix, ANSI C
    rf"{_DAY_NAME} {_MONTH} (?P<day>\d\d) {_CLOCK} {_OFFSET} (?P<year>\d{{4}})",
    rf"{_DAY_NAME} {_MONTH} {_PADDED_DAY} {_CLOCK} {_ABBREVIATION} (?P<year>\d{{4}})",
    rf"{_DAY_NAME} {_MONTH} {_PADDED_DAY} {_CLOCK} (?P<year>\d{{4}})",
    # Stamp and its fractions: year 0
    rf"{_MONTH} {_PADDED_DAY} {_CLOCK}",
)

cdef object _rfc3339 = None
cdef list _layouts = []
cdef object _duration_part = None


cdef object days_of_date(object year, object month, object day):
    """Days from 1970-01-01 in the proleptic Gregorian calendar, for any year."""
    if month <= 2:
        year = year - 1
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


cdef tuple date_of_days(object days):
    days = days + 719468
    era = days // 146097
    of_era = days - era * 146097
    year_of_era = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * 400 + (1 if month <= 2 else 0), month, day


cdef object instant(int year, int month, int day, int hour, int minute, int second, str fraction, int offset):
    """Nanoseconds since 1970, or None for a date or time that does not exist."""
    cdef int last
    if not 1 <= month <= 12 or hour > 23 or minute > 59 or second > 59:
        return None
    last = MONTH_DAYS[month - 1]
    if month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0):
        last = 29
    if not 1 <= day <= last:
        return None
    seconds = days_of_date(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
    return seconds * NS + int(fraction[:9].ljust(9, "0"))


cdef object match_rfc3339(str text):
    global _rfc3339
    if _rfc3339 is None:
        import re

        _rfc3339 = re.compile(_RFC3339, re.ASCII)
    return _rfc3339.fullmatch(text) if len(text) <= 64 else None


cdef object read_iso(str text, bint zone_required):
    """Nanoseconds of an RFC 3339 time, or None; without a zone, or a date alone, UTC unless required."""
    found = match_rfc3339(text)
    if found is None or (zone_required and not found[8]):
        return None
    cdef int offset = 0
    zone = found[8]
    if zone and zone not in "Zz":
        if int(zone[1:3]) > 23 or int(zone[4:6]) > 59:
            return None
        offset = (int(zone[1:3]) * 60 + int(zone[4:6])) * (-60 if zone[0] == "-" else 60)
    return instant(
        int(found[1]), int(found[2]), int(found[3]),
        int(found[4] or 0), int(found[5] or 0), int(found[6] or 0), found[7] or "0", offset,
    )


cdef int zone_offset(str zone):
    """Seconds east of UTC. Abbreviations name no offset of their own: they count as UTC."""
    if zone[0] in "+-":
        return (int(zone[1:3]) * 60 + int(zone[3:5])) * (-60 if zone[0] == "-" else 60)
    if zone[:3].upper() == "GMT" and zone[3:4] in ("+", "-"):
        return int(zone[4:]) * (-3600 if zone[3] == "-" else 3600)
    return 0


cdef object read_date(str text):
    """Nanoseconds of a text in one of the layouts that `date` knows (flow-control §2.5), or None."""
    cdef int year
    ns = read_iso(text, False)
    if ns is not None:
        return ns
    if len(text) > 64:
        return None
    if not _layouts:
        import re

        _layouts.extend(re.compile(layout, re.ASCII | re.IGNORECASE) for layout in _LAYOUTS)
    for layout in _layouts:
        found = layout.fullmatch(text)
        if found is None:
            continue
        part = found.groupdict()
        year = int(part.get("year") or 0)
        if part.get("year") and len(part["year"]) == 2:
            year += 1900 if year >= 69 else 2000
        return instant(
            year, MONTHS.index(part["month"].lower()) + 1, int(part["day"]),
            int(part["hour"]), int(part["minute"]), int(part.get("second") or 0),
            part.get("fraction") or "0", zone_offset(part["zone"]) if part.get("zone") else 0,
        )
    return None


cdef str timestamp_text(object ns):
    days, rest = divmod(ns, DAY_NS)
    year, month, day = date_of_days(days)
    seconds, fraction = divmod(rest, NS)
    cdef str tail = f".{fraction:09d}".rstrip("0") if fraction else ""
    return (
        f"{year:04d}-{month:02d}-{day:02d}"
        f"T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{tail}Z"
    )


cdef str duration_text(object ns):
    cdef str sign = "-" if ns < 0 else ""
    seconds, fraction = divmod(abs(ns), NS)
    cdef str tail = f".{fraction:09d}".rstrip("0") if fraction else ""
    return f"{sign}{seconds}{tail}s"


cdef Timestamp make_timestamp(object ns):
    if not MIN_NS <= ns <= MAX_NS:
        raise EvaluationError("a timestamp outside the years 1 to 9999")
    return Timestamp(ns)


cdef Duration make_duration(object ns):
    if not INT_MIN <= ns <= INT_MAX:
        raise EvaluationError("a duration longer than about 292 years")
    return Duration(ns)


cdef object read_duration(str text, dict units):
    """Nanoseconds; raises EvaluationError."""
    global _duration_part
    if _duration_part is None:
        import re

        _duration_part = re.compile(r"([0-9]*)(?:\.([0-9]*))?([a-zµμ]+)")
    cdef str rest = text[1:] if text[:1] == "-" or text[:1] == "+" else text
    cdef Py_ssize_t position = 0
    cdef object ten = 10  # a power of C integers would be a float
    cdef object total = 0
    if len(text) > 64:
        raise EvaluationError("a duration text of more than 64 characters")
    if rest == "0":
        return 0
    while position < len(rest):
        part = _duration_part.match(rest, position)
        if part is None or part[3] not in units or not (part[1] or part[2]):
            break
        size = units[part[3]]
        total += int(part[1] or 0) * size
        if part[2]:
            total += int(part[2]) * size // ten ** len(part[2])
        position = part.end()
    if not rest or position < len(rest):
        raise EvaluationError(f"{text!r} is no duration")
    if total > INT_MAX:
        raise EvaluationError("a duration longer than about 292 years")
    return -total if text[0] == "-" else total
