"""Kinds of servers: in a cluster, behind a password."""

import asyncio
from collections.abc import Iterator

import pytest
import redis

from inngest_fast.adapters.redis.errors import RedisRefusedError
from tests.fixtures.http import free_port
from tests.fixtures.redis_server import RedisProcess
from tests.fixtures.waiting import eventually
from tests.unit.redis.conftest import NewQueue
from tests.unit.redis.playing import job, opened, soon, take

SLOTS = 16_384


@pytest.fixture
def cluster() -> Iterator[tuple[RedisProcess, RedisProcess]]:
    """One node without keys, and one with all of them."""
    options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port"]
    bus = free_port()
    empty, full = RedisProcess(*options, str(bus)), RedisProcess(*options, str(free_port()))
    try:
        empty.start()
        full.start()
        with full.client() as there, empty.client() as here:
            there.execute_command("CLUSTER", "ADDSLOTS", *range(SLOTS))
            there.execute_command("CLUSTER", "MEET", "127.0.0.1", empty.port, bus)

            def knows() -> bool:
                try:
                    here.get("any")
                except redis.exceptions.MovedError:
                    return True
                except redis.exceptions.ClusterDownError:
                    return False
                return False

            eventually(knows, within=30, what="the cluster")
        yield empty, full
    finally:
        empty.stop()
        full.stop()


def test_a_cluster_is_followed_to_where_the_keys_are(
    new_queue: NewQueue, cluster: tuple[RedisProcess, RedisProcess]
) -> None:
    empty, full = cluster

    async def main() -> None:
        queue, other = new_queue("n", uri=empty.uri), new_queue("other", uri=full.uri)
        async with opened(queue, other):
            leasing = asyncio.ensure_future(queue.lease(9))
            for n in range(3):
                queue.add(job(str(n), function=f"f{n}", app=f"a{n}"))
            leased = [one.id for one in await soon(leasing)]
            while len(leased) < 3:
                leased += await take(queue, 9)
            assert leased == ["0", "1", "2"]
            assert await soon(other.size()) == 3
            # Woken there by a node that is connected elsewhere at first.
            waiting = asyncio.ensure_future(other.lease(1))
            queue.add(job("3"))
            assert [one.id for one in await soon(waiting)] == ["3"]

    asyncio.run(main())


def test_credentials_and_database(new_queue: NewQueue) -> None:
    server = RedisProcess("--requirepass", "s3cret")
    server.start()

    async def main() -> None:
        uri = f"redis://:s3cret@127.0.0.1:{server.port}/2"
        queue = new_queue("n", uri=uri)
        async with opened(queue):
            queue.add(job("j"))
            assert await take(queue) == ["j"]
            with redis.Redis.from_url(uri) as client:
                assert client.hlen(f"{queue._link._base}:jobs") == 1
        with pytest.raises(RedisRefusedError, match="WRONGPASS"):
            await soon(new_queue("m", uri=f"redis://:wrong@127.0.0.1:{server.port}").open())

    try:
        asyncio.run(main())
    finally:
        server.stop()


def test_a_full_server_loses_no_wake_up(new_queue: NewQueue, server: RedisProcess) -> None:
    async def main() -> None:
        queue = new_queue("n", uri=server.uri)
        async with opened(queue):
            queue.add(job("j"))
            assert await queue.size() == 1
            with server.client() as client:
                client.config_set("maxmemory", 1)
                leasing = asyncio.ensure_future(queue.lease(1))
                with pytest.raises(RedisRefusedError, match="OOM"):
                    await soon(queue.add_missing([job("k")]))
                assert not leasing.done()
                client.config_set("maxmemory", 0)
            assert [one.id for one in await soon(leasing)] == ["j"]

    asyncio.run(main())
