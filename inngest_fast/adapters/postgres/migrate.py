"""The schema's version: what makes a schema, and brings it forward."""

import hashlib
import re
from pathlib import Path
from typing import Final

import msgspec
import psycopg

from inngest_fast.adapters.postgres.database import Database
from inngest_fast.adapters.postgres.load import Connection
from inngest_fast.adapters.postgres.statements import quoted
from inngest_fast.domain.errors import StoreError, StoreVersionError

MIGRATIONS: Final = Path(__file__).parent / "migrations"

_VERSIONS: Final = (
    "CREATE TABLE migrations (version INTEGER PRIMARY KEY, at TIMESTAMPTZ NOT NULL DEFAULT now());"
)
_NAME = re.compile(r"(\d{4})_\w+\.sql")


class Migration(msgspec.Struct, frozen=True):
    """One step of the schema: `text` makes version `number` of the one before."""

    number: int
    name: str
    text: str


class Plan(msgspec.Struct, frozen=True):
    """What brings a schema from its version (0: there is none) to the latest.

    The texts of `steps` are all that is executed, in one transaction.
    """

    place: str  # the database, for people
    schema: str
    version: int
    latest: int
    steps: tuple[Migration, ...]


class PostgresMigrations:
    """Plans and applies migrations, for an operator: `PostgresStore.open` applies them by itself."""

    def __init__(self, uri: str, schema: str = "inngest_fast") -> None:
        self._database = Database(uri, prepare=False)
        self._schema = schema

    async def plan(self) -> Plan:
        """What `apply` would do; changes nothing.

        Raises StoreError, and StoreVersionError for a schema of another program or of a newer version.
        """
        return await self._do(apply=False)

    async def apply(self) -> Plan:
        """What was done: whole, or not at all. One server at a time does so. Raises as `plan` does."""
        return await self._do(apply=True)

    async def _do(self, *, apply: bool) -> Plan:
        known = scripts()
        try:
            async with await self._database.connect() as connection:
                if apply:
                    version, steps = await migrate(connection, self._schema, known)
                else:
                    version, steps = await look(connection, self._schema, known)
        except (psycopg.Error, OSError, StoreError) as error:
            raise self._database.error(error, "migrate") from error
        return Plan(self._database.place, self._schema, version, len(known), tuple(steps))


Found = tuple[int, list[Migration]]  # the schema's version, and the steps from there


async def look(connection: Connection, schema: str, known: list[Migration]) -> Found:
    """What `migrate` would do. Raises StoreVersionError as it does."""
    async with connection.transaction():
        await connection.execute(b"SET TRANSACTION READ ONLY")
        version = await _version(connection, schema, len(known))
        return version, await _steps(connection, schema, version, known)


async def migrate(connection: Connection, schema: str, known: list[Migration]) -> Found:
    """Brings the schema to the latest version, whole or not at all; one server at a time does so.

    Returns what was done. Raises StoreVersionError for a schema of another program, or of a newer version
    than those known.
    """
    async with connection.transaction():
        await connection.execute(b"SELECT pg_advisory_xact_lock(%s)", (_lock(schema),))
        version = await _version(connection, schema, len(known))
        steps = await _steps(connection, schema, version, known)
        for step in steps:
            await connection.execute(step.text.encode(), prepare=False)  # it is many statements
    return version, steps


async def _steps(
    connection: Connection, schema: str, version: int, known: list[Migration]
) -> list[Migration]:
    """The steps with all that is executed, as it is executed."""
    found = await connection.execute(b"SELECT FROM pg_namespace WHERE nspname = %s", (schema,))
    absent = await found.fetchone() is None  # only its maker needs the right to make schemas
    name = quoted(schema).replace("%%", "%")
    made = []
    for step in known[version:]:
        lines = [f"SET LOCAL search_path TO {name};"]
        if step.number == 1:
            if absent:
                lines.insert(0, f"CREATE SCHEMA {name};")
            lines.append(_VERSIONS)
        lines += (step.text.rstrip(), f"INSERT INTO migrations (version) VALUES ({step.number});", "")
        made.append(Migration(step.number, step.name, "\n".join(lines)))
    return made


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


def scripts(directory: Path = MIGRATIONS) -> list[Migration]:
    """The migrations in order; the first makes version 1 of nothing."""
    found = sorted(path for path in directory.iterdir() if _NAME.fullmatch(path.name))
    for place, path in enumerate(found, 1):
        if int(path.name[:4]) != place:
            raise RuntimeError(f"migration {place:04} is missing: found {path.name}")
    return [Migration(number, path.stem[5:], path.read_text("utf-8")) for number, path in enumerate(found, 1)]


def _lock(schema: str) -> int:
    digest = hashlib.sha256(b"inngest-fast migration of " + schema.encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
