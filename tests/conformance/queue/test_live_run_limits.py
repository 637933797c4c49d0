"""Limits on runs that live: from the first call to the end, whatever they do meanwhile (flow-control §4)."""

from typing import Any

import pytest

from inngest_fast.domain.flow import ThrottleRate
from inngest_fast.domain.jobs import Job, JobKind
from tests.conformance.queue.scene import Scene, ids, scenario

X, Y = "r/x", "r/y"


def start(scene: Scene, *runs: str, run_counter: str = X, **how: Any) -> None:
    for run in runs:
        scene.start(run, run_counter=run_counter, **how)


def step(scene: Scene, run: str, id: str, kind: JobKind = JobKind.EDGE, **how: Any) -> Job:
    """A job of a run that is under way."""
    return scene.job(id, kind=kind, run=run, **{"run_counter": X, **how})


@scenario
async def test_limit_1_across_two_steps_and_three_runs(scene: Scene) -> None:
    """§4.4: never two runs active across a step boundary."""
    scene.limit(r=1)
    start(scene, "a", "b", "c")
    for run in "abc":
        assert await scene.take(9) == [run]
        await scene.take_nothing()
        scene.queue.done(run, [step(scene, run, f"{run} step")])
        assert await scene.take(9) == [f"{run} step"]
        await scene.take_nothing()
        scene.queue.done(f"{run} step")


@pytest.mark.parametrize("limit", [1, 2, 4])
@scenario
async def test_at_most_so_many_runs(scene: Scene, limit: int) -> None:
    scene.limit(r=limit)
    runs = [str(n) for n in range(6)]
    start(scene, *runs)
    assert await scene.take(9) == runs[:limit]
    for n, run in enumerate(runs[limit:]):
        scene.queue.done(runs[n])
        assert await scene.take(9) == [run]


@pytest.mark.parametrize("kind", [JobKind.SLEEP, JobKind.WAIT_TIMEOUT, JobKind.FINISH_TIMEOUT])
@scenario
async def test_a_run_that_waits_is_among_them(scene: Scene, kind: JobKind) -> None:
    scene.limit(r=1)
    start(scene, "a", "b")
    assert await scene.take(9) == ["a"]
    scene.queue.done("a", [step(scene, "a", "waits", kind, after=60_000)])
    leasing = await scene.waiting(9)
    await scene.pass_ms(59_999)
    assert not leasing.done()
    await scene.pass_ms(1)
    assert ids(leasing) == ["waits"]
    leasing = await scene.waiting(9)
    scene.queue.done("waits")
    await scene.settle()
    assert ids(leasing) == ["b"]


@pytest.mark.parametrize(
    "kind", [JobKind.START_TIMEOUT, JobKind.CANCEL, JobKind.RESUME, JobKind.CRON], ids=str
)
@scenario
async def test_a_job_that_is_no_part_of_its_life_keeps_no_place(scene: Scene, kind: JobKind) -> None:
    scene.limit(r=1)
    start(scene, "a", "b")
    assert await scene.take(9) == ["a"]
    scene.queue.done("a", [step(scene, "a", "other", kind, after=60_000)])
    assert await scene.take(9) == ["b"]


@scenario
async def test_parallel_steps_count_once_and_the_last_one_ends_it(scene: Scene) -> None:
    scene.limit(r=2)
    start(scene, "a", "b", "c")
    assert await scene.take(9) == ["a", "b"]
    scene.queue.done("a", [step(scene, "a", f"a{n}", JobKind.PLAN) for n in range(3)])
    assert await scene.take(9) == ["a0", "a1", "a2"]
    scene.queue.done("a1")
    scene.queue.done("a0")
    await scene.take_nothing()
    scene.queue.done("a2")
    assert await scene.take(9) == ["c"]


@scenario
async def test_a_dropped_run_leaves(scene: Scene) -> None:
    scene.limit(r=1)
    start(scene, "a", "b", "c")
    assert await scene.take(9) == ["a"]
    scene.queue.done("a", [step(scene, "a", f"a{n}", after=60_000 * n) for n in range(2)])
    leasing = await scene.waiting()
    assert ids(leasing) == ["a0"]
    leasing = await scene.waiting(9)
    scene.queue.drop("a1")
    await scene.settle()
    assert not leasing.done()
    scene.queue.drop("a0")
    await scene.settle()
    assert ids(leasing) == ["b"]


@scenario
async def test_a_start_that_is_put_back_uncalled_gives_its_place_back(scene: Scene) -> None:
    scene.limit(r=1)
    start(scene, "a", "b")
    assert await scene.take(9) == ["a"]
    scene.queue.requeue(scene.job("a", kind=JobKind.START, run="a", run_counter=X, after=60_000))
    assert await scene.take(9) == ["b"]
    await scene.pass_ms(60_000)
    await scene.take_nothing()
    scene.queue.done("b")
    assert await scene.take(9) == ["a"]


