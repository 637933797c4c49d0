"""The schema's version: what makes a schema, and brings it forward."""

import hashlib
import re
from pathlib import Path
from typing import Final

from inngest_fast.adapters.postgres.load import Connection
from inngest_fast.adapters.postgres.statements import quoted
from inngest_fast.domain.errors import StoreVersionError

MIGRATIONS: Final = Path(__file__).parent / "migrations"

_NAME = re.compile(r"(\d{4})_\w+\.sql")


async def migrate(connection: Connection, schema: str, scripts: list[str]) -> None:
    """Brings the schema to the latest version, whole or not at all; one server at a time does so.

    Raises StoreVersionError for a schema of another program, or of a newer version than `scripts`.
    """
    name = quoted(schema).replace("%%", "%")
    async with connection.transaction():
        await connection.execute(b"SELECT pg_advisory_xact_lock(%s)", (_lock(schema),))
        version = await _version(connection, schema, len(scripts))
        if version == len(scripts):
            return
        if not version:
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name}".encode())
        await connection.execute(f"SET LOCAL search_path TO {name}".encode())
        if not version:
            await connection.execute(
                b"CREATE TABLE migrations"
                b" (version INTEGER PRIMARY KEY, at TIMESTAMPTZ NOT NULL DEFAULT now())"
            )
        for number, script in enumerate(scripts[version:], version + 1):
            await connection.execute(script.encode(), prepare=False)  # it is many statements
            await connection.execute(b"INSERT INTO migrations (version) VALUES (%s)", (number,))


async def _version(connection: Connection, schema: str, latest: int) -> int:
    """The version of the schema, 0 when it is new or empty."""
    found = await connection.execute(
        b"SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", (schema,)
    )
    tables = [row[0] for row in await found.fetchall()]
    if not tables:
        return 0
    if "migrations" not in tables:
        raise StoreVersionError(
            f'the schema "{schema}" belongs to another program: it has the table "{tables[0]}" and no '
            "version; choose another schema or database"
        )
    name = quoted(schema).replace("%%", "%")
    row = await (await connection.execute(f"SELECT max(version) FROM {name}.migrations".encode())).fetchone()
    version: int = (row and row[0]) or 0
    if version > latest:
        raise StoreVersionError(
            f'the schema "{schema}" has version {version}, and this program knows versions up to {latest}: '
            "run the newer inngest-fast that wrote it, or choose another database"
        )
    return version


def scripts(directory: Path = MIGRATIONS) -> list[str]:
    """The migrations in order; the first makes version 1 of nothing."""
    found = sorted(path for path in directory.iterdir() if _NAME.fullmatch(path.name))
    for place, path in enumerate(found, 1):
        if int(path.name[:4]) != place:
            raise RuntimeError(f"migration {place:04} is missing: found {path.name}")
    return [path.read_text("utf-8") for path in found]


def _lock(schema: str) -> int:
    digest = hashlib.sha256(b"inngest-fast migration of " + schema.encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
