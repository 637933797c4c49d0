"""What comes of a job is added as it is done."""

import pytest

from inngest_fast.domain.jobs import JobKind
from inngest_fast.ports.queue import Depth
from tests.conformance.queue.scene import Scene, ids, scenario


@scenario
async def test_one_is_over_and_the_others_are_there(scene: Scene) -> None:
    scene.add("j")
    assert await scene.take() == ["j"]
    scene.queue.done("j", [scene.job("ready"), scene.job("scheduled", after=10)])
    assert not await scene.has("j")
    assert await scene.depth() == {"f": Depth(scheduled=1, ready=1, leased=0)}
    assert await scene.take() == ["ready"]
    await scene.pass_ms(10)
    assert await scene.take() == ["scheduled"]


@scenario
async def test_they_come_in_their_order(scene: Scene) -> None:
    scene.add("j")
    assert await scene.take() == ["j"]
    scene.queue.done("j", [scene.job(str(n)) for n in range(5)])
    assert await scene.take(9) == ["0", "1", "2", "3", "4"]


@scenario
async def test_one_that_is_there_stays_as_it_is(scene: Scene) -> None:
    scene.add("j")
    assert await scene.take() == ["j"]
    scene.add("known", score=1)
    scene.add("second", score=2)
    scene.queue.done("j", [scene.job("known", score=3)])
    assert await scene.take(9) == ["known", "second"]


@pytest.mark.parametrize("first", ["queued", "unknown"])
@scenario
async def test_they_are_added_if_the_job_is_not_leased(scene: Scene, first: str) -> None:
    if first == "queued":
        scene.add("j", after=1_000)
    scene.queue.done("j", [scene.job("next")])
    assert await scene.has("j") is (first == "queued")
    assert await scene.take(9) == ["next"]


@scenario
async def test_one_may_have_the_id_of_the_job(scene: Scene) -> None:
    scene.add("j", score=1)
    assert await scene.take() == ["j"]
    scene.queue.done("j", [scene.job("j", score=2, attempt=1)])
    assert await scene.size() == 1
    place = await scene.explain("j")
    assert place
    assert (place.state, place.score) == ("ready", 2)


@scenario
async def test_who_waits_is_woken_for_them(scene: Scene) -> None:
    scene.add("j")
    assert await scene.take() == ["j"]
    waiting = [await scene.waiting() for _ in range(3)]
    scene.queue.done("j", [scene.job("1"), scene.job("2"), scene.job("3", after=7)])
    await scene.settle()
    assert sorted(sum((ids(leasing) for leasing in waiting if leasing.done()), [])) == ["1", "2"]
    await scene.pass_ms(7)
    assert sorted(sum((ids(leasing) for leasing in waiting), [])) == ["1", "2", "3"]


@scenario
async def test_its_places_are_free_for_them(scene: Scene) -> None:
    scene.queue.limit_group("a", 1)
    scene.limit(calls=1, k=1)
    scene.add("j", counters=("k/x",))
    assert await scene.take() == ["j"]
    scene.queue.done("j", [scene.job("next", counters=("k/x",))])
    assert await scene.take() == ["next"]


@scenario
async def test_who_waited_for_its_places_goes_before_them(scene: Scene) -> None:
    """Else a run of many steps would keep a key for itself."""
    scene.limit(k=1)
    scene.add("p0", counters=("k/x", "l/p"))
    assert await scene.take() == ["p0"]
    scene.add("q0", counters=("k/x", "l/q"))
    await scene.take_nothing()
    scene.queue.done("p0", [scene.job("p1", counters=("k/x", "l/p"))])
    assert await scene.take(9) == ["q0"]
    scene.queue.done("q0")
    assert await scene.take(9) == ["p1"]


@scenario
async def test_another_function_that_waited_for_its_places_goes_before_them(scene: Scene) -> None:
    scene.limit("f", k=1)
    scene.limit("g", k=1)
    scene.add("f0", function="f", counters=("k/x",))
    assert await scene.take() == ["f0"]
    scene.add("g0", function="g", counters=("k/x",))
    await scene.take_nothing()
    scene.queue.done("f0", [scene.job("f1", function="f", counters=("k/x",))])
    assert await scene.take(9) == ["g0"]


@scenario
async def test_a_run_keeps_its_place_for_them(scene: Scene) -> None:
    scene.limit(r=1)
    scene.start("a", run_counter="r/x")
    scene.start("b", run_counter="r/x")
    assert await scene.take(9) == ["a"]
    await scene.take_nothing()
    scene.queue.done("a", [scene.job("a step", kind=JobKind.EDGE, run="a", run_counter="r/x", after=5)])
    await scene.take_nothing()
    await scene.pass_ms(5)
    assert await scene.take(9) == ["a step"]
    scene.queue.done("a step")
    assert await scene.take(9) == ["b"]
