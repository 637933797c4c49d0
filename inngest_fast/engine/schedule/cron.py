"""Cron expressions: which they are, and when they tick next (flow-control §3)."""

from datetime import UTC, datetime, timedelta, tzinfo
from datetime import date as calendar_date

from inngest_fast.domain.errors import InngestFastError
from inngest_fast.engine.schedule.fields import (
    DAY_OF_MONTH,
    DAY_OF_WEEK,
    HOUR,
    MINUTE,
    MONTH,
    CronField,
    parse_field,
)

_EPOCH_ORDINAL = calendar_date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local times have no zone until it is asked
_DAY_MINUTES = 24 * 60
_YEARS_AHEAD = 5
_MONTH_MASK = (1 << 31) - 1
_EVERY_WEEK = sum(1 << 7 * week for week in range(5))
_MIN_MS = -62_000_000_000_000  # a little inside the years 1 and 9999
_MAX_MS = 253_000_000_000_000


class InvalidScheduleError(InngestFastError):
    """Text that is no cron expression; the message names it and says why."""

    code = "schedule_invalid"

    def __init__(self, expression: str, reason: str) -> None:
        super().__init__(f"'{expression}' isn't a valid cron schedule: {reason}")
        self.expression = expression
        self.reason = reason


class Schedule:
    """A parsed cron expression. Times are Unix milliseconds; without a zone prefix, fields are UTC.

    When day of month and day of week are both restricted, a day matches if either does.

    Where clocks change: a local time that a day skips does not tick on that day. A local time that comes
    twice ticks at its first coming only, unless the minute or the hour is a wildcard (`*`, `*/n`): such a
    schedule goes on through both.
    """

    __slots__ = ("_hours", "_minutes", "_month_days", "_months", "_zone", "expression", "repeats")

    def __init__(
        self,
        expression: str,
        zone: tzinfo | None,
        minute: CronField,
        hour: CronField,
        day: CronField,
        month: CronField,
        weekday: CronField,
    ) -> None:
        self.expression = expression
        self.repeats = minute.wildcard or hour.wildcard  # ticks in both passes of a repeated hour
        self._zone = zone
        self._minutes = minute.bits
        self._hours = hour.bits
        self._months = month.bits
        both = day.star or weekday.star
        # by the weekday of the month's first day: the days that match, day 1 as bit 0
        self._month_days = tuple(
            _combine(day.bits >> 1, _weekday_days(weekday.bits, first), both=both) for first in range(7)
        )

    @classmethod
    def parse(cls, expression: str) -> "Schedule":
        """Five fields, after an optional `TZ=Zone` or `CRON_TZ=Zone`.

        No seconds, no `@daily`, day of week 0 (Sunday) to 6. Raises InvalidScheduleError.
        """
        words = expression.split()
        zone: tzinfo | None = None
        if words and words[0].startswith(("TZ=", "CRON_TZ=")):
            zone = _load_zone(expression, words[0].partition("=")[2])
            words = words[1:]
        if words and words[0].startswith("@"):
            raise InvalidScheduleError(expression, f"{words[0]} is not supported, write the five fields")
        if len(words) != 5:
            reason = "expected 5 fields (minute, hour, day of month, month, day of week)"
            raise InvalidScheduleError(expression, f"{reason}, got {len(words)}")
        ranges = (MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK)
        try:
            fields = [parse_field(word, within) for word, within in zip(words, ranges, strict=True)]
        except ValueError as error:
            raise InvalidScheduleError(expression, str(error)) from None
        return cls(expression, zone, *fields)

    def next_after(self, ms: int) -> int | None:
        """The first tick strictly after `ms`; None if the next five years have none."""
        if not _MIN_MS < ms < _MAX_MS:
            return None
        second = (ms // 60_000 + 1) * 60
        last_year = _year(ms // 86_400_000) + _YEARS_AHEAD
        if self._zone is None:
            minute = self._next_minute(second // 60, last_year)
            return None if minute is None else minute * 60_000
        return self._next_in_zone(self._zone, ms, last_year)

    def _next_in_zone(self, zone: tzinfo, ms: int, last_year: int) -> int | None:
        after = ms // 1_000  # the last second that is too early
        offset = _offset_at(zone, after)
        minute = (after + offset) // 60 + 1
        if self.repeats:
            again = _second_offset(zone, (after + offset) // 60)
            if again < offset:
                # the first pass of a repeated hour: what is left of it comes before its second pass
                turn = _turn(zone, after, after + offset - again, offset)
                left = self._next_minute(minute, last_year)
                if left is not None and left * 60 - offset < turn:
                    return (left * 60 - offset) * 1_000
                minute = -(-(turn + again) // 60)
                after, offset = turn - 1, again
        while True:
            found = self._next_minute(minute, last_year)
            if found is None:
                return None
            first, second = _first_offset(zone, found), _second_offset(zone, found)
            if first >= second:  # else clocks skip this local time
                tick = found * 60 - first
                if tick > after:
                    return tick * 1_000
                tick = found * 60 - second
                if self.repeats and tick > after:
                    return tick * 1_000
            minute = found + 1

    def _next_minute(self, minute: int, last_year: int) -> int | None:
        """The first matching local minute from `minute` on, both counted from 1970."""
        day, minute_of_day = divmod(minute, _DAY_MINUTES)
        matching = self._next_day(day, last_year)
        if matching == day:
            time = self._next_time(minute_of_day)
            if time is not None:
                return day * _DAY_MINUTES + time
            matching = self._next_day(day + 1, last_year)
        if matching is None:
            return None
        return matching * _DAY_MINUTES + _lowest(self._hours) * 60 + _lowest(self._minutes)

    def _next_time(self, minute_of_day: int) -> int | None:
        hour, minute = divmod(minute_of_day, 60)
        if self._hours >> hour & 1:
            left = self._minutes >> minute
            if left:
                return minute_of_day + _lowest(left)
        later = self._hours >> hour + 1
        if not later:
            return None
        return (hour + 1 + _lowest(later)) * 60 + _lowest(self._minutes)

    def _next_day(self, day: int, last_year: int) -> int | None:
        """The first matching day from `day` on, both counted from 1970."""
        date = calendar_date.fromordinal(day + _EPOCH_ORDINAL)
        year, month, skipped = date.year, date.month, date.day - 1
        while year <= last_year:
            if self._months >> month & 1:
                first = calendar_date(year, month, 1).toordinal()
                days = self._month_days[first % 7] & (1 << _month_length(year, month)) - 1
                days = days >> skipped << skipped
                if days:
                    return first - _EPOCH_ORDINAL + _lowest(days)
            skipped = 0
            month += 1
            if month > 12:
                year, month = year + 1, 1
        return None


def _load_zone(expression: str, name: str) -> tzinfo | None:
    if name in ("", "UTC"):
        return None
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no name of a zone, a directory of zones
        raise InvalidScheduleError(expression, f"the time zone {name!r} is unknown") from None


def _weekday_days(weekdays: int, first: int) -> int:
    week = sum((weekdays >> (first + day) % 7 & 1) << day for day in range(7))
    return week * _EVERY_WEEK & _MONTH_MASK


def _combine(days: int, weekday_days: int, *, both: bool) -> int:
    return days & weekday_days if both else days | weekday_days


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def _year(day: int) -> int:
    return calendar_date.fromordinal(day + _EPOCH_ORDINAL).year


def _month_length(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _offset_at(zone: tzinfo, second: int) -> int:
    """Seconds that local time is ahead of UTC at a Unix second."""
    return _seconds(datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset())


def _first_offset(zone: tzinfo, local_minute: int) -> int:
    """The offset in force when clocks show a local minute for the first time (before a change)."""
    moment = _EPOCH + timedelta(minutes=local_minute)
    return _seconds(zone.utcoffset(moment.replace(tzinfo=zone)))


def _second_offset(zone: tzinfo, local_minute: int) -> int:
    """The offset in force when clocks show a local minute for the last time (after a change)."""
    moment = _EPOCH + timedelta(minutes=local_minute)
    return _seconds(zone.utcoffset(moment.replace(tzinfo=zone, fold=1)))


def _seconds(offset: timedelta | None) -> int:
    return 0 if offset is None else offset.days * 86_400 + offset.seconds


def _turn(zone: tzinfo, before: int, after: int, offset: int) -> int:
    """The second from which on `offset`, in force at `before`, no longer holds; at the latest `after`."""
    while after - before > 1:
        middle = (before + after) // 2
        if _offset_at(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after
