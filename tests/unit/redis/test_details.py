"""What an operator is told of Redis."""

import asyncio

import pytest

from inngest_fast.adapters.redis.errors import RedisRefusedError, RedisUnavailableError
from inngest_fast.domain.errors import QueueError
from tests.fixtures.redis_server import RedisProcess
from tests.unit.redis.conftest import NewQueue
from tests.unit.redis.playing import job, opened, soon, take, until


def test_what_it_is_and_where(new_queue: NewQueue, server: RedisProcess) -> None:
    with server.client() as client:
        info = client.info("server")

    async def main() -> None:
        queue = new_queue("n", uri=server.uri)
        async with opened(queue):
            details = dict(await queue.details())
            assert details == {
                "server": info.get("server_name", "redis"),
                "version": info.get("valkey_version", info["redis_version"]),
                "mode": "standalone",
                "place": f"127.0.0.1:{server.port}",
            }
            assert queue.shared
            server.kill()
            assert await soon(queue.details()) == details  # remembered

    asyncio.run(main())


def test_trouble_is_told_while_there_is_no_connection(new_queue: NewQueue, server: RedisProcess) -> None:
    async def main() -> None:
        queue = new_queue("n", uri=server.uri)
        assert queue.trouble
        async with opened(queue):
            assert queue.trouble == ""
            server.kill()

            async def lost() -> bool:
                return bool(queue.trouble)

            await until(lost)
            assert queue.trouble.startswith(f"Redis at 127.0.0.1:{server.port} cannot be ")
            await asyncio.to_thread(server.start)

            async def back() -> bool:
                return queue.trouble == ""

            await until(back)
            assert await queue.size() == 0

    asyncio.run(main())


def test_errors_of_questions_are_the_queues(new_queue: NewQueue) -> None:
    assert issubclass(RedisUnavailableError, QueueError)
    assert issubclass(RedisRefusedError, QueueError)

    async def main() -> None:
        with pytest.raises(QueueError) as refused:
            await soon(new_queue("n", uri=f"redis://u:s3cret@127.0.0.1:{RedisProcess().port}").open())
        assert "s3cret" not in str(refused.value)

    asyncio.run(main())


def test_a_replica_is_refused(new_queue: NewQueue, server: RedisProcess) -> None:
    replica = RedisProcess("--replicaof", f"127.0.0.1 {server.port}").start()

    async def main() -> None:
        queue = new_queue("n", uri=replica.uri)
        with pytest.raises(RedisUnavailableError, match="not the master"):
            await soon(queue.open())
        with replica.client() as client:
            client.replicaof("NO", "ONE")
        async with opened(queue):  # it may be tried again
            assert await queue.size() == 0

    try:
        asyncio.run(main())
    finally:
        replica.stop()


def test_a_server_without_enough_replicas_is_waited_for(new_queue: NewQueue, server: RedisProcess) -> None:
    """The replicas of a master that was cut off follow another."""

    async def main() -> None:
        queue = new_queue("n", uri=server.uri)
        async with opened(queue):
            with server.client() as client:
                client.config_set("min-replicas-to-write", 1)
                queue.add(job("j"))

                async def told() -> bool:
                    return "NOREPLICAS" in queue.trouble

                await until(told)
                client.config_set("min-replicas-to-write", 0)
            assert await take(queue) == ["j"]
            assert queue.trouble == ""

    asyncio.run(main())


def test_a_server_that_becomes_a_replica_is_waited_for(new_queue: NewQueue, server: RedisProcess) -> None:
    async def main() -> None:
        queue = new_queue("n", uri=server.uri)
        async with opened(queue):
            with server.client() as client:
                client.replicaof("127.0.0.1", "1")
                sizing = asyncio.ensure_future(queue.size())

                async def told() -> bool:
                    return "not the master" in queue.trouble

                queue.limit_group("a", 1)
                await until(told)
                loop = asyncio.get_running_loop()
                began, connections = loop.time(), client.info("stats")["total_connections_received"]

                async def tried_often() -> bool:
                    return client.info("stats")["total_connections_received"] >= connections + 4

                await until(tried_often)
                assert loop.time() - began > 0.2  # with longer and longer pauses
                client.replicaof("NO", "ONE")
            assert await soon(sizing) == 0

            async def back() -> bool:
                return queue.trouble == ""

            await until(back)

    asyncio.run(main())
