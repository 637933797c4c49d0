"""explain, depth, oldest_ready."""

from inngest_fast.domain.jobs import JobKind
from inngest_fast.ports.queue import Depth, JobPlace
from tests.conformance.queue.scene import Scene, scenario


@scenario
async def test_a_scheduled_job(scene: Scene) -> None:
    job = scene.add("j", after=1_000, score=7)
    assert await scene.explain("j") == JobPlace(state="scheduled", due=job.due, score=7, position=0)


@scenario
async def test_a_job_becomes_ready_unasked(scene: Scene) -> None:
    job = scene.add("j", after=1_000, score=7)
    await scene.pass_ms(1_000)
    assert await scene.explain("j") == JobPlace(state="ready", due=job.due, score=7, position=0)


@scenario
async def test_a_ready_job_knows_how_many_go_before_it(scene: Scene) -> None:
    for id, score in [("third", 2), ("first", 1), ("fourth", 2), ("second", 1)]:
        scene.add(id, score=score)
    scene.add("elsewhere", function="g")
    places = {id: await scene.explain(id) for id in ("first", "second", "third", "fourth", "elsewhere")}
    assert [place.position for place in places.values() if place] == [0, 1, 2, 3, 0]
    assert await scene.take(1) == ["first"]
    fourth = await scene.explain("fourth")
    assert fourth is not None
    assert fourth.position == 2


@scenario
async def test_a_leased_job(scene: Scene) -> None:
    job = scene.add("j", score=3)
    await scene.take()
    assert await scene.explain("j") == JobPlace(state="leased", due=job.due, score=3, position=0)
    scene.queue.done("j")
    assert await scene.explain("j") is None


@scenario
async def test_a_blocked_job_names_the_limit_and_its_use(scene: Scene) -> None:
    scene.queue.limit_group("a", 2)
    for n in range(4):
        scene.add(str(n))
    await scene.take(9)
    last = await scene.explain("3")
    assert last == JobPlace(
        state="ready", due=scene.now, score=0, position=1, blocked_by="app", limit=2, in_use=2
    )
    scene.queue.done("0")
    last = await scene.explain("3")
    assert last == JobPlace(state="ready", due=scene.now, score=0, position=1)


@scenario
async def test_depth_is_by_partition(scene: Scene) -> None:
    scene.add("leased", function="f")
    assert await scene.take() == ["leased"]
    scene.add("ready", function="f")
    scene.add("scheduled", function="f", after=1_000)
    scene.add("other", function="g", after=5_000)
    scene.add("sleep", function="f", kind=JobKind.SLEEP)
    assert await scene.depth() == {
        "f": Depth(scheduled=1, ready=1, leased=1),
        "g": Depth(scheduled=1, ready=0, leased=0),
        "local:f": Depth(scheduled=0, ready=1, leased=0),
    }
    await scene.pass_ms(1_000)
    assert (await scene.depth())["f"] == Depth(scheduled=0, ready=2, leased=1)
    for id in ("leased", "ready", "scheduled", "other", "sleep"):
        scene.queue.drop(id)
    assert await scene.depth() == {}


@scenario
async def test_oldest_ready_is_the_smallest_due_of_what_could_run(scene: Scene) -> None:
    older = scene.add("older", after=1_000, function="f", score=9)
    younger = scene.add("younger", after=2_000, function="f", score=1)
    assert await scene.oldest_ready() is None
    await scene.pass_ms(2_000)
    assert await scene.oldest_ready() == older.due
    assert await scene.take() == ["younger"]
    assert await scene.oldest_ready() == older.due
    assert await scene.take() == ["older"]
    assert await scene.oldest_ready() is None
    scene.queue.requeue(younger)
    assert await scene.oldest_ready() == younger.due


@scenario
async def test_what_is_blocked_is_not_the_oldest_ready(scene: Scene) -> None:
    scene.queue.limit_group("a", 1)
    scene.add("leased", app="a")
    assert await scene.take() == ["leased"]
    blocked = scene.add("blocked", app="a")
    assert await scene.oldest_ready() is None
    await scene.pass_ms(10)
    free = scene.add("free", app="b", function="g")
    assert await scene.oldest_ready() == free.due
    scene.queue.done("leased")
    assert await scene.oldest_ready() == blocked.due


@scenario
async def test_a_queue_says_what_it_is(scene: Scene) -> None:
    assert scene.queue.name
    assert scene.queue.trouble == ""
    assert scene.queue.shared is scene.networked
    assert bool(await scene.queue.details()) is scene.networked
    assert not any(scene.queue.counters.values())


@scenario
async def test_all_that_is_here_is_found_in_pieces_where_it_may_outlive_who_put_it_in(scene: Scene) -> None:
    for n in range(2_500):
        scene.add(str(n), after=n)
    assert len(await scene.take()) == 1
    found: set[str] = set()
    cursor, pieces = "", 0
    while cursor or not pieces:
        ids, cursor = await scene.queue.scan(cursor)
        found.update(ids)
        pieces += 1
    if scene.queue.shared:
        assert found == {str(n) for n in range(2_500)}
        assert pieces > 1
    else:
        assert not found
