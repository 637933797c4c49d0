"""Go durations and RFC 3339 times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inngest_fast.domain.durations import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    WEEK,
    format_go,
    format_rfc3339,
    parse_extended,
    parse_go,
    parse_rfc3339,
    parse_sleep,
    parse_timeout,
)
from inngest_fast.domain.errors import InvalidDurationError

NOW = 1_795_425_431_083  # 2026-11-23T09:17:11.083Z


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0", 0),
        ("-0", 0),
        ("0s", 0),
        ("30s", 30 * SECOND),
        ("1h30m", 90 * MINUTE),
        ("1.5h", 90 * MINUTE),
        (".5s", SECOND // 2),
        ("1.s", SECOND),
        ("+2m", 2 * MINUTE),
        ("-1.5h", -90 * MINUTE),
        ("1w2d3h4m5s6ms", WEEK + 2 * DAY + 3 * HOUR + 4 * MINUTE + 5 * SECOND + 6_000_000),
        ("366d", 366 * DAY),
        ("1us", 1_000),
        ("1µs", 1_000),
        ("1μs", 1_000),
        ("7ns", 7),
        ("0.9999999999ns", 0),
        ("1s1s", 2 * SECOND),
        ("9223372036854775807ns", 2**63 - 1),
    ],
)
def test_extended_durations(text, ns):
    assert parse_extended(text) == ns


@pytest.mark.parametrize(
    "text",
    ["", "-", "+", "1", "s", ".s", "1 s", " 1s", "1s ", "1x", "1S", "1m-1s", "--1s", "1e3s", "１s", "1y",
     "9223372036854775808ns", "300w300000d", "9" * 300 + "s", "1h\n", "tomorrow"],
)  # fmt: skip
def test_what_is_no_duration(text):
    with pytest.raises(InvalidDurationError):
        parse_extended(text)


def test_an_unknown_unit_is_named_with_the_known_ones():
    with pytest.raises(InvalidDurationError, match="unknown unit 'y'.*ns, us, ms, s, m, h, d, w"):
        parse_extended("1y")


@pytest.mark.parametrize("text", ["1d", "1w", "1h2d"])
def test_the_go_grammar_has_no_days_and_weeks(text):
    with pytest.raises(InvalidDurationError, match="unknown unit"):
        parse_go(text)
    assert parse_extended(text) > 0


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0s"),
        (WEEK, "168h0m0s"),
        (90 * SECOND, "1m30s"),
        (1_500_000_000, "1.5s"),
        (250_000_000, "250ms"),
        (1_500, "1.5µs"),
        (9, "9ns"),
        (-90 * MINUTE, "-1h30m0s"),
        (MINUTE + 1, "1m0.000000001s"),
        (60 * MINUTE, "1h0m0s"),
    ],
)
def test_go_text(ns, text):
    assert format_go(ns) == text


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_go_text_reads_back_as_the_same_duration(ns):
    assert parse_go(format_go(ns)) == ns
    assert parse_extended(format_go(ns)) == ns


@given(st.text(max_size=40))
def test_any_text_is_a_duration_or_refused(text):
    for parse in (parse_extended, parse_go, parse_rfc3339):
        try:
            parse(text)
        except InvalidDurationError:
            pass


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-23T09:17:11.083Z", NOW),
        ("2026-11-23T09:17:11.0839999Z", NOW),
        ("2026-11-23T11:17:11.083+02:00", NOW),
        ("2026-11-23T05:47:11.083-03:30", NOW),
        ("2026-11-23t09:17:11.083z", NOW),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000),
        ("1969-12-31T23:59:59.5Z", -500),
    ],
)
def test_rfc3339(text, ms):
    assert parse_rfc3339(text) == ms


@pytest.mark.parametrize(
    "text",
    ["", "2026-11-23", "2026-11-23T09:17:11", "2026-11-23 09:17:11Z", "2026-13-01T00:00:00Z",
     "2025-02-29T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T09:60:00Z", "2026-11-23T09:17:60Z",
     "2026-11-23T09:17:11+24:00", "2026-11-23T09:17:11.Z", "0000-01-01T00:00:00Z", "2026-11-23T09:17:11Z\n",
     "２026-11-23T09:17:11Z", "30s"],
)  # fmt: skip
def test_what_is_no_rfc3339_time(text):
    with pytest.raises(InvalidDurationError):
        parse_rfc3339(text)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (NOW, "2026-11-23T09:17:11.083Z"),
        (NOW // 1000 * 1000, "2026-11-23T09:17:11Z"),
        (1_700, "1970-01-01T00:00:01.7Z"),
        (-500, "1969-12-31T23:59:59.5Z"),
    ],
)
def test_rfc3339_text(ms, text):
    assert format_rfc3339(ms) == text


@given(st.integers(-62_000_000_000_000, 253_000_000_000_000))
def test_rfc3339_text_reads_back_as_the_same_time(ms):
    assert parse_rfc3339(format_rfc3339(ms)) == ms


@pytest.mark.parametrize("ms", [10**17, -(10**17), 10**30])
def test_no_text_for_times_outside_the_calendar(ms):
    with pytest.raises(InvalidDurationError):
        format_rfc3339(ms)


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("30s", NOW + 30_000),
        ("2d", NOW + 172_800_000),
        ("0s", NOW),
        ("1ns", NOW + 1),
        ("-1s", NOW - 1_000),
        ("2026-11-23T09:17:12Z", NOW + 917),
        ("2020-01-01T00:00:00Z", 1_577_836_800_000),
    ],
)
def test_timeouts_are_durations_or_times(text, due):
    assert parse_timeout(text, NOW) == due


@pytest.mark.parametrize("text", ["", "2026-11-23", "soon", "2026-02-30T00:00:00Z"])
def test_what_is_no_timeout(text):
    with pytest.raises(InvalidDurationError):
        parse_timeout(text, NOW)


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("", NOW),
        ("1s", NOW + 1_000),
        ("1500ms", NOW + 1_500),
        ("1h2m3s400ms", NOW + 3_723_400),
        ("-1s", NOW),
        ("2020-01-01T00:00:00Z", NOW),
        ("2026-11-23T09:17:13.500Z", NOW + 2_000),  # 2.417 s remain
        ("2026-11-23T09:17:13.583Z", NOW + 3_000),  # 2.5 s remain
        ("2026-11-23T09:17:11.400Z", NOW),
        ("2026-11-24", NOW + 52_969_000),  # midnight UTC
        ("2026-11-23T09:18:11", NOW + 60_000),
    ],
)
def test_sleeps(text, due):
    assert parse_sleep(text, NOW) == due


@pytest.mark.parametrize("text", ["soon", "2026-02-30", "the day after tomorrow"])
def test_what_is_no_sleep(text):
    with pytest.raises(InvalidDurationError):
        parse_sleep(text, NOW)
