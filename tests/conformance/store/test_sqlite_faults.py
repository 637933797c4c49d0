"""What can go wrong with a file: it is said clearly, and nothing acknowledged is lost."""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from inngest_fast.adapters.sqlite import SqliteStore, connection, group, migrate
from inngest_fast.domain.errors import StoreError, StoreVersionError
from inngest_fast.domain.transitions import PutEvent, Transition
from tests.conformance.store.making import Clock, event, event_id, job, run_id, started

ROOT = Path(__file__).parents[3]
NOBODY = 65534


def store_at(path: Path) -> SqliteStore:
    return SqliteStore(str(path), durable=True, clock=Clock())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "main.db"


async def refusal(path: Path) -> StoreError:
    """The error of opening the store, which has to leave every file as it was."""
    before = contents(path.parent)
    with pytest.raises(StoreError) as caught:
        await store_at(path).open()
    assert contents(path.parent) == before
    assert str(path) in str(caught.value)
    return caught.value


def contents(directory: Path) -> dict[str, bytes]:
    found = [each for each in directory.iterdir() if each.suffix != ".lock"]
    return {each.name: each.read_bytes() if each.is_file() else b"" for each in found}


async def create(path: Path) -> None:
    store = store_at(path)
    await store.open()
    await store.commit(started(1))
    await store.close()


# Other files


async def test_newer_version(path):
    await create(path)
    latest = len(migrate.scripts())
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 4711")
    error = await refusal(path)
    assert isinstance(error, StoreVersionError)
    assert "version 4711" in str(error)
    assert f"up to {latest}" in str(error)
    assert "newer inngest-fast" in str(error)


@pytest.mark.parametrize(
    "script",
    ["CREATE TABLE theirs (x)", "PRAGMA application_id = 7", "PRAGMA user_version = 1"],
)
async def test_database_of_another_program(path, script):
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute(script)
    error = await refusal(path)
    assert isinstance(error, StoreVersionError)
    assert "another program" in str(error)


async def test_no_database(path):
    path.write_bytes(b"some notes of mine\n" * 100)
    error = await refusal(path)
    assert isinstance(error, StoreVersionError)
    assert "no SQLite database" in str(error)


async def test_directory_in_its_place(path):
    path.mkdir()
    await refusal(path)


async def test_empty_file_and_missing_directory_are_made_good(path):
    path.touch()
    await create(path)
    await create(path.parent / "a" / "b" / "main.db")


