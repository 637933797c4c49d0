"""What a new connection says before anything else."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

from inngest_fast.adapters.redis.address import Address
from inngest_fast.adapters.redis.connection import Argument, Connection
from inngest_fast.adapters.redis.errors import RedisRefusedError, RedisUnavailableError
from inngest_fast.adapters.redis.scripts import scripts

_MASTER = ("master", "primary")
_OLDEST = (6, 2)


async def greet(
    connection: Connection, address: Address, name: str, channels: Iterable[bytes]
) -> dict[str, str]:
    """What the server is: `server`, `version`, `mode`. Raises RedisRefusedError or RedisUnavailableError."""
    hello: list[Argument] = ["HELLO", 3]
    if address.password or address.user:
        hello += ["AUTH", address.user or "default", address.password]
    told: dict[bytes, Any] = await connection.call(*hello)
    server = {
        field: told.get(field.encode(), b"").decode() for field in ("server", "version", "mode", "role")
    }
    _check(server)
    said: list[tuple[Argument, ...]] = [("CLIENT", "SETNAME", name)]
    if address.database:
        said.insert(0, ("SELECT", address.database))
    said += [("SCRIPT", "LOAD", source) for source in {script.source for script in scripts().values()}]
    await asyncio.gather(*[connection.call(*command) for command in said], _track(connection))
    # A subscription is confirmed by a message; the command after it shows that it is there.
    connection.tell("SUBSCRIBE", *channels)
    await connection.call("PING")
    return server


async def _track(connection: Connection) -> None:
    """Of keys nothing is tracked; but who tracks is told at once of a flush. Where that is not allowed the
    next sign of life finds out.
    """
    with contextlib.suppress(RedisRefusedError):
        await connection.call("CLIENT", "TRACKING", "ON", "OPTIN")


def _check(server: dict[str, str]) -> None:
    # In a cluster a replica says where its master is.
    if server["mode"] != "cluster" and server["role"] not in _MASTER:
        raise RedisUnavailableError(f"it is a {server['role']}, not the master")
    version = server["version"].split(".")
    if tuple(map(int, version[:2])) < _OLDEST:
        raise RedisUnavailableError(f"it is version {server['version']}, and 6.2 is needed")
