"""Order and concurrency: applied one after the other as they were handed in, seen once decided."""

import asyncio

import pytest

from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.runs import RunStatus
from inngest_fast.domain.transitions import (
    AddJob,
    CreateRun,
    PutApp,
    PutEvent,
    PutStep,
    Transition,
    UpdateRun,
)
from inngest_fast.ports.store import RunQuery
from tests.conformance.store.making import (
    app,
    ended,
    event,
    event_id,
    job,
    next_version,
    run,
    run_id,
    started,
    step,
    updated,
)


async def test_applied_in_the_order_of_the_calls_not_of_the_awaits(store):
    handed = [store.commit(Transition([PutApp(app(1, error=str(n)))])) for n in range(2_000)]
    for future in reversed(handed):
        await future
    assert await store.apps() == [app(1, error="1999")]


async def test_each_builds_on_those_before_it(store):
    """Nothing is awaited in between: the second finds what the first has done."""
    n = 600  # more than one group takes
    handed = [store.commit(started(i)) for i in range(n)]
    handed += [store.commit(Transition([updated(run(i), status=RunStatus.RUNNING)])) for i in range(n)]
    handed += [store.commit(Transition([ended(next_version(run(i)))], job(i))) for i in range(n)]
    assert {c.reason for c in await asyncio.gather(*handed)} == {""}
    assert await store.count_live_runs() == 0
    assert await store.jobs("", 1) == []


async def test_decided_in_order(store):
    decided = []

    async def commit(n):
        await store.commit(Transition([PutEvent(event(n))]))
        decided.append(n)

    async with asyncio.TaskGroup() as tasks:
        for n in range(100):
            tasks.create_task(commit(n))
    assert decided == list(range(100))


async def test_seen_once_decided(store):
    for n in range(50):
        await store.commit(started(n))
        assert (await store.run(run_id(n))).version == 0
        await store.commit(Transition([updated(run(n))]))
        assert (await store.run(run_id(n))).version == 1
        assert len(await store.runs(RunQuery(100))) == n + 1


async def test_of_many_who_consume_a_job_one_succeeds(store):
    await store.commit(started(1))

    async def consume(n):
        return await store.commit(Transition([updated(run(1)), PutEvent(event(n))], job(1)))

    results = await asyncio.gather(*(consume(n) for n in range(100, 200)))
    assert [c.reason for c in results] == [""] + ["job"] * 99
    assert [await store.event(event_id(n)) is not None for n in (100, 101, 199)] == [True, False, False]


async def test_readers_and_writers_at_once(store):
    """A run that is read is of one moment: its step belongs to its version."""

    async def write():
        current = run(1)
        await store.commit(started(1))
        for n in range(200):
            current = next_version(current, stack=(*current.stack, f"step-{n}"))
            await store.commit(
                Transition([UpdateRun(current, current.version - 1), PutStep(run_id(1), step(n))])
            )

    async def read():
        seen = 0
        while seen < 200:
            await asyncio.sleep(0)  # a store may answer without giving way
            found = await store.run(run_id(1))
            if found is None:
                continue
            assert found.version >= seen
            assert set(found.stack) == set(found.steps)
            assert len(found.stack) == found.version
            seen = found.version

    await asyncio.gather(write(), read(), read())


async def test_backlog_counts_what_is_not_decided(store):
    assert store.backlog == 0
    handed = [store.commit(started(n)) for n in range(10)]
    undecided = sum(not future.done() for future in handed)
    assert store.backlog == undecided
    await asyncio.gather(*handed)
    assert store.backlog == 0
    await store.commit(Transition([], job(99)))
    assert store.backlog == 0


async def test_caller_that_gives_up_changes_nothing(store):
    future = asyncio.ensure_future(store.commit(started(1)))
    future.cancel()
    await store.commit(started(2))
    assert await store.run(run_id(1)) is not None
    assert store.backlog == 0


async def test_close_commits_what_was_handed_in(store):
    handed = [store.commit(started(n)) for n in range(1_000)]
    await store.close()
    assert all(future.done() and future.result().applied for future in handed)
    assert store.backlog == 0


async def test_closed_store_says_so(store):
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.commit(started(1))


async def test_transition_that_cannot_be_stored_fails_alone(store):
    await store.commit(started(1))
    again = Transition([PutEvent(event(9)), AddJob(job(9)), CreateRun(run(1), (job(8),))])
    results = await asyncio.gather(
        store.commit(started(2)), store.commit(again), store.commit(started(3)), return_exceptions=True
    )
    assert [type(r).__name__ for r in results] == ["Committed", "StoreError", "Committed"]
    assert await store.event(event_id(9)) is None
    assert await store.jobs("", 10) == [job(1), job(2), job(3)]
