"""Limits on what is executed at once: of a function, of a key, of a key that functions share (flow-control §4)."""

from typing import Any

import pytest

from inngest_fast.domain.jobs import JobKind
from tests.conformance.queue.scene import Scene, ids, scenario

X, Y, Z = ("k/x",), ("k/y",), ("k/z",)


# The numbers of §4.4


@scenario
async def test_limit_1_and_3_events(scene: Scene) -> None:
    scene.limit(calls=1)
    for n in range(3):
        scene.add(str(n))
    start = scene.now
    for n in range(3):
        assert await scene.take(9) == [str(n)]
        await scene.take_nothing()
        await scene.pass_ms(5_000)
        scene.queue.done(str(n))
    assert scene.now - start == 15_000


@scenario
async def test_a_key_with_3_values_and_3_in_parallel(scene: Scene) -> None:
    scene.limit(k=1)
    for n in range(2):
        for counters in (X, Y, Z):
            scene.add(f"{counters[0]}{n}", counters=counters)
    assert await scene.take(9) == ["k/x0", "k/y0", "k/z0"]
    leasing = await scene.waiting(9)
    assert not leasing.done()
    scene.queue.done("k/y0")
    await scene.settle()
    assert ids(leasing) == ["k/y1"]


@scenario
async def test_function_limit_2_and_key_limit_1(scene: Scene) -> None:
    scene.limit(calls=2, k=1)
    for n in range(2):
        for counters in (X, Y, Z):
            scene.add(f"{counters[0]}{n}", counters=counters)
    assert await scene.take(9) == ["k/x0", "k/y0"]
    await scene.take_nothing()
    scene.queue.done("k/x0")
    assert await scene.take(9) == ["k/z0"]
    scene.queue.done("k/y0")
    assert await scene.take(9) == ["k/x1"]
    scene.queue.done("k/z0")
    assert await scene.take(9) == ["k/y1"]


@pytest.mark.parametrize("apps", ["aa", "ab"], ids=["one app", "two apps"])
@scenario
async def test_account_scope_over_two_functions(scene: Scene, apps: str) -> None:
    for function, app in zip("fg", apps, strict=True):
        scene.limit(function, k=1)
        for n in range(2):
            scene.add(f"{function}{n}", function=function, app=app, counters=X)
    order = ["f0", "g0", "f1", "g1"]
    for id in order:
        assert await scene.take(9) == [id]
        await scene.take_nothing()
        scene.queue.done(id)


# Numbers


@pytest.mark.parametrize("limit", [1, 2, 5])
@scenario
async def test_at_most_so_many_of_a_key_at_once(scene: Scene, limit: int) -> None:
    scene.limit(k=limit)
    for n in range(7):
        scene.add(str(n), counters=X)
    assert await scene.take(9) == [str(n) for n in range(limit)]
    for n in range(7 - limit):
        scene.queue.done(str(n))
        assert await scene.take(9) == [str(n + limit)]


@scenario
async def test_each_function_has_its_own_number_for_a_shared_count(scene: Scene) -> None:
    scene.limit("f", k=3)
    scene.limit("g", k=1)
    for n in range(4):
        scene.add(f"f{n}", function="f", counters=X)
        scene.add(f"g{n}", function="g", counters=X)
    assert await scene.take(9) == ["f0", "f1", "f2"]
    scene.queue.done("f0")
    assert await scene.take(9) == ["f3"]
    scene.queue.done("f1")
    scene.queue.done("f2")
    await scene.take_nothing()
    scene.queue.done("f3")
    assert await scene.take(9) == ["g0"]
    await scene.take_nothing()


@scenario
async def test_a_rule_without_a_number_binds_nobody_and_is_counted(scene: Scene) -> None:
    scene.limit("g", k=3)
    for n in range(3):
        scene.add(f"f{n}", function="f", counters=X)
    assert await scene.take(9) == ["f0", "f1", "f2"]
    scene.add("g0", function="g", counters=X)
    await scene.take_nothing()
    scene.queue.done("f1")
    assert await scene.take(9) == ["g0"]


@scenario
async def test_a_rule_is_for_its_counters_only(scene: Scene) -> None:
    scene.limit(k=1)
    for n in range(2):
        scene.add(f"x{n}", counters=X)
        scene.add(f"other{n}", counters=("kk/x",))
    assert await scene.take(9) == ["x0", "other0", "other1"]


@scenario
async def test_every_counter_must_have_room(scene: Scene) -> None:
    scene.limit(k=2, l=1)
    scene.add("xp", counters=("k/x", "l/p"))
    scene.add("xq", counters=("k/x", "l/q"))
    assert await scene.take(9) == ["xp", "xq"]
    scene.add("xr", counters=("k/x", "l/r"))
    scene.add("yp", counters=("k/y", "l/p"))
    scene.add("yr", counters=("k/y", "l/r"))
    assert await scene.take(9) == ["yr"]  # what was refused took nothing of the counter that had room
    scene.queue.done("xp")
    assert await scene.take(9) == ["yp"]
    await scene.take_nothing()
    scene.queue.done("yr")
    assert await scene.take(9) == ["xr"]


