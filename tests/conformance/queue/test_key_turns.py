"""In a function, jobs with the same counters take turns, whether anything limits them or not."""

import pytest

from tests.conformance.queue.scene import Scene, scenario


def fill(scene: Scene, function: str = "f", **jobs: int) -> None:
    """So many jobs of each key."""
    for key, count in jobs.items():
        for n in range(count):
            scene.add(f"{key}{n}", function=function, counters=(f"k/{key}",))


@scenario
async def test_keys_take_turns(scene: Scene) -> None:
    fill(scene, a=4, b=1, c=2)
    assert await scene.take(9) == ["a0", "b0", "c0", "a1", "c1", "a2", "a3"]


@scenario
async def test_turns_go_on_from_lease_to_lease(scene: Scene) -> None:
    fill(scene, a=3, b=3)
    assert [await scene.take() for _ in range(6)] == [["a0"], ["b0"], ["a1"], ["b1"], ["a2"], ["b2"]]


@scenario
async def test_jobs_without_counters_have_one_turn_among_the_keys(scene: Scene) -> None:
    for n in range(3):
        scene.add(f"plain{n}")
    fill(scene, a=2)
    assert await scene.take(9) == ["plain0", "a0", "plain1", "a1", "plain2"]


@scenario
async def test_in_a_key_the_lowest_score_goes_first_then_first_come(scene: Scene) -> None:
    for id, score in [("b1", 2), ("c", 3), ("b2", 2), ("a", -1)]:
        scene.add(id, score=score, counters=("k/x",))
    scene.add("other", score=9, counters=("k/y",))
    assert await scene.take(9) == ["a", "other", "b1", "b2", "c"]


@scenario
async def test_a_score_counts_in_its_key_only(scene: Scene) -> None:
    scene.add("x", score=100, counters=("k/x",))
    scene.add("y", score=1, counters=("k/y",))
    assert await scene.take() == ["x"]


@scenario
async def test_jobs_with_one_of_two_counters_in_common_are_apart(scene: Scene) -> None:
    for n in range(2):
        scene.add(f"xp{n}", counters=("k/x", "l/p"))
        scene.add(f"xq{n}", counters=("k/x", "l/q"))
        scene.add(f"x{n}", counters=("k/x",))
    assert await scene.take(9) == ["xp0", "xq0", "x0", "xp1", "xq1", "x1"]


@scenario
async def test_functions_take_turns_whatever_their_number_of_keys(scene: Scene) -> None:
    fill(scene, "f", a=2, b=2, c=2)
    for n in range(3):
        scene.add(f"g{n}", function="g")
    assert await scene.take(9) == ["a0", "g0", "b0", "g1", "c0", "g2", "a1", "b1", "c1"]


@scenario
async def test_a_key_whose_last_job_is_dropped_has_no_turn(scene: Scene) -> None:
    fill(scene, a=1, b=2)
    scene.queue.drop("a0")
    scene.add("a1", counters=("k/a",))
    assert await scene.take(9) == ["b0", "a1", "b1"]


@scenario
async def test_a_key_that_comes_due_joins_at_the_end(scene: Scene) -> None:
    scene.add("late", after=10, counters=("k/late",))
    fill(scene, a=2, b=1)
    await scene.pass_ms(10)
    assert await scene.take(9) == ["a0", "b0", "late", "a1"]


@pytest.mark.parametrize("keys", [2, 30])
@scenario
async def test_a_key_with_one_job_waits_for_one_turn_of_each_other(scene: Scene, keys: int) -> None:
    for key in range(keys):
        for n in range(20):
            scene.add(f"{key}.{n}", counters=(f"k/{key}",))
    assert len(await scene.take(2 * keys + 1)) == 2 * keys + 1
    scene.add("one", counters=("k/one",))
    assert "one" in await scene.take(keys + 1)
