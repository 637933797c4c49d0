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
from tests.unit.redis.playing import job, opened, soon, take, until

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


@pytest.fixture
def three() -> Iterator[list[RedisProcess]]:
    """A cluster of three masters."""
    options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port"]
    buses = [free_port() for _ in range(3)]
    masters = [RedisProcess(*options, str(bus)) for bus in buses]
    try:
        for n, master in enumerate(masters):
            with master.start().client() as client:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", n * SLOTS // 3, (n + 1) * SLOTS // 3 - 1)
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", n + 1)
        with masters[0].client() as client:
            for master, bus in list(zip(masters, buses, strict=True))[1:]:
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", master.port, bus)

        def know() -> bool:
            for master in masters:
                with master.client() as client:
                    info = client.execute_command("CLUSTER", "INFO")
                    text = (
                        info
                        if isinstance(info, dict)
                        else dict(line.split(":") for line in info.decode().split())
                    )
                    if (text["cluster_state"], int(text["cluster_known_nodes"])) != ("ok", 3):
                        return False
            return True

        eventually(know, within=30, what="the cluster")
        yield masters
    finally:
        for master in masters:
            master.stop()


def test_any_seed_of_a_cluster_leads_to_the_one_that_has_the_keys(
    new_queue: NewQueue, three: list[RedisProcess]
) -> None:
    async def main() -> None:
        places: set[object] = set()
        # Several names, so that each of the three has one.
        for n in range(60):
            prefix = f"name-{n}"
            seeds = [f"127.0.0.1:{free_port()}", f"127.0.0.1:{three[n % 3].port}"]
            queue = new_queue("n", uri=f"redis-cluster://{','.join(seeds)}", prefix=prefix)
            plain = new_queue("plain", uri=three[(n + 1) % 3].uri, prefix=prefix)
            losses: list[None] = []
            plain.on_loss(lambda losses=losses: losses.append(None))
            async with opened(queue, plain):
                place = (await queue.details())["place"]
                assert place == (await plain.details())["place"]
                assert (await queue.details())["mode"] == "cluster"
                assert queue.trouble == plain.trouble == ""
                assert plain.counters["redis_reconnected"] == 0  # being sent on is no loss
                assert losses == []
                waiting = asyncio.ensure_future(plain.lease(1))
                queue.add(job("j"))
                (leased,) = await soon(waiting)
                assert not leased.doubtful
                heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()
                plain.pubsub.subscribe("run", heard.set_result)
                queue.pubsub.publish("run", "r")
                assert await soon(heard) == "r"
            places.add(place)
            if len(places) == 3:
                break
        assert places == {f"127.0.0.1:{master.port}" for master in three}

    asyncio.run(main())


def test_slots_that_move_are_followed(new_queue: NewQueue, three: list[RedisProcess]) -> None:
    async def main() -> None:
        queue = new_queue("n", uri=f"redis-cluster://127.0.0.1:{three[0].port}", prefix="moving")
        async with opened(queue):
            queue.add(job("j"))
            assert await take(queue) == ["j"]
            place = (await queue.details())["place"]
            (there,) = [master for master in three if place == f"127.0.0.1:{master.port}"]
            other = next(master for master in three if master is not there)
            with there.client() as source, other.client() as target:
                slot = source.execute_command("CLUSTER", "KEYSLOT", "{moving}")
                to = target.execute_command("CLUSTER", "MYID").decode()
                source.flushall()  # it goes without its keys, as in a failover that lost them
                for client in (target, source):
                    client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", to)
            assert await soon(queue.missing(["j", "k"])) == ["k"]
            assert (await queue.details())["place"] == f"127.0.0.1:{other.port}"
            queue.done("j")
            assert await soon(queue.size()) == 0

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
                assert await take(queue) == ["j"]  # what is there needs no more
                queue.done("j")
                leasing = asyncio.ensure_future(queue.lease(1))
                with pytest.raises(RedisRefusedError, match="OOM"):
                    await soon(queue.add_missing([job("k")]))
                assert not leasing.done()
                assert "OOM" in queue.trouble
                client.config_set("maxmemory", 0)
            queue.add(job("k"))
            assert [one.id for one in await soon(leasing)] == ["k"]
            assert queue.trouble == ""


def test_a_full_server_costs_no_lease_and_is_told_of(new_queue: NewQueue, server: RedisProcess) -> None:
    async def main() -> None:
        queue = new_queue("n", uri=server.uri, lease_ms=300)
        other = new_queue("other", uri=server.uri, lease_ms=300)
        async with opened(queue, other):
            queue.add(job("j"))
            assert await take(queue) == ["j"]
            with server.client() as client:
                client.config_set("maxmemory", 1)
                for _ in range(4):  # each time it is extended
                    leases = dict(client.zrange(f"{queue._link._base}:leases", 0, -1, withscores=True))

                    async def extended(leases: dict[bytes, float] = leases) -> bool:
                        now = client.zrange(f"{queue._link._base}:leases", 0, -1, withscores=True)
                        return dict(now)[b"j"] > leases[b"j"]

                    await until(extended)
                assert "OOM" in queue.trouble
                assert "OOM" in other.trouble
                client.config_set("maxmemory", 0)

                async def recovered() -> bool:
                    return queue.trouble == other.trouble == ""

                await until(recovered)
            assert queue.counters["redis_leases_lost"] == 0

    asyncio.run(main())
