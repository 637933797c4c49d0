"""The production store: PostgreSQL, one writer with group commit, any number of replicas."""

from inngest_fast.adapters.postgres.api_keys import api_keys_of
from inngest_fast.adapters.postgres.migrate import PostgresMigrations
from inngest_fast.adapters.postgres.store import PostgresStore

__all__ = ["PostgresMigrations", "PostgresStore", "api_keys_of"]
