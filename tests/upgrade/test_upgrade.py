"""Databases of earlier versions with runs in flight: this version takes them up, and they end."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from inngest_fast.adapters.postgres import migrate
from tests.fixtures import postgres_server
from tests.fixtures.load import AUTHORIZED
from tests.fixtures.server_process import ServerProcess
from tests.upgrade.in_flight import FUNCTIONS, InFlightApp, bring_to_their_ends
from tests.upgrade.record import RECORDED

# The app answers only once it has registered at its new place.
OPTIONS = ("--retry-interval", "1")
ENDS = {**dict.fromkeys((*FUNCTIONS, "child"), "completed"), "cancelled": "cancelled"}


def of(kind: str) -> "list[Path]":
    return sorted(RECORDED.glob(f"{kind}-*.sql"))


@pytest.mark.parametrize("recorded", of("sqlite"), ids=lambda path: path.stem)
def test_sqlite(recorded: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data" / "main.db") as connection:
        connection.executescript(recorded.read_text())
    connection.close()
    ends(lambda: ServerProcess("start", *OPTIONS, directory=tmp_path))


@pytest.mark.parametrize("recorded", of("postgres"), ids=lambda path: path.stem)
def test_postgres(recorded: Path, tmp_path: Path) -> None:
    with postgres_server.schema() as schema:
        uri = postgres_server.uri()
        text = recorded.read_text()
        asyncio.run(made(uri, schema, int(text.split("\n", 1)[0].removeprefix("-- version "))))
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(text.replace("SCHEMA", schema).encode())
        options = ("--postgres-uri", uri, "--postgres-schema", schema)
        ends(lambda: ServerProcess("start", *OPTIONS, *options, directory=tmp_path))


async def made(uri: str, schema: str, version: int) -> None:
    """The schema as it was at that version."""
    async with await psycopg.AsyncConnection.connect(uri, autocommit=True) as connection:
        await migrate.migrate(connection, schema, migrate.scripts()[:version])


def ends(make: Callable[[], ServerProcess]) -> None:
    server = make().start()
    try:
        with InFlightApp(server.url, server_headers=AUTHORIZED) as app:
            assert bring_to_their_ends(server, app) == ENDS
            again = [(function, step) for function, step in app.executed if step == "first"]
            assert again == [("held", "first")], "steps that were done are not done again"
    finally:
        server.stop()
