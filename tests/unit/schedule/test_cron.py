"""The cron dialect, and its ticks against slow, obvious models."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from inngest_fast.domain.durations import format_rfc3339, parse_rfc3339
from inngest_fast.engine.schedule.cron import InvalidScheduleError, Schedule


def ticks(expression, start, count):
    """The first ticks after `start`, as texts; shorter when there are no more."""
    schedule = Schedule.parse(expression)
    found, ms = [], parse_rfc3339(start)
    while len(found) < count:
        ms = schedule.next_after(ms)
        if ms is None:
            break
        found.append(format_rfc3339(ms))
    return found


@pytest.mark.parametrize(
    ("expression", "start", "expected"),
    [
        ("* * * * *", "2026-08-01T12:34:56Z", ["2026-08-01T12:35:00Z", "2026-08-01T12:36:00Z"]),
        ("* * * * *", "2026-08-01T12:34:00Z", ["2026-08-01T12:35:00Z"]),
        ("* * * * *", "2026-08-01T12:33:59.999Z", ["2026-08-01T12:34:00Z"]),
        ("* * * * *", "1969-12-31T23:59:59.5Z", ["1970-01-01T00:00:00Z"]),
        ("*/15 9-10 * * *", "2026-08-01T10:30:00Z", ["2026-08-01T10:45:00Z", "2026-08-02T09:00:00Z"]),
        ("5/20 0 * * *", "2026-08-01T00:00:00Z",
         ["2026-08-01T00:05:00Z", "2026-08-01T00:25:00Z", "2026-08-01T00:45:00Z", "2026-08-02T00:05:00Z"]),
        ("0 8-18/4 * * *", "2026-08-01T08:00:00Z",
         ["2026-08-01T12:00:00Z", "2026-08-01T16:00:00Z", "2026-08-02T08:00:00Z"]),
        ("7,3,3 0 1 1 ?", "2026-01-01T00:00:00Z",
         ["2026-01-01T00:03:00Z", "2026-01-01T00:07:00Z", "2027-01-01T00:03:00Z"]),
        ("0 0 * * MON-FRI", "2026-07-31T00:00:00Z", ["2026-08-03T00:00:00Z"]),
        ("0 0 * * sun", "2026-08-01T00:00:00Z", ["2026-08-02T00:00:00Z"]),
        ("0 0 * * 0", "2026-08-01T00:00:00Z", ["2026-08-02T00:00:00Z"]),
        ("0 0 1 JAN,jul *", "2026-01-01T00:00:00Z", ["2026-07-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
        ("0 0 31 * *", "2026-01-31T00:00:00Z",
         ["2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z", "2026-07-31T00:00:00Z"]),
        ("0 0 29 2 *", "2026-01-01T00:00:00Z", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
        ("0 12 13 * 5", "2026-08-01T00:00:00Z",  # either: every Friday and every 13th
         ["2026-08-07T12:00:00Z", "2026-08-13T12:00:00Z", "2026-08-14T12:00:00Z"]),
        ("0 12 */20 * 5", "2026-08-01T12:00:00Z",  # a step makes a star a restriction: either
         ["2026-08-07T12:00:00Z", "2026-08-14T12:00:00Z", "2026-08-21T12:00:00Z"]),
        ("0 12 */1 * 5", "2026-08-01T12:00:00Z", ["2026-08-07T12:00:00Z", "2026-08-14T12:00:00Z"]),
        ("0 12 ? * 5", "2026-08-01T12:00:00Z", ["2026-08-07T12:00:00Z", "2026-08-14T12:00:00Z"]),
        ("0 12 13 * ?", "2026-08-01T12:00:00Z", ["2026-08-13T12:00:00Z", "2026-09-13T12:00:00Z"]),
        ("59 23 31 12 *", "2026-12-31T23:58:00Z", ["2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z"]),
        ("TZ=Asia/Tokyo 0 9 * * *", "2026-08-01T00:00:00Z", ["2026-08-02T00:00:00Z"]),
        ("CRON_TZ=Asia/Kolkata 0 9 * * *", "2026-08-01T00:00:00Z", ["2026-08-01T03:30:00Z"]),
        ("TZ=UTC 0 3 * * *", "2026-08-01T00:00:00Z", ["2026-08-01T03:00:00Z"]),
        ("  0   3  * * *  ", "2026-08-01T00:00:00Z", ["2026-08-01T03:00:00Z"]),
    ],
)  # fmt: skip
def test_ticks(expression, start, expected):
    assert ticks(expression, start, len(expected)) == expected


@pytest.mark.parametrize(
    ("expression", "start", "expected"),
    [
        # New York, 2026-03-08: 02:00 EST becomes 03:00 EDT
        ("TZ=America/New_York 30 2 * * *", "2026-03-07T00:00:00Z",
         ["2026-03-07T07:30:00Z", "2026-03-09T06:30:00Z"]),
        ("TZ=America/New_York 0 * * * *", "2026-03-08T05:30:00Z",
         ["2026-03-08T06:00:00Z", "2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z"]),
        ("TZ=America/New_York */30 2,3 * * *", "2026-03-08T05:00:00Z",
         ["2026-03-08T07:00:00Z", "2026-03-08T07:30:00Z", "2026-03-09T06:00:00Z"]),
        ("TZ=America/New_York 0 3 * * *", "2026-03-08T05:00:00Z",
         ["2026-03-08T07:00:00Z", "2026-03-09T07:00:00Z"]),
        # New York, 2026-11-01: 02:00 EDT becomes 01:00 EST
        ("TZ=America/New_York 30 1 * * *", "2026-11-01T04:00:00Z",
         ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]),
        ("TZ=America/New_York 0,30 1,2 * * *", "2026-11-01T04:30:00Z",
         ["2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z", "2026-11-01T07:00:00Z"]),
        ("TZ=America/New_York 30 1 * * *", "2026-11-01T06:10:00Z", ["2026-11-02T06:30:00Z"]),
        ("TZ=America/New_York 30 * * * *", "2026-11-01T05:00:00Z",
         ["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-01T07:30:00Z"]),
        ("TZ=America/New_York 30 0-23 * * *", "2026-11-01T05:45:00Z",
         ["2026-11-01T06:30:00Z", "2026-11-01T07:30:00Z"]),
        ("TZ=America/New_York */30 1 1 11 *", "2026-11-01T05:45:00Z",  # the next local match is years away
         ["2026-11-01T06:00:00Z", "2026-11-01T06:30:00Z", "2027-11-01T05:00:00Z"]),
        # Paris, 2026-03-29: 02:00 CET becomes 03:00 CEST; 2026-10-25: 03:00 CEST becomes 02:00 CET
        ("TZ=Europe/Paris 15 2 * * *", "2026-03-28T00:00:00Z",
         ["2026-03-28T01:15:00Z", "2026-03-30T00:15:00Z"]),
        ("TZ=Europe/Paris 15 2 * * *", "2026-10-24T12:00:00Z",
         ["2026-10-25T00:15:00Z", "2026-10-26T01:15:00Z"]),
        ("TZ=Europe/Paris 0 * * * *", "2026-10-25T00:00:00Z",
         ["2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z"]),
        ("TZ=Europe/Paris 0 0 29 2 *", "2026-03-01T00:00:00Z", ["2028-02-28T23:00:00Z"]),
        # half an hour, and a whole day that never was
        ("TZ=Australia/Lord_Howe 45 1 * * *", "2026-04-04T00:00:00Z",
         ["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"]),
        ("TZ=Pacific/Apia 0 12 * * *", "2011-12-29T00:00:00Z",
         ["2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z"]),
    ],
)  # fmt: skip
def test_ticks_where_clocks_change(expression, start, expected):
    assert ticks(expression, start, len(expected)) == expected


@pytest.mark.parametrize("expression", ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "TZ=Europe/Paris 0 0 30 2 *"])
def test_a_schedule_without_ticks(expression):
    assert ticks(expression, "2026-01-01T00:00:00Z", 1) == []


def test_the_search_ends_after_five_years():
    assert ticks("0 0 29 2 *", "2096-03-01T00:00:00Z", 1) == []  # 2100 is no leap year
    assert ticks("0 0 29 2 *", "2099-03-01T00:00:00Z", 1) == ["2104-02-29T00:00:00Z"]


@pytest.mark.parametrize("ms", [-(10**16), 10**16])
def test_there_are_no_ticks_outside_the_calendar(ms):
    assert Schedule.parse("* * * * *").next_after(ms) is None


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "got 0"),
        ("* * * *", "got 4"),
        ("0 * * * * *", "got 6"),
        ("@daily", "@daily is not supported"),
        ("@every 5m", "@every is not supported"),
        ("TZ=UTC @daily", "@daily is not supported"),
        ("60 * * * *", "minute 60 is not from 0 to 59"),
        ("* 24 * * *", "hour 24 is not from 0 to 23"),
        ("* * 0 * *", "day of month 0 is not from 1 to 31"),
        ("* * 32 * *", "day of month 32"),
        ("* * * 13 *", "month 13"),
        ("* * * * 7", "day of week 7 is not from 0 to 6"),
        ("* 22-2 * * *", "range '22-2' ends before it begins"),
        ("* * * * FRI-MON", "ends before it begins"),
        ("*/0 * * * *", "step must be at least 1"),
        ("*/x * * * *", "step 'x' is no number"),
        ("*/ * * * *", "step '' is no number"),
        ("*/2/2 * * * *", "step '2/2' is no number"),
        ("*-5 * * * *", "'*', which is no number"),
        ("1-2-3 * * * *", "'2-3', which is no number"),
        ("-1 * * * *", "'', which is no number"),
        ("+1 * * * *", "'+1', which is no number"),
        ("1.5 * * * *", "'1.5', which is no number"),
        ("１ * * * *", "which is no number"),
        (", * * * *", "is an empty list"),
        ("99999999999999999999 * * * *", "which is no number"),
        ("* * L * *", "'L', which is no number"),
        ("* * * * 5#2", "'5#2', which is no number or name"),
        ("MON * * * *", "'MON', which is no number"),
        ("* * * MON *", "'MON', which is no number or name"),
        ("TZ=Mars/Olympus * * * * *", "time zone 'Mars/Olympus' is unknown"),
        ("TZ=../../etc/passwd * * * * *", "time zone '../../etc/passwd' is unknown"),
        ("TZ=America * * * * *", "time zone 'America' is unknown"),
        ("TZ=Local * * * * *", "time zone 'Local' is unknown"),
        ("TZ=UTC", "got 0"),
    ],
)
def test_what_is_no_schedule(expression, reason):
    with pytest.raises(InvalidScheduleError) as caught:
        Schedule.parse(expression)
    assert str(caught.value).startswith(f"'{expression}' isn't a valid cron schedule: ")
    assert reason in str(caught.value)


@given(st.text(alphabet="0123456789*?,-/ TZ=MONJANutc@#L", max_size=40))
def test_any_text_is_a_schedule_or_refused(text):
    try:
        schedule = Schedule.parse(text)
    except InvalidScheduleError:
        return
    assert schedule.expression == text


def field(low, high, *, star_steps=True):
    value = st.integers(low, high)
    span = st.tuples(value, value).map(sorted).filter(lambda ends: ends[0] < ends[1])  # 3-3/2: oracle's quirk
    stars = [st.just("*")] + [st.integers(2, high).map(lambda n: f"*/{n}")] * star_steps
    item = st.one_of(
        value.map(str),
        span.map(lambda ends: f"{ends[0]}-{ends[1]}"),
        st.tuples(span, st.integers(1, 9)).map(lambda it: f"{it[0][0]}-{it[0][1]}/{it[1]}"),
    )
    return st.one_of(*stars, st.lists(item, min_size=1, max_size=3).map(",".join))


# a stepped star among the days is read differently by the oracle
expressions = st.tuples(
    field(0, 59), field(0, 23), field(1, 31, star_steps=False), field(1, 12), field(0, 6, star_steps=False)
).map(" ".join)


@settings(max_examples=300)
@given(expressions, st.integers(0, 4_000_000_000))
def test_utc_ticks_are_those_of_another_implementation(expression, second):
    schedule = Schedule.parse(expression)
    start = datetime.fromtimestamp(second, UTC)
    ms = second * 1_000
    for expected, _ in zip(CronSim(expression, start), range(4), strict=False):
        ms = schedule.next_after(ms)
        if ms is None:
            assert expected.year > start.year + 5
            return
        assert ms == int(expected.timestamp()) * 1_000


CHANGES = [
    ("America/New_York", "2026-03-08T07:00:00Z"),
    ("America/New_York", "2026-11-01T06:00:00Z"),
    ("Europe/Paris", "2026-03-29T01:00:00Z"),
    ("Europe/Paris", "2026-10-25T01:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
]


def matches(schedule_fields, local):
    minutes, hours, days, months, weekdays = schedule_fields
    return (
        local.minute in minutes
        and local.hour in hours
        and local.month in months
        and local.day in days
        and local.isoweekday() % 7 in weekdays
    )


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(CHANGES),
    st.lists(st.integers(0, 59), min_size=1, max_size=4, unique=True),
    st.one_of(st.none(), st.lists(st.integers(0, 4), min_size=1, max_size=4, unique=True)),
    st.integers(-240, 240),
)
def test_ticks_near_a_change_are_those_found_by_trying_every_minute(change, minutes, hours, offset):
    zone, turn = change
    expression = (
        f"TZ={zone} {','.join(map(str, minutes))} {','.join(map(str, hours)) if hours else '*'} * * *"
    )
    start = datetime.fromtimestamp(parse_rfc3339(turn) // 1_000, UTC) + timedelta(minutes=offset)
    every = range(60)
    fields = (minutes, hours or range(24), range(32), every, every)
    expected = []
    for ahead in range(1, 8 * 60):
        moment = start + timedelta(minutes=ahead)
        local = moment.astimezone(ZoneInfo(zone))
        if matches(fields, local) and (hours is None or not local.fold):
            expected.append(int(moment.timestamp()) * 1_000)
    schedule = Schedule.parse(expression)
    found, ms = [], int(start.timestamp()) * 1_000
    end = ms + 8 * 60 * 60_000
    while (ms := schedule.next_after(ms)) is not None and ms < end:
        found.append(ms)
    assert found == expected


def test_speed_of_the_next_tick(benchmark):
    schedule = Schedule.parse("TZ=Europe/Paris 0 9 * * MON-FRI")
    benchmark(schedule.next_after, parse_rfc3339("2026-08-01T12:34:56Z"))


def test_speed_of_the_next_tick_in_utc(benchmark):
    schedule = Schedule.parse("0 9 * * MON-FRI")
    benchmark(schedule.next_after, parse_rfc3339("2026-08-01T12:34:56Z"))


def test_speed_of_finding_no_tick(benchmark):
    schedule = Schedule.parse("0 0 30 2 *")
    benchmark(schedule.next_after, parse_rfc3339("2026-08-01T12:34:56Z"))
