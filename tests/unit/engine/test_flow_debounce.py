"""Debounce (flow-control §5.3), by its numbers."""

from flow_builders import Door
from msgspec.structs import replace

from inngest_fast.domain.functions import Debounce, RateLimit


def test_it_fires_its_period_after_the_last_event_with_that_event():
    door = Door(debounce=Debounce(period_s=5))
    for n, at in enumerate((0, 1_000, 3_000, 4_900)):
        assert door.send(f'{{"n":{n}}}', at) == []
    assert door.wait_until(9_899) == []
    [(at, started)] = door.wait_until(10**9)
    assert at == 9_900
    assert b'"n":3' in started.run.events[0]
    assert started.run.due_at - started.run.queued_at == 0
    assert door.rows == {}
    assert door.jobs == {}


def test_a_later_event_opens_another():
    door = Door(debounce=Debounce(period_s=5))
    door.send()
    door.wait_until(5_000)
    door.send(at=5_000)
    assert [at for at, _ in door.wait_until(20_000)] == [5_000, 10_000]


def test_the_deadline():
    door = Door(debounce=Debounce(period_s=5, timeout_s=12))
    for at in (0, 4_000, 8_000, 11_000):
        assert door.send(f'{{"at":{at}}}', at) == []
    [(at, started)] = door.wait_until(60_000)
    assert at == 12_000
    assert b'"at":11000' in started.run.events[0]


def test_an_event_each_second_with_a_deadline():
    door = Door(debounce=Debounce(period_s=5, timeout_s=10))
    for at in range(0, 20_000, 1_000):
        door.send(at=at)
    assert [at for at, _ in door.wait_until(60_000)] == [10_000, 21_000]


def test_a_deadline_before_the_period_is_the_delay():
    door = Door(debounce=Debounce(period_s=60, timeout_s=3))
    door.send()
    assert [at for at, _ in door.wait_until(10**6)] == [3_000]


def test_an_older_event_neither_replaces_nor_extends():
    door = Door(debounce=Debounce(period_s=5))
    door.send('{"n":1}', 0)
    first = door.events[next(iter(door.events))]
    door.send('{"n":0}', 3_000, ts=first.ts - 1)
    [(at, started)] = door.wait_until(60_000)
    assert at == 5_000
    assert b'"n":1' in started.run.events[0]


def test_keys_are_apart():
    door = Door(debounce=Debounce(period_s=5, key="event.data.k"))
    for at in (0, 1_000):
        for k in range(5):
            door.send(f'{{"k":{k}}}', at)
    assert [at for at, _ in door.wait_until(60_000)] == [6_000] * 5


def test_a_missing_key_is_a_bucket_and_one_that_fails_another():
    door = Door(debounce=Debounce(period_s=5, key="event.data.k.a ? event.data.k - 1 : event.data.k"))
    door.send("{}")
    door.send("{}")
    door.send('{"k":{"a":true}}')
    door.send('{"k":{"a":true,"b":1}}')
    assert len(door.wait_until(60_000)) == 2


def test_a_shorter_period_counts_at_once():
    door = Door(debounce=Debounce(period_s=60))
    door.send()
    door.function = Door(debounce=Debounce(period_s=5)).function
    door.send(at=1_000)
    assert [at for at, _ in door.wait_until(10**6)] == [6_000]
    assert door.jobs == {}, "the job that came too late has ended too"


def test_events_are_charged_before_they_are_debounced():
    door = Door(debounce=Debounce(period_s=5), rate_limit=RateLimit(limit=1, period_s=60))
    door.send('{"n":0}')
    door.send('{"n":1}', 1_000)
    [(at, started)] = door.wait_until(10**6)
    assert at == 5_000
    assert b'"n":0' in started.run.events[0], "the second was dropped by the rate limit"


def test_an_event_id_does_not_make_it_unique():
    door = Door(debounce=Debounce(period_s=5))
    door.send(external_id="a", repeatable=True)
    door.wait_until(5_000)
    door.send(at=6_000, external_id="a", repeatable=True)
    assert len(door.wait_until(60_000)) == 2


def test_all_invokers_are_answered_by_the_run():
    door = Door(debounce=Debounce(period_s=5))
    for n in range(3):
        door.send(at=n, correlation_id=f"run{n}.step")
    [(_, started)] = door.wait_until(60_000)
    assert started.run.correlation_id == "run2.step"
    assert set(started.run.correlated) == {"run0.step", "run1.step"}


def test_a_function_that_is_gone_starts_nothing():
    door = Door(debounce=Debounce(period_s=5))
    door.send()
    door.function = replace(door.function, archived_at=1)
    assert door.wait_until(60_000) == []
    assert door.rows == {}
    assert door.jobs == {}
