"""Which job is next, and how many at once."""

import pytest

from inngest_fast.domain.jobs import JobKind
from tests.conformance.queue.scene import Scene, ids, scenario


@scenario
async def test_at_most_as_many_as_asked_for(scene: Scene) -> None:
    for n in range(5):
        scene.add(str(n))
    assert await scene.take(2) == ["0", "1"]
    assert await scene.take(1) == ["2"]
    assert await scene.take(9) == ["3", "4"]


@scenario
async def test_lowest_score_first_then_first_come(scene: Scene) -> None:
    for id, score in [("b1", 2), ("c", 3), ("b2", 2), ("a", -1), ("b3", 2)]:
        scene.add(id, score=score)
    assert await scene.take(9) == ["a", "b1", "b2", "b3", "c"]


@scenario
async def test_an_older_runs_step_goes_before_a_newer_runs_start(scene: Scene) -> None:
    scene.add("sleeping step", score=1, after=1_000)
    scene.add("start", score=2, kind=JobKind.START)
    scene.add("newer start", score=3, kind=JobKind.START)
    assert await scene.take(1) == ["start"]
    await scene.pass_ms(1_000)
    assert await scene.take(9) == ["sleeping step", "newer start"]


@scenario
async def test_of_equal_scores_the_first_added_goes_first_when_both_are_due(scene: Scene) -> None:
    scene.add("added first", after=2_000)
    scene.add("due first", after=1_000)
    await scene.pass_ms(2_000)
    assert await scene.take(9) == ["added first", "due first"]


@scenario
async def test_partitions_take_turns(scene: Scene) -> None:
    for function, count in [("f", 4), ("g", 1), ("h", 2)]:
        for n in range(count):
            scene.add(f"{function}{n}", function=function)
    assert await scene.take(9) == ["f0", "g0", "h0", "f1", "h1", "f2", "f3"]


@scenario
async def test_turns_go_on_from_lease_to_lease(scene: Scene) -> None:
    for n in range(3):
        scene.add(f"f{n}", function="f")
        scene.add(f"g{n}", function="g")
    assert [await scene.take(1) for _ in range(6)] == [["f0"], ["g0"], ["f1"], ["g1"], ["f2"], ["g2"]]


@scenario
async def test_a_score_counts_in_its_partition_only(scene: Scene) -> None:
    scene.add("f0", function="f", score=100)
    scene.add("g0", function="g", score=1)
    assert await scene.take(1) == ["f0"]


@scenario
async def test_groups_take_turns_whatever_their_number_of_partitions(scene: Scene) -> None:
    for n in range(10):
        scene.add(f"a{n}", app="a", function=f"f{n}")
    scene.add("b0", app="b", function="g")
    scene.add("b1", app="b", function="g")
    assert [id[0] for id in await scene.take(4)] == ["a", "b", "a", "b"]


@scenario
async def test_a_group_has_at_most_its_limit_leased(scene: Scene) -> None:
    scene.queue.limit_group("a", 2)
    for n in range(4):
        scene.add(str(n), function=f"f{n % 2}")
    assert await scene.take(9) == ["0", "1"]
    leasing = await scene.waiting(9)
    assert not leasing.done()
    scene.queue.done("0")
    await scene.settle()
    assert ids(leasing) == ["2"]


@scenario
async def test_a_limit_is_of_its_group_only(scene: Scene) -> None:
    scene.queue.limit_group("a", 0)
    scene.add("blocked", app="a", function="f")
    scene.add("free", app="b", function="g")
    assert await scene.take(9) == ["free"]


@scenario
async def test_work_that_calls_no_app_is_of_another_group(scene: Scene) -> None:
    scene.queue.limit_group("a", 0)
    scene.add("call", kind=JobKind.EDGE)
    scene.add("local", kind=JobKind.SLEEP)
    assert await scene.take(9) == ["local"]


@pytest.mark.parametrize("limit", [None, 1, 5])
@scenario
async def test_a_raised_limit_applies_at_once(scene: Scene, limit: int | None) -> None:
    scene.queue.limit_group("a", 0)
    scene.add("j")
    leasing = await scene.waiting()
    scene.queue.limit_group("a", limit)
    await scene.settle()
    assert ids(leasing) == ["j"]


@scenario
async def test_a_raised_limit_wakes_as_many_as_it_lets_in(scene: Scene) -> None:
    scene.queue.limit_group("a", 0)
    for n in range(5):
        scene.add(str(n), function=f"f{n}")
    waiting = [await scene.waiting() for _ in range(5)]
    scene.queue.limit_group("a", 3)
    await scene.settle()
    assert [leasing.done() for leasing in waiting].count(True) == 3
    scene.queue.limit_group("a", None)
    await scene.settle()
    assert all(leasing.done() for leasing in waiting)


@scenario
async def test_a_lowered_limit_takes_nothing_back(scene: Scene) -> None:
    for n in range(5):
        scene.add(str(n))
    assert await scene.take(3) == ["0", "1", "2"]
    scene.queue.limit_group("a", 2)
    leasing = await scene.waiting()
    scene.queue.done("0")
    await scene.settle()
    assert not leasing.done()
    scene.queue.done("1")
    await scene.settle()
    assert ids(leasing) == ["3"]


@scenario
async def test_a_limit_is_there_before_and_after_the_groups_jobs(scene: Scene) -> None:
    scene.queue.limit_group("a", 1)
    scene.add("1")
    assert await scene.take(9) == ["1"]
    scene.queue.done("1")
    assert await scene.size() == 0
    scene.add("2")
    scene.add("3")
    assert await scene.take(9) == ["2"]


@scenario
async def test_a_job_that_is_due_but_blocked_makes_no_lease_spin(scene: Scene) -> None:
    scene.queue.limit_group("a", 0)
    scene.add("blocked", after=1_000)
    leasing = await scene.waiting()
    await scene.pass_ms(3_600_000)
    assert not leasing.done()
    assert scene.timers_fired == 1
