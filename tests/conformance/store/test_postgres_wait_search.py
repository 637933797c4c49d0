"""Waits are found by what events hold: on any server, as the index in memory finds them."""

import asyncio
import itertools
import json

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inngest_fast._native.match import WaitIndex
from inngest_fast.adapters.postgres import PostgresStore, lookups
from inngest_fast.adapters.postgres.queries import Queries
from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.events import wire_form
from inngest_fast.domain.transitions import (
    AddWait,
    ConsumeWait,
    DropWait,
    PutApp,
    PutEvent,
    PutFunction,
    RemoveApp,
    Transition,
)
from inngest_fast.domain.waits import WaitKind
from inngest_fast.engine.expressions import NEVER
from inngest_fast.engine.routing.meeting import by_event, by_invoke, by_signal, index_entry
from tests.conformance.store.making import (
    NOW,
    app,
    ended,
    event,
    function,
    job,
    run,
    signal,
    started,
    updated,
    wait,
)
from tests.fixtures import postgres_server

ANSWER = "app/answer"


@pytest.fixture
def schema():
    with postgres_server.schema() as name:
        yield name


@pytest.fixture
def stores(runner, clock, schema):
    """Two servers."""
    made = [postgres_server.store(schema, clock) for _ in range(2)]
    for store in made:
        runner.run(store.open())
    yield made
    for store in made:
        runner.run(store.close())


def asking(name=ANSWER, **data):
    wire = wire_form(name=name, id="x", ts=NOW, data=json.dumps(data).encode())
    return by_event(event(1, name, wire=wire))


def ids(found):
    return [each.id for each in found.waits]


async def add(store, *waits):
    committed = await store.commit(Transition([AddWait(each) for each in waits]))
    assert committed.applied


def statements_of(store):
    """The list of the statements that the store reads with, from now on."""
    made = []
    rows = store._opened.rows

    async def counted(statement, values=()):
        made.append(statement)
        return await rows(statement, values)

    store._opened.rows = counted
    return made


async def sql(text, *values):
    async with await psycopg.AsyncConnection.connect(postgres_server.uri(), autocommit=True) as connection:
        cursor = await connection.execute(text, values or None)
        return await cursor.fetchall() if cursor.description else []


# The index in memory as the oracle

PATHS = [
    "async.data.id",
    "async.data.n",
    'async.data["odd key"]',
    "async.user.id",
    'async.data["\\u0000"]',
    "async.ts",
]
CONSTANTS = [
    "1",
    "1.0",
    "-0.0",
    "0",
    '"1"',
    '"é"',
    '""',
    "true",
    "false",
    "null",
    "9007199254740993",
    "1e300",
    '"\\u0000true"',
]
VALUES = [
    1,
    1.0,
    0,
    -0.0,
    "1",
    "é",
    "",
    True,
    False,
    None,
    9007199254740993,
    1e300,
    "\0true",
    [1],
    {"a": 1},
    10**400,
]
NAMES = [ANSWER, "other", "é/\0"]

paths = st.sampled_from(PATHS)
constants = st.sampled_from(CONSTANTS)
comparisons = st.one_of(
    st.builds("{} == {}".format, paths, constants),
    st.builds("{1} == {0}".format, paths, constants),
    st.builds("{} in [{}, {}]".format, paths, constants, constants),
    st.builds("{} {} {}".format, paths, st.sampled_from(["!=", ">"]), constants),
    st.sampled_from(["true", "false", "async.data.id", 'async.data.id.startsWith("a")']),
)
expressions = st.recursive(
    comparisons,
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["&&", "||"]), inner),
    max_leaves=5,
)
texts = st.one_of(expressions, st.sampled_from(["", NEVER, "async.data.id ==", "nonsense(1)"]))
kinds = st.sampled_from(list(WaitKind))
keys = st.sampled_from(["a", "b", "a\0"])
drawn_waits = st.lists(st.tuples(kinds, st.sampled_from(NAMES), texts, keys), min_size=1, max_size=12)
data = st.dictionaries(st.sampled_from(["id", "n", "odd key", "\0"]), st.sampled_from(VALUES))
drawn_events = st.lists(st.tuples(st.sampled_from(NAMES), data), min_size=1, max_size=6)

numbers = itertools.count(1)


def made(number, kind, name, text, key):
    kind_fields = {"event": name, "expression": text}
    if kind in (WaitKind.INVOKE, WaitKind.SIGNAL):
        kind_fields = {"event": "", "expression": "", "key": key}
    return wait(number, 1, kind=kind, **kind_fields)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=drawn_waits, events=drawn_events)
