"""The wall clock is set while the queue waits."""

import pytest

from tests.conformance.queue.scene import Scene, ids, scenario

LATE_MS = 60_000  # how late a job may be after a step of the clock
HOUR = 3_600_000


@pytest.mark.parametrize("after", [5_000, HOUR, 24 * HOUR])
@scenario
async def test_after_a_step_forward_a_job_is_at_most_a_minute_late(scene: Scene, after: int) -> None:
    scene.add("j", after=after)
    leasing = await scene.waiting()
    scene.clock.step(after)
    await scene.pass_ms(min(after, LATE_MS))
    assert ids(leasing) == ["j"]


@scenario
async def test_after_a_step_forward_the_next_lease_gives_what_is_due(scene: Scene) -> None:
    scene.add("j", after=HOUR)
    scene.clock.step(HOUR - 1)
    leasing = await scene.waiting()
    assert not leasing.done()
    await scene.pass_ms(1)
    assert ids(leasing) == ["j"]


@pytest.mark.parametrize("back", [1_000, HOUR])
@scenario
async def test_after_a_step_back_a_job_runs_when_its_time_is_reached(scene: Scene, back: int) -> None:
    job = scene.add("j", after=5_000)
    leasing = await scene.waiting()
    scene.clock.step(-back)
    await scene.pass_ms(5_000 + back - 1)
    assert not leasing.done()
    assert scene.now == job.due - 1
    await scene.pass_ms(1)
    assert ids(leasing) == ["j"]
    # The timer set before the step, then one a minute: no busy loop.
    assert scene.timers_fired <= back // 60_000 + 3


@scenario
async def test_a_step_back_hides_nothing_that_was_due(scene: Scene) -> None:
    scene.queue.limit_group("a", 0)
    scene.add("j")
    assert not (await scene.waiting()).done()
    scene.clock.step(-HOUR)
    scene.queue.limit_group("a", None)
    assert await scene.oldest_ready() is not None


@scenario
async def test_a_step_back_and_forth_changes_nothing_for_long(scene: Scene) -> None:
    scene.add("j", after=HOUR)
    leasing = await scene.waiting()
    scene.clock.step(-HOUR)
    await scene.pass_ms(90_000)
    scene.clock.step(HOUR)
    await scene.pass_ms(HOUR - 90_000 - 1)
    assert not leasing.done()
    await scene.pass_ms(LATE_MS)
    assert ids(leasing) == ["j"]


@scenario
async def test_jobs_added_after_a_step_are_due_by_the_new_time(scene: Scene) -> None:
    leasing = await scene.waiting()
    scene.clock.step(-HOUR)
    scene.add("j", after=1_000)
    await scene.pass_ms(999)
    assert not leasing.done()
    await scene.pass_ms(1)
    assert ids(leasing) == ["j"]
