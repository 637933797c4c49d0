"""Admissions: decided within the commit, on rows as those before have left them (domain.transitions.Admission)."""

import asyncio

import pytest

from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.runs import RunStatus, SkipReason
from inngest_fast.domain.transitions import (
    AddJob,
    AddWait,
    Admit,
    AppendEvent,
    ConsumeWait,
    CreateRun,
    DropBatch,
    DropJob,
    DropRow,
    ExtendRow,
    MoveJob,
    PutEvent,
    PutRow,
    Transition,
)
from inngest_fast.domain.waits import WaitKind
from tests.conformance.store.making import (
    DAY,
    NOW,
    Choosing,
    Counting,
    counted,
    counting,
    event,
    event_id,
    job,
    run,
    run_id,
    signal,
    started,
    updated,
    wait,
)

KEY = "lock:1"


async def count(store, key="count:1"):
    found = await store.rows([key])
    return int(found[0].body) if found else 0


async def jobs_of(store, key="count:1"):
    return [each.id for each in await store.jobs("", 10_000) if each.id.startswith(key)]


async def test_decides_on_what_is_there(store):
    choosing = Choosing((KEY,), (AddJob(job(1, "found")),), (AddJob(job(1, "missed")),))
    first = await store.commit(Transition([Admit(choosing)]))
    assert first.admitted == [AddJob(job(1, "missed"))]
    assert first.jobs == [job(1, "missed")]
    await store.commit(Transition([PutRow(FlowRow(KEY, holder="h", body=b"b"))]))
    second = await store.commit(Transition([Admit(choosing)]))
    assert second.admitted == [AddJob(job(1, "found"))]
    assert second.jobs == [job(1, "found")]
    assert choosing.seen[-1] == {KEY: FlowRow(KEY, holder="h", body=b"b")}


async def test_nothing_decided_is_nothing_admitted(store):
    committed = await store.commit(Transition([Admit(Choosing((KEY,))), PutEvent(event(1))]))
    assert (committed.reason, committed.admitted, committed.jobs) == ("", [], [])
    assert await store.event(event_id(1)) is not None


async def test_is_given_its_keys_and_no_others(store):
    rows = {f"a:{n}": FlowRow(f"a:{n}", body=b"%d" % n) for n in range(4)}
    await store.commit(Transition([PutRow(row) for row in rows.values()]))
    choosing = Choosing(("a:1", "a:3", "a:9"))
    await store.commit(Transition([Admit(choosing)]))
    assert choosing.seen[-1] == {key: rows[key] for key in ("a:1", "a:3")}


async def test_row_that_has_ended_is_not_given(store, clock):
    choosing = Choosing((KEY,), (AddJob(job(1, "found")),))
    await store.commit(Transition([PutRow(FlowRow(KEY, NOW + 10))]))
    clock.now = NOW + 9
    assert len((await store.commit(Transition([Admit(choosing)]))).admitted) == 1
    clock.now = NOW + 10
    assert (await store.commit(Transition([Admit(choosing)]))).admitted == []


async def test_sees_what_its_own_transition_did_before_it(store):
    lock, free = Choosing((KEY,), (AddJob(job(1, "found")),)), Choosing((KEY,), (AddJob(job(2, "found")),))
    extended = Choosing((KEY,), (AddJob(job(3, "found")),))
    committed = await store.commit(
        Transition(
            [
                PutRow(FlowRow(KEY, holder="h")),
                Admit(lock),
                DropRow(KEY, "h"),
                Admit(free),
                ExtendRow(KEY, NOW + 1),
                Admit(extended),
            ]
        )
    )
    assert [each.id for each in committed.jobs] == [job(1, "found").id, job(3, "found").id]


async def test_sees_rows_of_a_run_only_if_it_was_created(store):
    def asked(n):
        return Choosing((KEY,), (AddJob(job(n, "found")),))

    create = CreateRun(run(1, key="k"), (), key_until=NOW + DAY)
    again = CreateRun(run(2, key="k"), (), key_until=NOW + DAY, rows=(FlowRow(KEY),))
    other = CreateRun(run(3), (), rows=(FlowRow(KEY),))
    committed = await store.commit(Transition([create, again, Admit(asked(4)), other, Admit(asked(5))]))
    assert committed.jobs == [job(5, "found")]


async def test_no_step_is_lost_or_done_twice_in_one_group(store):
    results = await asyncio.gather(*(store.commit(counting("count:1")) for _ in range(700)))
    assert [each.jobs for each in results] == [[counted("count:1", n + 1)] for n in range(700)]
    assert await count(store) == 700
    assert len(await jobs_of(store)) == 700


