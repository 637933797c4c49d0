"""New connections: to the right server, and not too many of them."""

import asyncio
import random
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from inngest_fast.adapters.redis.address import Address
from inngest_fast.adapters.redis.connection import Command, Connection
from inngest_fast.adapters.redis.errors import RedisRefusedError, RedisUnavailableError
from inngest_fast.adapters.redis.finding import Finder
from inngest_fast.adapters.redis.handshake import greet

CONNECT_S = 5.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0
_REDIRECTS = 5  # in a row without a pause

_FAILURES = (OSError, TimeoutError, RedisRefusedError, RedisUnavailableError)


class Dialed(NamedTuple):
    connection: Connection
    address: Address
    server: dict[str, str]


class Dialer:
    """Pauses grow until a connection was of use."""

    def __init__(self, home: Address, node_id: str) -> None:
        self._finder = Finder(home)
        self._home = home
        self._name = f"inngest-fast:{node_id}"
        # Nodes must not come back all at once; that each does it its own way is all that is needed.
        self._jitter = random.Random(node_id)  # noqa: S311
        self.pause = 0.0
        self._redirects = 0

    @property
    def redirected(self) -> bool:
        """Whether the last connection was given up for another server of the cluster."""
        return self._redirects > 0

    def redirect(self, moved: str, from_: Address) -> None:
        """The next connection is to where the answer `moved` says."""
        self._finder.moved(moved, from_)
        self._redirects += 1
        if self._redirects <= _REDIRECTS:
            self.pause = 0.0

    def forget(self) -> None:
        """What was found before is of no use."""
        self._finder.forget()

    def was_of_use(self) -> None:
        self.pause, self._redirects = 0.0, 0

    async def wait(self) -> None:
        """Until another attempt is due."""
        pause, self.pause = self.pause, min(max(self.pause * 2, FIRST_PAUSE_S), LONGEST_PAUSE_S)
        if pause:
            await asyncio.sleep(pause * (0.5 + self._jitter.random() / 2))

    async def dial(
        self,
        channels: Iterable[bytes],
        on_reply: Callable[[Command, Any], None],
        on_push: Callable[[list[Any]], None],
        on_lost: Callable[[Connection], None],
    ) -> Dialed:
        """Raises RedisUnavailableError or RedisRefusedError."""
        failure: Exception | None = None
        why = ""
        try:
            async for address in self._finder.addresses():
                try:
                    async with asyncio.timeout(CONNECT_S):
                        connection = await Connection.open(address, on_reply, on_push, on_lost)
                        server = await self._greeted(connection, address, channels)
                except _FAILURES as error:
                    failure = error
                    why = f"Redis at {address} cannot be used: {str(error) or 'no answer'}"
                else:
                    return Dialed(connection, address, server)
        except RedisUnavailableError as error:
            failure, why = error, f"Redis at {self._home} cannot be found: {error}"
        self.forget()
        kind = RedisRefusedError if isinstance(failure, RedisRefusedError) else RedisUnavailableError
        raise kind(why) from failure

    async def _greeted(
        self, connection: Connection, address: Address, channels: Iterable[bytes]
    ) -> dict[str, str]:
        try:
            server = await greet(connection, address, self._name, channels)
        except BaseException:
            connection.abort()
            raise
        if connection.lost:
            raise RedisUnavailableError("it closed the connection")
        return server
