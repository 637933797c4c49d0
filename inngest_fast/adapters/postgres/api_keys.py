"""ports.api_keys.ApiKeys in a schema: on the connections of a store, or on its own."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import psycopg

from inngest_fast.adapters.postgres.database import Database, answering
from inngest_fast.adapters.postgres.migrate import migrate, scripts
from inngest_fast.adapters.postgres.rows import readable, storable
from inngest_fast.adapters.postgres.statements import quoted
from inngest_fast.domain.api_keys import ApiKey, Scope
from inngest_fast.domain.errors import StoreError

_COLUMNS = "id, name, scope, digest, created_at, expires_at, revoked_at, used_at"

Ask = Callable[[bytes, Sequence[Any]], Awaitable[list[tuple[Any, ...]]]]


class PostgresApiKeys:
    """`ask` runs one statement, as a transaction, and returns its rows. It raises StoreError.

    Each statement may be run twice: the second changes nothing.
    """

    def __init__(self, schema: str, ask: Ask) -> None:
        self._ask = ask
        table = f"{quoted(schema)}.api_keys"
        self._all = f"SELECT {_COLUMNS} FROM {table} ORDER BY id".encode()
        self._live = (
            f"SELECT {_COLUMNS} FROM {table}"
            " WHERE revoked_at = 0 AND (expires_at = 0 OR expires_at > %b::bigint) ORDER BY id"
        ).encode()
        self._put = (
            f"INSERT INTO {table} ({_COLUMNS}) VALUES (%b::text, %b::text, %b::smallint, %b::text,"
            " %b::bigint, %b::bigint, %b::bigint, %b::bigint) ON CONFLICT (id) DO NOTHING RETURNING 1"
        ).encode()
        self._revoke = (
            f"UPDATE {table} SET revoked_at = CASE revoked_at WHEN 0 THEN %b::bigint ELSE revoked_at END"
            " WHERE id = %b::text RETURNING 1"
        ).encode()
        self._used = (
            f"UPDATE {table} SET used_at = uses.at"
            " FROM unnest(%b::text[], %b::bigint[]) AS uses (used, at)"
            " WHERE id = uses.used AND used_at < uses.at RETURNING 1"
        ).encode()

    async def put(self, key: ApiKey) -> None:
        text = map(storable, (key.id, key.name, key.digest))
        id, name, digest = text
        times = (key.created_at, key.expires_at, key.revoked_at, key.used_at)
        await self._ask(self._put, (id, name, int(key.scope), digest, *times))

    async def all(self) -> list[ApiKey]:
        return [_read(row) for row in await self._ask(self._all, ())]

    async def live(self, now_ms: int) -> list[ApiKey]:
        return [_read(row) for row in await self._ask(self._live, (now_ms,))]

    async def revoke(self, id: str, at_ms: int) -> bool:
        return bool(await self._ask(self._revoke, (at_ms, storable(id))))

    async def used(self, uses: Mapping[str, int]) -> None:
        await self._ask(self._used, ([storable(id) for id in uses], list(uses.values())))


def api_keys_of(uri: str, schema: str) -> PostgresApiKeys:
    """Those of a schema, which is made or brought forward first, as by a server that starts."""
    database = Database(uri, prepare=False)

    async def ask(statement: bytes, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        try:
            async with await database.connect() as connection:
                await migrate(connection, schema, scripts())
                with answering(connection):
                    return await (await connection.execute(statement, values, binary=True)).fetchall()
        except (psycopg.Error, OSError, StoreError) as error:
            raise database.error(error, "change") from error

    return PostgresApiKeys(schema, ask)


def _read(row: tuple[Any, ...]) -> ApiKey:
    id, name, scope, digest, *times = row
    return ApiKey(readable(id), readable(name), Scope(scope), readable(digest), *times)
