"""What is in the queue: add, requeue, drop, done."""

import pytest

from inngest_fast.ports.queue import Depth
from tests.conformance.queue.scene import Scene, ids, scenario


@scenario
async def test_a_new_queue_is_empty(scene: Scene) -> None:
    assert await scene.size() == 0
    assert not await scene.has("j")
    assert await scene.depth() == {}
    assert await scene.oldest_ready() is None
    assert await scene.explain("j") is None
    assert scene.queue.name


@scenario
async def test_an_added_job_is_there_until_it_is_done(scene: Scene) -> None:
    job = scene.add("j")
    assert await scene.has("j")
    assert await scene.size() == 1
    assert await scene.queue.lease(1) == [job]
    assert await scene.has("j")
    assert await scene.size() == 1
    scene.queue.done("j")
    assert not await scene.has("j")
    assert await scene.size() == 0
    assert await scene.added(job)


@scenario
async def test_a_second_add_changes_nothing(scene: Scene) -> None:
    scene.add("ready", score=5)
    scene.add("scheduled", after=1_000)
    scene.add("leased", score=1)
    assert await scene.take() == ["leased"]
    before = [await scene.explain(id) for id in ("ready", "scheduled", "leased")], await scene.depth()
    for id in ("ready", "scheduled", "leased"):
        assert await scene.added(scene.job(id, function="other", after=5, score=-1)) is False
    assert before == (
        [await scene.explain(id) for id in ("ready", "scheduled", "leased")],
        await scene.depth(),
    )
    assert await scene.size() == 3


@scenario
async def test_done_is_for_leased_jobs_only(scene: Scene) -> None:
    scene.add("ready")
    scene.add("scheduled", after=10)
    scene.queue.done("ready")
    scene.queue.done("scheduled")
    scene.queue.done("unknown")
    assert await scene.depth() == {"f": Depth(scheduled=1, ready=1, leased=0)}


@scenario
async def test_done_twice_frees_one_place(scene: Scene) -> None:
    scene.queue.limit_group("a", 2)
    for n in range(4):
        scene.add(str(n))
    assert await scene.take(9) == ["0", "1"]
    scene.queue.done("0")
    scene.queue.done("0")
    assert await scene.take(9) == ["2"]
    assert not (await scene.waiting(9)).done()


@scenario
async def test_requeue_puts_a_leased_job_back_as_it_is_now(scene: Scene) -> None:
    job = scene.add("j", score=1)
    assert await scene.take() == ["j"]
    again = scene.job("j", score=7, attempt=1, after=300)
    scene.queue.requeue(again)
    assert await scene.size() == 1
    assert await scene.depth() == {"f": Depth(scheduled=1, ready=0, leased=0)}
    leasing = await scene.waiting()
    assert not leasing.done()
    await scene.pass_ms(300)
    assert leasing.result() == [again]
    assert leasing.result() != [job]
    scene.queue.done("j")
    assert await scene.size() == 0


@scenario
async def test_requeue_takes_the_new_score(scene: Scene) -> None:
    scene.add("first", score=1)
    assert await scene.take() == ["first"]
    scene.add("second", score=2)
    scene.queue.requeue(scene.job("first", score=3, attempt=1))
    assert await scene.take(9) == ["second", "first"]


@scenario
async def test_requeue_adds_what_is_not_leased(scene: Scene) -> None:
    scene.queue.requeue(scene.job("j"))
    assert await scene.take() == ["j"]


@scenario
async def test_requeue_wakes_a_waiting_lease(scene: Scene) -> None:
    scene.add("j")
    assert await scene.take() == ["j"]
    leasing = await scene.waiting()
    scene.queue.requeue(scene.job("j", attempt=1))
    await scene.settle()
    assert ids(leasing) == ["j"]


@scenario
async def test_requeue_for_later_frees_the_place_now(scene: Scene) -> None:
    scene.queue.limit_group("a", 1)
    scene.add("failed")
    assert await scene.take() == ["failed"]
    scene.add("next")
    leasing = await scene.waiting()
    scene.queue.requeue(scene.job("failed", attempt=1, after=15_000))
    await scene.settle()
    assert ids(leasing) == ["next"]


@pytest.mark.parametrize("after", [0, 1_000], ids=["ready", "scheduled"])
@scenario
async def test_a_dropped_job_never_runs(scene: Scene, after: int) -> None:
    scene.add("dropped", after=after)
    scene.add("kept", after=after)
    scene.queue.drop("dropped")
    assert not await scene.has("dropped")
    assert await scene.size() == 1
    leasing = await scene.waiting(9)
    await scene.pass_ms(after)
    assert ids(leasing) == ["kept"]


@scenario
async def test_dropping_a_leased_job_frees_its_place(scene: Scene) -> None:
    scene.queue.limit_group("a", 1)
    scene.add("first")
    scene.add("second")
    assert await scene.take(9) == ["first"]
    leasing = await scene.waiting()
    scene.queue.drop("first")
    await scene.settle()
    assert ids(leasing) == ["second"]
    scene.queue.done("first")
    assert await scene.size() == 1


@scenario
async def test_dropping_the_unknown_is_nothing(scene: Scene) -> None:
    scene.add("j")
    scene.queue.drop("unknown")
    assert await scene.size() == 1


@scenario
async def test_only_what_is_missing_is_added(scene: Scene) -> None:
    scene.add("ready")
    scene.add("scheduled", after=1_000)
    scene.add("leased", score=-1)
    assert await scene.take() == ["leased"]
    known = [scene.job(id, attempt=0) for id in ("ready", "scheduled", "leased")]
    new = [scene.job("new", after=1_000), scene.job("newer", after=1_000)]
    assert await scene.queue.missing([job.id for job in [*known, *new]]) == ["new", "newer"]
    assert await scene.queue.add_missing([*known, *new]) == ["new", "newer"]
    assert await scene.queue.add_missing([*known, *new]) == []
    assert await scene.queue.add_missing([]) == []
    assert await scene.queue.missing([]) == []
    assert await scene.size() == 5


@scenario
async def test_what_was_added_and_what_was_requeued_is_beyond_doubt(scene: Scene) -> None:
    job = scene.add("j")
    assert await scene.queue.lease(1) == [job]
    scene.queue.requeue(scene.job("j", attempt=1))
    assert [leased.doubtful for leased in await scene.queue.lease(1)] == [False]


@scenario
async def test_what_is_handed_back_can_still_be_done(scene: Scene) -> None:
    scene.add("over")
    scene.add("moved")
    assert await scene.take(9) == ["over", "moved"]
    scene.queue.close()
    scene.queue.hand_back()
    scene.queue.done("over")
    scene.queue.requeue(scene.job("moved", attempt=1, after=1_000))
    assert not await scene.has("over")
    assert await scene.depth() == {"f": Depth(scheduled=1, ready=0, leased=0)}