async def test_several_in_one_transition(store):
    await store.commit(Transition([Admit(Counting(f"count:{n % 2}")) for n in range(20)]))
    committed = await store.commit(Transition([Admit(Counting("count:1")), Admit(Counting("count:1"))]))
    assert [each.id for each in committed.jobs] == [counted("count:1", n).id for n in (11, 12)]
    assert len(committed.admitted) == 4
    assert [await count(store, f"count:{n}") for n in range(2)] == [10, 12]


async def test_creates_a_run_that_takes_the_lock(store):
    """Of many at once one is created, the others are recorded as skipped."""

    def candidate(n):
        taken = CreateRun(run(n), (job(n),), rows=(FlowRow(KEY, holder=run_id(n)),))
        skipped = run(
            n, status=RunStatus.SKIPPED, ended_at=NOW, skip_reason=SkipReason.SINGLETON, skipped_for="another"
        )
        return Transition([PutEvent(event(n)), Admit(Choosing((KEY,), (CreateRun(skipped, ()),), (taken,)))])

    results = await asyncio.gather(*(store.commit(candidate(n)) for n in range(50)))
    assert [each.jobs for each in results] == [[job(0)]] + [[]] * 49
    assert await store.count_live_runs() == 1
    assert (await store.run(run_id(7))).skip_reason is SkipReason.SINGLETON
    await store.commit(Transition([DropRow(KEY, run_id(3)), DropRow(KEY, run_id(0))]))
    assert (await store.commit(candidate(60))).jobs == [job(60)]


async def test_run_with_a_key_is_refused(store):
    def keyed(n):
        waits = (wait(n, n, kind=WaitKind.CANCEL, step_id=""),)
        create = CreateRun(run(n, key="k"), (job(n),), waits, NOW + DAY, (FlowRow(KEY, holder=run_id(n)),))
        return Transition([Admit(Choosing((KEY,), (create,), (create,)))])

    first, second = await asyncio.gather(store.commit(keyed(1)), store.commit(keyed(2)))
    third = await store.commit(keyed(3))
    assert (first.refused_runs, first.jobs) == ({}, [job(1)])
    assert [each.refused_runs for each in (second, third)] == [
        {run_id(2): run_id(1)},
        {run_id(3): run_id(1)},
    ]
    assert await store.waits([1, 2, 3]) == [wait(1, 1, kind=WaitKind.CANCEL, step_id="")]
    assert [each.holder for each in await store.rows([KEY])] == [run_id(1)]


async def test_does_whatever_it_may_decide(store):
    await store.commit(started(1, AddWait(wait(1, 1)), AddJob(job(1, "other")), PutRow(FlowRow("a:1"))))
    await store.commit(Transition([PutEvent(event(5)), AppendEvent("batch", 0, event_id(5))]))
    moved = job(1, attempt=1, due=NOW + 9)
    resume = job(1, "resume", kind=JobKind.RESUME)
    decided = (
        PutEvent(event(2)),
        CreateRun(run(2), (job(2),)),
        AddJob(job(3)),
        MoveJob(moved),
        DropJob(job(1, "other").id),
        ConsumeWait(1, resume),
        ConsumeWait(99, job(4)),
        PutRow(FlowRow(KEY)),
        DropRow("a:1"),
        ExtendRow("a:2", NOW + 5),
        DropBatch("batch"),
        AppendEvent("batch", 1, event_id(2)),
    )
    choosing = Choosing((KEY, "a:1", "a:2"), missed=decided)
    committed = await store.commit(Transition([Admit(choosing)], job(1)))
    assert committed.admitted == list(decided)
    assert committed.jobs == [job(2), job(3), moved, resume]
    assert committed.dropped_jobs == [job(1, "other").id]
    assert sorted(each.id for each in await store.jobs("", 9)) == sorted(each.id for each in committed.jobs)
    assert await store.job(moved.id) == moved
    assert await store.waits([1]) == []
    assert sorted(each.key for each in await store.rows([KEY, "a:1", "a:2"])) == ["a:2", KEY]
    assert await store.batch("batch") == [event(2)]


async def test_of_many_who_move_a_job_one_succeeds(store):
    await store.commit(started(1))
    moving = Choosing((KEY,), missed=(MoveJob(job(1, attempt=1)), AddJob(job(1, "next"))))
    handed = [store.commit(Transition([Admit(moving), Admit(Counting("count:1"))], job(1))) for _ in range(9)]
    assert [(await future).reason for future in handed] == [""] + ["job"] * 8
    assert await count(store) == 1


# Fences


