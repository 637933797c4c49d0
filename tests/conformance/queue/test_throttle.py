"""Starts are spread over time: the numbers of flow-control §5.1, to the millisecond."""

from typing import Any

import pytest

from inngest_fast.domain.flow import ThrottleRate
from inngest_fast.domain.jobs import JobKind
from tests.conformance.queue.scene import Scene, ids, scenario

S = 1_000
T = "t/x"


def rate(limit: int, period: int, burst: int = 0) -> ThrottleRate:
    return ThrottleRate(rule="t", emission=period // limit, cap=limit + burst)


def starts(scene: Scene, *runs: str, throttle: str = T, counters: tuple[str, ...] = ()) -> None:
    for run in runs:
        scene.start(run, throttle=throttle, counters=counters)


# limit, period, burst -> at once from cold, then one every
TABLE = [
    (1, 5 * S, 0, 1, 5 * S),
    (2, 5 * S, 0, 2, 2_500),
    (1, 5 * S, 1, 2, 5 * S),
    (2, 5 * S, 1, 3, 2_500),
    (10, 60 * S, 0, 10, 6 * S),
]


@pytest.mark.parametrize(("limit", "period", "burst", "at_once", "then"), TABLE)
@scenario
async def test_the_table(scene: Scene, limit: int, period: int, burst: int, at_once: int, then: int) -> None:
    scene.limit(throttle=rate(limit, period, burst))
    starts(scene, *map(str, range(at_once + 5)))
    given = await scene.work_off(at_once + 5)
    assert [at for at, _ in given] == [0] * at_once + [then * n for n in range(1, 6)]
    assert [id for _, id in given] == [str(n) for n in range(at_once + 5)]
    assert scene.timers_fired <= 5 * (1 + then // (60 * S))


@scenario
async def test_ten_a_minute_and_25_events(scene: Scene) -> None:
    scene.limit(throttle=rate(10, 60 * S))
    starts(scene, *map(str, range(25)))
    given = await scene.work_off(25)
    assert [at for at, _ in given] == [0] * 10 + list(range(6 * S, 91 * S, 6 * S))


@scenario
async def test_the_burst_comes_back_one_by_one(scene: Scene) -> None:
    scene.limit(throttle=rate(2, 5 * S, 1))
    starts(scene, *"abc")
    assert len(await scene.take(9)) == 3
    await scene.pass_ms(5_000)
    starts(scene, *"defg")
    assert await scene.take(9) == ["d", "e"]
    await scene.pass_ms(2_500)
    assert await scene.take(9) == ["f"]
    await scene.pass_ms(60_000)
    starts(scene, *"hij")
    assert await scene.take(9) == ["g", "h", "i"]


@scenario
async def test_keys_are_apart_and_steps_are_free(scene: Scene) -> None:
    """Limit 1 in 3 s, three keys, two steps each: all are over in no time."""
    scene.limit(throttle=rate(1, 3 * S))
    for key in "abc":
        starts(scene, key, throttle=f"t/{key}")
    assert await scene.take(9) == ["a", "b", "c"]
    for n in range(2):
        for key in "abc":
            scene.queue.done(f"{key}{n - 1}" if n else key, [scene.job(f"{key}{n}", run=key)])
        assert await scene.take(9) == [f"{key}{n}" for key in "abc"]


@scenario
async def test_each_key_at_its_own_pace(scene: Scene) -> None:
    scene.limit(throttle=rate(1, 3 * S))
    starts(scene, "a0", "a1", "a2", throttle="t/a")
    assert await scene.work_off(1) == [(0, "a0")]
    await scene.pass_ms(1_000)
    starts(scene, "b0", "b1", "b2", throttle="t/b")
    given = await scene.work_off(5)
    assert given == [(0, "b0"), (2_000, "a1"), (3_000, "b1"), (5_000, "a2"), (6_000, "b2")]


@scenario
async def test_what_waits_delays_nothing_else(scene: Scene) -> None:
    scene.limit(throttle=rate(1, 5 * S))
    starts(scene, *map(str, range(5)))
    scene.add("step", score=1)
    scene.start("paid", score=2)
    scene.add("g", function="g", score=3)
    assert await scene.take(9) == ["0", "g", "step", "paid"]


@scenario
async def test_a_job_comes_with_the_arrival_time_that_it_paid_for(scene: Scene) -> None:
    scene.limit(throttle=rate(2, 5 * S))
    starts(scene, *"abc")
    scene.add("free", score=9)
    now = scene.now
    jobs = await scene.queue.lease(9)
    assert [(job.id, job.arrival and job.arrival - now) for job in jobs] == [
        ("a", 2_500),
        ("b", 5_000),
        ("free", 0),
    ]
    [job] = await scene.queue.lease(1)
    assert (job.id, job.arrival - now, scene.now - now) == ("c", 7_500, 2_500)


@scenario
async def test_it_is_paid_once(scene: Scene) -> None:
    scene.limit(throttle=rate(1, 5 * S))
    starts(scene, "a", "b")
    assert await scene.take(9) == ["a"]
    scene.queue.requeue(scene.job("a", kind=JobKind.START, run="a", attempt=1))
    assert await scene.take(9) == ["a"]
    await scene.take_nothing()
    await scene.pass_ms(5_000)
    assert await scene.take(9) == ["b"]


@pytest.mark.parametrize("throttle", [None, ThrottleRate(rule="u", emission=5_000, cap=1)])
@scenario
async def test_without_a_rate_by_that_rule_all_pass(scene: Scene, throttle: ThrottleRate | None) -> None:
    scene.limit(throttle=throttle)
    starts(scene, *"abc")
    jobs = await scene.queue.lease(9)
    assert [(job.id, job.arrival) for job in jobs] == [("a", 0), ("b", 0), ("c", 0)]


@pytest.mark.parametrize("obstacle", ["function", "key", "runs", "app", "paused"])
@scenario
async def test_who_is_blocked_by_something_else_pays_nothing(scene: Scene, obstacle: str) -> None:
    limits: dict[str, Any] = {"function": {"calls": 1}, "key": {"k": 1}, "runs": {"r": 1}}.get(obstacle, {})
    scene.limit(throttle=rate(2, 60 * S), **limits)
    scene.queue.limit_group("a", 1 if obstacle == "app" else None)
    scene.start("holder", counters=("k/x",), run_counter="r/x")
    assert await scene.take() == ["holder"]
    if obstacle == "paused":
        scene.limit(throttle=rate(2, 60 * S), paused=True)
    for run in "abc":
        scene.start(run, throttle=T, counters=("k/x",), run_counter="r/x")
        await scene.take_nothing()
    scene.limit(throttle=rate(2, 60 * S))
    scene.queue.limit_group("a", None)
    assert await scene.take(9) == ["a", "b"]


@scenario
async def test_a_key_that_is_full_when_a_start_may_pass_keeps_nobody_waiting(scene: Scene) -> None:
    scene.limit(throttle=rate(1, 5 * S), k=1)
    starts(scene, "first")
    assert await scene.take() == ["first"]
    starts(scene, "a", counters=("k/a",))
    await scene.take_nothing()
    starts(scene, "b", counters=("k/b",))
    await scene.take_nothing()
    scene.add("holder", counters=("k/a",), score=-1)
    assert await scene.take(9) == ["holder"]
    leasing = await scene.waiting(9)
    await scene.pass_ms(4_999)
    assert not leasing.done()
    await scene.pass_ms(1)
    assert ids(leasing) == ["b"]
    scene.queue.done("holder")
    await scene.take_nothing()
    await scene.pass_ms(5_000)
    assert await scene.take(9) == ["a"]


@scenario
async def test_a_start_that_waits_for_the_run_limit_keeps_nobody_waiting(scene: Scene) -> None:
    scene.limit(throttle=rate(1, 5 * S), r=1)
    scene.start("holder", run_counter="r/x", throttle=T)
    assert await scene.take(9) == ["holder"]
    scene.start("x", run_counter="r/x", throttle=T)
    scene.start("y", run_counter="r/y", throttle=T)
    leasing = await scene.waiting(9)
    await scene.pass_ms(5_000)
    assert ids(leasing) == ["y"]
    scene.queue.done("holder")
    await scene.take_nothing()
    await scene.pass_ms(5_000)
    assert await scene.take(9) == ["x"]


@scenario
async def test_older_steps_of_its_key_hold_no_start_of_another_up(scene: Scene) -> None:
    """A key has its turn with something else; whoever else may pass does."""
    scene.limit(throttle=rate(1, 5 * S))
    starts(scene, "first")
    assert await scene.take() == ["first"]
    starts(scene, "a", counters=("k/a",))
    starts(scene, "b", counters=("k/b",))
    await scene.take_nothing()
    await scene.pass_ms(5_000)
    for n in range(3):
        scene.add(f"older {n}", counters=("k/a",), score=-1)
    assert await scene.take(2) == ["older 0", "b"]


@scenario
async def test_of_those_that_wait_the_lowest_score_goes_first(scene: Scene) -> None:
    scene.limit(throttle=rate(1, 5 * S))
    for run, score in [("first", 5), ("c", 3), ("a", 1), ("b", 2)]:
        scene.start(run, throttle=T, score=score)
        if run == "first":
            assert await scene.take(9) == ["first"]
    assert await scene.work_off(3) == [(5_000, "a"), (10_000, "b"), (15_000, "c")]


@scenario
async def test_keys_of_the_concurrency_share_a_throttle_in_turns(scene: Scene) -> None:
    scene.limit(throttle=rate(1, 5 * S))
    starts(scene, "first")
    assert await scene.take(9) == ["first"]
    for key in "abc":
        starts(scene, *[f"{key}{n}" for n in range(2)], counters=(f"k/{key}",))
    await scene.take_nothing()
    given = await scene.work_off(6)
    assert given == [(5_000 * (n + 1), id) for n, id in enumerate(["a0", "b0", "c0", "a1", "b1", "c1"])]


@scenario
async def test_a_key_that_finds_it_closed_again_stays_first(scene: Scene) -> None:
    scene.limit(throttle=rate(1, 5 * S))
    starts(scene, "first")
    assert await scene.take(9) == ["first"]
    for key in "ab":
        starts(scene, key, counters=(f"k/{key}",))
        await scene.take_nothing()
    await scene.pass_ms(5_000)
    starts(scene, "c", counters=("k/c",))  # is in its turn before the one that is let go
    assert await scene.work_off(3) == [(0, "c"), (5_000, "a"), (10_000, "b")]


@scenario
async def test_in_a_key_the_lowest_score_goes_first_whatever_else_they_are_to_pass(scene: Scene) -> None:
    scene.limit(throttle=rate(1, 5 * S), r=1)
    starts(scene, "first")
    assert await scene.take(9) == ["first"]
    for run, score in [("c", 3), ("a", 1), ("b", 2)]:
        scene.start(run, throttle=T, score=score, run_counter=f"r/{run}")
        await scene.take_nothing()
    scene.start("before all", throttle=T, score=0, run_counter="r/c")
    given = await scene.work_off(4)
    assert given == [(5_000, "before all"), (10_000, "a"), (15_000, "b"), (20_000, "c")]


@scenario
async def test_keys_take_turns_whatever_else_they_are_to_pass(scene: Scene) -> None:
    scene.limit(throttle=rate(1, 5 * S), r=1)
    starts(scene, "first")
    assert await scene.take(9) == ["first"]
    for run in ("a0", "a1", "b0", "a2"):
        scene.start(run, throttle=T, run_counter=f"r/{run}", counters=(f"k/{run[0]}",))
        await scene.take_nothing()
    given = await scene.work_off(4)
    assert given == [(5_000, "a0"), (10_000, "b0"), (15_000, "a1"), (20_000, "a2")]


@pytest.mark.parametrize("when", ["while it waits", "when its time has come"])
@scenario
async def test_a_dropped_start_passes_its_chance_on(scene: Scene, when: str) -> None:
    scene.limit(throttle=rate(1, 5 * S))
    starts(scene, "first")
    assert await scene.take(9) == ["first"]
    starts(scene, "a", counters=("k/a",))
    starts(scene, "b", counters=("k/b",))
    await scene.take_nothing()
    if when == "while it waits":
        scene.queue.drop("a")
        await scene.pass_ms(5_000)
    else:
        await scene.pass_ms(5_000)
        assert (await scene.depth())["f"].ready == 2
        scene.queue.drop("a")
    assert await scene.take(9) == ["b"]


@scenario
async def test_after_all_is_dropped_no_timer_is_left(scene: Scene) -> None:
    scene.limit(throttle=rate(1, 5 * S))
    starts(scene, "first", "a")
    assert await scene.take(9) == ["first"]
    await scene.take_nothing()
    scene.queue.drop("a")
    leasing = await scene.waiting()
    await scene.pass_ms(3_600_000)
    assert not leasing.done()
    assert scene.timers_fired <= 1  # that of the lease that waited for it


@scenario
async def test_a_rate_that_changes_applies_at_once(scene: Scene) -> None:
    scene.limit(throttle=rate(1, 60 * S))
    starts(scene, *"abcd")
    assert await scene.take(9) == ["a"]
    leasing = await scene.waiting(9)
    await scene.pass_ms(5_000)
    scene.limit(throttle=rate(1, 10 * S))
    await scene.settle()
    await scene.pass_ms(9_999)  # what was paid by the old rate counts, but for no more than a full bucket
    assert not leasing.done()
    await scene.pass_ms(1)
    assert ids(leasing) == ["b"]
    leasing = await scene.waiting(9)
    assert not leasing.done()
    scene.limit()
    await scene.settle()
    assert ids(leasing) == ["c", "d"]


@scenario
async def test_a_cap_that_rises_lets_as_many_more_pass_at_once(scene: Scene) -> None:
    scene.limit(throttle=ThrottleRate(rule="t", emission=5_000, cap=1))
    starts(scene, *"abcd")
    assert await scene.take(9) == ["a"]
    leasing = await scene.waiting(9)
    scene.limit(throttle=ThrottleRate(rule="t", emission=5_000, cap=3))
    await scene.settle()
    assert ids(leasing) == ["b", "c"]


@scenario
async def test_restored_arrival_times_count(scene: Scene) -> None:
    scene.limit(throttle=rate(1, 5 * S))
    scene.queue.restore_throttles({T: scene.now + 3_000, "t/other": scene.now + 1_000})
    starts(scene, "a", "b")
    starts(scene, "other", throttle="t/other")
    assert await scene.work_off(3) == [(1_000, "other"), (3_000, "a"), (8_000, "b")]


@scenario
async def test_the_later_arrival_time_counts(scene: Scene) -> None:
    scene.limit(throttle=rate(2, 10 * S))
    starts(scene, "a", "b", "c")
    start = scene.now
    assert await scene.take(9) == ["a", "b"]  # arrival: 10 s
    scene.queue.restore_throttles({T: start + 4_000})
    leasing = await scene.waiting()
    scene.queue.restore_throttles({T: start + 9_000})
    await scene.pass_ms(4_999)
    assert not leasing.done()
    await scene.pass_ms(1)
    assert ids(leasing) == ["c"]


@scenario
async def test_an_arrival_time_that_is_restored_late_counts_for_who_waits(scene: Scene) -> None:
    scene.limit(throttle=rate(1, 5 * S))
    starts(scene, "a", "b")
    start = scene.now
    assert await scene.take(9) == ["a"]
    leasing = await scene.waiting()
    await scene.pass_ms(2_000)
    scene.queue.restore_throttles({T: start + 6_500})
    await scene.pass_ms(4_499)
    assert not leasing.done()
    await scene.pass_ms(1)
    assert ids(leasing) == ["b"]


@scenario
async def test_an_arrival_time_that_has_passed_is_nothing(scene: Scene) -> None:
    scene.limit(throttle=rate(1, 5 * S))
    scene.queue.restore_throttles({T: scene.now - 1})
    starts(scene, "a", "b")
    assert await scene.work_off(2) == [(0, "a"), (5_000, "b")]


@scenario
async def test_the_rate_is_remembered_while_nothing_is_there(scene: Scene) -> None:
    scene.limit(throttle=rate(1, 5 * S))
    starts(scene, "a")
    assert await scene.work_off(1) == [(0, "a")]
    await scene.pass_ms(4_000)
    assert await scene.size() == 0
    starts(scene, "b")
    assert await scene.work_off(1) == [(1_000, "b")]


@scenario
async def test_a_start_that_is_due_later_pays_when_it_is_due(scene: Scene) -> None:
    scene.limit(throttle=rate(1, 5 * S))
    starts(scene, "a")
    scene.start("late", throttle=T, after=7_000)
    scene.start("later", throttle=T, after=8_000)
    assert await scene.work_off(3) == [(0, "a"), (7_000, "late"), (12_000, "later")]


@scenario
async def test_many_who_wait_are_woken_as_the_rate_lets_them(scene: Scene) -> None:
    scene.limit(throttle=rate(1, 5 * S))
    starts(scene, *"abcd")
    waiting = [await scene.waiting() for _ in range(4)]
    for n in range(4):
        assert [leasing.done() for leasing in waiting].count(True) == n + 1
        await scene.pass_ms(4_999)
        assert [leasing.done() for leasing in waiting].count(True) == n + 1
        await scene.pass_ms(1)


@scenario
async def test_a_clock_that_went_back_makes_no_one_wait_longer_than_a_full_bucket(scene: Scene) -> None:
    scene.limit(throttle=rate(3, 15 * S))
    starts(scene, *"abcd")
    assert await scene.take(9) == ["a", "b", "c"]
    await scene.take_nothing()
    scene.clock.step(-3_600_000)
    leasing = await scene.waiting()
    await scene.pass_ms(4_999)
    assert not leasing.done()
    await scene.pass_ms(1)
    assert ids(leasing) == ["d"]
