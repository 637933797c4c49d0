"""The schema: its rows, its indexes, and that history does not slow live work."""

import re

import psycopg
import pytest

from inngest_fast.adapters.postgres import database, migrate
from inngest_fast.adapters.postgres.queries import Queries
from inngest_fast.adapters.postgres.statements import Statements
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.runs import RunStatus
from inngest_fast.domain.transitions import ExtendRow, PutRow, Transition
from inngest_fast.ports.store import EventQuery, RunQuery, RunTime
from tests.conformance.store.making import DAY, NOW, of_flow_control, run_id, started
from tests.conformance.store.test_keys import keyed
from tests.fixtures import postgres_server

HISTORY = """
INSERT INTO events (id, name, external_id, ts, received_at, repeatable, correlation_id, target, wire)
SELECT 'e' || lpad(n::text, 9, '0'), 'name ' || n % 50, '', n, n, false, '', '', '' FROM generate_series(1, 20000) n;
INSERT INTO runs (id, function_id, event_id, status, version, queued_at, started_at, ended_at, body)
SELECT 'r' || lpad(n::text, 9, '0'), 'fn ' || n % 500, 'e' || lpad(n::text, 9, '0'),
       CASE WHEN n % 100 = 0 THEN 200 WHEN n % 100 = 1 THEN 400 ELSE 300 END, 1, n,
       n + n % 7, CASE WHEN n % 100 = 0 THEN 0 ELSE n + n % 5 END, ''
FROM generate_series(1, 20000) n;
INSERT INTO batched_events (event_id, run_id)
SELECT 'e' || lpad(n::text, 9, '0'), 'r' || lpad((n / 10)::text, 9, '0') FROM generate_series(1, 20000) n;
INSERT INTO steps (run_id, step_id, body)
SELECT 'r' || lpad((n / 3)::text, 9, '0'), n::text, '' FROM generate_series(1, 20000) n;
INSERT INTO traces (run_id, key, body)
SELECT 'r' || lpad((n / 3)::text, 9, '0'), n::text, '' FROM generate_series(1, 20000) n;
INSERT INTO jobs (id, run_id, attempt, due, body)
SELECT 'r' || lpad((n / 2)::text, 9, '0') || n, 'r' || lpad((n / 2)::text, 9, '0'), 0, n, ''
FROM generate_series(1, 20000) n;
INSERT INTO waits (id, kind, run_id, step_id, key, several, lookup, body)
SELECT n, CASE WHEN n % 10 = 0 THEN 'signal' ELSE 'event' END, 'r' || lpad(n::text, 9, '0'), 's', 'k' || n, n % 2 = 0,
       n, ''
FROM generate_series(1, 100000) n;
INSERT INTO wait_lookups (wait_id, lookup) SELECT n * 2, -n FROM generate_series(1, 50000) n;
INSERT INTO wait_paths (bucket, number, path) SELECT n / 4, n, '["data"]' FROM generate_series(1, 20000) n;
INSERT INTO keys (function_id, digest, run_id, until)
SELECT 'fn ' || n % 50, sha256(n::text::bytea), '', n FROM generate_series(1, 20000) n;
INSERT INTO flow_rows (key, until, holder, body)
SELECT 'kind ' || n % 50 || ':' || n, n, '', '' FROM generate_series(1, 20000) n;
INSERT INTO pending_events (batch_id, position, event_id)
SELECT 'b' || n / 10, n, 'e' || lpad(n::text, 9, '0') FROM generate_series(1, 20000) n;
INSERT INTO cancellations (id, body) SELECT 'c' || lpad(n::text, 9, '0'), '' FROM generate_series(1, 20000) n;
INSERT INTO apps (id, body) SELECT n::text, '' FROM generate_series(1, 2000) n;
INSERT INTO functions (id, app_id, body) SELECT n::text, '', '' FROM generate_series(1, 2000) n;
"""


@pytest.fixture(scope="module")
def filled():
    """A connection, and a schema with a history."""
    with (
        postgres_server.schema() as name,
        psycopg.connect(postgres_server.uri(), autocommit=True) as connection,
    ):
        connection.execute(f"CREATE SCHEMA {name}")
        connection.execute(f"SET search_path TO {name}")
        for script in migrate.scripts():
            connection.execute(script.text)
        connection.execute(HISTORY)
        connection.execute("ANALYZE")
        yield connection, name


