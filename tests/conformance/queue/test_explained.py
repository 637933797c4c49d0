"""Why a job does not run: which limit, how much of it is in use, by whom, and when it opens."""

import pytest

from inngest_fast.domain.flow import ThrottleRate
from inngest_fast.domain.jobs import JobKind
from inngest_fast.ports.queue import HOLDERS_SHOWN, JobPlace
from tests.conformance.queue.scene import Scene, scenario

RATE = ThrottleRate(rule="t", emission=5_000, cap=1)


async def ready(scene: Scene, id: str) -> JobPlace:
    place = await scene.explain(id)
    assert place
    assert place.state == "ready"
    return place


@scenario
async def test_a_job_that_could_run_is_blocked_by_nothing(scene: Scene) -> None:
    scene.limit(calls=1, k=1, r=1, throttle=RATE)
    job = scene.start("j", score=3, counters=("k/x",), run_counter="r/x", throttle="t/x")
    assert await scene.explain("j") == JobPlace(state="ready", due=job.due, score=3, position=0)


@scenario
async def test_a_paused_function(scene: Scene) -> None:
    scene.limit(paused=True)
    job = scene.add("j")
    assert await scene.explain("j") == JobPlace(
        state="ready", due=job.due, score=0, position=0, blocked_by="paused"
    )
    scene.limit()
    assert (await ready(scene, "j")).blocked_by == ""


@scenario
async def test_a_function_at_its_limit(scene: Scene) -> None:
    scene.limit(calls=2)
    for n in range(4):
        scene.add(str(n))
    assert await scene.take(9) == ["0", "1"]
    assert await scene.explain("3") == JobPlace(
        state="ready", due=scene.now, score=0, position=1, blocked_by="function", limit=2, in_use=2
    )
    scene.queue.done("0")
    assert (await ready(scene, "3")).blocked_by == ""


@scenario
async def test_a_key_at_its_limit_names_the_jobs_that_hold_it(scene: Scene) -> None:
    scene.limit("f", k=2)
    scene.add("b", counters=("l/p", "k/x"))
    scene.add("a", function="g", counters=("k/x",))
    scene.add("other", counters=("l/p", "k/y"))
    assert len(await scene.take(9)) == 3
    scene.add("j", counters=("l/p", "k/x"))
    assert await scene.explain("j") == JobPlace(
        state="ready",
        due=scene.now,
        score=0,
        position=0,
        blocked_by="key",
        limit=2,
        in_use=2,
        counter="k/x",
        holders=("a", "b"),
    )
    await scene.take_nothing()
    assert (await ready(scene, "j")).blocked_by == "key"
    scene.queue.done("a")
    assert (await ready(scene, "j")).blocked_by == ""


@scenario
async def test_of_two_keys_at_their_limits_the_first_is_named(scene: Scene) -> None:
    scene.limit(k=1, l=1)
    scene.add("holder", counters=("k/x", "l/p"))
    assert await scene.take() == ["holder"]
    scene.add("j", counters=("l/p", "k/x"))
    assert (await ready(scene, "j")).counter == "l/p"


@scenario
async def test_some_of_many_holders_are_named(scene: Scene) -> None:
    scene.limit(k=25, r=25)
    for n in range(25):
        scene.start(f"{n:02}", counters=("k/x",), run_counter="r/x")
    assert len(await scene.take(25)) == 25
    scene.start("key", counters=("k/x",))
    scene.start("runs", run_counter="r/x")
    for id in ("key", "runs"):
        place = await ready(scene, id)
        assert (place.blocked_by, place.limit, place.in_use) == (id, 25, 25)
        assert len(set(place.holders)) == HOLDERS_SHOWN
        assert list(place.holders) == sorted(place.holders)
        assert set(place.holders) <= {f"{n:02}" for n in range(25)}


@scenario
async def test_a_number_below_what_is_in_use(scene: Scene) -> None:
    for n in range(3):
        scene.add(str(n), counters=("k/x",))
    assert len(await scene.take(9)) == 3
    scene.limit(k=1)
    scene.add("j", counters=("k/x",))
    place = await ready(scene, "j")
    assert (place.limit, place.in_use) == (1, 3)


@scenario
async def test_a_throttle_tells_when_it_opens(scene: Scene) -> None:
    scene.limit(throttle=RATE)
    for run in "abc":
        scene.start(run, throttle="t/x")
    start = scene.now
    assert await scene.take(9) == ["a"]
    await scene.pass_ms(1_000)
    assert await scene.explain("c") == JobPlace(
        state="ready",
        due=start,
        score=0,
        position=1,
        blocked_by="throttle",
        counter="t/x",
        opens_at=start + 5_000,
    )
    await scene.pass_ms(4_000)
    assert (await ready(scene, "b")).blocked_by == ""


