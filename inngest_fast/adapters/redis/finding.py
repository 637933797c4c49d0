"""Which server to try next."""

from collections.abc import AsyncIterator

from inngest_fast.adapters.redis.address import Address
from inngest_fast.adapters.redis.sentinel import masters


class Finder:
    """One server, the nodes of a cluster, or what sentinels say. Where a cluster sent us is tried first."""

    def __init__(self, home: Address) -> None:
        self.home = home
        self._moved: Address | None = None

    def moved(self, text: str, from_: Address) -> None:
        """A cluster's answer: `MOVED slot host:port`. Without a host it is the one that answered."""
        host, _, port = text.split(" ")[2].rpartition(":")
        self._moved = from_.at(host.strip("[]"), int(port))

    def forget(self) -> None:
        """What was found is of no use any more."""
        self._moved = None

    async def addresses(self) -> AsyncIterator[Address]:
        """Raises RedisUnavailableError when there is nobody to tell."""
        home = self.home
        if home.master:
            async for address in masters(home):
                yield address
            return
        if self._moved is not None:
            yield self._moved
        if not home.seeds:
            yield home
        for host, port in home.seeds:
            yield home.at(host, port)