@scenario
async def test_a_start_that_is_tried_again_keeps_its_place(scene: Scene) -> None:
    scene.limit(r=1)
    start(scene, "a", "b")
    assert await scene.take(9) == ["a"]
    again = scene.job("a", kind=JobKind.START, run="a", run_counter=X, after=60_000, attempt=1)
    scene.queue.requeue(again)
    leasing = await scene.waiting(9)
    await scene.pass_ms(59_999)
    assert not leasing.done()
    await scene.pass_ms(1)
    assert leasing.result() == [again]
    scene.queue.done("a")
    assert await scene.take(9) == ["b"]


@scenario
async def test_a_step_that_is_tried_again_keeps_its_place(scene: Scene) -> None:
    scene.limit(r=1)
    scene.queue.add(step(scene, "a", "step"))
    start(scene, "b")
    assert await scene.take(9) == ["step"]
    scene.queue.requeue(step(scene, "a", "step", attempt=1, after=60_000))
    await scene.take_nothing()
    scene.queue.drop("step")
    assert await scene.take(9) == ["b"]


@scenario
async def test_what_is_under_way_when_it_is_added_has_its_place_already(scene: Scene) -> None:
    """As after a restart: nothing was leased here."""
    scene.limit(r=2)
    start(scene, "c", "d", score=-1)
    for run in "ab":
        scene.queue.add(step(scene, run, f"{run} sleeps", JobKind.SLEEP, after=60_000))
    await scene.take_nothing()
    scene.queue.drop("a sleeps")
    assert await scene.take(9) == ["c"]
    await scene.pass_ms(60_000)
    assert await scene.take(9) == ["b sleeps"]
    scene.queue.done("b sleeps")
    assert await scene.take(9) == ["d"]


@scenario
async def test_runs_under_way_go_on_whatever_their_number(scene: Scene) -> None:
    scene.limit(r=1)
    for run in "abc":
        scene.queue.add(step(scene, run, run))
    scene.queue.add(step(scene, "d", "d", JobKind.START, attempt=1))
    start(scene, "e", score=-1)
    assert await scene.take(9) == ["a", "b", "c", "d"]
    for run in "abc":
        scene.queue.done(run)
        await scene.take_nothing()
    scene.queue.done("d")
    assert await scene.take(9) == ["e"]


@scenario
async def test_a_start_whose_run_is_among_them_passes(scene: Scene) -> None:
    scene.limit(r=1)
    scene.queue.add(step(scene, "a", "finish", JobKind.FINISH_TIMEOUT, after=60_000))
    start(scene, "a", "b")
    assert await scene.take(9) == ["a"]
    scene.queue.drop("finish")
    await scene.take_nothing()
    scene.queue.done("a")
    assert await scene.take(9) == ["b"]


@scenario
async def test_keys_are_apart(scene: Scene) -> None:
    scene.limit(r=1)
    start(scene, "x0", "x1")
    start(scene, "y0", "y1", run_counter=Y)
    assert await scene.take(9) == ["x0", "y0"]
    scene.queue.done("y0")
    assert await scene.take(9) == ["y1"]


@scenario
async def test_functions_that_share_a_counter_have_each_its_own_number(scene: Scene) -> None:
    scene.limit("f", r=3)
    scene.limit("g", r=1)
    for n in range(4):
        start(scene, f"f{n}", function="f")
        start(scene, f"g{n}", function="g")
    assert await scene.take(9) == ["f0", "f1", "f2"]
    for n in range(3):
        scene.queue.done(f"f{n}")
    assert await scene.take(9) == ["f3"]
    scene.queue.done("f3")
    assert await scene.take(9) == ["g0"]
    await scene.take_nothing()
    scene.queue.done("g0")
    assert await scene.take(9) == ["g1"]


@scenario
async def test_a_start_that_waits_delays_no_step_and_no_other_key(scene: Scene) -> None:
    scene.limit(r=1)
    start(scene, "a")
    assert await scene.take(9) == ["a"]
    start(scene, "b", score=-9)
    start(scene, "y", run_counter=Y, score=1)
    start(scene, "free", run_counter="", score=2)
    scene.queue.add(step(scene, "a", "step", score=3))
    assert await scene.take(9) == ["y", "free", "step"]


@scenario
async def test_a_start_that_waits_for_a_key_takes_no_place(scene: Scene) -> None:
    scene.limit(r=1, k=1)
    scene.add("holder", counters=("k/x",))
    assert await scene.take(9) == ["holder"]
    start(scene, "a", counters=("k/x",), score=-1)
    start(scene, "b")
    assert await scene.take(9) == ["b"]
    scene.queue.done("holder")
    await scene.take_nothing()
    scene.queue.done("b")
    assert await scene.take(9) == ["a"]