@scenario
async def test_a_counter_that_is_named_twice_counts_once(scene: Scene) -> None:
    scene.limit(k=2)
    for n in range(3):
        scene.add(str(n), counters=("k/x", "k/x"))
    assert await scene.take(9) == ["0", "1"]
    scene.queue.done("0")
    assert await scene.take(9) == ["2"]
    await scene.take_nothing()


@scenario
async def test_a_counter_that_has_room_is_not_taken_by_who_waits_for_another(scene: Scene) -> None:
    scene.limit(k=1, l=1)
    scene.add("holder", counters=("l/p",))
    assert await scene.take() == ["holder"]
    scene.add("waits", counters=("k/x", "l/p"), score=-1)
    scene.add("free", counters=("k/x",))
    assert await scene.take(9) == ["free"]
    scene.queue.done("holder")
    await scene.take_nothing()
    scene.queue.done("free")
    assert await scene.take(9) == ["waits"]


@scenario
async def test_what_calls_no_app_is_not_of_the_function_limit(scene: Scene) -> None:
    scene.limit(calls=1)
    scene.add("call 1")
    scene.add("call 2")
    scene.add("sleep", kind=JobKind.SLEEP)
    scene.add("resume", kind=JobKind.RESUME)
    assert await scene.take(9) == ["call 1", "sleep", "resume"]


@scenario
async def test_a_limit_is_of_its_function_only(scene: Scene) -> None:
    scene.limit("f", calls=1)
    for n in range(2):
        scene.add(f"f{n}", function="f")
        scene.add(f"g{n}", function="g")
    assert await scene.take(9) == ["f0", "g0", "g1"]


# Nothing that is blocked delays what is not


@scenario
async def test_a_key_at_its_limit_delays_no_other(scene: Scene) -> None:
    scene.limit(k=1)
    for n in range(5):
        scene.add(f"x{n}", counters=X, score=-5)
    scene.add("y", counters=Y, score=1)
    scene.add("plain", score=2)
    scene.add("g", function="g", score=3)
    assert await scene.take(9) == ["x0", "g", "y", "plain"]


@scenario
async def test_a_key_that_waited_for_another_passes_its_chance_on(scene: Scene) -> None:
    scene.limit(k=1, l=1)
    scene.add("x", counters=("k/x",))
    scene.add("p", counters=("l/p",))
    assert await scene.take(9) == ["x", "p"]
    scene.add("xp", counters=("k/x", "l/p"))
    scene.add("xq", counters=("k/x", "l/q"))
    await scene.take_nothing()
    scene.queue.done("x")
    assert await scene.take(9) == ["xq"]
    scene.queue.done("xq")
    await scene.take_nothing()
    scene.queue.done("p")
    assert await scene.take(9) == ["xp"]


@pytest.mark.parametrize("when", ["while it waits", "when it is let go"])
@scenario
async def test_a_key_whose_jobs_are_dropped_passes_its_chance_on(scene: Scene, when: str) -> None:
    scene.limit(k=1)
    scene.add("x", counters=X)
    assert await scene.take(9) == ["x"]
    scene.add("first", counters=("k/x", "l/p"))
    scene.add("second", counters=("k/x", "l/q"))
    await scene.take_nothing()
    if when == "while it waits":
        scene.queue.drop("first")
        scene.queue.done("x")
    else:
        scene.queue.done("x")
        scene.queue.drop("first")
    assert await scene.take(9) == ["second"]


@scenario
async def test_a_function_keeps_its_turn_when_the_chance_goes_on(scene: Scene) -> None:
    scene.limit("f", k=1)
    scene.add("holder", function="g", counters=X)
    assert await scene.take(9) == ["holder"]
    for other in "pq":
        scene.add(other, function="f", counters=("k/x", f"l/{other}"))
        await scene.take_nothing()
    scene.queue.done("holder")
    scene.add("g0", function="g")
    scene.queue.drop("p")
    assert await scene.take(9) == ["q", "g0"]


