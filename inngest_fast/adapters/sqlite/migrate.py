"""The database's version: what opens a file, and brings it forward."""

import re
import sqlite3
from pathlib import Path
from typing import Final

from inngest_fast.domain.errors import StoreVersionError

APPLICATION_ID: Final = 0x696E6766  # "ingf"
MIGRATIONS: Final = Path(__file__).parent / "migrations"

_NAME = re.compile(r"(\d{4})_\w+\.sql")


def check(connection: sqlite3.Connection, path: str, latest: int) -> int:
    """The version of the database, 0 when it is new; changes nothing.

    Raises StoreVersionError for another program's file, or one of a newer version than `latest`.
    """
    application = _number(connection, "application_id")
    version = _number(connection, "user_version")
    if application != APPLICATION_ID:
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application or version or tables:
            raise StoreVersionError(
                f'the database "{path}" belongs to another program: choose another directory, '
                "or move that file away"
            )
        return 0
    if version > latest:
        raise StoreVersionError(
            f'the database "{path}" has version {version}, and this program knows versions up to {latest}: '
            "run the newer inngest-fast that wrote it, or choose another directory"
        )
    return version


def migrate(connection: sqlite3.Connection, version: int, scripts: list[str]) -> None:
    """Brings a database of that version to the latest, whole or not at all."""
    if version == len(scripts):
        return
    parts = [
        "BEGIN IMMEDIATE;",
        *scripts[version:],
        f"PRAGMA user_version = {len(scripts)};",
        f"PRAGMA application_id = {APPLICATION_ID};",
        "COMMIT;",
    ]
    try:
        connection.executescript("\n".join(parts))
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def try_write(connection: sqlite3.Connection) -> None:
    """Fails as a later write would, and changes nothing. To begin a transaction is no proof."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(f"PRAGMA user_version = {_number(connection, 'user_version')}")
    finally:
        connection.execute("ROLLBACK")


def scripts(directory: Path = MIGRATIONS) -> list[str]:
    """The migrations in order; the first makes version 1 of nothing."""
    return [path.read_text("utf-8") for path in _files(directory)]


def names(directory: Path = MIGRATIONS) -> list[str]:
    """Of the migrations, in order."""
    return [path.stem for path in _files(directory)]


def _files(directory: Path) -> list[Path]:
    found = sorted(path for path in directory.iterdir() if _NAME.fullmatch(path.name))
    for place, path in enumerate(found, 1):
        if int(path.name[:4]) != place:
            raise RuntimeError(f"migration {place:04} is missing: found {path.name}")
    return found


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    number: int = connection.execute(f"PRAGMA {pragma}").fetchone()[0]
    return number
