"""Several servers that admit on the same rows: whatever two of them decide at once, one of them decided first."""

import asyncio

import psycopg
import pytest
from psycopg import errors

from inngest_fast.adapters.postgres import database, load, writer
from inngest_fast.adapters.postgres.statements import Statements
from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.transitions import (
    AddWait,
    Admit,
    ConsumeWait,
    CreateRun,
    DropJob,
    DropRow,
    ExtendRow,
    PutEvent,
    PutRow,
    Transition,
)
from inngest_fast.ports.store import RunQuery
from tests.conformance.store.making import (
    DAY,
    NOW,
    Choosing,
    Clock,
    Counting,
    counting,
    event,
    job,
    run,
    run_id,
    signal,
    started,
    updated,
    wait,
)
from tests.fixtures import postgres_server

MANY = 100


@pytest.fixture
def schema():
    with postgres_server.schema() as name:
        yield name


@pytest.fixture
def stores(runner, clock, schema):
    """Three servers."""
    made = [postgres_server.store(schema, clock) for _ in range(3)]

    async def each(what):
        await asyncio.gather(*(getattr(store, what)() for store in made))

    runner.run(each("open"))
    yield made
    runner.run(each("close"))


async def count(store, key="count:1"):
    return int((await store.rows([key]))[0].body)


async def test_no_step_is_lost_or_done_twice(stores):
    """Groups of many, and one by one."""
    step = counting("count:1", jobs=False)
    handed = [store.commit(step) for _ in range(5 * MANY) for store in stores]

    async def work(store):
        return [await store.commit(step) for _ in range(MANY)]

    results = await asyncio.gather(*handed)
    for each in await asyncio.gather(*map(work, stores)):
        results += each
    numbers = [int(action.row.body) for each in results for action in each.admitted]
    total = 3 * 6 * MANY
    assert sorted(numbers) == [n + 1 for n in range(total)]
    assert await count(stores[0]) == total


async def test_dropped_and_failed_ones_do_not_count(stores):
    await stores[0].commit(started(1))

    class Failing(Counting, frozen=True):
        def decide(self, rows):
            raise ValueError("no decision")

    async def work(store):
        handed = []
        for _ in range(MANY):
            late = [Admit(Counting("count:1", jobs=False)), updated(run(1, version=7))]
            handed.append(store.commit(counting("count:1", jobs=False)))
            handed.append(store.commit(Transition(late)))
            handed.append(
                store.commit(Transition([Admit(Counting("count:1", jobs=False)), Admit(Failing("count:1"))]))
            )
        return await asyncio.gather(*handed, return_exceptions=True)

    results = [each for of_one in await asyncio.gather(*map(work, stores)) for each in of_one]
    assert sum(isinstance(each, StoreError) for each in results) == 3 * MANY
    decided = [each for each in results if not isinstance(each, StoreError)]
    assert sorted(each.reason for each in decided) == [""] * 3 * MANY + ["run"] * 3 * MANY
    assert await count(stores[0]) == 3 * MANY


async def test_lock_is_held_by_one(stores):
    def candidate(n, key):
        create = CreateRun(run(n), (job(n),), rows=(FlowRow(key, holder=run_id(n)),))
        return Transition([Admit(Choosing((key,), missed=(create,)))])

    handed = [
        store.commit(candidate(i + 1_000 * n, f"lock:{i}"))
        for i in range(MANY)
        for n, store in enumerate(stores)
    ]
    results = await asyncio.gather(*handed)
    assert sum(len(each.admitted) for each in results) == MANY
    found = await stores[0].runs(RunQuery(1_000))
    rows = await stores[1].rows([f"lock:{i}" for i in range(MANY)])
    assert sorted(each.id for each in found) == sorted(each.holder for each in rows)


async def test_key_is_taken_once_whoever_decides(stores):
    def keyed(n, i):
        create = CreateRun(run(n, key=f"k{i}"), (job(n),), key_until=NOW + DAY)
        return Transition([Admit(Choosing((f"row:{n}",), missed=(create,)))])

    handed = [store.commit(keyed(i + 1_000 * n, i)) for i in range(MANY) for n, store in enumerate(stores)]
    results = await asyncio.gather(*handed)
    assert sum(len(each.refused_runs) for each in results) == 2 * MANY
    assert len(await stores[0].runs(RunQuery(1_000))) == MANY


@pytest.fixture
def deadlocks(monkeypatch):
    """Those that the database had to end."""
    found = []

    def repeating(error):
        found.extend([error] if isinstance(error, errors.DeadlockDetected) else [])
        return database.worth_repeating(error)

    monkeypatch.setattr(writer, "worth_repeating", repeating)
    return found


