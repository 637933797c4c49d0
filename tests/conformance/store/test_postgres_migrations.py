"""What an operator runs: which migrations would be applied, and applying them."""

import asyncio
import contextlib

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from inngest_fast.adapters.postgres import PostgresMigrations, migrate
from inngest_fast.domain.errors import StoreError, StoreVersionError
from tests.conformance.store.making import started
from tests.fixtures import postgres_server

LATEST = len(migrate.scripts())


@pytest.fixture
def schema():
    with postgres_server.schema() as name:
        yield name


def migrations(schema):
    return PostgresMigrations(postgres_server.uri(), schema)


async def execute(text, *values):
    async with await psycopg.AsyncConnection.connect(postgres_server.uri(), autocommit=True) as connection:
        cursor = await connection.execute(text, values or None)
        return await cursor.fetchall() if cursor.description else []


async def schemas(name):
    return await execute("SELECT nspname FROM pg_namespace WHERE nspname = %s", name)


async def test_plan_says_what_would_be_done_and_changes_nothing(schema):
    for _ in range(2):
        plan = await migrations(schema).plan()
        assert (plan.schema, plan.version, plan.latest) == (schema, 0, LATEST)
        assert [step.number for step in plan.steps] == list(range(1, LATEST + 1))
        assert plan.steps[0].name == "initial"
        assert "CREATE TABLE waits" in plan.steps[0].text
        assert plan.place.startswith("PostgreSQL at ")
        assert await schemas(schema) == []


async def test_apply_does_what_was_planned(schema, clock):
    plan = await migrations(schema).plan()
    assert await migrations(schema).apply() == plan
    after = await migrations(schema).plan()
    assert (after.version, after.steps) == (LATEST, ())
    assert await migrations(schema).apply() == after
    store = postgres_server.store(schema, clock)
    await store.open()
    assert (await store.commit(started(1))).applied
    await store.close()


async def test_texts_are_all_that_is_needed(schema):
    """An operator may run them by hand, in one transaction."""
    plan = await migrations(schema).plan()
    async with await psycopg.AsyncConnection.connect(postgres_server.uri()) as connection:
        for step in plan.steps:
            await connection.execute(step.text)
    assert (await migrations(schema).plan()).version == LATEST


async def test_only_later_migrations_are_planned(schema, monkeypatch):
    await migrations(schema).apply()
    known = [*migrate.scripts(), migrate.Migration(LATEST + 1, "more", "CREATE TABLE more (x int);")]
    monkeypatch.setattr(migrate, "scripts", lambda: known)
    plan = await migrations(schema).plan()
    assert (plan.version, plan.latest) == (LATEST, LATEST + 1)
    assert [(step.number, step.name) for step in plan.steps] == [(LATEST + 1, "more")]
    assert await migrations(schema).apply() == plan
    assert await execute(f"SELECT * FROM {schema}.more") == []


async def test_servers_that_migrate_at_once(schema):
    done = await asyncio.gather(*(migrations(schema).apply() for _ in range(4)))
    assert sorted(len(each.steps) for each in done) == [0, 0, 0, LATEST]


@pytest.mark.parametrize("what", ["plan", "apply"])
async def test_other_schemas_are_refused(schema, what):
    await migrations(schema).apply()
    await execute(f"INSERT INTO {schema}.migrations (version) VALUES (4711)")
    with pytest.raises(StoreVersionError, match=f"has version 4711.* up to {LATEST}"):
        await getattr(migrations(schema), what)()
    await execute(
        f"DROP SCHEMA {schema} CASCADE; CREATE SCHEMA {schema}; CREATE TABLE {schema}.theirs (x int)"
    )
    with pytest.raises(StoreVersionError, match="another program"):
        await getattr(migrations(schema), what)()


@pytest.mark.parametrize("what", ["plan", "apply"])
async def test_unreachable_server_is_named_and_its_password_is_not(tmp_path, what):
    away = PostgresMigrations(f"postgresql://someone:secret@/data?host={tmp_path}&port=7")
    with pytest.raises(StoreError, match="cannot migrate PostgreSQL at .*:7/data") as caught:
        await getattr(away, what)()
    assert "secret" not in str(caught.value)


async def test_user_without_the_right_to_make_schemas_needs_a_schema_of_its_own(schema, clock):
    user = f"{schema}_user"
    await execute(f"CREATE ROLE {user} LOGIN PASSWORD 'x'")
    async with contextlib.AsyncExitStack() as cleaning:
        cleaning.push_async_callback(execute, f"DROP OWNED BY {user} CASCADE; DROP ROLE {user}")
        uri = make_conninfo(postgres_server.uri(), options=f"-c role={user}")
        with pytest.raises(StoreError, match="permission denied .*give the user the rights"):
            await PostgresMigrations(uri, schema).apply()
        await execute(
            sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(*map(sql.Identifier, (schema, user)))
        )
        assert len((await PostgresMigrations(uri, schema).apply()).steps) == LATEST
        store = postgres_server.store(schema, clock, uri)
        await store.open()
        assert (await store.commit(started(1))).applied
        await store.close()
