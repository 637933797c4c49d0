"""Where the database is, how connections to it are made, and what their errors mean to an operator."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection, errors
from psycopg.conninfo import conninfo_to_dict

from inngest_fast.adapters.postgres.load import Connection
from inngest_fast.domain.errors import StoreError

# A lost network shows within half a minute; what the URI says goes first.
_DEFAULTS: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "application_name": "inngest-fast",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
ANSWER_S: Final = 8.0
_PREPARED_AFTER: Final = 1  # uses of a statement
# A plan is kept, and the tables of live work are nearly empty when it is made: there a scan looks cheap.
PLANNING: Final = "-c enable_seqscan=off -c jit=off"

_FIXES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (errors.DiskFull, "make room on its disk"),
    (errors.ReadOnlySqlTransaction, "connect to the primary, not to a standby"),
    (errors.InsufficientPrivilege, "give the user the rights on this schema"),
    (errors.InvalidPassword, "check the user and the password in the URI"),
    (errors.InvalidAuthorizationSpecification, "check the user and the password in the URI"),
    (errors.InvalidCatalogName, "create the database"),
    (errors.TooManyConnections, "raise max_connections, or lower --postgres-max-open-conns"),
)
_OF_ONE_TRANSITION: Final = (
    psycopg.DataError,
    psycopg.IntegrityError,
    errors.ProgramLimitExceeded,
    errors.StatementTooComplex,
)
_OF_THE_MOMENT: Final = (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure)


class Database:
    """Raises StoreError, with the place and the cause. No message has the password."""

    def __init__(self, uri: str, *, prepare: bool | None) -> None:
        try:
            given = conninfo_to_dict(uri)
        except psycopg.Error as error:
            raise StoreError(f"the PostgreSQL URI cannot be read: {error}") from None
        self.parameters: dict[str, Any] = {
            **_DEFAULTS,
            **given,
            "autocommit": True,
            "prepare_threshold": _PREPARED_AFTER if prepare else None,
        }
        self._to_be_asked = prepare is None
        host = given.get("host") or given.get("hostaddr") or "the local host"
        self.address = f"{host}:{given.get('port') or 5432}/{given.get('dbname') or ''}"
        self.place = f"PostgreSQL at {self.address}"
        self.version = ""  # of the server, once there was a connection

    async def connect(self) -> Connection:
        """Raises psycopg.Error. The first connection tells whether later ones prepare statements."""
        connection = await AsyncConnection.connect(**self.parameters)
        if self._to_be_asked and await _direct(connection):
            self.parameters["prepare_threshold"] = _PREPARED_AFTER
            given = self.parameters.get("options", "")
            self.parameters["options"] = f"{PLANNING} {given}".strip()
        self._to_be_asked = False
        told = connection.pgconn.parameter_status(b"server_version")  # at its greeting
        self.version = told.decode().split(" ")[0] if told else ""
        return connection

    def error(self, error: BaseException, doing: str = "write to") -> StoreError:
        """A StoreError that names the place, the cause and, where there is one, the fix."""
        if isinstance(error, StoreError):
            return error
        text = " ".join(str(error).split()) or type(error).__name__
        fix = next((fix for kind, fix in _FIXES if isinstance(error, kind)), "")
        return StoreError(f"cannot {doing} {self.place}: {text}" + (f"; {fix}" if fix else ""))


@contextlib.contextmanager
def answering(connection: Connection) -> Iterator[None]:
    """Hangs up on a database that says nothing for ANSWER_S seconds: then what waits for it fails as when the
    connection is lost. A network may swallow everything and break nothing.
    """
    timer = asyncio.get_running_loop().call_later(ANSWER_S, _hang_up, connection)
    try:
        yield
    finally:
        timer.cancel()


def _hang_up(connection: Connection) -> None:
    if not connection.closed:
        with socket.socket(fileno=os.dup(connection.fileno())) as own, contextlib.suppress(OSError):
            own.shutdown(socket.SHUT_RDWR)


async def _direct(connection: Connection) -> bool:
    """Whether nothing stands between, such as a pooler: that would give its clients numbers of its own."""
    row = await (await connection.execute(b"SELECT pg_backend_pid()")).fetchone()
    return row is not None and row[0] == connection.info.backend_pid


def concerns_one_transition(error: BaseException) -> bool:
    """Whether it came from what was to be written, and the database itself is fine."""
    return not isinstance(error, psycopg.Error) or isinstance(error, _OF_ONE_TRANSITION)


def worth_repeating(error: BaseException) -> bool:
    """Whether another writer was in the way, and the next try will find what it has done."""
    return isinstance(error, _OF_THE_MOMENT)
