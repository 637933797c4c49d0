"""Crons: what a due tick does (flow-control §3)."""

import pytest
from engine_builders import FUNCTION_ID, Counting, function, plain
from msgspec.structs import replace

from inngest_fast.domain.durations import parse_rfc3339
from inngest_fast.domain.functions import Trigger
from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.transitions import CreateRun, MoveJob, PutEvent
from inngest_fast.engine.lifecycle import tick

MINUTE = 60_000
NINE = parse_rfc3339("2026-11-23T09:00:00Z")
HOURLY = Trigger(cron="TZ=UTC 0 * * * *")
EVERY_MINUTE = Trigger(cron="TZ=UTC * * * * *")


def with_crons(*triggers):
    return function(triggers=triggers)


def armed(trigger=HOURLY, now=NINE - 1):
    return tick.arm(with_crons(trigger), trigger, now)


def fire(job, now, fn=None):
    fn = fn or with_crons(HOURLY)
    before = (replace(job), fn.version)
    fired = tick.fire(fn, job, now, Counting())
    assert (job, fn.version) == before
    assert fired == tick.fire(fn, job, now, Counting())
    return fired


def one(fired, kind):
    found = [a for a in fired.transition.actions if isinstance(a, kind)]
    assert len(found) <= 1
    return found[0] if found else None


def test_the_first_job_is_for_the_first_tick_ahead():
    job = armed()
    assert (job.kind, job.function_id, job.due, job.score, job.attempt) == (
        JobKind.CRON,
        FUNCTION_ID,
        NINE,
        NINE,
        0,
    )
    assert job.run_id == ""
    assert tick.payload(job) == tick.TickPayload(HOURLY.cron, NINE, 0)
    assert armed(now=NINE).due == NINE + 60 * MINUTE


def test_a_tick_that_never_comes_has_no_job():
    assert armed(Trigger(cron="0 0 30 2 *")) is None


def test_one_job_for_each_expression_of_a_function():
    ids = {tick.cron_job_id(f, c) for f in ("f1", "f2") for c in ("0 * * * *", "1 * * * *")}
    assert len(ids) == 4
    assert armed().id == tick.cron_job_id(FUNCTION_ID, HOURLY.cron)
    assert armed(replace(HOURLY, jitter_ms=9_000)).id == armed().id


@pytest.mark.parametrize("late", [0, 1, 59 * MINUTE])
def test_a_tick_starts_a_run_and_arms_the_next(late):
    job = armed()
    now = NINE + late
    fired = fire(job, now)
    assert (fired.tick, fired.missed, fired.at_least) == (NINE, 0, False)
    assert [type(a) for a in fired.transition.actions] == [PutEvent, CreateRun, MoveJob]
    assert fired.transition.job == job
    event = one(fired, PutEvent).event
    assert plain(event.wire) == {
        "name": "inngest/scheduled.timer",
        "id": "2026-11-23T09:00:00Z",
        "ts": now,
        "user": {},
        "data": {
            "cron": HOURLY.cron,
            "scheduledAt": "2026-11-23T09:00:00Z",
            "fireAt": "2026-11-23T09:00:00Z",
        },
    }
    created = one(fired, CreateRun)
    assert created.run.events == (event.wire,)
    assert created.run.event_ids == (event.id,)
    assert created.run.cron == HOURLY.cron
    assert created.jobs[0].due == now
    moved = one(fired, MoveJob).job
    assert (moved.id, moved.attempt, moved.due) == (job.id, 1, NINE + 60 * MINUTE)
    assert tick.payload(moved).tick == NINE + 60 * MINUTE


def test_the_key_of_a_tick_is_its_time_so_that_a_tick_runs_once():
    """Two expressions of a function that meet in one instant give one run."""
    both = with_crons(HOURLY, EVERY_MINUTE)
    keys = {
        one(fire(tick.arm(both, trigger, NINE - 1), NINE + late, both), CreateRun).run.key
        for trigger in (HOURLY, EVERY_MINUTE)
        for late in (0, 500)
    }
    assert len(keys) == 1
    created = one(fire(armed(), NINE), CreateRun)
    assert created.key_until == NINE + 86_400_000
    later = one(fire(armed(now=NINE), NINE + 60 * MINUTE), CreateRun)
    assert later.run.key not in keys