def sample(kind, array):
    value = {
        "text": "r000000777",
        "bytea": b"x",
        "bigint": 777,
        "integer": 7,
        "smallint": 200,
        "boolean": True,
    }[kind]
    return [value] if array else value


def plan(connection, statement):
    values = [
        "{777}" if as_text else sample(kind, array)
        for as_text, kind, array in re.findall(r"%b::(text::)?(\w+)(\[\])?", statement.decode())
    ]
    if b"LIMIT" in statement and values[-1] == 777:
        values[-1] = 20
        if b"OFFSET" in statement:
            values[-2:] = 20, 0
    found = "\n".join(row[0] for row in connection.execute(b"EXPLAIN " + statement, values))
    return found.replace("Seq Scan on apps_version", "")  # it has one row


def texts(of):
    return {
        name: text
        for name, text in vars(of).items()
        if isinstance(text, bytes) and text.startswith((b"SELECT", b"INSERT", b"UPDATE", b"DELETE", b"WITH"))
    }


OF_WRITERS = ("forget_writers", "last_group")  # of which there is one row for each server


@pytest.mark.parametrize("name", sorted(texts(Statements("s")).keys() - set(OF_WRITERS)))
def test_no_write_scans_a_table(filled, name):
    connection, schema = filled
    found = plan(connection, texts(Statements(schema))[name])
    assert "Seq Scan" not in found, found


LISTINGS = ("apps", "functions")  # asked for whole


@pytest.mark.parametrize("name", sorted(texts(Queries("s")).keys() - set(LISTINGS)))
def test_no_read_scans_a_table(filled, name):
    connection, schema = filled
    found = plan(connection, texts(Queries(schema))[name])
    assert "Seq Scan" not in found, found


def test_live_runs_are_found_without_the_others(filled):
    connection, schema = filled
    assert "runs_live" in plan(connection, Queries(schema).count_live_runs)


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("live_runs", "runs_live_of_function"),
        ("rows_of", "flow_rows_pkey"),
        ("batch", "pending_events_pkey"),
        ("cancellations", "cancellations_pkey"),
    ],
)
def test_reads_use_their_index(filled, name, index):
    connection, schema = filled
    found = plan(connection, texts(Queries(schema))[name])
    assert index in found, found
    assert "Sort Key: id" not in found, found


def test_ended_rows_are_found_without_the_others(filled):
    connection, schema = filled
    assert "flow_rows_by_end" in plan(connection, Statements(schema).sweep_flow_rows)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (RunQuery(10), "runs_pkey"),
        (RunQuery(10, status=RunStatus.QUEUED), "runs_live"),
        (RunQuery(10, status=RunStatus.FAILED), "runs_not_completed"),
        (RunQuery(10, status=RunStatus.SKIPPED), "runs_not_completed"),
        (RunQuery(10, function_id="fn 7"), "runs_by_function"),
        (RunQuery(10, event_id="e000000777"), "runs_by_event"),
        (RunQuery(10, order=RunTime.ENDED).halves[0], "runs_by_end"),
        (RunQuery(10, order=RunTime.STARTED, ascending=True).halves[1], "runs_by_start"),
        (RunQuery(10, order=RunTime.ENDED, after=(777, "r000000777")).halves[0], "runs_by_end"),
        (EventQuery(10), "events_pkey"),
        (EventQuery(10, name="name 7"), "events_by_name"),
    ],
)
def test_listings_use_their_index(filled, query, index):
    connection, schema = filled
    queries = Queries(schema)
    statement, values = queries.runs(query, 10) if isinstance(query, RunQuery) else queries.events(query)
    found = "\n".join(row[0] for row in connection.execute(b"EXPLAIN " + statement, values))
    assert index in found, found
    assert "Seq Scan" not in found, found


@pytest.fixture
def schema():
    with postgres_server.schema() as name:
        yield name


async def rows(text):
    async with await psycopg.AsyncConnection.connect(postgres_server.uri(), autocommit=True) as connection:
        return await (await connection.execute(text)).fetchall()