def test_finds_what_the_index_in_memory_finds(runner, stores, drawn, events):
    runner.run(compare(*stores, [made(next(numbers), *each) for each in drawn], events))


async def compare(writing, finding, waits, events):
    index = WaitIndex()
    for each in waits:
        index.insert(each.id, *index_entry(each))
    await add(writing, *waits)
    asked = [asking(name, **values) for name, values in events]
    asked += [ask(key) for ask in (by_invoke, by_signal) for key in ("a", "b", "a\0", "c")]
    expected = [index.candidates(*each) for each in asked]
    for store in (finding, writing):
        found = await asyncio.gather(*(store.find([each]) for each in asked))
        assert list(map(ids, found)) == expected
    together = await finding.find(asked)
    assert ids(together) == sorted(set().union(*expected))
    by_id = {each.id: each for each in waits}
    assert together.waits == [by_id[id] for id in ids(together)]
    await writing.commit(Transition([DropWait(each.id) for each in waits]))
    assert ids(await finding.find(asked)) == []


APART = [None, True, False, 0.0, 1.0, "", "1", "1.0", "true", "null", "\0true", "\0false", 0.1, -1.0, "é"]


def test_numbers_are_apart_where_values_are():
    numbers = [lookups.of_value("e", ("data", "id"), value) for value in APART]
    numbers += [lookups.of_name("e"), lookups.of_name("f"), lookups.of_value("f", ("data", "id"), 1.0)]
    numbers += [lookups.of_value("e", path, 1.0) for path in [("dataid",), ("data", "i", "d"), ("data.id",)]]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize(("one", "other"), [(1.0, 1), (0.0, -0.0), (0, -0.0), (2.0**53, 2**53), (None, None)])
def test_numbers_are_equal_where_values_are(one, other):
    assert lookups.of_value("e", ("x",), one) == lookups.of_value("e", ("x",), other)


def test_numbers_are_those_that_older_servers_stored():
    """Waits of many months are found by them: they must never change."""
    assert lookups.of_name("app/answer") == -674397071870606075
    assert lookups.of_value("app/answer", ("data", "id"), "1") == -2575177136143493539
    assert lookups.of_value("app/answer", ("data", "id"), 1) == 9088122663021195123
    assert lookups.path_row(7, ("data", "id")) == (7, 981364010610692319, '["data","id"]')


@pytest.mark.parametrize("text", ["\ud800", "x\udfff"])
async def test_text_that_no_wait_can_hold_meets_nothing(stores, text):
    await add(stores[0], wait(1, 1, expression='async.data.id == "1"'), wait(2, 1, expression=""))
    assert ids(await stores[1].find([(ANSWER, lambda path: text)])) == [2]
    assert ids(await stores[1].find([(text, lambda path: text)])) == []


async def test_wait_that_nothing_meets_is_under_no_number(schema, stores):
    await add(
        stores[0], *(wait(n, n, expression=text) for n, text in enumerate([NEVER, "false", "nonsense("], 1))
    )
    assert await sql(f"SELECT lookup, several FROM {schema}.waits") == [(None, False)] * 3


# Together


async def test_what_is_asked_in_one_turn_is_one_statement(stores):
    waits = [wait(n, n, expression=f"async.data.n == {n}") for n in range(1, 101)]
    await add(stores[0], *waits)
    made = statements_of(stores[1])
    found = await asyncio.gather(*(stores[1].find([asking(n=n)]) for n in range(1, 101)))
    assert [each.waits for each in found] == [[each] for each in waits]
    assert len(made) == 2  # the first learns the path
    found = await asyncio.gather(*(stores[1].find([asking(n=n)]) for n in range(1, 101)))
    assert [each.waits for each in found] == [[each] for each in waits]
    assert len(made) == 3


async def test_those_who_come_while_one_is_on_its_way_go_together(stores):
    store = stores[0]
    await add(store, wait(1, 1, expression=""))
    made = statements_of(store)
    rows, gate, on_its_way = store._opened.rows, asyncio.Event(), asyncio.Event()

    async def held(statement, values=()):
        on_its_way.set()
        await gate.wait()
        return await rows(statement, values)

    store._opened.rows = held
    first = asyncio.create_task(store.find([asking()]))
    await on_its_way.wait()
    later = [asyncio.create_task(store.find([asking()])) for _ in range(10)]
    gate.set()
    assert [ids(each) for each in await asyncio.gather(first, *later)] == [[1]] * 11
    assert len(made) == 2


