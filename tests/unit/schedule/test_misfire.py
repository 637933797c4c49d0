"""Missed ticks and jitter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inngest_fast.domain.durations import parse_rfc3339
from inngest_fast.engine.schedule.cron import Schedule
from inngest_fast.engine.schedule.misfire import MISSED_CAP, Ticks, jitter_ms, plan

MINUTE = 60_000
T0 = parse_rfc3339("2026-08-01T12:00:00Z")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (T0 + 1, Ticks(run=None, missed=0, next=T0 + MINUTE)),
        (T0 + MINUTE - 1, Ticks(run=None, missed=0, next=T0 + MINUTE)),
        (T0 + MINUTE, Ticks(run=T0 + MINUTE, missed=0, next=T0 + 2 * MINUTE)),
        (T0 + MINUTE + 5, Ticks(run=T0 + MINUTE, missed=0, next=T0 + 2 * MINUTE)),
        (T0 + 10 * MINUTE + 5, Ticks(run=T0 + 10 * MINUTE, missed=9, next=T0 + 11 * MINUTE)),
        (T0 - 10 * MINUTE, Ticks(run=None, missed=0, next=T0 + MINUTE)),  # the clock went back
    ],
)
def test_the_latest_missed_tick_runs_and_the_others_are_counted(now, expected):
    assert plan(Schedule.parse("* * * * *"), T0, now) == expected


def test_counting_is_exact_up_to_its_cap():
    ticks = plan(Schedule.parse("* * * * *"), T0, T0 + (MISSED_CAP) * MINUTE)
    assert ticks == Ticks(
        run=T0 + MISSED_CAP * MINUTE, missed=MISSED_CAP - 1, next=T0 + (MISSED_CAP + 1) * MINUTE
    )


@pytest.mark.parametrize("expression", ["* * * * *", "*/7 * * * *", "0 * * 1-6 *"])
def test_years_of_downtime_end_with_the_latest_tick(expression):
    schedule = Schedule.parse(expression)
    now = T0 + 3 * 365 * 86_400_000 + 12_345
    ticks = plan(schedule, T0, now)
    assert ticks.at_least
    assert ticks.missed == MISSED_CAP
    assert ticks.run <= now < ticks.next
    assert schedule.next_after(ticks.run - 1) == ticks.run
    assert schedule.next_after(ticks.run) == ticks.next


def test_a_schedule_that_has_ended_owes_nothing():
    assert plan(Schedule.parse("0 0 30 2 *"), T0, T0 + MINUTE) == Ticks(run=None, missed=0, next=None)


@given(st.uuids().map(str), st.integers(0, 10**10).map(lambda n: n * MINUTE), st.integers(1_001, 300_000))
def test_jitter_stays_in_its_range_and_repeats(function_id, tick, spread):
    jitter = jitter_ms(function_id, "* * * * *", tick, spread)
    assert 1_000 <= jitter < spread
    assert jitter == jitter_ms(function_id, "* * * * *", tick, spread)


def test_jitter_spreads_ticks_functions_and_expressions():
    base = [jitter_ms("f", "* * * * *", T0 + n * MINUTE, 300_000) for n in range(100)]
    assert len(set(base)) > 90
    assert max(base) - min(base) > 200_000
    assert jitter_ms("g", "* * * * *", T0, 300_000) != base[0]
    assert jitter_ms("f", "*/1 * * * *", T0, 300_000) != base[0]


@pytest.mark.parametrize(("spread", "jitter"), [(0, 0), (-5, 0), (1_000, 1_000)])
def test_jitter_at_the_edges(spread, jitter):
    assert jitter_ms("f", "* * * * *", T0, spread) == jitter
