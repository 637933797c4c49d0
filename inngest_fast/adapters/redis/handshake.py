"""What a new connection says before anything else."""

from inngest_fast.adapters.redis.address import Address
from inngest_fast.adapters.redis.connection import Argument, Connection
from inngest_fast.adapters.redis.scripts import scripts


async def greet(connection: Connection, address: Address, name: str, channels: tuple[str, ...]) -> None:
    """Raises RedisRefusedError or RedisUnavailableError."""
    hello: list[Argument] = ["HELLO", 3]
    if address.password or address.user:
        hello += ["AUTH", address.user or "default", address.password]
    await connection.call(*hello)
    if address.database:
        await connection.call("SELECT", address.database)
    await connection.call("CLIENT", "SETNAME", name)
    for script in scripts().values():
        await connection.call("SCRIPT", "LOAD", script.source)
    # A subscription is confirmed by a message; the command after it shows that it is there.
    connection.tell("SUBSCRIBE", *channels)
    await connection.call("PING")
