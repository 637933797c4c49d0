"""The file itself: its version, its growth, its indexes."""

import contextlib
import sqlite3

import pytest

from inngest_fast.adapters.sqlite import SqliteStore, migrate, queries, statements
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.runs import RunStatus
from inngest_fast.domain.transitions import ExtendRow, PutRow, Transition
from inngest_fast.ports.store import EventQuery, RunQuery, RunTime
from tests.conformance.store.making import DAY, NOW, of_flow_control, run_id, started
from tests.conformance.store.test_keys import keyed


@pytest.fixture
def path(tmp_path):
    return tmp_path / "main.db"


@pytest.fixture
def file_store(path, runner, clock):
    store = SqliteStore(str(path), durable=True, clock=clock)
    runner.run(store.open())
    yield store
    runner.run(store.close())


async def test_clean_end_leaves_one_file(file_store, path):
    await file_store.commit(started(1))
    assert await file_store.run(run_id(1)) is not None
    await file_store.close()
    assert sorted(each.name for each in path.parent.iterdir()) == ["main.db", "main.db.lock"]


async def test_clean_end_leaves_all_in_the_file_whoever_else_reads_it(file_store, path):
    await file_store.commit(started(1))
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("SELECT * FROM runs").fetchall()
        await file_store.close()
        assert (path.parent / "main.db-wal").stat().st_size == 0


@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 1)])
async def test_waits_for_the_disk_if_durable(path, clock, durable, level):
    store = SqliteStore(str(path), durable=durable, clock=clock)
    await store.open()
    found = await store._writer.read(lambda writing: writing.execute("PRAGMA synchronous").fetchone())
    await store.close()
    assert found == (level,)


async def test_is_marked_as_ours(file_store, path):
    await file_store.close()
    with contextlib.closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA application_id").fetchone() == (migrate.APPLICATION_ID,)
        assert other.execute("PRAGMA user_version").fetchone() == (len(migrate.scripts()),)


