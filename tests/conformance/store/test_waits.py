"""Waits: whoever deletes one resumes the run; signals have one waiting run each."""

import pytest

from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.transitions import (
    AddJob,
    AddWait,
    ConsumeWait,
    CreateRun,
    DropWait,
    MoveJob,
    PutEvent,
    Transition,
)
from inngest_fast.domain.waits import WaitKind
from tests.conformance.store.making import ended, event, job, run, run_id, signal, started, updated, wait


def resume(n, name="event"):
    return job(n, name, kind=JobKind.RESUME)


async def test_reads_back_whole(store):
    full = wait(2**62, 1, kind=WaitKind.INVOKE, key="run.step", expression="", event="")
    await store.commit(Transition([AddWait(full), AddWait(wait(1, 1))]))
    assert await store.waits([2**62]) == [full]
    assert await store.live_waits(0, 10) == [wait(1, 1), full]


async def test_only_the_live_among_the_ids(store):
    await store.commit(Transition([AddWait(wait(n, 1)) for n in range(1, 6)]))
    await store.commit(Transition([DropWait(3)]))
    found = await store.waits([5, 1, 3, 99])
    assert sorted(w.id for w in found) == [1, 5]
    assert await store.waits([]) == []


async def test_many_ids_at_once(store):
    await store.commit(Transition([AddWait(wait(n, 1)) for n in range(1, 5)]))
    assert len(await store.waits(list(range(1, 100_000)))) == 4


async def test_paging_by_id_meets_each_once(store):
    await store.commit(Transition([AddWait(wait(n, 1)) for n in range(1, 26)]))
    seen, after = [], 0
    while page := await store.live_waits(after, 10):
        assert len(page) <= 10
        seen += page
        after = page[-1].id
    assert seen == [wait(n, 1) for n in range(1, 26)]


async def test_live_one_of_the_same_step_stays(store):
    await store.commit(Transition([AddWait(wait(1, 1, step_id="s"))]))
    committed = await store.commit(
        Transition([AddWait(wait(2, 1, step_id="s")), AddWait(wait(3, 2, step_id="s"))])
    )
    assert committed.applied
    assert committed.dropped_waits == [2]  # so that whoever announced it forgets it
    assert await store.live_waits(0, 10) == [wait(1, 1, step_id="s"), wait(3, 2, step_id="s")]


async def test_cancel_waits_of_a_run_are_many(store):
    both = tuple(wait(n, 1, kind=WaitKind.CANCEL, step_id="") for n in (1, 2))
    await store.commit(Transition([PutEvent(event(1)), CreateRun(run(1), (job(1),), both)]))
    assert await store.live_waits(0, 10) == list(both)


async def test_consume_by_the_transition(store):
    await store.commit(started(1, AddWait(wait(5, 1))))
    committed = await store.commit(Transition([updated(run(1))], job(1), 5))
    assert committed.applied
    assert committed.dropped_waits == []
    assert await store.waits([5]) == []
    assert await store.job(job(1).id) is None


async def test_first_come_first_served(store):
    await store.commit(Transition([AddWait(wait(5, 1))]))
    first, second = [
        await f
        for f in [
            store.commit(Transition([ConsumeWait(5, resume(1))])),
            store.commit(Transition([ConsumeWait(5, job(1, "late")), PutEvent(event(9))])),
        ]
    ]
    assert first.jobs == [resume(1)]
    assert second.applied
    assert second.jobs == []
    assert await store.run_jobs(run_id(1)) == [resume(1)]
    assert await store.event(event(9).id) == event(9)


async def test_timeout_loses_against_an_event(store):
    await store.commit(started(1, AddWait(wait(5, 1))))
    await store.commit(Transition([ConsumeWait(5, resume(1))]))
    assert (await store.commit(Transition([updated(run(1))], job(1), 5))).reason == "wait"


async def test_event_loses_against_a_timeout(store):
    await store.commit(started(1, AddWait(wait(5, 1))))
    await store.commit(Transition([updated(run(1))], job(1), 5))
    assert (await store.commit(Transition([ConsumeWait(5, resume(1))]))).jobs == []
    assert await store.run_jobs(run_id(1)) == []


