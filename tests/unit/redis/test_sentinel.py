"""A master that sentinels know, and a replica that takes its place."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from inngest_fast.adapters.redis.errors import RedisUnavailableError
from tests.fixtures.http import free_port
from tests.fixtures.redis_server import RedisProcess, SentinelProcess
from tests.fixtures.waiting import eventually
from tests.unit.redis.conftest import NewQueue
from tests.unit.redis.playing import job, opened, soon, take, until

NAME = "jobs"


@dataclass
class Watched:
    master: RedisProcess
    replica: RedisProcess
    sentinel: SentinelProcess

    def uri(self, credentials: str = "", query: str = "") -> str:
        # The first one is not there: the next is asked.
        hosts = f"127.0.0.1:{free_port()},127.0.0.1:{self.sentinel.port}"
        return f"redis-sentinel://{credentials}{hosts}/{NAME}{query}"

    def ready(self) -> bool:
        """Whether the sentinel knows a replica that it could promote."""
        with self.sentinel.client() as client:
            replicas = client.sentinel_slaves(NAME)
        return any(replica["master-link-status"] == "ok" for replica in replicas)


@pytest.fixture
def watched() -> Iterator[Watched]:
    master = RedisProcess("--repl-diskless-sync-delay", "0")
    replica = RedisProcess("--replicaof", f"127.0.0.1 {master.port}")
    sentinel = SentinelProcess(NAME, master)
    try:
        master.start()
        replica.start()

        def follows() -> bool:
            with replica.client() as client:
                return client.info("replication")["master_link_status"] == "up"

        eventually(follows, what="the replica")
        sentinel.start()
        found = Watched(master, replica, sentinel)
        eventually(found.ready, within=30, what="the sentinel")
        yield found
    finally:
        for server in (sentinel, replica, master):
            server.stop()


@pytest.mark.timeout(90)
def test_a_failover_is_followed(new_queue: NewQueue, watched: Watched) -> None:
    async def main() -> None:
        queue, other = new_queue("n", uri=watched.uri()), new_queue("other", uri=watched.uri())
        losses: list[None] = []
        queue.on_loss(lambda: losses.append(None))
        async with opened(queue, other):
            losses.clear()
            details = await queue.details()
            assert details["place"] == f"127.0.0.1:{watched.master.port}"
            assert details["master"] == NAME
            queue.limit_group("a", 1)
            for id in ("1", "2"):
                queue.add(job(id))
            assert await take(queue) == ["1"]
            leasing = asyncio.ensure_future(other.lease(9))
            await queue.size()
            watched.master.kill()

            async def moved() -> bool:
                queue.add(job("3"))  # as long as it takes
                place = f"127.0.0.1:{watched.replica.port}"
                return all([(await node.details())["place"] == place for node in (queue, other)])

            await until(moved, within=40)
            assert losses
            # What is at work is leased there too, and the limit holds.
            place = await soon(queue.explain("1"))
            assert place is not None
            assert place.state == "leased"
            assert not leasing.done()
            queue.done("1")
            assert [one.id for one in await asyncio.wait_for(leasing, 20)] in (["2"], ["3"])
            assert queue.trouble == other.trouble == ""

    asyncio.run(main())


def test_a_sentinel_that_names_a_replica_is_not_believed(new_queue: NewQueue, watched: Watched) -> None:
    stale = SentinelProcess("stale", watched.replica, "sentinel down-after-milliseconds stale 600000")

    async def main() -> None:
        uri = f"redis-sentinel://127.0.0.1:{stale.port}/stale"
        with pytest.raises(RedisUnavailableError, match="it is a (slave|replica), not the master"):
            await soon(new_queue("n", uri=uri).open())

    try:
        stale.start()
        asyncio.run(main())
    finally:
        stale.stop()


def test_what_sentinels_do_not_know(new_queue: NewQueue, watched: Watched) -> None:
    async def main() -> None:
        uri = watched.uri("u:s3cret@").replace(NAME, "unknown")
        with pytest.raises(RedisUnavailableError, match="'unknown'") as refused:
            await soon(new_queue("n", uri=uri).open())
        assert f"127.0.0.1:{watched.sentinel.port} knows no master" in str(refused.value)
        assert "s3cret" not in str(refused.value)

    asyncio.run(main())


def test_sentinels_have_passwords_of_their_own(new_queue: NewQueue) -> None:
    master = RedisProcess("--requirepass", "masters")
    sentinel = SentinelProcess(NAME, master, f"sentinel auth-pass {NAME} masters", "requirepass sentinels")

    async def main() -> None:
        place = f"127.0.0.1:{sentinel.port}/{NAME}"
        queue = new_queue("n", uri=f"redis-sentinel://:masters@{place}/1?sentinel_password=sentinels")
        async with opened(queue):
            queue.add(job("j"))
            assert await take(queue) == ["j"]
            with pytest.raises(RedisUnavailableError, match="NOAUTH") as refused:
                await soon(new_queue("m", uri=f"redis-sentinel://:masters@{place}").open())
            assert "masters@" not in str(refused.value)

    try:
        master.start()
        sentinel.start()
        asyncio.run(main())
    finally:
        sentinel.stop()
        master.stop()