@pytest.mark.parametrize("obstacle", ["function", "app"])
@scenario
async def test_a_function_that_cannot_use_a_shared_place_keeps_nobody_from_it(
    scene: Scene, obstacle: str
) -> None:
    scene.limit("f", calls=1 if obstacle == "function" else 0, k=1)
    scene.limit("g", k=1)
    if obstacle == "app":
        scene.queue.limit_group("a", 1)
    scene.add("holder", function="h", app="b", counters=X)
    assert await scene.take() == ["holder"]
    scene.add("f0", function="f", app="a", counters=X)
    await scene.take_nothing()
    scene.add("g0", function="g", app="b", counters=X)
    await scene.take_nothing()
    scene.add("other key", function="f", app="a", counters=Y)
    assert await scene.take(9) == ["other key"]
    scene.queue.done("holder")
    assert await scene.take(9) == ["g0"]
    scene.queue.done("g0")
    await scene.take_nothing()
    scene.queue.done("other key")
    assert await scene.take(9) == ["f0"]


@scenario
async def test_all_that_have_room_come_at_once(scene: Scene) -> None:
    scene.limit(k=3)
    for n in range(3):
        scene.add(f"x{n}", counters=X)
    assert await scene.take(9) == ["x0", "x1", "x2"]
    for n in range(5):
        scene.add(f"p{n}", counters=("k/x", f"l/{n}"))
    await scene.take_nothing()
    for n in range(3):
        scene.queue.done(f"x{n}")
    assert await scene.take(9) == ["p0", "p1", "p2"]


# Who waits for one counter


@scenario
async def test_who_waited_first_goes_first(scene: Scene) -> None:
    scene.limit(k=1)
    scene.add("holder", counters=X)
    assert await scene.take() == ["holder"]
    for other in "pqr":
        for n in range(2):
            scene.add(f"{other}{n}", counters=("k/x", f"l/{other}"))
        await scene.take_nothing()
    leased = "holder"
    order = ["p0", "q0", "r0", "p1", "q1", "r1"]
    for id in order:
        scene.queue.done(leased)
        assert await scene.take(9) == [id]
        leased = id


@scenario
async def test_who_finds_it_full_again_stays_first(scene: Scene) -> None:
    scene.limit(k=1)
    scene.add("holder", counters=X)
    assert await scene.take() == ["holder"]
    for other in "pq":
        scene.add(other, counters=("k/x", f"l/{other}"))
        await scene.take_nothing()
    scene.add("new", counters=X)  # has its turn before the one that is let go
    scene.queue.done("holder")
    assert await scene.take(9) == ["new"]
    scene.queue.done("new")
    assert await scene.take(9) == ["p"]
    scene.queue.done("p")
    assert await scene.take(9) == ["q"]


@scenario
async def test_functions_take_turns_at_a_key_that_they_share(scene: Scene) -> None:
    order = [f"{function}{n}" for n in range(3) for function in "fgh"]
    for function in "fgh":
        scene.limit(function, k=1)
        for n in range(3):
            scene.add(f"{function}{n}", function=function, counters=("k/x", f"l/{n}"))
    for id in order:
        assert await scene.take(9) == [id]
        scene.queue.done(id)


# What frees a place


@pytest.mark.parametrize("how", ["done", "drop", "requeue", "requeue for later"])
@pytest.mark.parametrize("limit", ["calls", "key", "shared key"])
@scenario
async def test_a_place_that_is_freed_is_taken_in_the_same_moment(scene: Scene, limit: str, how: str) -> None:
    function = "g" if limit == "shared key" else "f"
    for name in "fg":
        scene.limit(name, calls=1 if limit == "calls" else 0, k=1)
    counters = () if limit == "calls" else X
    scene.add("first", function="f", counters=counters)
    assert await scene.take() == ["first"]
    scene.add("second", function=function, counters=counters, score=-1)
    leasing = await scene.waiting()
    assert not leasing.done()
    if how == "done":
        scene.queue.done("first")
    elif how == "drop":
        scene.queue.drop("first")
    else:
        after = 0 if how == "requeue" else 60_000
        scene.queue.requeue(scene.job("first", function="f", counters=counters, attempt=1, after=after))
    await scene.settle()
    assert ids(leasing) == ["second"]
    assert scene.timers_fired == 0


@scenario
async def test_done_twice_frees_one_place_of_a_key(scene: Scene) -> None:
    scene.limit(k=2)
    for n in range(4):
        scene.add(str(n), counters=X)
    assert await scene.take(9) == ["0", "1"]
    scene.queue.done("0")
    scene.queue.done("0")
    assert await scene.take(9) == ["2"]
    await scene.take_nothing()


@scenario
async def test_a_requeued_job_is_in_the_counters_that_it_has_now(scene: Scene) -> None:
    scene.limit(k=1)
    scene.add("j", counters=X)
    assert await scene.take() == ["j"]
    scene.queue.requeue(scene.job("j", attempt=1, counters=Y))
    assert await scene.take() == ["j"]
    scene.add("x", counters=X)
    scene.add("y", counters=Y)
    assert await scene.take(9) == ["x"]


