"""The production store: PostgreSQL, one writer with group commit, any number of replicas."""

from inngest_fast.adapters.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
