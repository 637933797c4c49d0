"""A paused function's calls wait."""

from inngest_fast.domain.jobs import JobKind
from tests.conformance.queue.scene import Scene, ids, scenario


@scenario
async def test_calls_wait_until_it_goes_on(scene: Scene) -> None:
    scene.limit(paused=True)
    scene.add("j")
    leasing = await scene.waiting()
    await scene.pass_ms(3_600_000)
    assert not leasing.done()
    assert scene.timers_fired == 0
    scene.limit()
    await scene.settle()
    assert ids(leasing) == ["j"]


@scenario
async def test_it_applies_to_what_is_queued(scene: Scene) -> None:
    scene.add("ready")
    scene.add("scheduled", after=1_000)
    scene.limit(paused=True)
    await scene.pass_ms(1_000)
    await scene.take_nothing()
    scene.limit()
    assert await scene.take(9) == ["ready", "scheduled"]


@scenario
async def test_it_takes_nothing_back(scene: Scene) -> None:
    scene.add("leased")
    assert await scene.take() == ["leased"]
    scene.limit(paused=True)
    assert await scene.has("leased")
    scene.queue.done("leased")
    assert await scene.size() == 0


@scenario
async def test_what_calls_no_app_goes_on(scene: Scene) -> None:
    scene.limit(paused=True)
    scene.add("call")
    scene.add("sleep", kind=JobKind.SLEEP)
    scene.add("start timeout", kind=JobKind.START_TIMEOUT)
    assert await scene.take(9) == ["sleep", "start timeout"]


@scenario
async def test_other_functions_go_on(scene: Scene) -> None:
    scene.limit(paused=True)
    for n in range(2):
        scene.add(f"f{n}", function="f")
        scene.add(f"g{n}", function="g")
    assert await scene.take(9) == ["g0", "g1"]


@scenario
async def test_it_comes_back_at_the_end_of_the_turns(scene: Scene) -> None:
    for n in range(2):
        scene.add(f"f{n}", function="f")
        scene.add(f"g{n}", function="g")
    scene.limit(paused=True)
    scene.limit()
    assert await scene.take(9) == ["g0", "f0", "g1", "f1"]


@scenario
async def test_a_second_word_changes_nothing(scene: Scene) -> None:
    for n in range(2):
        scene.add(f"f{n}", function="f")
        scene.add(f"g{n}", function="g")
    scene.limit(k=1)
    scene.limit(k=1)
    assert await scene.take(9) == ["f0", "g0", "f1", "g1"]


@scenario
async def test_its_other_limits_are_still_there_afterwards(scene: Scene) -> None:
    scene.limit(calls=1, paused=True)
    scene.add("1")
    scene.add("2")
    scene.limit(calls=1)
    assert await scene.take(9) == ["1"]
    await scene.take_nothing()


@scenario
async def test_while_it_waits_it_holds_no_shared_place(scene: Scene) -> None:
    """A key that two functions share has room; the paused one is first in line."""
    scene.limit("f", k=1)
    scene.limit("g", k=1)
    scene.add("holder", function="g", counters=("k/x",))
    assert await scene.take() == ["holder"]
    scene.add("f0", function="f", counters=("k/x",))
    await scene.take_nothing()
    scene.add("g0", function="g", counters=("k/x",))
    await scene.take_nothing()
    scene.limit("f", k=1, paused=True)
    scene.queue.done("holder")
    assert await scene.take(9) == ["g0"]
    scene.queue.done("g0")
    await scene.take_nothing()
    scene.limit("f", k=1)
    assert await scene.take(9) == ["f0"]
