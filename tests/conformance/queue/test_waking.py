"""A lease that waits is woken, and does not poll."""

import asyncio

import pytest

from tests.conformance.queue.scene import Scene, ids, scenario


@scenario
async def test_an_idle_queue_sets_no_timer(scene: Scene) -> None:
    leasing = await scene.waiting()
    await scene.pass_ms(3_600_000)
    assert scene.timers_fired == 0
    assert not leasing.done()


@scenario
async def test_a_blocked_queue_sets_no_timer(scene: Scene) -> None:
    scene.queue.limit_group("a", 0)
    scene.add("j")
    leasing = await scene.waiting()
    await scene.pass_ms(3_600_000)
    assert scene.timers_fired == 0
    assert not leasing.done()


@scenario
async def test_an_added_job_is_leased_in_the_same_moment(scene: Scene) -> None:
    leasing = await scene.waiting()
    await scene.pass_ms(1_000)
    then = scene.now
    scene.add("j")
    await scene.settle()
    assert ids(leasing) == ["j"]
    assert scene.now == then
    assert scene.timers_fired == 0


@pytest.mark.parametrize("after", [1, 7, 999, 1_001, 59_999])
@scenario
async def test_a_job_is_leased_when_it_is_due(scene: Scene, after: int) -> None:
    job = scene.add("j", after=after)
    assert await scene.queue.lease(1) == [job]
    assert scene.now == job.due
    assert scene.timers_fired == 1


@pytest.mark.parametrize("hours", [1, 24])
@scenario
async def test_a_far_job_is_leased_when_it_is_due(scene: Scene, hours: int) -> None:
    job = scene.add("j", after=hours * 3_600_000)
    assert await scene.queue.lease(1) == [job]
    assert job.due <= scene.now <= job.due + 1
    # Looked at once a minute, for the clock may be set meanwhile.
    assert scene.timers_fired <= hours * 60 + 1


@scenario
async def test_an_earlier_job_comes_before_one_that_is_waited_for(scene: Scene) -> None:
    scene.add("late", after=50_000)
    leasing = await scene.waiting()
    scene.add("early", after=2_000)
    await scene.pass_ms(1_999)
    assert not leasing.done()
    await scene.pass_ms(1)
    assert ids(leasing) == ["early"]
    late = await scene.waiting()
    await scene.pass_ms(47_999)
    assert not late.done()
    await scene.pass_ms(1)
    assert ids(late) == ["late"]


@scenario
async def test_a_dropped_job_that_was_waited_for_delays_no_other(scene: Scene) -> None:
    scene.add("dropped", after=1_000)
    scene.add("kept", after=2_000)
    leasing = await scene.waiting()
    scene.queue.drop("dropped")
    await scene.pass_ms(1_999)
    assert not leasing.done()
    await scene.pass_ms(1)
    assert ids(leasing) == ["kept"]


@scenario
async def test_each_waiting_lease_gets_a_job(scene: Scene) -> None:
    waiting = [await scene.waiting() for _ in range(5)]
    for n in range(5):
        scene.add(str(n))
    await scene.settle()
    assert sorted(sum((ids(leasing) for leasing in waiting), [])) == ["0", "1", "2", "3", "4"]


@scenario
async def test_each_waiting_lease_is_woken_when_jobs_are_due_together(scene: Scene) -> None:
    for n in range(5):
        scene.add(str(n), after=1_000)
    waiting = [await scene.waiting() for _ in range(5)]
    await scene.pass_ms(1_000)
    assert sorted(sum((ids(leasing) for leasing in waiting), [])) == ["0", "1", "2", "3", "4"]


@scenario
async def test_a_lease_of_few_leaves_the_rest_to_who_waits(scene: Scene) -> None:
    scene.queue.limit_group("a", 0)
    for n in range(5):
        scene.add(str(n))
    waiting = [await scene.waiting(2) for _ in range(3)]
    scene.queue.limit_group("a", None)
    await scene.settle()
    assert sorted(len(ids(leasing)) for leasing in waiting) == [1, 2, 2]


@scenario
async def test_every_lease_waits_on_after_a_job_that_was_not_for_it(scene: Scene) -> None:
    first, second = await scene.waiting(), await scene.waiting()
    scene.add("1")
    await scene.pass_ms(5_000)
    assert [first.done(), second.done()].count(True) == 1
    scene.add("2", after=1_000)
    await scene.pass_ms(1_000)
    assert first.done()
    assert second.done()


@pytest.mark.parametrize("order", ["cancelled first", "woken first"])
@scenario
async def test_a_cancelled_lease_hands_its_wake_up_on(scene: Scene, order: str) -> None:
    cancelled, left = await scene.waiting(), await scene.waiting()
    if order == "woken first":
        scene.add("j")
        cancelled.cancel()
    else:
        cancelled.cancel()
        scene.add("j")
    await scene.settle()
    with pytest.raises(asyncio.CancelledError):
        cancelled.result()
    assert ids(left) == ["j"]


@scenario
async def test_a_cancelled_lease_takes_no_job_along(scene: Scene) -> None:
    cancelled = await scene.waiting()
    scene.add("j")
    cancelled.cancel()
    await scene.settle()
    assert cancelled.cancelled()
    assert await scene.take() == ["j"]


@scenario
async def test_the_timer_outlives_the_lease_that_set_it(scene: Scene) -> None:
    scene.add("j", after=1_000)
    left, cancelled = await scene.waiting(), await scene.waiting()
    cancelled.cancel()
    await scene.pass_ms(1_000)
    assert ids(left) == ["j"]


@scenario
async def test_a_lease_that_is_cancelled_while_nothing_comes_is_gone(scene: Scene) -> None:
    for _ in range(3):
        cancelled = await scene.waiting()
        cancelled.cancel()
        await scene.settle()
        assert cancelled.cancelled()
    leasing = await scene.waiting()
    scene.add("j")
    await scene.settle()
    assert ids(leasing) == ["j"]


@scenario
async def test_closing_ends_every_lease(scene: Scene) -> None:
    scene.add("scheduled", after=1_000)
    waiting = [await scene.waiting() for _ in range(3)]
    cancelled = await scene.waiting()
    cancelled.cancel()
    scene.queue.close()
    await scene.settle()
    assert [leasing.result() for leasing in waiting] == [[], [], []]
    assert cancelled.cancelled()
    scene.add("ready")
    assert await scene.queue.lease(9) == []
    await scene.pass_ms(10_000)
    assert scene.timers_fired == 0
    scene.queue.close()
