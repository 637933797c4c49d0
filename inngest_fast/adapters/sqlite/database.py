"""The one connection that writes: opened, checked, brought forward, reopened after a failure."""

import sqlite3

from inngest_fast.adapters.sqlite import migrate
from inngest_fast.adapters.sqlite.connection import (
    MEMORY,
    connect,
    make_directory,
    prepare_writer,
    store_error,
)
from inngest_fast.adapters.sqlite.file_lock import FileLock
from inngest_fast.domain.errors import StoreError


class Database:
    """Lives on one thread. Every method raises StoreError, with the file and the cause."""

    def __init__(self, path: str, *, durable: bool) -> None:
        self.path = path
        self._durable = durable
        self._lock: FileLock | None = None

    @property
    def in_memory(self) -> bool:
        return self.path == MEMORY

    def open(self) -> sqlite3.Connection:
        """Takes the file for this process alone, and migrates it."""
        try:
            if not self.in_memory:
                make_directory(self.path)
                self._lock = FileLock.take(self.path)
            return self._connect()
        except BaseException as error:
            self._unlock()
            raise store_error(self.path, "open the database", error) from error

    def reopen(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        """A fresh connection in place of one that failed. That of a database in memory is all there is."""
        if self.in_memory:
            return connection
        try:
            fresh = self._connect()
        except Exception as error:
            raise store_error(self.path, "write to the database", error) from error
        connection.close()
        return fresh

    def close(self, connection: sqlite3.Connection) -> None:
        """Leaves one file, without a log beside it."""
        try:
            if not self.in_memory:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error:
            pass  # what is committed is in the log, and the next start reads it
        finally:
            connection.close()
            self._unlock()

    def error(self, error: BaseException, doing: str = "write to the database") -> StoreError:
        return store_error(self.path, doing, error)

    def _connect(self) -> sqlite3.Connection:
        connection = connect(self.path)
        try:
            scripts = migrate.scripts()
            version = migrate.check(connection, self.path, len(scripts))
            prepare_writer(connection, durable=self._durable)
            migrate.migrate(connection, version, scripts)
            migrate.try_write(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None
