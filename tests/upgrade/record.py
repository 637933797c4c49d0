"""`python -m tests.upgrade.record sqlite|postgres`: keeps the database of this version with runs in flight.

Done once for each released version of a schema; what is recorded is never changed.
"""

import contextlib
import sqlite3
import sys
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.fixtures import postgres_server
from tests.fixtures.load import AUTHORIZED
from tests.fixtures.server_process import ServerProcess
from tests.upgrade.in_flight import InFlightApp, put_in_flight

RECORDED = Path(__file__).parent / "recorded"


def record_sqlite() -> str:
    """The text of a dump."""
    server = ServerProcess("start").start()
    _fill(server)
    with contextlib.closing(sqlite3.connect(server.directory / "data" / "main.db")) as connection:
        numbers = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS]
        lines = [f"PRAGMA {name} = {number};" for name, number in zip(PRAGMAS, numbers, strict=True)]
        return "\n".join([*lines, *connection.iterdump()]) + "\n"


def record_postgres() -> str:
    """Statements that fill a schema of the version in the first line; `SCHEMA` stands for its name."""
    with postgres_server.schema() as schema:
        uri = postgres_server.uri()
        server = ServerProcess("start", "--postgres-uri", uri, "--postgres-schema", schema).start()
        _fill(server)
        with psycopg.connect(uri) as connection:
            (version,) = one(connection, sql.SQL("SELECT max(version) FROM {}.migrations"), schema)
            lines = [f"-- version {version}"]
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", (schema,)
            ).fetchall()
            for (table,) in tables:
                if table != "migrations":
                    lines += _inserts(connection, schema, table)
    return "\n".join(lines) + "\n"


def one(connection: "psycopg.Connection[Any]", query: sql.SQL, schema: str) -> Any:
    return connection.execute(query.format(sql.Identifier(schema))).fetchone()


def _inserts(connection: "psycopg.Connection[Any]", schema: str, table: str) -> list[str]:
    rows = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, table)))
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in rows.description or ())
    lines = [f'DELETE FROM SCHEMA."{table}";']
    for row in rows:
        values = sql.SQL(", ").join(sql.Literal(value) for value in row)
        text = sql.SQL("({}) VALUES ({});").format(columns, values).as_string(connection)
        lines.append(f'INSERT INTO SCHEMA."{table}" {text}')
    return lines


PRAGMAS = ("application_id", "user_version")


def _fill(server: ServerProcess) -> None:
    with InFlightApp(server.url, server_headers=AUTHORIZED) as app:
        put_in_flight(server, app)
    server.kill()


def main(kind: str) -> None:
    text = {"sqlite": record_sqlite, "postgres": record_postgres}[kind]()
    RECORDED.mkdir(exist_ok=True)
    number = 1 + len(list(RECORDED.glob(f"{kind}-*.sql")))
    (RECORDED / f"{kind}-{number:04}.sql").write_text(text)


if __name__ == "__main__":
    main(sys.argv[1])
