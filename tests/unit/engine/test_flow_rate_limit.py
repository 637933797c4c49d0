"""Rate limit and function idempotency (flow-control §5.2, §5.7), by their numbers."""

import pytest
from flow_builders import Door

from inngest_fast.domain.functions import RateLimit

HOUR = 3_600_000


@pytest.mark.parametrize(
    ("limit", "period_s", "at_once", "every", "of_five"),
    [
        (1, 86_400, 1, 24 * HOUR, 1),
        (5, 60, 1, 12_000, 1),
        (9, 60, 1, 6_667, 1),
        (10, 60, 2, 6_000, 2),
        (20, 60, 3, 3_000, 3),
        (100, 60, 11, 600, 5),
    ],
)
def test_the_table(limit, period_s, at_once, every, of_five):
    door = Door(rate_limit=RateLimit(limit=limit, period_s=period_s))
    assert sum(len(door.send()) for _ in range(5)) == of_five
    door = Door(rate_limit=RateLimit(limit=limit, period_s=period_s))
    assert sum(len(door.send()) for _ in range(at_once + 3)) == at_once
    for n in (1, 2, 3):
        assert door.send(at=n * every - 2) == []
        assert len(door.send(at=n * every)) == 1
        assert door.send(at=n * every) == []


def test_keys_are_apart():
    door = Door(rate_limit=RateLimit(limit=1, period_s=86_400, key="event.data.user"))
    assert [len(door.send(f'{{"user":"{user}"}}')) for user in "abab"] == [1, 1, 0, 0]


@pytest.mark.parametrize("data", ["{}", '{"user":false}'], ids=["missing", "false"])
def test_a_false_key_switches_it_off(data):
    door = Door(rate_limit=RateLimit(limit=1, period_s=86_400, key="event.data.user"))
    assert [len(door.send(data)) for _ in range(4)] == [1, 1, 1, 1]
    assert door.rows == {}


def test_a_key_that_fails_starts_nothing():
    door = Door(rate_limit=RateLimit(limit=1, period_s=60, key='event.data.a - "x"'))
    assert door.send('{"a":1}') == []
    assert door.rows == {}


def test_the_same_event_is_not_charged_twice_within_five_minutes():
    door = Door(rate_limit=RateLimit(limit=1, period_s=400))
    assert len(door.send(external_id="a", repeatable=True)) == 1
    before = dict(door.rows)
    assert door.send(at=299_999, external_id="a", repeatable=True) == []  # its run has its key
    assert door.rows == before
    assert door.send(at=300_000, external_id="a", repeatable=True) == []
    assert len(door.send(at=400_000)) == 1


def test_a_duplicate_that_is_charged_takes_the_place_of_another():
    door = Door(rate_limit=RateLimit(limit=1, period_s=400))
    assert len(door.send(external_id="a", repeatable=True)) == 1
    assert door.send(at=400_000, external_id="a", repeatable=True) == []
    assert door.send(at=400_001) == [], "the duplicate has used the token"


def test_a_new_limit_counts_from_the_next_event_on():
    door = Door(rate_limit=RateLimit(limit=1, period_s=60))
    assert [len(door.send(at=at)) for at in (0, 1)] == [1, 0]
    door.function = Door(rate_limit=RateLimit(limit=60, period_s=60)).function
    # 60 s are taken already; seven may be taken ahead of time, one second each
    assert door.send(at=53_999) == []
    assert len(door.send(at=54_000)) == 1


def test_events_that_are_decided_on_in_another_order():
    door = Door(rate_limit=RateLimit(limit=20, period_s=60))
    assert [len(door.send(at=at)) for at in (3, 3, 2, 2)] == [1, 1, 1, 0]


def test_a_clock_that_went_back():
    door = Door(rate_limit=RateLimit(limit=20, period_s=60))
    assert [len(door.send(at=at)) for at in (3_600_000, 0, 3_000)] == [1, 0, 1]
