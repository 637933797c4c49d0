"""What can go wrong between a store and its PostgreSQL: it is said clearly, and every answer is true."""

import asyncio
import contextlib
import logging
import random
import tempfile
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from inngest_fast.adapters.postgres import fate, migrate
from inngest_fast.domain.errors import StoreError, StoreVersionError
from inngest_fast.domain.transitions import AddJob, AddWait, Admit, PutEvent, Transition
from tests.conformance.store.making import (
    Clock,
    Counting,
    event,
    event_id,
    job,
    run_id,
    started,
    updated,
    wait,
)
from tests.conformance.store.making import run as a_run
from tests.fixtures import postgres_server


@pytest.fixture
def schema():
    with postgres_server.schema() as name:
        yield name


def store_on(schema, uri="", **options):
    return postgres_server.store(schema, Clock(), uri, **options)


@contextlib.asynccontextmanager
async def opened(schema, uri="", **options):
    store = store_on(schema, uri, **options)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def sql(text, *values):
    async with await psycopg.AsyncConnection.connect(postgres_server.uri(), autocommit=True) as connection:
        cursor = await connection.execute(text, values or None)
        return await cursor.fetchall() if cursor.description else []


# A wire that can be cut

COMMIT = b"COMMIT\0"
KEY = b"K\0\0\0\x0c"  # BackendKeyData, before the number of the backend


class Wire:
    """Stands between a store and the server, on a socket of its own, and does as it is told."""

    def __init__(self):
        given = conninfo_to_dict(postgres_server.uri())
        self._to = given.get("host") or "localhost", str(given.get("port") or 5432)
        self._directory = tempfile.TemporaryDirectory(prefix="wire-")
        directory = self._directory.name
        self.uri = make_conninfo(**{**given, "host": directory, "port": "5432", "sslmode": "disable"})
        self._path = str(Path(directory, ".s.PGSQL.5432"))
        self.plan = ""  # what to do with the next COMMIT: "", "before", "after" or "hold"
        self.refusing = False
        self.renumbering = False  # as a pooler does: it has one number for a backend, its clients another
        self.refused = asyncio.Event()
        self.cuts = 0
        self._open = set()
        self._held = []
        self._serving = set()

    async def __aenter__(self):
        def serve(from_store, to_store):
            self._serving.add(asyncio.create_task(self._serve(from_store, to_store)))

        self._server = await asyncio.start_unix_server(serve, self._path)
        return self

    async def __aexit__(self, *_):
        self._server.close()
        self.cut()
        await asyncio.gather(*self._serving)
        for writer in self._held:
            writer.transport.abort()
        self._directory.cleanup()

    def cut(self):
        for writer in list(self._open):
            writer.transport.abort()

    async def _connect(self):
        host, port = self._to
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, int(port))

    async def _serve(self, from_store, to_store):
        if self.refusing:
            to_store.transport.abort()
            self.refused.set()
            return
        from_server, to_server = await self._connect()
        mine = {to_store, to_server}
        self._open |= mine
        muted = asyncio.Event()

        async def answers():
            with contextlib.suppress(ConnectionError):
                while data := await from_server.read(65536):
                    if muted.is_set():
                        return  # the server has answered the commit: it is done
                    if self.renumbering and KEY in data:
                        at = data.index(KEY) + len(KEY)
                        data = data[:at] + b"\x7f\xff\xff\x01" + data[at + 4 :]
                    to_store.write(data)
            to_store.close()

        answering = asyncio.create_task(answers())
        with contextlib.suppress(ConnectionError):
            while data := await from_store.read(65536):
                plan = self.plan if COMMIT in data else ""
                if plan:
                    self.plan = ""
                    self.cuts += 1
                    if plan == "hold":  # the store is gone, and the server does not notice
                        mine.discard(to_server)
                        self._open.discard(to_server)
                        self._held.append(to_server)
                        break
                    if plan == "before":
                        break
                    muted.set()
                    to_server.write(data)
                    await answering
                    break
                to_server.write(data)
        answering.cancel()
        self._open -= mine
        for writer in mine:
            writer.transport.abort()