@pytest.mark.parametrize("waits_for", ["function", "key"])
@scenario
async def test_a_lease_that_waits_for_a_place_sets_no_timer(scene: Scene, waits_for: str) -> None:
    scene.limit(calls=1 if waits_for == "function" else 0, k=1)
    for n in range(3):
        scene.add(str(n), counters=X)
    assert await scene.take() == ["0"]
    leasing = await scene.waiting()
    await scene.pass_ms(3_600_000)
    assert not leasing.done()
    assert scene.timers_fired == 0


# Limits that change


def only(limit: str, number: int) -> dict[str, Any]:
    return {limit: number}


@pytest.mark.parametrize("limit", ["calls", "k"])
@scenario
async def test_a_limit_that_rises_applies_at_once(scene: Scene, limit: str) -> None:
    scene.limit(**only(limit, 1))
    for n in range(4):
        scene.add(str(n), counters=X)
    assert await scene.take(9) == ["0"]
    waiting = [await scene.waiting() for _ in range(3)]
    scene.limit(**only(limit, 3))
    await scene.settle()
    assert [leasing.done() for leasing in waiting].count(True) == 2


@pytest.mark.parametrize("limit", ["calls", "k"])
@scenario
async def test_a_limit_that_vanishes_binds_nobody_at_once(scene: Scene, limit: str) -> None:
    scene.limit(**only(limit, 1))
    for n in range(4):
        scene.add(str(n), counters=("k/x", f"l/{n}"))
    assert await scene.take(9) == ["0"]
    waiting = [await scene.waiting() for _ in range(3)]
    scene.limit()
    await scene.settle()
    assert all(leasing.done() for leasing in waiting)


@pytest.mark.parametrize("limit", ["calls", "k"])
@scenario
async def test_a_limit_that_falls_takes_nothing_back(scene: Scene, limit: str) -> None:
    scene.limit(**only(limit, 3))
    for n in range(6):
        scene.add(str(n), counters=X)
    assert await scene.take(9) == ["0", "1", "2"]
    scene.limit(**only(limit, 1))
    for n in range(2):
        scene.queue.done(str(n))
        await scene.take_nothing()
    scene.queue.done("2")
    assert await scene.take(9) == ["3"]


@pytest.mark.parametrize("limit", ["calls", "k"])
@scenario
async def test_a_limit_that_comes_counts_what_is_leased(scene: Scene, limit: str) -> None:
    for n in range(4):
        scene.add(str(n), counters=X)
    assert await scene.take(2) == ["0", "1"]
    scene.limit(**only(limit, 2))
    await scene.take_nothing()
    scene.queue.done("0")
    assert await scene.take(9) == ["2"]


@scenario
async def test_a_limit_is_there_before_and_after_the_jobs(scene: Scene) -> None:
    scene.limit(calls=3, k=1)
    for n in range(2):
        scene.add(f"{n}.0", counters=X)
        scene.add(f"{n}.1", counters=X)
        assert await scene.take(9) == [f"{n}.0"]
        scene.queue.done(f"{n}.0")
        assert await scene.take(9) == [f"{n}.1"]
        scene.queue.done(f"{n}.1")
        assert await scene.size() == 0


@scenario
async def test_a_shared_count_is_as_each_function_says_now(scene: Scene) -> None:
    scene.limit("f", k=1)
    scene.limit("g", k=1)
    scene.add("f0", function="f", counters=X)
    assert await scene.take() == ["f0"]
    scene.add("f1", function="f", counters=X)
    scene.add("g0", function="g", counters=X)
    await scene.take_nothing()
    scene.limit("g", k=2)
    assert await scene.take(9) == ["g0"]
    scene.limit("f", k=3)
    assert await scene.take(9) == ["f1"]


# The ways of the order under limits


@scenario
async def test_priority_decides_among_those_of_a_function_at_its_limit(scene: Scene) -> None:
    """§5.6: concurrency 1, sent none, low, high, runs none, high, low."""
    scene.limit(calls=1)
    scene.start("none", score=scene.now)
    assert await scene.take() == ["none"]
    scene.start("low", score=scene.now)
    scene.start("high", score=scene.now - 5_000)
    for leased, following in [("none", "high"), ("high", "low")]:
        await scene.take_nothing()
        scene.queue.done(leased)
        assert await scene.take(9) == [following]


@scenario
async def test_an_older_runs_step_goes_before_a_newer_runs_start_in_its_key(scene: Scene) -> None:
    scene.limit(k=1)
    scene.add("sleeping step", score=1, after=1_000, counters=X)
    scene.start("start", score=2, counters=X)
    scene.start("newer start", score=3, counters=X)
    assert await scene.take(9) == ["start"]
    await scene.pass_ms(1_000)
    await scene.take_nothing()
    scene.queue.done("start")
    assert await scene.take(9) == ["sleeping step"]