async def test_broken_file(path):
    await create(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
    assert "malformed" in str(await refusal(path))


# Permissions


@pytest.fixture
def guarded() -> Iterator[Path]:
    """A directory that another user can reach."""
    directory = Path(tempfile.mkdtemp(prefix="store-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """As a user whom permissions bind; root is bound by none."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


async def test_file_that_may_only_be_read(guarded):
    path = guarded / "main.db"
    await create(path)
    (guarded / "main.db.lock").chmod(0o666)
    path.chmod(0o444)
    guarded.chmod(0o777)
    before = path.read_bytes()
    with unprivileged(), pytest.raises(StoreError, match="readonly.*write access") as caught:
        await store_at(path).open()
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before
    path.chmod(0o644)
    await create_again(path)


async def test_directory_that_may_only_be_read(guarded):
    guarded.chmod(0o555)
    with unprivileged():
        error = await refusal(guarded / "main.db")
    assert "Permission denied" in str(error)
    assert "write access" in str(error)


async def create_again(path: Path) -> None:
    store = store_at(path)
    await store.open()
    assert await store.run(run_id(1)) is not None
    await store.close()


# Others at the same file


def process(module: str, path: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", f"tests.conformance.store.{module}", str(path)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


async def test_in_use_by_another_process(path):
    with process("committing_process", path) as other:
        assert other.stdout.readline() == "open\n"
        assert other.stdout.readline() == run_id(1) + "\n"
        with pytest.raises(StoreError) as caught:
            await store_at(path).open()
        other.kill()
        other.stdout.read()
    assert "in use by another process" in str(caught.value)
    assert str(path) in str(caught.value)
    assert f"({other.pid})" in str(caught.value)
    await create_again(path)


async def test_in_use_by_another_store(path):
    store = store_at(path)
    await store.open()
    with pytest.raises(StoreError, match="in use by another store of this process"):
        await store_at(path).open()
    assert (await store.commit(started(1))).applied
    await store.close()
    await create_again(path)


async def test_locked_by_a_tool(path, monkeypatch):
    """Commits fail while it holds the file, and succeed afterwards."""
    monkeypatch.setattr(connection, "_BUSY_SECONDS", 0.01)
    store = store_at(path)
    await store.open()
    await store.commit(started(1))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as tool:
        tool.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError) as caught:
            await store.commit(started(2))
        assert await store.run(run_id(1)) is not None
        tool.execute("ROLLBACK")
    assert "locked" in str(caught.value)
    assert str(path) in str(caught.value)
    assert (await store.commit(started(3))).applied
    assert [await store.run(run_id(n)) is not None for n in (1, 2, 3)] == [True, False, True]
    await store.close()


# Full disks


async def test_full_disk(path):
    """Groups fail whole; with room again the same process commits, and all that it acknowledged is there."""
    with process("filling_process", path) as filling:
        said = msgspec.json.decode(filling.stdout.read())
    assert filling.returncode == 0
    acknowledged, failed = said["acknowledged"], said["failed"]
    assert acknowledged
    assert failed
    assert acknowledged == said["readable"]
    assert all(str(path) in message for message in said["messages"])
    assert "disk" in said["messages"][0]
    for start in range(0, 100, 5):
        assert len(set(range(start, start + 5)) & set(failed)) in (0, 5)
    store = store_at(path)
    await store.open()
    there = [n for n in [*range(100), 1_000] if await store.event(event_id(n))]
    await store.close()
    assert there == sorted([*acknowledged, *said["again"], 1_000])


async def limit_pages(store: SqliteStore, more: int) -> None:
    """A database that may grow by so many pages."""

    def limit(writing: sqlite3.Connection) -> None:
        count = writing.execute("PRAGMA page_count").fetchone()[0]
        writing.execute(f"PRAGMA max_page_count = {count + more}")

    await store._writer.read(limit)


@pytest.mark.parametrize("name", ["main.db", ":memory:"])
async def test_full_database(tmp_path, name):
    path = name if name == ":memory:" else str(tmp_path / name)
    store = SqliteStore(path, durable=False, clock=Clock())
    await store.open()
    await store.commit(started(1))
    await limit_pages(store, 3)
    group = [store.commit(started(2)), store.commit(Transition([PutEvent(event(9, wire=b"x" * 100_000))]))]
    for error in await asyncio.gather(*group, return_exceptions=True):
        assert isinstance(error, StoreError)
        assert path in str(error)
        assert "database or disk is full; make room" in str(error)
    assert store.backlog == 0
    assert await store.run(run_id(2)) is None
    await limit_pages(store, 1_000)
    assert (await store.commit(group_again := started(2))).applied
    assert await store.run(run_id(2)) == group_again.actions[1].run
    assert await store.jobs("", 10) == [job(1), job(2)]
    await store.close()


# Crashes


@pytest.mark.parametrize("acknowledged", [1, 500])
async def test_killed(path, acknowledged):
    """Every run whose commit was acknowledged is there, with its event and its job, and each was counted."""
    with process("committing_process", path) as committing:
        assert committing.stdout.readline() == "open\n"
        lines = [committing.stdout.readline() for _ in range(acknowledged)]
        committing.kill()
        lines += committing.stdout.readlines()
    ids = [line.strip() for line in lines if line.endswith("\n")]
    assert len(ids) >= acknowledged
    store = store_at(path)
    await store.open()
    for id in ids:
        found = await store.run(id)
        assert found is not None
        assert await store.event(found.event_ids[0]) is not None
        assert len(await store.run_jobs(id)) == 1
    (row,) = await store.rows(["count:1"])
    assert int(row.body) == await store.count_live_runs()
    await store.close()


async def test_writer_that_dies_leaves_nobody_waiting(path, monkeypatch):
    store = store_at(path)
    await store.open()

    def die(self, transitions):
        raise SystemExit("the end")

    monkeypatch.setattr(group.GroupCommit, "commit", die)
    results = await asyncio.gather(*(store.commit(started(n)) for n in range(600)), return_exceptions=True)
    assert {type(result) for result in results} == {StoreError}
    assert store.backlog == 0
    with pytest.raises(StoreError, match="the end"):
        await store.commit(started(1))
    await store.close()


async def test_connection_that_breaks_is_replaced(path):
    store = store_at(path)
    await store.open()
    await store.commit(started(1))
    await store._writer.read(lambda writing: writing.close())
    with pytest.raises(StoreError):
        await store.commit(started(2))
    assert (await store.commit(started(2))).applied
    assert await store.run(run_id(1)) is not None
    await store.close()


async def test_reader_survives_whatever_a_query_does(path):
    store = store_at(path)
    await store.open()
    await store.commit(started(1))

    def die(reading):
        raise SystemExit("the end")

    with pytest.raises(StoreError, match="the end"):
        await store._points.read(die)
    assert await store.run(run_id(1)) is not None
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.run(run_id(1))


async def test_close_of_a_store_that_never_opened(path):
    await store_at(path).close()
    path.write_bytes(b"no database at all, but long enough" * 100)
    store = store_at(path)
    with pytest.raises(StoreError):
        await store.open()
    await store.close()
