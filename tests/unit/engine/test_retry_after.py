"""Retry-After in every form that is read (sdk-protocol §3.1)."""

import pytest
from engine_builders import NOW

from inngest_fast.engine.answer.retry_after import parse_retry_after

SECOND, DAY = 1_000, 86_400_000
TEN_PAST = 10 * 60_000 - 12_000  # from 09:14:12 to 09:24


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("90", 90 * SECOND),
        (" 90 ", 90 * SECOND),
        ("1", SECOND),
        ("0000090", 90 * SECOND),
        ("86400", DAY),
        ("86401", DAY),
        ("9999999", DAY),
        ("2026-11-23T09:24:00Z", TEN_PAST),
        ("2026-11-23T09:24:00.250Z", TEN_PAST + 250),
        ("2026-11-23T09:24:00.250999Z", TEN_PAST + 250),
        ("2026-11-23T11:24:00+02:00", TEN_PAST),
        ("2026-11-23T04:24:00-05:00", TEN_PAST),
        ("2026-11-23T09:24:00", TEN_PAST),
        ("Mon, 23 Nov 2026 09:24:00 GMT", TEN_PAST),
        ("Mon, 23 Nov 2026 09:24:00 UTC", TEN_PAST),
        ("Mon, 23 Nov 2026 11:24:00 +0200", TEN_PAST),
        ("23 Nov 26 09:24 UTC", TEN_PAST),
        ("23 Nov 26 09:24 GMT", TEN_PAST),
        ("23 Nov 26 11:24 +0200", TEN_PAST),
        ("Monday, 23-Nov-26 09:24:00 UTC", TEN_PAST),
        ("Mon Nov 23 09:24:00 2026", TEN_PAST),
        ("Mon Nov 23 09:24:00 UTC 2026", TEN_PAST),
        ("2026-11-24", DAY - ((9 * 60 + 14) * 60 + 12) * SECOND),
        ("Tue Dec  1 09:24:00 2026", DAY),
        ("2026-11-23T09:14:12Z", SECOND),
        ("2026-11-23T09:14:12.999Z", SECOND),
        ("2026-11-23T09:14:13.001Z", 1_001),
        ("2020-01-01", SECOND),
        ("0001-01-01T00:00:00", SECOND),
        ("9999-12-31T23:59:59Z", DAY),
    ],
)
def test_a_time_of_the_next_attempt_between_a_second_and_a_day_ahead(text, delay):
    assert parse_retry_after(text, NOW) == NOW + delay


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "0",
        "0000000",
        "00000090",
        "12345678",
        "-5",
        "+5",
        "1.5",
        "90s",
        "1h",
        "soon",
        "²",
        "९०",
        "2026-13-01",
        "2026-02-30T00:00:00Z",
        "2026-11-23 09:24:00",
        "09:24",
        "x" * 10_000,
        "9" * 10_000,
    ],
)
def test_what_says_nothing_usable_is_ignored(text):
    assert parse_retry_after(text, NOW) is None