async def test_consumed_within_its_own_transition(store):
    committed = await store.commit(Transition([AddWait(wait(5, 1)), ConsumeWait(5, resume(1))]))
    assert committed.jobs == [resume(1)]
    assert await store.live_waits(0, 10) == []


async def test_drop(store):
    await store.commit(Transition([AddWait(wait(5, 1))]))
    committed = await store.commit(Transition([DropWait(5), DropWait(6)]))
    assert committed.dropped_waits == [5]
    assert await store.live_waits(0, 10) == []


async def test_end_of_a_branched_run_sweeps(store):
    await store.commit(
        started(1, AddJob(job(1, "b")), AddJob(job(1, "a")), AddWait(wait(6, 1)), AddWait(wait(5, 1)))
    )
    await store.commit(started(2, AddWait(wait(7, 2))))
    committed = await store.commit(Transition([ended(run(1), branched=True)], job(1)))
    assert committed.dropped_jobs == [job(1, "a").id, job(1, "b").id]
    assert committed.dropped_waits == [5, 6]
    assert await store.jobs("", 10) == [job(2)]
    assert await store.live_waits(0, 10) == [wait(7, 2)]


async def test_end_of_a_branched_run_sweeps_what_its_own_transition_added(store):
    await store.commit(started(1))
    committed = await store.commit(
        Transition(
            [
                ended(run(1), branched=True),
                MoveJob(job(1, attempt=1)),
                AddJob(job(1, "x")),
                AddJob(job(2, "x")),
                AddWait(wait(5, 1)),
            ],
            job(1),
        )
    )
    assert committed.jobs == [job(2, "x")]
    assert committed.dropped_waits == [5]
    assert await store.jobs("", 10) == [job(2, "x")]
    assert await store.live_waits(0, 10) == []


async def test_end_of_a_run_that_is_not_branched_leaves_the_rest(store):
    await store.commit(started(1, AddJob(job(1, "other")), AddWait(wait(5, 1))))
    committed = await store.commit(Transition([ended(run(1))], job(1)))
    assert (committed.dropped_jobs, committed.dropped_waits) == ([], [])
    assert await store.jobs("", 10) == [job(1, "other")]
    assert await store.live_waits(0, 10) == [wait(5, 1)]


async def test_signal_of_another_run_drops(store):
    await store.commit(Transition([AddWait(signal(1, 1, "sig"))]))
    assert (await store.commit(Transition([AddWait(signal(2, 2, "sig"))]))).reason == "signal"
    assert (await store.commit(Transition([AddWait(signal(3, 2, "other"))]))).applied
    assert await store.live_waits(0, 10) == [signal(1, 1, "sig"), signal(3, 2, "other")]


async def test_signal_of_the_same_run_does_not(store):
    await store.commit(Transition([AddWait(signal(1, 1, "sig"))]))
    assert (await store.commit(Transition([AddWait(signal(2, 1, "sig"))]))).applied
    assert len(await store.live_waits(0, 10)) == 2


async def test_signal_is_no_key_of_another_kind(store):
    await store.commit(Transition([AddWait(wait(1, 1, kind=WaitKind.INVOKE, key="sig"))]))
    assert (await store.commit(Transition([AddWait(signal(2, 2, "sig"))]))).applied


@pytest.mark.parametrize("free", [ConsumeWait(1, resume(1)), DropWait(1)], ids=["consumed", "dropped"])
async def test_signal_is_free_once_its_wait_is_gone(store, free):
    await store.commit(Transition([AddWait(signal(1, 1, "sig"))]))
    committed = await store.commit(Transition([free, AddWait(signal(2, 2, "sig"))]))
    assert committed.applied
    assert await store.live_waits(0, 10) == [signal(2, 2, "sig")]


async def test_signal_is_free_once_its_run_has_ended(store):
    await store.commit(started(1, AddWait(signal(1, 1, "sig"))))
    await store.commit(Transition([ended(run(1), branched=True)]))
    assert (await store.commit(Transition([AddWait(signal(2, 2, "sig"))]))).applied
