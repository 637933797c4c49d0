"""Jobs, and the fences: what a transition expects of the job, wait and run it builds on (design §3.3)."""

import pytest

from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.runs import RunStatus
from inngest_fast.domain.transitions import (
    AddJob,
    AddWait,
    DropJob,
    MoveJob,
    PutApp,
    PutEvent,
    PutStep,
    Transition,
)
from tests.conformance.store.making import (
    NOW,
    app,
    ended,
    event,
    event_id,
    job,
    next_version,
    run,
    run_id,
    signal,
    started,
    step,
    updated,
    wait,
)


async def test_reads_back_whole(store):
    full = job(
        1,
        "x",
        kind=JobKind.RESUME,
        step_id="s",
        attempt=3,
        generation=4,
        payload=b"\x00\xff" * 1000,
        due=2**62,
        score=-5,
        since=9,
        counters=("rule-1/fn/a", "rule-2/fn/b"),
        run_counter="rule-3/fn/c",
        throttle="rule-4/fn/d",
    )
    committed = await store.commit(Transition([AddJob(full)]))
    assert committed.jobs == [full]
    assert await store.job(full.id) == full
    assert await store.run_jobs(run_id(1)) == [full]


async def test_what_only_a_queue_says_is_not_stored(store):
    leased = job(1, throttle="t", arrival=NOW + 5, doubtful=True)
    await store.commit(Transition([AddJob(leased), AddJob(job(2, doubtful=True))]))
    assert await store.jobs("", 9) == [job(1, throttle="t"), job(2)]
    await store.commit(Transition([MoveJob(job(1, attempt=1, arrival=NOW))], leased))
    assert await store.job(job(1).id) == job(1, attempt=1)


async def test_unknown_is_none(store):
    assert await store.job("none") is None
    assert await store.run_jobs("none") == []


async def test_paging_by_id_meets_each_once(store):
    await store.commit(Transition([AddJob(job(n)) for n in range(25)]))
    seen, after = [], ""
    while page := await store.jobs(after, 10):
        assert len(page) <= 10
        seen += page
        after = page[-1].id
    assert seen == [job(n) for n in range(25)]


async def test_jobs_of_a_run(store):
    await store.commit(Transition([AddJob(job(1, "b")), AddJob(job(2, "a")), AddJob(job(1, "a"))]))
    assert {j.id for j in await store.run_jobs(run_id(1))} == {job(1, "a").id, job(1, "b").id}


async def test_live_one_of_the_same_id_stays(store):
    await store.commit(Transition([AddJob(job(1))]))
    committed = await store.commit(Transition([AddJob(job(1, attempt=5)), AddJob(job(2))]))
    assert committed.jobs == [job(2)]
    assert await store.job(job(1).id) == job(1)


async def test_id_is_free_again_after_consumption(store):
    await store.commit(Transition([AddJob(job(1))]))
    committed = await store.commit(Transition([AddJob(job(1, due=7))], job(1)))
    assert committed.jobs == [job(1, due=7)]
    assert await store.job(job(1).id) == job(1, due=7)


async def test_consumes_its_job_without_calling_it_dropped(store):
    await store.commit(Transition([AddJob(job(1))]))
    committed = await store.commit(Transition([], job(1)))
    assert committed.applied
    assert committed.dropped_jobs == []
    assert await store.job(job(1).id) is None


async def test_move_puts_the_consumed_job_back(store):
    await store.commit(Transition([AddJob(job(1))]))
    moved = job(1, attempt=1, due=NOW + 500, payload=b"again")
    committed = await store.commit(Transition([MoveJob(moved)], job(1)))
    assert committed.jobs == [moved]
    assert committed.dropped_jobs == []
    assert await store.job(moved.id) == moved
    assert await store.run_jobs(run_id(1)) == [moved]


async def test_drop(store):
    await store.commit(Transition([AddJob(job(1)), AddJob(job(2))]))
    committed = await store.commit(Transition([DropJob(job(1).id), DropJob("none")]))
    assert committed.applied
    assert committed.dropped_jobs == [job(1).id]
    assert await store.jobs("", 10) == [job(2)]


async def test_job_added_and_dropped_at_once_is_not_to_be_queued(store):
    committed = await store.commit(Transition([AddJob(job(1)), AddJob(job(2)), DropJob(job(1).id)]))
    assert committed.jobs == [job(2)]
    assert committed.dropped_jobs == [job(1).id]
    assert await store.jobs("", 10) == [job(2)]


async def test_job_dropped_and_added_at_once_is_to_be_queued(store):
    await store.commit(Transition([AddJob(job(1))]))
    committed = await store.commit(Transition([DropJob(job(1).id), AddJob(job(1, due=7))]))
    assert committed.jobs == [job(1, due=7)]
    assert committed.dropped_jobs == [job(1).id]


@pytest.mark.parametrize(
    "stale", [job(1, attempt=0), job(1, attempt=2), job(2, attempt=1)], ids=["behind", "ahead", "gone"]
)
async def test_dropped_whole_by_the_job_fence(store, stale):
    await store.commit(Transition([AddJob(job(1, attempt=1))]))
    await expect_drop(store, "job", stale, 0, [])


