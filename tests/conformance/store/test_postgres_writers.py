"""Several servers on one schema: whatever two of them do at once, one of them did first."""

import asyncio
import random

import pytest

from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.runs import RunStatus
from inngest_fast.domain.transitions import (
    AddJob,
    AddWait,
    ConsumeWait,
    DropJob,
    PutEvent,
    PutStep,
    Transition,
    UpdateRun,
)
from inngest_fast.ports.store import RunQuery
from tests.conformance.store.making import (
    NOW,
    Clock,
    ended,
    event,
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
from tests.conformance.store.test_differential import STEPS, Deciding, outcome, state
from tests.conformance.store.test_keys import keyed
from tests.fixtures import postgres_server
from tests.fixtures.model_store import ModelStore

MANY = 100


@pytest.fixture
def schema():
    with postgres_server.schema() as name:
        yield name


@pytest.fixture
def stores(runner, clock, schema):
    """Three servers."""
    made = [postgres_server.store(schema, clock) for _ in range(3)]

    async def open_all():
        await asyncio.gather(*(store.open() for store in made))  # and so do they all migrate at once

    async def close_all():
        await asyncio.gather(*(store.close() for store in made))

    runner.run(open_all())
    yield made
    runner.run(close_all())


async def everywhere(stores, transition):
    """The same transitions, made by a function of their number, on all servers at once, each in its order."""
    rng = random.Random(7)
    handed = []
    for n in range(len(stores)):
        order = list(range(MANY))
        rng.shuffle(order)
        handed.append({i: stores[n].commit(transition(i)) for i in order})
    return [[await mine[i] for mine in handed] for i in range(MANY)]


def reasons(committed):
    return sorted(each.reason for each in committed)


async def test_job_is_consumed_once(stores):
    await asyncio.gather(*(stores[0].commit(started(i)) for i in range(MANY)))
    results = await everywhere(stores, lambda i: Transition([AddJob(job(i, "next"))], job(i)))
    assert [reasons(of_one) for of_one in results] == [["", "job", "job"]] * MANY
    assert await stores[1].jobs("", 1_000) == [job(i, "next") for i in range(MANY)]


async def test_wait_is_consumed_once(stores):
    await asyncio.gather(*(stores[0].commit(started(i, AddWait(wait(i + 1, i)))) for i in range(MANY)))
    results = await everywhere(
        stores, lambda i: Transition([ConsumeWait(i + 1, job(i, "resume", kind=JobKind.RESUME))])
    )
    assert [sorted(len(each.jobs) for each in of_one) for of_one in results] == [[0, 0, 1]] * MANY
    assert await stores[0].live_waits(0, 10) == []


async def test_run_version_is_used_once(stores):
    await asyncio.gather(*(stores[0].commit(started(i)) for i in range(MANY)))
    results = await everywhere(stores, lambda i: Transition([updated(run(i), status=RunStatus.RUNNING)]))
    assert [reasons(of_one) for of_one in results] == [["", "run", "run"]] * MANY
    assert {each.version for each in await stores[0].runs(RunQuery(1_000))} == {1}


async def test_run_ends_once_and_nothing_of_it_stays(stores):
    branches = [AddJob(job(0, "b"))]
    await asyncio.gather(
        *(stores[0].commit(started(i, *branches, AddWait(wait(i + 1, i)))) for i in range(MANY))
    )
    results = await everywhere(stores, lambda i: Transition([ended(run(i), branched=True)]))
    assert [reasons(of_one) for of_one in results] == [["", "run", "run"]] * MANY
    assert [sum(len(each.dropped_waits) for each in of_one) for of_one in results] == [1] * MANY
    assert await stores[0].live_waits(0, 10) == []
    assert await stores[0].jobs("", 10) == []


async def test_end_of_a_run_against_events_that_resume_it(stores):
    """Whoever is first: no job is left behind for a run that swept."""
    await asyncio.gather(*(stores[0].commit(started(i, AddWait(wait(i + 1, i)))) for i in range(MANY)))
    ends = [stores[0].commit(Transition([ended(run(i), branched=True)])) for i in range(MANY)]
    events = [
        stores[1].commit(Transition([ConsumeWait(i + 1, job(i, "resume"))])) for i in reversed(range(MANY))
    ]
    assert {each.reason for each in await asyncio.gather(*ends, *events)} == {""}
    assert await stores[2].jobs("", 10) == []
    assert await stores[2].live_waits(0, 10) == []


async def test_key_is_taken_once(stores):
    handed = [
        store.commit(keyed(i + 1_000 * n, key=f"key {i}"))
        for i in range(MANY)
        for n, store in enumerate(stores)
    ]
    refused = {}
    for committed in await asyncio.gather(*handed):
        refused.update(committed.refused_runs)
    there = {each.id for each in await stores[0].runs(RunQuery(1_000))}
    assert len(refused) == 2 * MANY
    assert len(there) == MANY
    assert set(refused.values()) == there
    assert not there & set(refused)


async def test_signal_is_waited_for_by_one(stores):
    handed = [
        store.commit(Transition([AddWait(signal(1 + i + 1_000 * n, i + 1_000 * n, f"signal {i}"))]))
        for i in range(MANY)
        for n, store in enumerate(stores)
    ]
    results = await asyncio.gather(*handed)
    assert sorted(each.reason for each in results) == [""] * MANY + ["signal"] * 2 * MANY
    found = await stores[0].live_waits(0, 1_000)
    assert sorted(each.key for each in found) == sorted(f"signal {i}" for i in range(MANY))


async def test_step_is_waited_for_once(stores):
    handed = [
        store.commit(Transition([AddWait(wait(1 + i + 1_000 * n, i, step_id="s"))]))
        for i in range(MANY)
        for n, store in enumerate(stores)
    ]
    results = await asyncio.gather(*handed)
    found = {each.id for each in await stores[0].live_waits(0, 1_000)}
    assert len(found) == MANY
    assert found | {id for each in results for id in each.dropped_waits} == {
        1 + i + 1_000 * n for i in range(MANY) for n in range(3)
    }


async def test_job_and_event_are_stored_once(stores):
    results = await everywhere(stores, lambda i: Transition([PutEvent(event(i)), AddJob(job(i))]))
    assert [sorted(len(each.jobs) for each in of_one) for of_one in results] == [[0, 0, 1]] * MANY


async def test_in_opposite_orders_nobody_is_stuck(stores):
    """Each of many jobs is dropped and added again by all, in orders that would make them wait in a ring."""

    async def work(store, order):
        for i in order:
            committed = await store.commit(
                Transition([DropJob(job(i).id), AddJob(job(i)), DropJob(job(MANY - i).id)])
            )
            assert committed.applied

    await asyncio.gather(
        work(stores[0], range(MANY)), work(stores[1], reversed(range(MANY))), work(stores[2], range(MANY))
    )


async def test_versions_count_what_was_applied(stores):
    """Servers that each read, decide and commit lose no update among them."""
    await stores[0].commit(started(1))

    async def work(store):
        applied = 0
        while applied < 20:
            found = await store.run(run_id(1))
            found = next_version(found, stack=(*found.stack, "s"))
            applied += (await store.commit(Transition([UpdateRun(found, found.version - 1)]))).applied

    await asyncio.gather(*map(work, stores))
    found = await stores[0].run(run_id(1))
    assert found.version == len(found.stack) == 60


async def test_group_of_many_is_a_handful_of_statements(stores):
    """Each table is read and written at most once, however many transitions there are."""
    store = stores[0]
    await asyncio.gather(*(store.commit(started(i, AddWait(wait(i + 1, i)))) for i in range(MANY)))
    connection = await store._writer._link.connection()
    execute, executed = connection.execute, []

    async def counted(statement, *values):
        executed.append(statement)
        return await execute(statement, *values)

    connection.execute = counted
    handed = [
        store.commit(
            Transition(
                [
                    ended(run(i), branched=True),
                    PutStep(run_id(i), step(1)),
                    PutEvent(event(i + 1_000)),
                    *keyed(i + 2_000, key=f"key {i}").actions,
                    AddJob(job(i + 3_000)),
                    AddWait(wait(i + 4_000, i + 3_000)),
                ],
                job(i),
            )
        )
        for i in range(MANY)
    ]
    assert {each.reason for each in await asyncio.gather(*handed)} == {""}
    assert len(executed) <= 20
    assert len(set(executed)) == len(executed)


# The model as the oracle


async def compare(seed, schema, together):
    rng = random.Random(seed)
    clock = Clock()
    real = postgres_server.store(schema, clock)
    model = ModelStore(clock)
    await real.open()
    try:
        deciding = Deciding(rng, model)
        for _ in range(STEPS // together):
            clock.now += rng.choice([0, 1, 5])
            expected, given = [], []
            for _ in range(together):
                transition = await deciding.transition()
                given.append(real.commit(transition))
                expected.append(await outcome(model.commit(transition)))
            assert await asyncio.gather(*map(outcome, given)) == expected
            assert await state(real) == await state(model)
    finally:
        await real.close()


@pytest.mark.parametrize("seed", range(6))
async def test_does_what_the_model_does_one_by_one(seed, schema):
    await compare(seed, schema, 1)


@pytest.mark.parametrize("seed", range(10, 30))
async def test_does_what_the_model_does_in_groups(seed, schema):
    await compare(seed, schema, 8)


async def test_text_that_the_database_cannot_hold_as_it_is(stores):
    """NUL, and what stands for it, in every id and key; order and identity stay."""
    ids = ["a", "a\0", "a\0\0", "a\0\1", "a\1", "a\1\1", "a\1\2", "a\2", "b"]
    owner = "run\0"
    await stores[0].commit(Transition([AddJob(job(0, id=id, run_id=owner, due=NOW)) for id in ids]))
    assert [each.id for each in await stores[1].jobs("", 100)] == sorted(ids) == ids
    assert [each.id for each in await stores[1].jobs("a\0\1", 100)] == ids[4:]
    assert len(await stores[1].run_jobs(owner)) == len(ids)
    consumed = await stores[1].commit(Transition([], job(0, id="a\0")))
    assert consumed.applied
    swept = Transition([ended(run(0, id=owner, version=0), branched=True)])
    made = started(0)
    made.actions[1] = type(made.actions[1])(run(0, id=owner), ())
    await stores[0].commit(made)
    committed = await stores[1].commit(swept)
    assert committed.dropped_jobs == [id for id in ids if id != "a\0"]
