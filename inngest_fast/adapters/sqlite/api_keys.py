"""ports.api_keys.ApiKeys in a file: one that is open here, or one that a server may have open now."""

import contextlib
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from inngest_fast.adapters.sqlite import upgrade
from inngest_fast.adapters.sqlite.connection import connect, store_error
from inngest_fast.domain.api_keys import ApiKey, Scope

_COLUMNS: Final = "id, name, scope, digest, created_at, expires_at, revoked_at, used_at"
_ALL: Final = f"SELECT {_COLUMNS} FROM api_keys ORDER BY id"
_LIVE: Final = (
    f"SELECT {_COLUMNS} FROM api_keys WHERE revoked_at = 0 AND (expires_at = 0 OR expires_at > ?) ORDER BY id"
)
_PUT: Final = f"INSERT INTO api_keys ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
_REVOKE: Final = (
    "UPDATE api_keys SET revoked_at = CASE revoked_at WHEN 0 THEN ? ELSE revoked_at END"
    " WHERE id = ? RETURNING 1"
)
_USED: Final = "UPDATE api_keys SET used_at = ? WHERE id = ? AND used_at < ?"

Rows = list[tuple[Any, ...]]
Ask = Callable[[str, tuple[Any, ...]], Awaitable[Rows]]


class SqliteApiKeys:
    """`ask` runs one statement, as a transaction, and returns its rows. It raises StoreError."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def put(self, key: ApiKey) -> None:
        times = (key.created_at, key.expires_at, key.revoked_at, key.used_at)
        await self._ask(_PUT, (key.id, key.name, int(key.scope), key.digest, *times))

    async def all(self) -> list[ApiKey]:
        return [_read(row) for row in await self._ask(_ALL, ())]

    async def live(self, now_ms: int) -> list[ApiKey]:
        return [_read(row) for row in await self._ask(_LIVE, (now_ms,))]

    async def revoke(self, id: str, at_ms: int) -> bool:
        return bool(await self._ask(_REVOKE, (at_ms, id)))

    async def used(self, uses: Mapping[str, int]) -> None:
        for id, at_ms in uses.items():
            await self._ask(_USED, (at_ms, id, at_ms))


def fetched(connection: sqlite3.Connection, statement: str, values: tuple[Any, ...]) -> Rows:
    return connection.execute(statement, values).fetchall()


def api_keys_of(path: str) -> SqliteApiKeys:
    """Those of a file, made or brought forward if no server has it open. Raises StoreError."""
    if upgrade.pending(path):
        upgrade.apply(path)

    async def ask(statement: str, values: tuple[Any, ...]) -> Rows:
        try:
            with contextlib.closing(connect(path)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                return fetched(connection, statement, values)
        except sqlite3.Error as error:
            raise store_error(path, "write to the database", error) from error

    return SqliteApiKeys(ask)


def _read(row: tuple[Any, ...]) -> ApiKey:
    id, name, scope, *more = row
    return ApiKey(id, name, Scope(scope), *more)
