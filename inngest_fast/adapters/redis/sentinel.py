"""Sentinels know which server is the master now.

They are asked for every new connection. A master that was cut off from them goes on until they reach it and
break its connections; with `min-replicas-to-write 1` it refuses changes meanwhile, and they are asked again.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from inngest_fast.adapters.redis.address import Address
from inngest_fast.adapters.redis.connection import Connection
from inngest_fast.adapters.redis.errors import RedisRefusedError, RedisUnavailableError

_ANSWER_S = 2.0


async def masters(home: Address) -> AsyncIterator[Address]:
    """What each sentinel in turn takes for the master. Raises RedisUnavailableError if none knows one."""
    known: list[Address] = []
    why: list[str] = []
    for host, port in home.seeds:
        sentinel = home.at(host, port)
        try:
            async with asyncio.timeout(_ANSWER_S):
                found = await _ask(sentinel, home)
        except TimeoutError:
            why.append(f"{sentinel} does not answer")
        except (OSError, RedisRefusedError, RedisUnavailableError) as error:
            why.append(f"{sentinel}: {error}")
        else:
            if found is None:
                why.append(f"{sentinel} knows no master of that name")
            else:
                address = home.at(found[0].decode(), int(found[1]))
                if address not in known:
                    known.append(address)
                    yield address
    if not known:
        raise RedisUnavailableError(f"no sentinel tells the master {home.master!r}: {'; '.join(why)}")


async def _ask(sentinel: Address, home: Address) -> list[bytes] | None:
    there = msgspec.structs.replace(sentinel, database=0)
    connection = await Connection.open(there, _ignore, _ignore, _ignore)
    try:
        if home.sentinel_password:
            user = (home.sentinel_user,) if home.sentinel_user else ()
            await connection.call("AUTH", *user, home.sentinel_password)
        found: list[bytes] | None = await connection.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", home.master)
        return found
    finally:
        connection.abort()


def _ignore(*_: Any) -> None:
    """Nothing of a question that is over is of use."""
