"""The embedded store: one SQLite file, one writer thread, group commit."""

from inngest_fast.adapters.sqlite.api_keys import api_keys_of
from inngest_fast.adapters.sqlite.store import SqliteStore

__all__ = ["SqliteStore", "api_keys_of"]