async def test_each_asker_has_a_list_of_its_own(stores):
    await add(stores[0], wait(1, 1, expression=""))
    one, other = await asyncio.gather(stores[0].find([asking()]), stores[0].find([asking()]))
    one.waits.clear()
    assert ids(other) == [1]


async def test_asker_that_gives_up_or_fails_is_in_nobodys_way(stores):
    await add(stores[0], wait(1, 1, expression="async.data.id == 1"))

    def broken(path):
        raise ValueError(path)

    impatient = asyncio.create_task(stores[0].find([asking(id=1)]))
    others = [asyncio.create_task(stores[0].find([each])) for each in [(ANSWER, broken), asking(id=1)]]
    await asyncio.sleep(0)
    impatient.cancel()
    failed, found = await asyncio.gather(*others, return_exceptions=True)
    assert isinstance(failed, ValueError)
    assert ids(found) == [1]
    assert impatient.cancelled()


async def test_failure_of_the_database_is_told_to_each(schema, stores):
    await sql(f"ALTER TABLE {schema}.waits RENAME TO other")
    errors = await asyncio.gather(*(stores[0].find([asking()]) for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in errors] == [StoreError] * 3
    assert len(set(map(id, errors))) == 3
    assert "cannot read PostgreSQL at" in str(errors[0])
    await sql(f"ALTER TABLE {schema}.other RENAME TO waits")
    assert ids(await stores[0].find([asking()])) == []


async def test_close_answers_what_was_asked(schema, clock):
    store = postgres_server.store(schema, clock)
    with pytest.raises(StoreError, match="not open"):
        await store.find([asking()])
    await store.open()
    await add(store, wait(1, 1, expression=""))
    asked = asyncio.create_task(store.find([asking()]))
    await asyncio.sleep(0)
    await store.close()
    assert ids(await asked) == [1]
    with pytest.raises(StoreError, match="closed"):
        await store.find([asking()])


# Paths


async def test_path_that_another_server_is_the_first_to_use_is_learnt(stores):
    writing, finding = stores
    await add(writing, wait(1, 1, expression="async.data.a == 1"))
    made = statements_of(finding)
    assert ids(await finding.find([asking(a=1, b=1)])) == [1]
    assert len(made) == 2
    await add(writing, wait(2, 1, expression="async.data.b == 1"))
    assert ids(await finding.find([asking(a=1, b=1)])) == [1, 2]
    assert len(made) == 4
    assert ids(await finding.find([asking(a=1, b=1)])) == [1, 2]
    assert len(made) == 5


async def test_path_is_learnt_for_all_names_that_share_a_bucket(stores, monkeypatch):
    monkeypatch.setattr(lookups, "BUCKETS", 1)
    await add(stores[0], wait(1, 1, event="one", expression="async.data.a == 1"))
    await add(stores[0], wait(2, 1, event="two", expression="async.data.a == 1"))
    await add(stores[0], wait(3, 1, event="two", expression="async.data.b == 1"))
    assert ids(await stores[1].find([asking("one", a=1, b=1)])) == [1]
    assert ids(await stores[1].find([asking("two", a=1, b=1)])) == [2, 3]


async def test_path_that_is_forgotten_is_learnt_again(stores):
    for n in range(1, 20):
        await add(stores[0], wait(n, 1, event=f"name {n}", expression="async.data.n == 1"))
    stores[1]._search._known._most = 1
    asked = [asking(f"name {n}", n=1) for n in range(1, 20)]
    for _ in range(3):
        assert ids(await stores[1].find(asked)) == list(range(1, 20))
        assert ids(await stores[1].find(asked[:1])) == [1]
        assert ids(await stores[1].find(asked[5:6])) == [6]


async def test_paths_without_end_stay_few(schema, stores):
    """Waits whose path finds no place are looked at always: none is missed."""
    many = lookups.PATHS_PER_BUCKET + 10
    waits = [wait(n, n, expression=f"async.data.k{n} == 1") for n in range(1, many + 1)]
    for each in waits[:5]:
        await add(stores[0], each)
    await add(stores[0], *waits[5:])
    await add(stores[1], wait(1_000, 1, expression="async.data.further == 1"))
    assert (await sql(f"SELECT count(*) FROM {schema}.wait_paths")) == [(lookups.PATHS_PER_BUCKET,)]
    for n in range(1, many + 1):
        assert n in ids(await stores[1].find([asking(**{f"k{n}": 1})]))
    assert len(ids(await stores[1].find([asking(k1=1)]))) < 20
    long = "k" * lookups.LONGEST_PATH
    await add(stores[0], wait(2_000, 1, event="long", expression=f'async.data["{long}"] == 1'))
    assert ids(await stores[1].find([asking("long")])) == [2_000]


async def test_two_paths_under_one_number(stores, monkeypatch):
    """Not to be seen by chance: the second is looked at always."""
    row = lookups.path_row
    monkeypatch.setattr(
        "inngest_fast.adapters.postgres.apply.path_row", lambda *of: row(*of)._replace(number=7)
    )
    await add(stores[0], wait(1, 1, expression="async.data.a == 1"))
    await add(stores[0], wait(2, 1, expression="async.data.b == 1"))
    assert ids(await stores[1].find([asking(a=1)])) == [1, 2]
    assert ids(await stores[1].find([asking(b=1)])) == [2]


async def test_path_of_a_wait_that_was_not_stored_is_not_taken_for_known(schema, stores):
    await add(stores[0], wait(1, 1, expression=""))
    twice = Transition([AddWait(wait(2, 1, expression="async.data.a == 1")), AddWait(wait(1, 2))])
    with pytest.raises(StoreError, match="there already"):
        await stores[0].commit(twice)
    dropped = Transition([AddWait(wait(3, 1, expression="async.data.b == 1"))], job(1))
    assert (await stores[0].commit(dropped)).reason == "job"
    assert await sql(f"SELECT * FROM {schema}.wait_paths") == []
    await add(stores[0], wait(2, 1, expression="async.data.a == 1"))
    assert ids(await stores[1].find([asking(a=1)])) == [1, 2]


async def test_servers_that_use_new_paths_at_once(stores):
    for turn in range(10):
        waits = [
            [
                wait(1 + turn * 100 + n * 50 + i, n, expression=f"async.data.p{turn}_{i} == 1")
                for i in range(5)
            ]
            for n in range(2)
        ]
        await asyncio.gather(*(add(store, *each) for store, each in zip(stores, waits, strict=True)))
        asked = [asking(**{f"p{turn}_{i}": 1}) for i in range(5)]
        assert ids(await stores[turn % 2].find(asked)) == [each.id for of_one in waits for each in of_one]


async def test_what_is_committed_is_found_at_once_by_all(stores):
    """Many servers' worth of waits and questions at the same time, with few names and many new paths."""

    async def one(n):
        name, path = f"name {n % 7}", f"p{n % 23}"
        expression = f"async.data.{path} == {n} || async.data.other == {n}"
        await add(stores[n % 2], wait(n, n, event=name, expression=expression))
        for store in stores:
            assert ids(await store.find([asking(name, **{path: n})])) == [n]
            assert ids(await store.find([asking(name, other=n)])) == [n]
        await stores[(n + 1) % 2].commit(Transition([DropWait(n)]))
        for store in stores:
            assert ids(await store.find([asking(name, **{path: n})])) == []

    await asyncio.gather(*(one(n) for n in range(1, 201)))


async def test_wait_that_cannot_be_placed_fails_alone(schema, clock):
    def entry(wait):
        if wait.id == 13:
            raise RecursionError("too deep")
        return index_entry(wait)

    store = PostgresStore(postgres_server.uri(), schema=schema, clock=clock, entry=entry)
    await store.open()
    handed = [store.commit(Transition([AddWait(wait(n, n, expression=""))])) for n in (12, 13, 14)]
    results = await asyncio.gather(*handed, return_exceptions=True)
    assert [type(each).__name__ for each in results] == ["Committed", "StoreError", "Committed"]
    assert "too deep" in str(results[1])
    assert ids(await store.find([asking()])) == [12, 14]
    await store.close()


# Alternatives


async def test_each_alternative_finds(schema, stores):
    either = wait(1, 1, expression='async.data.a == 1 || async.data.b == "x" || async.user.id == null')
    await add(stores[0], either, wait(2, 1, expression="async.data.a == 1"))
    assert await sql(f"SELECT wait_id FROM {schema}.wait_lookups") == [(1,), (1,)]
    assert ids(await stores[1].find([asking(a=1, b="x")])) == [1, 2]  # once each
    assert ids(await stores[1].find([asking(a=2, b="x")])) == [1]
    assert ids(await stores[1].find([("app/answer", {("user", "id"): "u"}.get)])) == []


@pytest.mark.parametrize("how", ["drop", "consume", "transition", "end", "swept with its addition"])
async def test_deletion_leaves_nothing_behind(schema, stores, how):
    several = wait(5, 1, expression="async.data.a == 1 || async.data.b == 1")
    if how == "swept with its addition":
        await stores[0].commit(started(1))
        await stores[0].commit(Transition([ended(run(1), branched=True), AddWait(several)], job(1)))
    else:
        await stores[0].commit(started(1, AddWait(several)))
        assert len(await sql(f"SELECT * FROM {schema}.wait_lookups")) == 1
        await stores[1].commit(
            {
                "drop": Transition([DropWait(5)]),
                "consume": Transition([ConsumeWait(5, job(1, "resume"))]),
                "transition": Transition([updated(run(1))], job(1), 5),
                "end": Transition([ended(run(1), branched=True)], job(1)),
            }[how]
        )
    assert await sql(f"SELECT * FROM {schema}.waits") == []
    assert await sql(f"SELECT * FROM {schema}.wait_lookups") == []
    assert ids(await stores[0].find([asking(a=1, b=1)])) == []


async def test_wait_of_one_number_costs_no_further_statement(stores):
    await add(stores[0], wait(1, 1, expression="async.data.a == 1"), signal(2, 2, "s"))
    connection = await stores[0]._writer._link.connection()
    execute, executed = connection.execute, []

    async def counted(statement, *values):
        executed.append(statement)
        return await execute(statement, *values)

    connection.execute = counted
    await stores[0].commit(Transition([DropWait(1), AddWait(wait(3, 3, expression="async.data.a == 2"))]))
    assert [each for each in executed if b"wait_lookups" in each or b"wait_paths" in each] == []


# Apps


async def test_changes_of_apps_and_functions_are_counted(stores):
    one, other = stores
    assert await other.apps_version() == 0
    for n, action in enumerate([PutApp(app(1)), PutFunction(function(1)), RemoveApp("app-1")], 1):
        await one.commit(Transition([action]))
        assert await other.apps_version() == n
        assert (await other.find([asking()])).apps_version == n
    await one.commit(Transition([PutEvent(event(1))]))
    await one.commit(Transition([PutApp(app(2))], job(9)))  # dropped
    assert await one.apps_version() == 3
    await asyncio.gather(*(one.commit(Transition([PutApp(app(n))])) for n in range(10)))
    assert await one.apps_version() == 4  # one group


async def test_writers_of_apps_do_not_stand_in_each_others_way(stores):
    async def work(store, order):
        for n in order:
            actions = [PutApp(app(n)), PutFunction(function(n)), PutFunction(function(30 - n))]
            assert (
                await store.commit(Transition([*actions, *started(n + 100 * stores.index(store)).actions]))
            ).applied

    await asyncio.gather(work(stores[0], range(30)), work(stores[1], reversed(range(30))))
    assert await stores[0].apps_version() == 60


async def test_version_is_no_older_than_the_apps_that_are_read_after_it(stores):
    """A reader that sees a version and then reads the apps has at least those of that version."""

    async def write():
        for n in range(30):
            await stores[0].commit(Transition([PutApp(app(n))]))

    writing = asyncio.create_task(write())
    while not writing.done():
        version = await stores[1].apps_version()
        assert len(await stores[1].apps()) >= version
    await writing


# Cost


def buffers(plan):
    """Shared buffers that a plan touched, by the text of EXPLAIN (ANALYZE, BUFFERS)."""
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


async def test_cost_does_not_grow_with_the_waits(schema, stores):
    waits = [wait(n, n, expression=f"async.data.n == {n} || async.data.m == {n}") for n in range(1, 11)]
    await add(stores[0], *waits)
    statement = Queries(schema).find
    asked = []
    rows = stores[1]._opened.rows

    async def noted(text, values=()):
        asked.append(values)
        return await rows(text, values)

    stores[1]._opened.rows = noted
    assert ids(await stores[1].find([asking(n=3, m=4)])) == [3, 4]

    async def cost():
        explain = b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement
        for _ in range(2):  # the first fills the catalogue's caches
            ((found,),) = await rows(explain, asked[-1])
        return buffers(found[0]["Plan"])

    few = await cost()
    await sql(
        f"INSERT INTO {schema}.waits (id, kind, run_id, step_id, key, several, lookup, body)"
        " SELECT n, 'event', 'r' || n, 's', '', true, n::bigint * 1000003, '' FROM generate_series(1000, 101000) n"
    )
    await sql(
        f"INSERT INTO {schema}.wait_lookups (wait_id, lookup)"
        " SELECT n, n::bigint * 1000033 FROM generate_series(1000, 101000) n"
    )
    await sql(f"ANALYZE {schema}.waits")
    await sql(f"ANALYZE {schema}.wait_lookups")
    assert ids(await stores[1].find([asking(n=3, m=4)])) == [3, 4]
    assert await cost() < few + 20  # each index is a level or two deeper, for each of a few numbers
