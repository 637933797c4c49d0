"""Batching (flow-control §5.4), by its numbers."""

from flow_builders import Door

from inngest_fast.domain.functions import Batch, CancelOn, RateLimit, Timeouts
from inngest_fast.engine.flow.batch import MAX_BYTES


def batched(size=5, timeout_ms=5_000, **more):
    return Batch(size=size, timeout_ms=timeout_ms, **more)


def sizes(started):
    return [len(created.run.events) for _, created in started]


def test_eight_events_in_batches_of_five():
    door = Door(batch=batched())
    for n in range(8):
        assert door.send(f'{{"n":{n}}}', 100 * n) == []
    [(first_at, first), (at, rest)] = door.wait_until(60_000)
    assert (first_at, len(first.run.events)) == (400, 5)
    assert at == 500 + 5_000, "counted from the first event of the batch"
    assert [event[event.index(b'"n":') + 4 : -1][:1] for event in rest.run.events] == [b"5", b"6", b"7"]
    assert (door.rows, door.jobs, door.batches) == ({}, {}, {})


def test_a_full_batch_starts_at_once():
    door = Door(batch=batched(size=2))
    door.send()
    door.send(at=1_234)
    [(at, created)] = door.wait_until(1_234)
    assert at == 1_234
    assert created.run.event_ids == tuple(door.events)


def test_events_are_in_the_order_they_came():
    door = Door(batch=batched(size=3))
    for n in range(3):
        door.send(f'{{"n":{n}}}')
    [(_, created)] = door.wait_until(0)
    assert [b'"n":%d' % n in wire for n, wire in enumerate(created.run.events)] == [True] * 3


def test_later_events_do_not_extend_it():
    door = Door(batch=batched(timeout_ms=2_000))
    door.send()
    door.send(at=1_900)
    assert [at for at, _ in door.wait_until(60_000)] == [2_000]


def test_half_are_not_batched():
    door = Door(batch=batched(size=5, condition="event.data.batch == true"))
    for n in range(10):
        door.send(f'{{"batch":{"true" if n % 2 else "false"}}}')
    started = door.wait_until(6_000)
    assert len(door.runs) == 6
    assert sum(len(created.run.events) for created in door.runs) == 10
    assert sizes(started) == [5]


def test_a_condition_that_fails_runs_it_alone():
    door = Door(batch=batched(condition="event.data.n - 1 > 0"))
    [created] = door.send('{"n":"x"}')
    assert len(created.run.events) == 1


def test_keys_are_apart():
    door = Door(batch=batched(size=3, key="event.data.k"))
    for n in range(6):
        door.send(f'{{"k":{n % 2}}}')
    assert sizes(door.wait_until(0)) == [3, 3]


def test_a_key_that_fails_starts_nothing():
    door = Door(batch=batched(key="event.data.k - 1"))
    door.send('{"k":"x"}')
    assert (door.runs, door.rows, door.jobs) == ([], {}, {})


def test_the_same_event_is_taken_once_in_half_an_hour():
    door = Door(batch=batched(size=2))
    again = door.event(repeatable=True)
    door.take_in(again)
    door.take_in(again, 1_799_999)
    assert sizes(door.wait_until(1_799_999)) == [1]
    door.take_in(again, 1_800_000)
    assert sizes(door.wait_until(10**9)) == [1, 1]


def test_ten_mebibytes_close_it():
    door = Door(batch=batched(size=1_000))
    padding = "x" * (1024 * 1024)
    for _ in range(11):
        door.send(f'{{"p":"{padding}"}}')
    [(at, created)] = door.wait_until(0)
    assert at == 0
    assert sum(map(len, created.run.events)) >= MAX_BYTES
    assert len(created.run.events) == 10
    assert len(next(iter(door.batches.values()))) == 1


def test_five_invokers_in_batches_of_three():
    door = Door(batch=batched(size=3, timeout_ms=1_000))
    for n in range(5):
        door.send(correlation_id=f"r{n}.s")
    started = door.wait_until(1_000)
    assert sizes(started) == [3, 2]
    answered = [(created.run.correlation_id, *created.run.correlated) for _, created in started]
    assert answered == [("r0.s", "r1.s", "r2.s"), ("r3.s", "r4.s")]


def test_what_batches_do_without():
    door = Door(
        batch=batched(size=2),
        rate_limit=RateLimit(limit=1, period_s=60),
        cancel=(CancelOn("order/void"),),
        timeouts=Timeouts(start_ms=1_000),
    )
    for _ in range(4):
        door.send()
    started = door.wait_until(0)
    assert sizes(started) == [2, 2]
    for _, created in started:
        assert [job.kind for job in created.jobs] == ["start"]
        assert created.waits == ()
        assert created.run.batch_id


def test_one_joins_while_its_time_is_up():
    door = Door(batch=batched(size=3, timeout_ms=1_000))
    door.send()
    [job] = door.jobs.values()
    stale = list(door.batches[next(iter(door.batches))])
    door.take_in(door.event(at=1_000), 1_000)
    known, door.batches = door.batches, dict.fromkeys(door.batches, stale)
    door.fire(job, 1_000)  # it read the batch before the second event was in
    door.batches = known
    assert door.runs == []
    assert sizes(door.wait_until(1_000)) == [2]


def test_one_that_was_closed_leaves_its_timer_nothing():
    door = Door(batch=batched(size=2, timeout_ms=1_000))
    door.send()
    [timer] = door.jobs.values()
    door.take_in(door.event(), 0)
    door.fire(timer, 0)  # both are due
    assert door.runs == []
    assert sizes(door.wait_until(0)) == [2]
    assert door.jobs == {}
