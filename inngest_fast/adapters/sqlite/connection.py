"""Connections, and what their errors mean to an operator."""

import sqlite3
from pathlib import Path
from typing import Final

from inngest_fast.domain.errors import StoreError, StoreVersionError

MEMORY: Final = ":memory:"

# Where another program's tools hold the file for a moment.
_BUSY_SECONDS: Final = 5.0
_WRITER_CACHE_KB: Final = 4_096
_READER_CACHE_KB: Final = 1_024
_CHECKPOINT_PAGES: Final = 2_000
_WAL_KEPT_BYTES: Final = 16 * 1024 * 1024

_FIXES: Final = (
    ("database or disk is full", "make room on its disk"),
    ("readonly", "give this process write access to it"),
    ("locked", "end the program that holds it"),
    ("unable to open", "give this process access to it and its directory"),
    ("disk I/O error", "check its disk: it may be full, gone or failing"),
    ("malformed", "restore it from a backup"),
)
_OF_ONE_STATEMENT: Final = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)


def connect(path: str) -> sqlite3.Connection:
    """A bare connection: nothing of the file is read or changed yet."""
    return sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, cached_statements=128)


def prepare_writer(connection: sqlite3.Connection, *, durable: bool) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT_BYTES}")
    connection.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KB}")
    connection.execute("PRAGMA temp_store = MEMORY")


def open_reader(path: str) -> sqlite3.Connection:
    connection = connect(path)
    connection.execute("PRAGMA query_only = ON")
    connection.execute(f"PRAGMA cache_size = -{_READER_CACHE_KB}")
    return connection


def make_directory(path: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)


def concerns_one_transition(error: Exception) -> bool:
    """Whether it came from what was to be written, and the database itself is fine."""
    return not isinstance(error, sqlite3.Error) or isinstance(error, _OF_ONE_STATEMENT)


def store_error(path: str, doing: str, error: BaseException) -> StoreError:
    """A StoreError that names the file, the cause and, where there is one, the fix."""
    if isinstance(error, StoreError):
        return error
    text = str(error) or type(error).__name__
    if isinstance(error, OSError):
        text = error.strerror or text
        fix = "give this process write access to its directory" if isinstance(error, PermissionError) else ""
    else:
        if isinstance(error, sqlite3.DatabaseError) and "not a database" in text:
            return StoreVersionError(
                f'the file "{path}" is no SQLite database: move it away, or choose another directory'
            )
        fix = next((fix for cause, fix in _FIXES if cause in text), "")
    return StoreError(f'cannot {doing} "{path}": {text}' + (f"; {fix}" if fix else ""))
