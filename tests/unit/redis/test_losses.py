"""When jobs may be missing, and what a node does about it by itself."""

import asyncio

import pytest

from inngest_fast.adapters.redis import RedisQueue
from inngest_fast.adapters.redis import handshake as handshake_module
from tests.fixtures.redis_server import RedisProcess
from tests.unit.redis.conftest import NewQueue
from tests.unit.redis.playing import doubts, is_leased, job, lose, opened, soon, take, until, vanish

LEASE_MS = 600


class Heard:
    def __init__(self, *queues: RedisQueue) -> None:
        self.losses = [0] * len(queues)
        for n, queue in enumerate(queues):
            queue.on_loss(lambda n=n: self.count(n))

    def count(self, n: int) -> None:
        self.losses[n] += 1

    async def everywhere(self) -> None:
        async def all_heard() -> bool:
            return all(self.losses)

        await until(all_heard)

    def clear(self) -> None:
        self.losses = [0] * len(self.losses)


@pytest.fixture
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server tells nobody of a flush."""

    async def nothing(connection: object) -> None:
        pass

    monkeypatch.setattr(handshake_module, "_track", nothing)


def flush(server: RedisProcess) -> None:
    with server.client() as client:
        client.flushall()


def test_the_first_node_finds_an_empty_queue_and_the_next_does_not(new_queue: NewQueue) -> None:
    async def main() -> None:
        first, second = new_queue("first"), new_queue("second")
        heard = Heard(first, second)
        async with opened(first, second):
            await second.size()
            assert heard.losses == [1, 0]
        later = new_queue("later")
        heard = Heard(later)
        async with opened(later):
            assert heard.losses == [1]

    asyncio.run(main())


def test_a_node_that_comes_when_all_others_are_dead_is_the_first(new_queue: NewQueue) -> None:
    async def main() -> None:
        dead = new_queue("dead", lease_ms=LEASE_MS)
        async with opened(dead):
            vanish(dead)
            early, late = new_queue("early", lease_ms=LEASE_MS), new_queue("late", lease_ms=LEASE_MS)
            heard = Heard(early, late)
            loop = asyncio.get_running_loop()
            silent = loop.time() + LEASE_MS / 1_000
            async with opened(early):
                pass

            async def silent_for_a_lease() -> bool:
                return loop.time() > silent

            await until(silent_for_a_lease)
            async with opened(late):
                assert heard.losses == [0, 1]

    asyncio.run(main())


def test_every_node_hears_after_a_reconnection(new_queue: NewQueue) -> None:
    async def main() -> None:
        queue, other = new_queue("n"), new_queue("other")
        async with opened(queue, other):
            heard = Heard(queue, other)
            await lose(queue)
            await soon(queue.size())
            assert heard.losses == [1, 0]

    asyncio.run(main())


@pytest.mark.parametrize("told", [True, False], ids=["told", "untold"])
def test_a_flush_is_noticed_by_idle_nodes(
    new_queue: NewQueue, server: RedisProcess, told: bool, request: pytest.FixtureRequest
) -> None:
    if not told:
        request.getfixturevalue("untold")

    async def main() -> None:
        # One of them looks often enough for all.
        lease_ms = [600_000] * 3 if told else [600_000, LEASE_MS, 600_000]
        nodes = [new_queue(f"n{n}", uri=server.uri, lease_ms=ms) for n, ms in enumerate(lease_ms)]
        async with opened(*nodes):
            for node in nodes:
                await node.size()
            heard = Heard(*nodes)
            loop = asyncio.get_running_loop()
            flush(server)
            flushed = loop.time()
            await heard.everywhere()
            # A third of a lease, and what a busy machine takes for a timer and a few round trips.
            assert loop.time() - flushed < LEASE_MS / 3_000 + 0.5
            for node in nodes:
                await node.size()
                assert node.counters["redis_losses"] >= 1
                assert node.trouble == ""
            heard.clear()
            nodes[0].add(job("j"))
            assert await take(nodes[2]) == ["j"]
            assert heard.losses == [0, 0, 0]

    asyncio.run(main())


def test_after_a_flush_what_is_at_work_is_leased_again_and_not_given_to_others(
    new_queue: NewQueue, server: RedisProcess
) -> None:
    async def main() -> None:
        working, other = new_queue("working", uri=server.uri), new_queue("other", uri=server.uri)
        async with opened(working, other):
            working.limit_group("a", 2)
            jobs = [job(str(n)) for n in range(3)]
            for one in jobs:
                working.add(one)
            assert await take(working, 9) == ["0", "1"]
            leasing = asyncio.ensure_future(other.lease(9))
            flush(server)
            # At once, and not only with the next extension.
            await until(lambda: is_leased(other, "0"), within=LEASE_MS / 1_000)
            assert await other.add_missing(jobs) == ["2"]
            place = await other.explain("2")
            assert place is not None
            assert (place.blocked_by, place.limit, place.in_use) == ("app", 2, 2)
            assert not leasing.done()
            working.done("0")
            (leased,) = await soon(leasing)
            assert (leased.id, leased.doubtful) == ("2", True)
            assert working.counters["redis_leases_lost"] == 0
            working.done("1")
            other.done("2")
            await working.size()
            assert await other.size() == 0
            assert await other.depth() == {}

    asyncio.run(main())


def test_a_flushed_server_without_memory_is_not_asked_again_and_again(
    new_queue: NewQueue, server: RedisProcess
) -> None:
    async def main() -> None:
        queue = new_queue("n", uri=server.uri, lease_ms=LEASE_MS)
        async with opened(queue):
            with server.client() as client:
                client.config_set("maxmemory", 1)
                client.flushall()
                leasing = asyncio.ensure_future(queue.lease(9))

                async def tried() -> bool:
                    return queue.counters["redis_losses"] >= 3

                await until(tried)
                assert queue._calls < 10
                assert "OOM" in queue.trouble
                client.config_set("maxmemory", 0)

                async def known() -> bool:
                    return queue.trouble == ""

                await until(known)
            queue.add(job("j"))
            assert [one.id for one in await soon(leasing)] == ["j"]

    asyncio.run(main())


def test_after_a_restart_what_is_at_work_comes_before_what_waited(
    new_queue: NewQueue, server: RedisProcess
) -> None:
    async def main() -> None:
        queue = new_queue("n", uri=server.uri)
        async with opened(queue):
            queue.limit_group("a", 1)
            at_work = job("at work")
            queue.add(at_work)
            assert await take(queue) == ["at work"]
            leasing = asyncio.ensure_future(queue.lease(9))
            server.kill()

            async def lost() -> bool:
                return not queue.connected

            await until(lost)
            arming = asyncio.ensure_future(queue.add_missing([at_work, job("new")]))
            await asyncio.to_thread(server.start)
            assert await soon(arming) == ["new"]
            place = await soon(queue.explain("new"))
            assert place is not None
            assert (place.blocked_by, place.in_use) == ("app", 1)
            assert not leasing.done()
            queue.done("at work")
            assert [one.id for one in await soon(leasing)] == ["new"]
            queue.done("new")
            assert await queue.size() == 0

    asyncio.run(main())


def test_what_another_took_before_it_could_be_restored_is_lost_here(
    new_queue: NewQueue, server: RedisProcess, untold: None
) -> None:
    async def main() -> None:
        slow, quick = new_queue("slow", uri=server.uri), new_queue("quick", uri=server.uri)
        async with opened(slow, quick):
            at_work = job("j")
            slow.add(at_work)
            assert await take(slow) == ["j"]
            slow._held._stopped = True  # as if its loop were stopped
            flush(server)
            assert await quick.add_missing([at_work]) == ["j"]
            assert await doubts(quick) == {"j": True}
            slow._held._stopped = False
            slow._held.look()

            async def heard() -> bool:
                return slow.counters["redis_leases_lost"] == 1

            await until(heard)
            quick.done("j")
            assert await quick.size() == 0

    asyncio.run(main())
