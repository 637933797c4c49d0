"""What became of a group whose COMMIT had no answer."""

from typing import Final, NamedTuple

from psycopg import errors

from inngest_fast.adapters.postgres.load import Connection
from inngest_fast.adapters.postgres.statements import Statements

# A server that has not noticed yet that its client is gone may hold the transaction open for long.
_END_ITS_BACKEND: Final = (
    b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    b" WHERE backend_xid = %s::xid8::xid AND datname = current_database() AND usename = current_user"
    b" AND pid <> pg_backend_pid()"
)


class Signature(NamedTuple):
    """By which a group is known: its writer's own row has the number, once the group is committed."""

    writer: str
    group: int
    transaction_id: str


async def was_committed(connection: Connection, sql: Statements, signature: Signature) -> bool | None:
    """None while it is still open; then it is made to end. psycopg.Error when the question has no answer.

    Also after a crash, or a fail-over to a standby that it had not reached: then the row is as it was before.
    """
    try:
        row = await (await connection.execute(sql.last_group, (signature.writer,))).fetchone()
    except errors.LockNotAvailable:
        await connection.execute(_END_ITS_BACKEND, (signature.transaction_id,))
        return None
    return row is not None and row[0] == signature.group