async def test_every_table_has_an_environment(schema, clock):
    store = postgres_server.store(schema, clock)
    await store.open()
    await store.commit(started(1, *of_flow_control(), key="k"))
    await store.close()
    found = await rows(f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'")
    tables = {name for (name,) in found} - {"environments", "migrations", "writers"}
    assert len(tables) >= 12
    for table in tables:
        assert set(await rows(f"SELECT env FROM {schema}.{table}")) <= {(1,)}
    assert await rows(f"SELECT number FROM {schema}.environments") == [(1,)]


async def test_opened_again_it_holds_the_same(schema, clock):
    store = postgres_server.store(schema, clock)
    await store.open()
    for n in range(50):
        await store.commit(started(n))
    before = await store.runs(RunQuery(100)), await store.jobs("", 100), await store.run(run_id(7))
    await store.close()
    again = postgres_server.store(schema, clock)
    await again.open()
    assert (await again.runs(RunQuery(100)), await again.jobs("", 100), await again.run(run_id(7))) == before
    await again.close()


async def test_schemas_are_apart(schema, clock):
    with postgres_server.schema() as other:
        one = postgres_server.store(schema, clock)
        two = postgres_server.store(other, clock)
        await one.open()
        await two.open()
        await one.commit(started(1))
        assert await two.runs(RunQuery(10)) == []
        assert (await two.commit(started(1))).applied
        await one.close()
        await two.close()


async def test_expired_keys_do_not_pile_up(schema, clock):
    store = postgres_server.store(schema, clock)
    await store.open()
    for n in range(1_000):
        clock.now = NOW + n * DAY
        await store.commit(keyed(n, key=f"key {n}", until=clock.now + DAY))
    await store.close()
    assert (await rows(f"SELECT count(*) FROM {schema}.keys"))[0][0] < 300


@pytest.mark.parametrize("kind", ["rate", "throttle"])
async def test_ended_rows_do_not_pile_up(schema, clock, kind):
    store = postgres_server.store(schema, clock)
    await store.open()
    await store.commit(Transition([PutRow(FlowRow(f"{kind}:stays", 0))]))
    for n in range(50):
        clock.now = NOW + n * DAY
        each = [ExtendRow(f"{kind}:{n} {i}", clock.now + DAY) for i in range(20)]
        await store.commit(Transition(each))
    await store.close()
    assert (await rows(f"SELECT count(*) FROM {schema}.flow_rows"))[0][0] < 400
    assert len(await rows(f"SELECT 1 FROM {schema}.flow_rows WHERE key = '{kind}:stays'")) == 1


def test_plans_made_while_tables_are_empty_will_do_when_they_are_full(clock):
    """A connection keeps the plan of a prepared statement, whatever the table has become."""
    with (
        postgres_server.schema() as name,
        psycopg.connect(postgres_server.uri(), autocommit=True, options=database.PLANNING) as connection,
    ):
        connection.execute(f"CREATE SCHEMA {name}")
        connection.execute(f"SET search_path TO {name}")
        for script in migrate.scripts():
            connection.execute(script.text)
        connection.execute("SET plan_cache_mode = force_generic_plan")
        statements = {**texts(Statements(name)), **texts(Queries(name))}
        for statement in (text for of, text in statements.items() if of not in OF_WRITERS):
            kinds = re.findall(r"%b::(\w+(?:\[\])?)", statement.decode())
            numbers = iter(range(1, len(kinds) + 1))
            text = re.sub("%b", lambda _, numbers=numbers: f"${next(numbers)}", statement.decode())
            declared, values = (
                f"({', '.join(each)})" if kinds else "" for each in (kinds, ["NULL"] * len(kinds))
            )
            connection.execute(f"PREPARE planned{declared} AS {text}")
            rows = connection.execute(f"EXPLAIN EXECUTE planned{values}").fetchall()
            connection.execute("DEALLOCATE planned")
            found = "\n".join(row[0] for row in rows)
            assert not re.search("Seq Scan|Hash|Merge", found.replace("HashAggregate", "")), found


async def test_statements_are_planned_so(schema, clock):
    store = postgres_server.store(schema, clock)
    await store.open()
    connection = await store._writer._link.connection()
    shown = await (await connection.execute("SHOW enable_seqscan")).fetchone()
    await store.close()
    assert shown == ("off",)