@scenario
async def test_a_limit_on_live_runs_names_those_that_live(scene: Scene) -> None:
    scene.limit(r=2)
    for run in "zyx":
        scene.start(run, run_counter="r/x")
    assert await scene.take(9) == ["z", "y"]
    scene.queue.done("z", [scene.job("sleep", kind=JobKind.SLEEP, run="z", run_counter="r/x", after=60_000)])
    assert await scene.explain("x") == JobPlace(
        state="ready",
        due=scene.now,
        score=0,
        position=0,
        blocked_by="runs",
        limit=2,
        in_use=2,
        counter="r/x",
        holders=("y", "z"),
    )
    scene.queue.drop("sleep")
    assert (await ready(scene, "x")).blocked_by == ""


@scenario
async def test_a_step_of_a_run_that_lives_is_not_blocked_by_their_number(scene: Scene) -> None:
    scene.limit(r=1)
    for run in "ab":
        scene.add(f"{run} step", run=run, run_counter="r/x")
    assert (await ready(scene, "b step")).blocked_by == ""


@scenario
async def test_the_first_of_several_obstacles_is_named(scene: Scene) -> None:
    scene.queue.limit_group("a", 1)
    scene.limit(paused=True, calls=1, k=1, r=1, throttle=RATE)
    scene.start("holder", counters=("k/x",), run_counter="r/x", throttle="t/x", function="f")
    scene.limit(calls=1, k=1, r=1, throttle=RATE)
    assert await scene.take() == ["holder"]
    scene.start("j", counters=("k/x",), run_counter="r/x", throttle="t/x")
    scene.limit(paused=True, calls=1, k=1, r=1, throttle=RATE)
    obstacles = [(await ready(scene, "j")).blocked_by]
    scene.limit(calls=1, k=1, r=1, throttle=RATE)
    obstacles.append((await ready(scene, "j")).blocked_by)
    scene.queue.limit_group("a", None)
    obstacles.append((await ready(scene, "j")).blocked_by)
    scene.limit(k=1, r=1, throttle=RATE)
    obstacles.append((await ready(scene, "j")).blocked_by)
    scene.limit(r=1, throttle=RATE)
    obstacles.append((await ready(scene, "j")).blocked_by)
    scene.limit(r=1)
    obstacles.append((await ready(scene, "j")).blocked_by)
    scene.limit()
    obstacles.append((await ready(scene, "j")).blocked_by)
    assert obstacles == ["paused", "app", "function", "key", "throttle", "runs", ""]


@scenario
async def test_what_calls_no_app_is_not_blocked_by_its_function(scene: Scene) -> None:
    scene.limit(calls=1, paused=True)
    scene.add("sleep", kind=JobKind.SLEEP)
    assert (await ready(scene, "sleep")).blocked_by == ""


@pytest.mark.parametrize("waits", [False, True], ids=["new", "waiting"])
@scenario
async def test_the_position_is_among_those_with_the_same_counters(scene: Scene, waits: bool) -> None:
    scene.limit(k=1, r=1, throttle=RATE)
    scene.start("holder", counters=("k/x",), run_counter="r/x", throttle="t/x")
    assert await scene.take() == ["holder"]
    for id, score, how in [
        ("third", 3, {"throttle": "t/x"}),
        ("first", 1, {"run_counter": "r/x"}),
        ("second", 2, {}),
        ("fourth", 3, {"throttle": "t/x", "run_counter": "r/x"}),
    ]:
        scene.start(id, score=score, counters=("k/x",), **how)
    scene.add("other key", score=0, counters=("k/y",))
    scene.add("scheduled", after=60_000, score=0, counters=("k/x",))
    scene.add("other function", function="g", score=0, counters=("k/x",))
    if waits:
        assert sorted(await scene.take(9)) == ["other function", "other key"]
    positions = [(await ready(scene, id)).position for id in ("first", "second", "third", "fourth")]
    assert positions == [0, 1, 2, 3]


@scenario
async def test_what_is_blocked_is_not_the_oldest_ready(scene: Scene) -> None:
    scene.limit(k=1, r=1, throttle=RATE)
    scene.start("holder", counters=("k/x",), run_counter="r/x", throttle="t/x")
    assert await scene.take() == ["holder"]
    scene.add("key", counters=("k/x",))
    scene.start("runs", run_counter="r/x")
    scene.start("throttled", throttle="t/x")
    for waits in (False, True):
        assert await scene.oldest_ready() is None
        if not waits:
            await scene.take_nothing()
    start = scene.now
    await scene.pass_ms(1_000)
    free = scene.add("free", counters=("k/y",))
    assert await scene.oldest_ready() == free.due
    await scene.pass_ms(4_000)
    assert await scene.oldest_ready() == start