async def test_doubled_worker_changes_nothing(store):
    await store.commit(started(1))
    first = await store.commit(Transition([ended(run(1)), PutEvent(event(10))], job(1)))
    second = await store.commit(Transition([ended(run(1)), PutEvent(event(11))], job(1)))
    assert (first.reason, second.reason) == ("", "job")
    assert await store.event(event_id(11)) is None


async def test_dropped_whole_by_the_wait_fence(store):
    await expect_drop(store, "wait", None, 77, [])


async def test_dropped_whole_by_the_wait_fence_with_a_live_job(store):
    await store.commit(started(1))
    await expect_drop(store, "wait", job(1), 77, [updated(run(1))])
    await expect_drop(store, "wait", job(1), 77, [])
    assert await store.job(job(1).id) == job(1)


@pytest.mark.parametrize("version", [0, 2, 3], ids=["same", "ahead", "far ahead"])
@pytest.mark.parametrize("fenced", ["by nothing", "by job", "by wait", "by both"])
async def test_dropped_whole_by_the_run_fence(store, version, fenced):
    await store.commit(started(1, AddWait(wait(5, 1))))
    consumed = job(1) if fenced in ("by job", "by both") else None
    wait_id = 5 if fenced in ("by wait", "by both") else 0
    wrong = updated(run(1, version=version - 1))
    await expect_drop(store, "run", consumed, wait_id, [wrong])
    assert await store.job(job(1).id) == job(1)
    assert await store.waits([5]) == [wait(5, 1)]
    right = updated(run(1))
    assert (await store.commit(Transition([right], consumed, wait_id))).applied


@pytest.mark.parametrize("status", [s for s in RunStatus if s.ended])
async def test_run_ends_once(store, status):
    await store.commit(started(1))
    await store.commit(Transition([ended(run(1), status)]))
    over = next_version(run(1), status=status)
    await expect_drop(store, "run", None, 0, [ended(over, RunStatus.CANCELLED)])
    await expect_drop(store, "run", job(1), 0, [updated(over)])
    assert (await store.run(run_id(1))).status is status


async def test_update_of_an_unknown_run_is_dropped(store):
    await expect_drop(store, "run", None, 0, [updated(run(50))])
    await store.commit(Transition([AddJob(job(50))]))
    await expect_drop(store, "run", job(50), 0, [ended(run(50))])


async def test_dropped_whole_by_a_fence_after_other_actions(store):
    """Wherever the failing action stands, what came before it is undone too."""
    await store.commit(started(1, AddWait(signal(5, 1, "sig"))))
    await store.commit(started(2, AddWait(wait(6, 2))))
    before = [MoveJob(job(2, attempt=1)), PutStep(run_id(2), step(1)), DropJob(job(1).id), AddJob(job(3))]
    await expect_drop(store, "signal", job(2), 6, [*before, AddWait(signal(7, 2, "sig"))])
    await expect_drop(store, "run", job(2), 6, [*before, updated(run(2, version=4))])
    assert await store.jobs("", 10) == [job(1), job(2)]
    assert (await store.run(run_id(2))).steps == {}
    assert len(await store.live_waits(0, 10)) == 2


async def test_reasons_are_found_in_order(store):
    await store.commit(started(1, AddWait(wait(5, 1))))
    wrong = updated(run(1, version=9))
    assert (await store.commit(Transition([wrong], job(9), 99))).reason == "job"
    assert (await store.commit(Transition([wrong], job(1), 99))).reason == "wait"
    assert (await store.commit(Transition([wrong], job(1), 5))).reason == "run"


async def test_drop_does_not_touch_its_neighbours(store):
    """They may be committed together; the failing fences are early, late and in between."""
    await store.commit(started(0, AddWait(signal(5, 0, "sig"))))
    handed = [
        started(1),
        Transition([PutEvent(event(90))], job(50)),
        started(2),
        Transition([PutEvent(event(91)), updated(run(1, version=7))]),
        started(3),
        Transition([PutEvent(event(92)), AddWait(signal(6, 3, "sig"))]),
        Transition([ended(run(1))], job(1)),
    ]
    reasons = [c.reason for c in [await f for f in [store.commit(t) for t in handed]]]
    assert reasons == ["", "job", "", "run", "", "signal", ""]
    assert [await store.event(event_id(n)) for n in (90, 91, 92)] == [None] * 3
    assert (await store.run(run_id(1))).status is RunStatus.COMPLETED
    assert await store.jobs("", 10) == [job(0), job(2), job(3)]


async def expect_drop(store, reason, consumed, wait_id, actions):
    """The transition is dropped for that reason, and whatever else it would have done is not."""
    extra = [PutEvent(event(1000)), PutApp(app(99)), AddJob(job(1000))]
    committed = await store.commit(Transition([*actions, *extra], consumed, wait_id))
    assert committed.reason == reason
    assert not committed.applied
    assert (committed.jobs, committed.dropped_jobs, committed.dropped_waits) == ([], [], [])
    assert await store.event(event_id(1000)) is None
    assert await store.apps() == []
    assert await store.job(job(1000).id) is None


async def test_jobs_that_are_over(store):
    await store.commit(Transition([AddJob(job(n)) for n in range(3)]))
    await store.commit(Transition([], job(1)))
    ids = [job(n).id for n in range(5)]
    assert await store.jobs_over(ids) == [ids[1], ids[3], ids[4]]
    assert await store.jobs_over([]) == []