@pytest.mark.parametrize("plan", ["before", "after", "hold"])
async def test_connection_lost_during_a_commit(schema, plan, caplog):
    """It is found out whether it took place, and it takes place once."""
    async with Wire() as wire, opened(schema, wire.uri) as store:
        await store.commit(started(1))
        wire.plan = plan
        committed = await asyncio.gather(
            store.commit(Transition([updated(a_run(1)), PutEvent(event(9)), AddJob(job(1, "x"))], job(1))),
            store.commit(Transition([], job(1))),
        )
        assert wire.cuts == 1
        assert [each.reason for each in committed] == ["", "job"]
        assert committed[0].jobs == [job(1, "x")]
        assert (await store.run(run_id(1))).version == 1
        assert await store.jobs("", 10) == [job(1, "x")]
        assert await store.event(event_id(9)) == event(9)
        assert (await store.commit(started(2))).applied
        assert store.backlog == 0
    assert [record for record in caplog.records if record.name.startswith("inngest_fast")] == []


@pytest.mark.parametrize(("plan", "there"), [("before", False), ("after", True)])
async def test_answer_waits_until_the_truth_is_known(schema, plan, there):
    async with Wire() as wire, opened(schema, wire.uri) as store:
        await store.commit(started(1))
        wire.plan = plan
        wire.refusing = True
        handed = store.commit(started(2))
        await wire.refused.wait()
        assert await sql(f'SELECT id FROM "{schema}".runs WHERE id = %s', run_id(2)) == [(run_id(2),)] * there
        assert not handed.done()
        assert store.backlog == 1
        wire.refusing = False
        assert (await handed).applied
        assert await store.run(run_id(2)) is not None
        assert len(await store.jobs("", 10)) == 2


@pytest.mark.parametrize(("plan", "there"), [("before", False), ("after", True)])
async def test_close_does_not_wait_for_ever_for_the_truth(schema, plan, there, monkeypatch):
    monkeypatch.setattr("inngest_fast.adapters.postgres.writer._SECONDS_TO_SETTLE", 0.2)
    async with Wire() as wire, opened(schema, wire.uri) as store:
        wire.plan = plan
        wire.refusing = True
        handed = store.commit(started(1))
        await wire.refused.wait()
        await store.close()
        with pytest.raises(StoreError, match="unknown whether a commit took place"):
            await handed


async def test_idle_connections_that_died_are_replaced_unseen(schema):
    async with Wire() as wire, opened(schema, wire.uri) as store:
        await store.commit(started(1))
        await store.run(run_id(1))
        wire.cut()
        assert (await store.commit(started(2))).applied
        assert await store.run(run_id(2)) is not None
        await sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'inngest-fast' AND query LIKE %s",
            f"%{schema}%",
        )
        assert await store.run(run_id(1)) is not None
        assert (await store.commit(started(3))).applied


async def test_many_idle_connections_that_died_fail_no_read(schema):
    async with Wire() as wire, opened(schema, wire.uri, max_connections=6) as store:
        await store.commit(started(1))
        for _ in range(2):
            while store.details()["pool"]["available"] < 2:  # it grows when reads wait for a connection
                await asyncio.gather(*(store.event(event_id(1)) for _ in range(20)))
            wire.cut()
            assert await store.event(event_id(1)) == event(1)


async def test_waits_are_found_on_a_connection_that_died(schema):
    async with Wire() as wire, opened(schema, wire.uri) as store:
        await store.commit(started(1, AddWait(wait(1, 1))))
        asked = [("app/answer", lambda path: 1.0)]
        assert [each.id for each in (await store.find(asked)).waits] == [1]
        for _ in range(2):
            wire.cut()
            found = await asyncio.gather(*(store.find(asked) for _ in range(3)))
            assert [[each.id for each in one.waits] for one in found] == [[1]] * 3
        wire.refusing = True
        wire.cut()
        with pytest.raises(StoreError, match="cannot read PostgreSQL at"):
            await store.find(asked)
        wire.refusing = False
        assert [each.id for each in (await store.find(asked)).waits] == [1]


async def test_paths_are_learnt_again_from_a_database_that_took_over(schema):
    """One that was behind: it lacks what this server knows to be there."""
    async with Wire() as wire, opened(schema, wire.uri) as store, opened(schema) as other:
        await store.commit(started(1, AddWait(wait(1, 1))))
        wire.cut()
        await sql(f'DELETE FROM "{schema}".wait_paths')
        await store.commit(started(2))  # finds out that the connection was lost
        await store.commit(started(3, AddWait(wait(3, 3))))
        assert [each.id for each in (await other.find([("app/answer", lambda path: 1.0)])).waits] == [1, 3]


