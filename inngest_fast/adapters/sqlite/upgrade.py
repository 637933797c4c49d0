"""The migrations of a file that no server has open: which are to come, and to apply them."""

from pathlib import Path

from inngest_fast.adapters.sqlite import migrate
from inngest_fast.adapters.sqlite.connection import connect, store_error
from inngest_fast.adapters.sqlite.database import Database


def pending(path: str) -> list[str]:
    """Names of those that the file lacks, all where there is none; changes nothing. Raises StoreError."""
    names = migrate.names()
    if not Path(path).exists():
        return names
    try:
        connection = connect(path)
        try:
            return names[migrate.check(connection, path, len(names)) :]
        finally:
            connection.close()
    except Exception as error:
        raise store_error(path, "open the database", error) from error


def apply(path: str) -> list[str]:
    """Applies those that the file lacks, which is made if there is none; their names. Raises StoreError."""
    lacking = pending(path)
    database = Database(path, durable=True)
    database.close(database.open())
    return lacking