def fenced(*actions):
    """An admission, then a fence that will not hold, and one that finds it at once."""
    return [
        Transition([*actions], job(50)),
        Transition([*actions], wait_id=50),
        Transition([updated(run(1, version=7)), *actions], job(1)),
        Transition([*actions, updated(run(1, version=7))]),
        Transition([*actions, updated(run(1, version=7))], job(1)),
        Transition([*actions, AddWait(signal(2, 2, "taken"))]),
    ]


REASONS = ["job", "wait", "run", "run", "run", "signal"]


async def test_dropped_transition_leaves_no_trace(store):
    await store.commit(started(1, AddWait(signal(1, 1, "taken")), AddWait(wait(3, 1))))
    await store.commit(counting("count:1"))
    decided = (
        CreateRun(run(2, key="k"), (job(2),), key_until=NOW + DAY),
        ConsumeWait(3, job(3)),
        AppendEvent("batch", 1, event_id(1)),
        PutRow(FlowRow(KEY)),
        DropJob(job(1).id),
    )
    for dropped in fenced(Admit(Choosing((KEY,), missed=decided)), Admit(Counting("count:1"))):
        committed = await store.commit(dropped)
        assert committed.reason in REASONS
        assert (committed.admitted, committed.jobs, committed.dropped_jobs) == ([], [], [])
    assert await count(store) == 1
    assert await store.rows([KEY]) == []
    assert await store.run(run_id(2)) is None
    assert [each.id for each in await store.live_waits(0, 9)] == [1, 3]
    assert await store.batch("batch") == []
    assert await store.job(job(1).id) == job(1)
    assert (await store.commit(Transition([Admit(Choosing((KEY,), missed=decided))]))).refused_runs == {}


async def test_dropped_ones_do_not_count_among_their_neighbours(store):
    await store.commit(started(1, AddWait(signal(1, 1, "taken"))))
    handed = []
    for dropped in fenced(Admit(Counting("count:1"))):
        handed += [store.commit(counting("count:1")), store.commit(dropped)]
    handed.append(store.commit(counting("count:1")))
    results = await asyncio.gather(*handed)
    assert [each.reason for each in results[1::2]] == REASONS
    assert [each.jobs for each in results[::2]] == [[counted("count:1", n)] for n in range(1, 8)]
    assert await count(store) == 7
    assert len(await jobs_of(store)) == 7


async def test_decided_wait_for_a_signal_that_is_taken_drops_all(store):
    await store.commit(started(1, AddWait(signal(1, 1, "taken"))))
    decided = (PutRow(FlowRow(KEY)), AddJob(job(2)), AddWait(signal(2, 2, "taken")))
    committed = await store.commit(Transition([Admit(Choosing((KEY,), missed=decided))]))
    assert (committed.reason, committed.admitted) == ("signal", [])
    assert await store.rows([KEY]) == []
    assert await store.job(job(2).id) is None


# Faults


class Failing(Choosing, frozen=True):
    error: Exception = ValueError()

    def decide(self, rows):
        raise self.error


@pytest.mark.parametrize(
    "error", [ValueError("no such luck"), KeyError("luck"), StoreError("out of luck"), AssertionError("luck")]
)
async def test_admission_that_fails_is_a_fault_of_its_transition_alone(store, error):
    failing = Transition(
        [PutEvent(event(1)), Admit(Counting("count:1")), Admit(Failing((KEY,), error=error)), AddJob(job(1))]
    )
    results = await asyncio.gather(
        store.commit(counting("count:1")),
        store.commit(failing),
        store.commit(counting("count:1")),
        store.commit(Transition([CreateRun(run(2), (job(2),)), Admit(Failing((KEY,), error=error))])),
        store.commit(counting("count:1")),
        return_exceptions=True,
    )
    assert [type(each).__name__ for each in results] == ["Committed", "StoreError"] * 2 + ["Committed"]
    assert "luck" in str(results[1])
    assert await count(store) == 3
    assert await store.event(event_id(1)) is None
    assert await store.run(run_id(2)) is None
    assert [each.id for each in await store.jobs("", 9)] == [counted("count:1", n + 1).id for n in range(3)]
    assert (await store.commit(counting("count:1"))).applied


async def test_run_that_is_there_already_fails_alone(store):
    await store.commit(started(1))
    again = Choosing((KEY,), missed=(PutRow(FlowRow(KEY)), CreateRun(run(1), (job(8),))))
    results = await asyncio.gather(
        store.commit(counting("count:1")),
        store.commit(Transition([Admit(again)])),
        store.commit(counting("count:1")),
        return_exceptions=True,
    )
    assert [type(each).__name__ for each in results] == ["Committed", "StoreError", "Committed"]
    assert await store.rows([KEY]) == []
    assert await count(store) == 2
