"""What became of a transaction whose COMMIT had no answer."""

from typing import Final

from psycopg import errors

from inngest_fast.adapters.postgres.load import Connection

_STATUS: Final = b"SELECT pg_xact_status(%s::xid8)"
# A server that has not noticed yet that its client is gone may hold the transaction open for long.
_END_ITS_BACKEND: Final = (
    b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    b" WHERE backend_xid = %s::xid8::xid AND datname = current_database() AND usename = current_user"
    b" AND pid <> pg_backend_pid()"
)


class UnknownFateError(Exception):
    """The database does not remember the transaction any more."""


async def was_committed(connection: Connection, transaction_id: str) -> bool | None:
    """None while it is still open; then it is made to end. psycopg.Error when the question has no answer."""
    try:
        row = await (await connection.execute(_STATUS, (transaction_id,))).fetchone()
    except errors.InvalidParameterValue:
        return False  # of the future: a standby that took over before the transaction reached it
    status = row[0] if row else None
    if status is None:
        raise UnknownFateError(f"the database no longer knows the transaction {transaction_id}")
    if status == "in progress":
        await connection.execute(_END_ITS_BACKEND, (transaction_id,))
        return None
    return bool(status == "committed")