async def test_in_opposite_orders_nobody_is_stuck(stores, deadlocks):
    """Rows and signals, few and many at a time."""

    async def work(store, order, each):
        for i in order:
            keys = [f"row:{(i + n) % MANY}" for n in range(each)]
            actions = [Admit(Counting(key, jobs=False)) for key in reversed(keys)]
            name = f"signal {i % 7}"
            assert (await store.commit(Transition([*actions, DropRow("row:x", "none")]))).applied
            await store.commit(Transition([ExtendRow(keys[-1], 0), AddWait(signal(i + 1, i, name))]))

    await asyncio.gather(
        work(stores[0], range(MANY), 3),
        work(stores[1], reversed(range(MANY)), 3),
        work(stores[2], range(MANY // 2), 40),
    )
    total = sum(int(row.body) for row in await stores[0].rows([f"row:{n}" for n in range(MANY)]))
    assert total == MANY * 3 * 2 + MANY // 2 * 40
    assert deadlocks == []


@pytest.mark.parametrize("most", [2, 10_000])
async def test_many_rows_are_locked_together(stores, monkeypatch, most):
    """Where a group needs more locks than it may take, and where not; others take theirs one by one."""
    monkeypatch.setattr(load, "MOST_LOCKS", most)
    keys = [f"many:{n}" for n in range(600)]

    async def one_by_one(store):
        for n in range(MANY):
            await store.commit(counting(keys[n % 3], jobs=False))

    together = [
        store.commit(Transition([Admit(Counting(key, jobs=False)) for key in keys]))
        for store in stores[:2]
        for _ in range(3)
    ]
    await asyncio.gather(one_by_one(stores[2]), *together)
    counts = {row.key: int(row.body) for row in await stores[0].rows(keys)}
    assert [counts[key] for key in keys[3:]] == [6] * 597
    assert sum(counts[key] for key in keys[:3]) == 18 + MANY


async def test_sweep_does_not_undo_what_is_extended_meanwhile(stores, schema):
    """One server's clock is behind: what has ended for the other, it extends."""
    behind = Clock()
    slow = postgres_server.store(schema, behind)
    await slow.open()
    keys = [f"t:{n}" for n in range(MANY)]
    for turn in range(1, 6):
        behind.now = NOW + turn * 10
        stores[0]._clock.now = NOW + turn * 10 + 5
        late = [Transition([ExtendRow(key, NOW + turn * 10 + 3)]) for key in keys]
        sweeping = [Transition([ExtendRow(f"x:{turn} {n}", NOW)]) for n in range(300)]
        await asyncio.gather(*map(slow.commit, late), *map(stores[0].commit, sweeping))
    kept = Transition([PutRow(FlowRow(key, NOW + DAY, "h", b"b")) for key in keys])
    await asyncio.gather(slow.commit(kept), *(stores[0].commit(each) for each in sweeping))
    assert len(await slow.rows(keys)) == MANY
    await slow.close()


@pytest.mark.parametrize(
    "decided",
    [
        PutRow(FlowRow("other:1")),
        ExtendRow("other:1", 0),
        DropRow("other:1"),
        CreateRun(run(2), (), rows=(FlowRow("other:1"),)),
        CreateRun(run(2, key="k"), (), key_until=NOW + DAY),
        CreateRun(run(2), (), (wait(2, 2),)),
        ConsumeWait(1, job(2)),
        DropJob(job(1).id),
        updated(run(1)),
        Admit(Counting("a:1")),
    ],
    ids=lambda action: type(action).__name__,
)
async def test_what_was_not_announced_is_a_fault(stores, decided):
    """Else it would be decided on what is not locked."""
    await stores[0].commit(started(1, AddWait(wait(1, 1)), PutRow(FlowRow("other:1"))))

    class Secretive(Choosing, frozen=True):
        possible = ()

    secretive = Secretive(("a:1",), missed=(PutRow(FlowRow("a:1")), decided))
    results = await asyncio.gather(
        stores[0].commit(counting("count:1", jobs=False)),
        stores[0].commit(Transition([PutEvent(event(5)), Admit(secretive)])),
        stores[0].commit(counting("count:1", jobs=False)),
        return_exceptions=True,
    )
    assert [type(each).__name__ for each in results] == ["Committed", "StoreError", "Committed"]
    assert "not announced" in str(results[1])
    assert await stores[0].rows(["a:1"]) == []
    assert await count(stores[0]) == 2


async def test_group_of_many_is_a_handful_of_statements(stores):
    store = stores[0]
    await store.commit(counting("count:1", jobs=False))
    connection = await store._writer._link.connection()
    execute, executed = connection.execute, []

    async def counting_too(statement, *values):
        executed.append(statement)
        return await execute(statement, *values)

    connection.execute = counting_too
    handed = [store.commit(counting(f"count:{n % 10}", jobs=False)) for n in range(MANY)]
    handed += [store.commit(Transition([PutEvent(event(n))])) for n in range(MANY)]
    await asyncio.gather(*handed)
    assert len(executed) <= 9
    assert len(set(executed)) == len(executed)
    executed.clear()
    await asyncio.gather(*(store.commit(Transition([PutEvent(event(n + MANY))])) for n in range(MANY)))
    assert len(executed) == 4, "begin, sign, insert, commit: nothing for what is not there"


async def test_locks_are_of_their_schema(stores, schema):
    """Another server's transaction holds every lock of the schema; a store on another one does not wait."""
    with postgres_server.schema() as other:
        elsewhere = postgres_server.store(other, Clock())
        await elsewhere.open()
        number = load._number(Statements(schema).sign, "")
        uri = postgres_server.uri()
        async with await psycopg.AsyncConnection.connect(uri) as holding:
            await holding.execute("SELECT pg_advisory_xact_lock(%s)", (number,))
            waiting = stores[0].commit(counting("count:1", jobs=False))
            assert (await elsewhere.commit(counting("count:1", jobs=False))).applied
            assert (await stores[1].commit(Transition([PutEvent(event(1))]))).applied
            assert not waiting.done()
            await holding.rollback()
        assert (await waiting).applied
        await elsewhere.close()
