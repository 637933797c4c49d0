"""The embedded store: one SQLite file, one writer thread, group commit."""

from inngest_fast.adapters.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
