# Dates and their parts.


cdef object _date(object value):
    if PyUnicode_CheckExact(value):
        ns = read_date(<str>value)
        if ns is None:
            raise EvaluationError("date() does not know this layout")
        if not YEAR_0_NS <= ns <= MAX_NS:
            raise EvaluationError("a timestamp outside the years 0 to 9999")
        return Timestamp(ns)  # a Stamp has the year 0, which `timestamp` refuses
    if not PyLong_CheckExact(value):
        raise _no_overload("date", [value])
    if value < 946_684_800:
        raise EvaluationError("date() of an integer before the year 2000")
    if value < 9_999_999_999:
        return make_timestamp(value * NS)
    if value < 9_999_999_999_999:
        return make_timestamp(value * MS)
    return make_timestamp(value)


cdef object _calendar(Function function, str name, list args):
    value = args[0]
    if type(value) is Duration:
        ns = (<Duration>value).ns
        if len(args) > 1 or function < F_HOURS:
            raise _no_overload(name, args)
        unit = (3600 * NS, 60 * NS, NS, MS)[<int>function - <int>F_HOURS]
        return ns // unit if ns >= 0 else -(-ns // unit)
    if type(value) is not Timestamp:
        raise _no_overload(name, args)
    ns = (<Timestamp>value).ns
    if len(args) > 1:
        if not PyUnicode_CheckExact(args[1]):
            raise _no_overload(name, args)
        ns += zone_shift(ns, <str>args[1])
    days, rest = divmod(ns, DAY_NS)
    if function == F_HOURS:
        return rest // (3600 * NS)
    if function == F_MINUTES:
        return rest // (60 * NS) % 60
    if function == F_SECONDS:
        return rest // NS % 60
    if function == F_MILLISECONDS:
        return rest % NS // MS
    if function == F_DAY_OF_WEEK:
        return (days + 4) % 7
    year, month, day = date_of_days(days)
    if function == F_YEAR:
        return year
    if function == F_MONTH:
        return month - 1
    if function == F_DATE_OF_MONTH:
        return day
    if function == F_DAY_OF_MONTH:
        return day - 1
    return days - days_of_date(year, 1, 1)


cdef object zone_shift(object ns, str zone):
    """Nanoseconds to add to a UTC instant for its wall clock in `zone`."""
    cdef str text = zone
    cdef str digits
    if text in ("", "UTC", "Z"):
        return 0
    if len(text) > 64:
        raise EvaluationError("unknown time zone")
    if ":" in text:
        digits = text[1:] if text[:1] in ("+", "-") else text
        hours, _, minutes = digits.partition(":")
        if (
            len(hours) == 2 and len(minutes) == 2 and digits.isascii()
            and hours.isdigit() and minutes.isdigit() and int(hours) <= 23 and int(minutes) <= 59
        ):
            seconds = int(hours) * 3600 + int(minutes) * 60
            return (-seconds if text[0] == "-" else seconds) * NS
        raise EvaluationError(f"{zone!r} is no time zone")
    from datetime import UTC, datetime, timedelta
    from zoneinfo import ZoneInfo

    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=ns // NS)
        return int(moment.astimezone(ZoneInfo(text)).utcoffset().total_seconds()) * NS
    except Exception:
        raise EvaluationError(f"{zone!r} is no time zone") from None