@scenario
async def test_starts_that_wait_in_a_key_that_is_full_let_others_in(scene: Scene) -> None:
    """They wait for the run limit; when it has room their key has none."""
    scene.limit(r=1, k=1)
    start(scene, "run")
    assert await scene.take(9) == ["run"]
    start(scene, "a", counters=("k/x",))
    await scene.take_nothing()
    start(scene, "b", counters=("k/y",))
    await scene.take_nothing()
    scene.add("holder", counters=("k/x",), score=-1)
    assert await scene.take(9) == ["holder"]
    scene.queue.done("run")
    assert await scene.take(9) == ["b"]
    scene.queue.done("b")
    await scene.take_nothing()
    scene.queue.done("holder")
    assert await scene.take(9) == ["a"]


@scenario
async def test_of_those_that_wait_the_lowest_score_goes_first(scene: Scene) -> None:
    scene.limit(r=1)
    start(scene, "holder")
    assert await scene.take(9) == ["holder"]
    for run, score in [("c", 3), ("a", 1), ("b", 2)]:
        start(scene, run, score=score)
        await scene.take_nothing()
    leased = "holder"
    for run in "abc":
        scene.queue.done(leased)
        assert await scene.take(9) == [run]
        leased = run


@scenario
async def test_in_a_key_the_lowest_score_goes_first_whatever_throttle_they_paid(scene: Scene) -> None:
    scene.limit(r=1, throttle=ThrottleRate(rule="t", emission=1_000, cap=9))
    start(scene, "holder")
    assert await scene.take(9) == ["holder"]
    for run, score in [("c", 3), ("a", 1), ("b", 2)]:
        start(scene, run, score=score, throttle=f"t/{run}")
        await scene.take_nothing()
    leased = "holder"
    for run in "abc":
        scene.queue.done(leased)
        assert await scene.take(9) == [run]
        leased = run


@pytest.mark.parametrize("dropped", ["the first", "all of the first key"])
@scenario
async def test_a_start_that_is_dropped_passes_its_chance_on(scene: Scene, dropped: str) -> None:
    scene.limit(r=1)
    start(scene, "holder")
    assert await scene.take(9) == ["holder"]
    start(scene, "a0", "a1", counters=("k/a",))
    await scene.take_nothing()
    start(scene, "b", counters=("k/b",))
    await scene.take_nothing()
    scene.queue.done("holder")
    scene.queue.drop("a0")
    if dropped == "the first":
        assert await scene.take(9) == ["a1"]
    else:
        scene.queue.drop("a1")
        assert await scene.take(9) == ["b"]


@pytest.mark.parametrize(("before", "after"), [({"r": 1}, {"r": 3}), ({"r": 1}, {})], ids=["rises", "goes"])
@scenario
async def test_a_limit_that_lets_more_in_applies_at_once(
    scene: Scene, before: dict[str, Any], after: dict[str, Any]
) -> None:
    scene.limit(**before)
    start(scene, "a", "b", "c")
    assert await scene.take(9) == ["a"]
    waiting = [await scene.waiting() for _ in range(2)]
    scene.limit(**after)
    await scene.settle()
    assert sorted(ids(waiting[0]) + ids(waiting[1])) == ["b", "c"]


@scenario
async def test_a_limit_that_falls_takes_nothing_back(scene: Scene) -> None:
    scene.limit(r=3)
    start(scene, "a", "b", "c", "d")
    assert await scene.take(9) == ["a", "b", "c"]
    scene.limit(r=1)
    scene.queue.done("a")
    scene.queue.done("b")
    await scene.take_nothing()
    scene.queue.done("c")
    assert await scene.take(9) == ["d"]


@scenario
async def test_runs_are_counted_before_there_is_a_limit(scene: Scene) -> None:
    start(scene, "a", "b", "c")
    assert await scene.take(2) == ["a", "b"]
    scene.limit(r=2)
    await scene.take_nothing()
    scene.queue.done("a")
    assert await scene.take(9) == ["c"]


@scenario
async def test_a_run_limit_and_a_function_limit(scene: Scene) -> None:
    scene.limit(calls=1, r=2)
    start(scene, "a", "b", "c", score=1)
    assert await scene.take(9) == ["a"]
    scene.queue.done("a", [step(scene, "a", "a step")])
    assert await scene.take(9) == ["a step"]  # lower score
    scene.queue.done("a step", [step(scene, "a", "a sleeps", JobKind.SLEEP, after=60_000)])
    assert await scene.take(9) == ["b"]
    scene.queue.done("b", [step(scene, "b", "b sleeps", JobKind.SLEEP, after=60_000)])
    await scene.take_nothing()
    scene.queue.drop("a sleeps")
    assert await scene.take(9) == ["c"]


@scenario
async def test_a_run_that_has_its_place_does_not_wait_behind_one_that_has_none(scene: Scene) -> None:
    """Its server died when it had begun, before the first call was answered."""
    scene.limit(r=1)
    scene.add("finish", kind=JobKind.FINISH_TIMEOUT, run="a", run_counter="r/x", after=60_000)
    scene.start("b", run_counter="r/x", score=-1)
    scene.start("a", run_counter="r/x")
    assert await scene.take(9) == ["a"]