@pytest.mark.parametrize(
    ("ticks", "missed", "at_least"), [(1, 0, False), (2, 1, False), (10, 9, False), (5_000, 1_000, True)]
)
def test_of_ticks_that_were_missed_the_latest_runs(ticks, missed, at_least):
    job = armed(EVERY_MINUTE)
    last = NINE + (ticks - 1) * MINUTE
    fired = fire(job, last + 59_999, with_crons(EVERY_MINUTE))
    assert (fired.tick, fired.missed, fired.at_least) == (last, missed, at_least)
    assert one(fired, MoveJob).job.due == last + MINUTE


def test_a_job_that_is_early_only_waits_on():
    """The clock went back: nothing runs, and the tick is not lost."""
    fired = fire(armed(), NINE - 1)
    assert fired.tick is None
    assert [type(a) for a in fired.transition.actions] == [MoveJob]
    assert one(fired, MoveJob).job.due == NINE


def test_the_chain_ends_with_its_last_tick():
    leap = Trigger(cron="TZ=UTC 0 0 29 2 *")
    job = armed(leap, parse_rfc3339("2096-01-01T00:00:00Z"))
    fired = fire(job, job.due, with_crons(leap))
    assert fired.tick == job.due
    assert one(fired, MoveJob) is None
    assert one(fired, CreateRun) is not None


@pytest.mark.parametrize(
    "gone",
    [
        with_crons(),
        with_crons(EVERY_MINUTE),
        with_crons(Trigger(event="a")),
        replace(with_crons(HOURLY), archived_at=1),
    ],
)
def test_the_chain_ends_with_its_function_or_its_expression(gone):
    fired = fire(armed(), NINE, gone)
    assert fired.transition.actions == []
    assert fired.transition.job == armed()
    assert fired.tick is None


def test_jitter_delays_the_run_of_a_tick():
    spread = replace(HOURLY, jitter_ms=30_000)
    job = armed(spread)
    delay = job.due - NINE
    assert 1_000 <= delay < 30_000
    fired = fire(job, job.due, with_crons(spread))
    assert fired.tick == NINE
    data = plain(one(fired, PutEvent).event.wire)["data"]
    assert parse_rfc3339(data["scheduledAt"]) == NINE
    assert parse_rfc3339(data["fireAt"]) == NINE + delay
    following = one(fired, MoveJob).job
    assert NINE + 60 * MINUTE + 1_000 <= following.due < NINE + 60 * MINUTE + 30_000


def test_a_jitter_longer_than_the_pause_between_ticks_loses_none():
    """A tick may come due while the one before is still held back by its jitter."""
    spread = replace(EVERY_MINUTE, jitter_ms=300_000)
    job, now = armed(spread), NINE
    for n in range(50):
        now = max(now, job.due)
        fired = fire(job, now, with_crons(spread))
        assert (fired.tick, fired.missed) == (NINE + n * MINUTE, 0)
        assert fired.tick + 1_000 <= now < fired.tick + 300_000
        job = one(fired, MoveJob).job


def test_after_a_long_pause_only_ticks_whose_jitter_is_over_are_missed():
    spread = replace(EVERY_MINUTE, jitter_ms=300_000)
    job = armed(spread)
    now = NINE + 60 * MINUTE
    fired = fire(job, now, with_crons(spread))
    assert fired.tick >= now - 300_000 - MINUTE
    assert fired.missed == (fired.tick - NINE) // MINUTE
    job = one(fired, MoveJob).job
    again = fire(job, max(now, job.due), with_crons(spread))
    assert (again.tick, again.missed) == (fired.tick + MINUTE, 0)


def test_the_event_of_a_tick_is_routed():
    """Functions on inngest/scheduled.timer hear of it; whether the same function is started twice is theirs."""
    assert one(fire(armed(), NINE), PutEvent).route