async def test_server_that_is_away_and_comes_back(schema, caplog):
    async with Wire() as wire, opened(schema, wire.uri) as store:
        await store.commit(started(1))
        wire.refusing = True
        wire.cut()
        errors = await asyncio.gather(
            *(store.commit(started(n)) for n in range(2, 5)), return_exceptions=True
        )
        assert {type(error) for error in errors} == {StoreError}
        assert "cannot write to PostgreSQL at" in str(errors[0])
        assert len(set(map(id, errors))) == 3
        with pytest.raises(StoreError):
            await store.commit(started(2))
        assert store.backlog == 0
        wire.refusing = False
        assert (await store.commit(started(5))).applied
        assert [each.id for each in await store.jobs("", 10)] == [job(1).id, job(5).id]
    said = [r.levelno for r in caplog.records if r.name.startswith("inngest_fast")]
    assert said == [logging.ERROR, logging.WARNING]  # once each


async def test_many_handed_in_while_the_connection_is_cut_again_and_again(schema):
    """Every answer is true: applied runs are there and were counted, failed ones are not."""
    async with Wire() as wire, opened(schema, wire.uri) as store:
        handed = {}
        for n in range(60):
            handed[n] = store.commit(started(n, Admit(Counting("count:1"))))
            if n % 6 == 0:
                wire.plan = ["before", "after", "hold"][n // 6 % 3]
            if n % 10 == 5:
                wire.cut()
            if n % 3 == 0:
                await asyncio.wait([handed[n]])
        await asyncio.wait(handed.values())
        assert wire.cuts >= 5
        applied = {n for n, future in handed.items() if not future.exception()}
        there = {n for n in handed if await store.run(run_id(n))}
        assert applied == there
        assert len(applied) > 30
        (row,) = await store.rows(["count:1"])
        assert int(row.body) == len(applied)


# Other schemas


async def refusal(schema):
    with pytest.raises(StoreError) as caught:
        await store_on(schema).open()
    return caught.value


async def test_newer_version(schema):
    async with opened(schema):
        pass
    await sql(f'INSERT INTO "{schema}".migrations (version) VALUES (4711)')
    error = await refusal(schema)
    assert isinstance(error, StoreVersionError)
    assert f'schema "{schema}" has version 4711' in str(error)
    assert f"up to {len(migrate.scripts())}" in str(error)


async def test_schema_of_another_program(schema):
    await sql(f'CREATE SCHEMA "{schema}"')
    await sql(f'CREATE TABLE "{schema}".theirs (x int)')
    error = await refusal(schema)
    assert isinstance(error, StoreVersionError)
    assert "another program" in str(error)
    assert await sql("SELECT tablename FROM pg_tables WHERE schemaname = %s", schema) == [("theirs",)]


async def test_empty_schema_with_an_odd_name_is_made_good():
    with postgres_server.schema() as name:
        odd = name + '~ 100%s "x" Ü'
        try:
            async with opened(odd) as store:
                assert (await store.commit(started(1))).applied
                assert await store.run(run_id(1)) is not None
        finally:
            await sql('DROP SCHEMA "' + odd.replace('"', '""') + '" CASCADE')


async def test_migration_is_whole_or_not_at_all(schema):
    scripts = [
        migrate.Migration(1, "one", "CREATE TABLE one (x int);"),
        migrate.Migration(2, "two", "CREATE TABLE two (x int); CREATE TABEL three (x int);"),
    ]
    mended = migrate.Migration(2, "two", "CREATE TABLE two (x int);")
    async with await psycopg.AsyncConnection.connect(postgres_server.uri(), autocommit=True) as connection:
        with pytest.raises(psycopg.errors.SyntaxError):
            await migrate.migrate(connection, schema, scripts)
        assert await sql("SELECT tablename FROM pg_tables WHERE schemaname = %s", schema) == []
        await migrate.migrate(connection, schema, scripts[:1])
        await migrate.migrate(connection, schema, [scripts[0], mended])
    found = await sql("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1", schema)
    assert found == [("migrations",), ("one",), ("two",)]
    assert await sql(f'SELECT version FROM "{schema}".migrations ORDER BY 1') == [(1,), (2,)]


def test_migrations_are_numbered_without_gaps(tmp_path):
    (tmp_path / "0001_a.sql").write_text("SELECT 1;")
    (tmp_path / "0003_c.sql").write_text("SELECT 3;")
    with pytest.raises(RuntimeError, match="migration 0002 is missing"):
        migrate.scripts(tmp_path)


# What cannot be served


async def test_unreachable_server_is_named_and_its_password_is_not(tmp_path):
    store = store_on("any", f"postgresql://someone:secret@/data?host={tmp_path}&port=7")
    with pytest.raises(StoreError) as caught:
        await store.open()
    assert f"PostgreSQL at {tmp_path}:7/data" in str(caught.value)
    assert "secret" not in str(caught.value)
    await store.close()


async def test_uri_that_cannot_be_read():
    with pytest.raises(StoreError, match="URI cannot be read") as caught:
        store_on("any", "postgresql://someone:secret@host/data?nonsense=1")
    assert "secret" not in str(caught.value)


async def test_database_that_may_only_be_read(schema):
    uri = make_conninfo(postgres_server.uri(), options="-c default_transaction_read_only=on")
    with pytest.raises(StoreError, match="read-only.*connect to the primary"):
        await store_on(schema, uri).open()


async def test_table_that_is_not_there_fails_the_group_and_nothing_else(schema):
    async with opened(schema) as store:
        await store.commit(started(1))
        await sql(f'ALTER TABLE "{schema}".events RENAME TO other')
        with pytest.raises(StoreError, match=f"{schema}.events"):
            await store.commit(started(2))
        assert await store.jobs("", 10) == [job(1)]
        await sql(f'ALTER TABLE "{schema}".other RENAME TO events')
        assert (await store.commit(started(3))).applied
        assert await store.jobs("", 10) == [job(1), job(3)]


@pytest.mark.parametrize(
    "bad",
    [
        AddJob(job(7, due=2**64)),
        AddJob(job(7, "x\ud800")),
        AddJob(job(7, random.Random(1).randbytes(9_999).hex())),
    ],
)
async def test_what_the_database_refuses_fails_alone(schema, bad):
    async with opened(schema) as store:
        handed = [store.commit(started(1)), store.commit(Transition([PutEvent(event(9)), bad]))]
        handed.append(store.commit(started(2)))
        results = await asyncio.gather(*handed, return_exceptions=True)
        assert [type(each).__name__ for each in results] == ["Committed", "StoreError", "Committed"]
        assert await store.event(event_id(9)) is None
        assert await store.jobs("", 10) == [job(1), job(2)]


@pytest.mark.parametrize(
    ("pooled", "prepare", "prepared"), [(False, None, True), (True, None, False), (True, True, True)]
)
async def test_statements_are_prepared_unless_there_is_a_pooler(schema, pooled, prepare, prepared):
    async with Wire() as wire:
        wire.renumbering = pooled
        async with opened(schema, wire.uri, prepare=prepare) as store:
            for n in range(5):
                assert (await store.commit(started(n))).applied
                assert await store.run(run_id(n)) is not None
            async with store._opened._pool.connection() as reading:
                connections = (await store._writer._link.connection(), reading)
            for connection in connections:
                cursor = await connection.execute("SELECT count(*) FROM pg_prepared_statements")
                assert ((await cursor.fetchone())[0] > 0) is prepared


async def test_connection_of_the_writer_is_replaced_in_time(schema):
    async with opened(schema, max_lifetime=1e-9) as store:
        first = await store._writer._link.connection()
        assert (await store.commit(started(1))).applied
        assert first.closed
        assert await store.run(run_id(1)) is not None


async def test_close_of_a_store_that_never_opened(schema):
    await store_on(schema).close()


async def test_what_became_of_a_commit_is_told_by_the_writers_own_row(schema):
    """A transaction's id would not do: after a crash another one may have it, and be committed."""
    async with opened(schema) as store:
        writer = store._writer
        assert (await store.commit(started(1))).applied
        number, name = writer._groups._number, writer._groups._writer
        ((transaction_id,),) = await sql("SELECT pg_current_xact_id()::text")  # is committed by now
        connection = await writer._link.connection()
        for group, committed in [(number, True), (number + 1, False), (number - 1, False)]:
            signature = fate.Signature(name, group, transaction_id)
            assert await fate.was_committed(connection, writer._sql, signature) is committed
        unknown = fate.Signature("another", number, transaction_id)
        assert await fate.was_committed(connection, writer._sql, unknown) is False


async def test_a_group_that_is_still_open_is_made_to_end(schema):
    async with opened(schema) as store:
        writer = store._writer
        assert (await store.commit(started(1))).applied
        async with await psycopg.AsyncConnection.connect(postgres_server.uri()) as hanging:
            cursor = await hanging.execute(
                writer._sql.sign, (writer._groups._writer, writer._groups._number + 1)
            )
            ((transaction_id,),) = await cursor.fetchall()
            signature = fate.Signature(writer._groups._writer, writer._groups._number + 1, transaction_id)
            connection = await writer._link.connection()
            told = await fate.was_committed(connection, writer._sql, signature)
            assert told is None
            async with asyncio.timeout(15):
                while told is None:
                    told = await fate.was_committed(connection, writer._sql, signature)
            assert told is False
            await hanging.close()
