"""The writer's connection: made when it is needed, made anew after a loss, not too often."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

from inngest_fast.adapters.postgres.database import Database
from inngest_fast.adapters.postgres.load import Connection

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0


class Link:
    """One connection at a time, none for longer than `lifetime` seconds."""

    def __init__(
        self, database: Database, lifetime: float, jitter: Callable[[], float] = random.random
    ) -> None:
        self._database = database
        self._lifetime = lifetime
        self._old_at = 0.0
        self._jitter = jitter
        self._connection: Connection | None = None
        self._failures = 0
        self._not_before = 0.0
        self._hurry = asyncio.Event()

    @property
    def connected(self) -> bool:
        """As far as is known."""
        return self._connection is not None and not self._connection.closed

    async def connection(self) -> Connection:
        """A live connection, after a pause if the last tries failed. Raises psycopg.Error without one."""
        now = asyncio.get_running_loop().time
        if self._connection is not None and not self._connection.closed:
            if now() < self._old_at:
                return self._connection
            await self._connection.close()
        await self.pause()
        try:
            self._connection = await self._database.connect()
        except BaseException:
            self.failed()
            raise
        self._old_at = now() + self._lifetime
        return self._connection

    def failed(self) -> None:
        """The next try comes later than this one did."""
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self._failures, 10))
        self._failures += 1
        self._not_before = asyncio.get_running_loop().time() + longest * (0.5 + self._jitter() / 2)

    def worked(self) -> None:
        self._failures = 0
        self._not_before = 0.0

    async def pause(self) -> None:
        """Until it is time for the next try; not at all once the store is closing."""
        left = self._not_before - asyncio.get_running_loop().time()
        if left > 0 and not self._hurry.is_set():
            try:
                await asyncio.wait_for(self._hurry.wait(), left)
            except TimeoutError:
                pass

    def hurry(self) -> None:
        self._hurry.set()

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