async def test_every_table_has_an_environment(file_store, path):
    await file_store.commit(started(1, *of_flow_control(), key="k"))
    await file_store.close()
    with contextlib.closing(sqlite3.connect(path)) as other:
        tables = [row[0] for row in other.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables.remove("environments")
        assert len(tables) >= 12
        for table in tables:
            assert set(other.execute(f"SELECT env FROM {table}")) <= {(1,)}
        assert other.execute("SELECT number FROM environments").fetchall() == [(1,)]


async def test_expired_keys_do_not_pile_up(file_store, path, clock):
    for n in range(2_000):
        clock.now = NOW + n * DAY
        await file_store.commit(keyed(n, key=f"key {n}", until=clock.now + DAY))
    await file_store.close()
    with contextlib.closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM keys").fetchone()[0] < 300


@pytest.mark.parametrize("kind", ["rate", "throttle"])
async def test_ended_rows_do_not_pile_up(file_store, path, clock, kind):
    await file_store.commit(Transition([PutRow(FlowRow(f"{kind}:stays"))]))
    for n in range(50):
        clock.now = NOW + n * DAY
        each = [ExtendRow(f"{kind}:{n} {i}", clock.now + DAY) for i in range(20)]
        await file_store.commit(Transition(each))
    await file_store.close()
    with contextlib.closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM flow_rows").fetchone()[0] < 400
        stays = other.execute("SELECT count(*) FROM flow_rows WHERE key = ?", (f"{kind}:stays",))
        assert stays.fetchone() == (1,)


async def test_opened_again_it_holds_the_same(file_store, path, clock):
    for n in range(50):
        await file_store.commit(started(n))
    before = await file_store.runs(RunQuery(100)), await file_store.jobs("", 100)
    await file_store.close()
    again = SqliteStore(str(path), durable=False, clock=clock)
    await again.open()
    assert (await again.runs(RunQuery(100)), await again.jobs("", 100)) == before
    await again.close()


def test_migration_is_whole_or_not_at_all():
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        with pytest.raises(sqlite3.OperationalError):
            migrate.migrate(
                fresh, 0, ["CREATE TABLE one (x);", "CREATE TABLE two (x); CREATE TABEL three (x);"]
            )
        assert not fresh.in_transaction
        assert fresh.execute("SELECT name FROM sqlite_master").fetchall() == []
        assert fresh.execute("PRAGMA user_version").fetchone() == (0,)


def test_migration_starts_from_the_version_it_finds():
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as old:
        migrate.migrate(old, 0, ["CREATE TABLE one (x);"])
        assert migrate.check(old, "main.db", 2) == 1
        migrate.migrate(old, 1, ["CREATE TABLE one (x);", "CREATE TABLE two (x);"])
        assert migrate.check(old, "main.db", 2) == 2
        assert old.execute("SELECT count(*) FROM sqlite_master").fetchone() == (2,)


def test_migrations_are_numbered_without_gaps(tmp_path):
    (tmp_path / "0001_a.sql").write_text("SELECT 1;")
    (tmp_path / "0003_c.sql").write_text("SELECT 3;")
    with pytest.raises(RuntimeError, match="migration 0002 is missing"):
        migrate.scripts(tmp_path)


@pytest.fixture
def schema():
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate.migrate(connection, 0, migrate.scripts())
        yield connection


WRITES = {
    name: text
    for name, text in vars(statements).items()
    if name.isupper() and text.startswith(("SELECT", "INSERT", "UPDATE", "DELETE"))
}


def plan(connection, text):
    rows = connection.execute("EXPLAIN QUERY PLAN " + text, [None] * text.count("?"))
    return [row[3] for row in rows]


@pytest.mark.parametrize("name", WRITES)
def test_no_write_scans_a_table(schema, name):
    assert [line for line in plan(schema, WRITES[name]) if line.startswith("SCAN")] == []


POINT_READS = [
    queries._RUN,
    queries._STEPS,
    queries._WIRE,
    queries._EVENT,
    queries._WAITS,
    queries._ROWS,
    queries._BATCH,
    queries._CANCELLATION,
]


@pytest.mark.parametrize("text", POINT_READS)
def test_no_point_read_scans_a_table(schema, text):
    scans = [line for line in plan(schema, text) if line.startswith("SCAN")]
    assert [line for line in scans if "json_each" not in line] == []


@pytest.mark.parametrize(
    ("text", "used"),
    [
        (queries._ROWS_OF, "SEARCH flow_rows USING PRIMARY KEY (key>? AND key<?)"),
        (
            queries._LIVE_RUNS,
            "SEARCH runs USING INDEX runs_live_of_function (function_id=? AND id>? AND id<?)",
        ),
        (queries._CANCELLATIONS, "SEARCH cancellations USING PRIMARY KEY (id<?)"),
        (queries._BATCH, "SEARCH pending_events USING PRIMARY KEY (batch_id=?)"),
        (statements.SWEEP_FLOW_ROWS, "SEARCH flow_rows USING COVERING INDEX flow_rows_by_end (until<?)"),
    ],
)
def test_reads_use_their_index_and_sort_nothing(schema, text, used):
    lines = plan(schema, text)
    assert used in lines
    assert [line for line in lines if "TEMP B-TREE" in line] == []


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (RunQuery(10, status=RunStatus.QUEUED), "runs_live"),
        (RunQuery(10, status=RunStatus.FAILED), "runs_not_completed"),
        (RunQuery(10, status=RunStatus.SKIPPED), "runs_not_completed"),
        (RunQuery(10, function_id="f"), "runs_by_function"),
        (RunQuery(10, event_id="e"), "runs_by_event"),
        (RunQuery(10, order=RunTime.ENDED).halves[0], "runs_by_end"),
        (RunQuery(10, order=RunTime.STARTED, after=(7, "r")).halves[0], "runs_by_start"),
        (EventQuery(10, name="n"), "events_by_name"),
    ],
)
def test_listings_use_their_index(schema, query, index):
    texts = []
    schema.set_trace_callback(texts.append)
    (queries.runs if isinstance(query, RunQuery) else queries.events)(schema, query)
    schema.set_trace_callback(None)
    assert any(index in line for line in plan(schema, texts[0].replace("?", "NULL")))
