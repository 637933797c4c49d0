"""No limit is passed because the server has forgotten who is at work."""

import asyncio

import pytest

from inngest_fast.domain.flow import FunctionLimits, ThrottleRate
from inngest_fast.domain.jobs import Job
from tests.fixtures.redis_server import RedisProcess
from tests.unit.redis.conftest import NewQueue
from tests.unit.redis.playing import is_leased, job, keys, lose, opened, soon, start, take, until, waits

KEY = ("k/x",)
SETTLE_MS = 700
LIMITS = FunctionLimits(rules={"k": 2, "r": 2})


def flush(server: RedisProcess) -> None:
    with server.client() as client:
        client.flushall()


def run(n: int) -> Job:
    return start(str(n), counters=KEY, run_counter="r/x")


@pytest.mark.parametrize("limits", [FunctionLimits(calls=2), FunctionLimits(rules={"k": 2}), LIMITS])
def test_what_was_held_when_all_was_flushed_still_counts(
    new_queue: NewQueue, server: RedisProcess, limits: FunctionLimits
) -> None:
    async def main() -> None:
        working, other = new_queue("working", uri=server.uri), new_queue("other", uri=server.uri)
        async with opened(working, other):
            working.limit_function("f", limits)
            other.limit_function("f", limits)
            runs = [run(n) for n in range(4)]
            for one in runs:
                working.add(one)
            assert await take(working) == ["0"]
            assert await take(other) == ["1"]
            flush(server)
            for node, id in ((working, "0"), (other, "1")):
                await until(lambda node=node, id=id: is_leased(node, id))
            assert await other.add_missing(runs) == ["2", "3"]
            leasing = asyncio.ensure_future(other.lease(9))
            await until(lambda: waits(other))
            working.done("0")
            assert [leased.id for leased in await soon(leasing)] == ["2"]
            place = await other.explain("3")
            assert place is not None
            assert (place.limit, place.in_use) == (2, 2)

    asyncio.run(main())


def test_a_number_that_fell_meanwhile_is_passed_by_what_is_held_only(
    new_queue: NewQueue, server: RedisProcess
) -> None:
    async def main() -> None:
        queue = new_queue("n", uri=server.uri)
        async with opened(queue):
            queue.limit_function("f", LIMITS)
            for n in range(2):
                queue.add(run(n))
            assert await take(queue, 9) == ["0", "1"]
            queue.limit_function("f", FunctionLimits(rules={"k": 1, "r": 1}))
            flush(server)
            for id in "01":
                await until(lambda id=id: is_leased(queue, id))
            assert await queue.add_missing([run(2)]) == ["2"]
            place = await queue.explain("2")
            assert place is not None
            assert (place.blocked_by, place.limit, place.in_use) == ("key", 1, 2)
            queue.done("0")
            queue.done("1")
            assert await take(queue, 9) == ["2"]

    asyncio.run(main())


def test_until_all_has_settled_what_limits_bind_waits_and_the_rest_does_not(
    new_queue: NewQueue, server: RedisProcess
) -> None:
    async def main() -> None:
        queue = new_queue("n", uri=server.uri, settle_ms=SETTLE_MS)
        loop = asyncio.get_running_loop()
        async with opened(queue):
            joined = loop.time()
            queue.limit_function("f", FunctionLimits(calls=5))
            queue.add(job("of a function with limits", function="f"))
            queue.add(job("in a counter", function="g", counters=KEY))
            queue.add(start("throttled", function="h", throttle="t/x"))
            queue.add(start("to be counted", function="i", run_counter="r/x"))
            queue.add(job("free", function="j"))
            assert await take(queue, 9) == ["free"]
            queue.add(job("free too", function="k"))
            assert await take(queue, 9) == ["free too"]
            assert loop.time() - joined < SETTLE_MS / 1_000
            taken = await take(queue, 9)
            waited = loop.time() - joined
            assert sorted(taken) == [
                "in a counter",
                "of a function with limits",
                "throttled",
                "to be counted",
            ]
            assert SETTLE_MS / 1_000 - 0.05 < waited < SETTLE_MS / 1_000 + 0.5
            assert keys(server, queue) & {"held", "settled"} == set()

    asyncio.run(main())


def test_a_node_that_waits_already_is_there_when_all_has_settled(
    new_queue: NewQueue, server: RedisProcess
) -> None:
    async def main() -> None:
        adding = new_queue("adding", uri=server.uri, settle_ms=SETTLE_MS)
        idle = new_queue("idle", uri=server.uri, settle_ms=SETTLE_MS)
        async with opened(adding, idle):
            leasing = asyncio.ensure_future(idle.lease(9))
            await until(lambda: waits(idle))
            adding.add(job("j", counters=KEY))
            assert [leased.id for leased in await soon(leasing)] == ["j"]

    asyncio.run(main())


def test_what_waits_is_leased_as_soon_as_all_is_rebuilt(new_queue: NewQueue, server: RedisProcess) -> None:
    async def main() -> None:
        queue, other = [new_queue(name, uri=server.uri, settle_ms=600_000) for name in ("n", "other")]
        async with opened(queue, other):
            leasing = asyncio.ensure_future(other.lease(9))
            await until(lambda: waits(other))
            queue.add(job("j", counters=KEY))
            await queue.size()
            await until(lambda: waits(other))
            assert not leasing.done()
            queue.rebuilt()
            assert [leased.id for leased in await soon(leasing)] == ["j"]
            queue.rebuilt()
            queue.add(job("k", counters=KEY))
            assert await take(queue) == ["k"]
            assert keys(server, queue) & {"held", "settled"} == set()

    asyncio.run(main())


def test_a_node_that_has_yet_to_come_back_does_not_end_the_settling(
    new_queue: NewQueue, server: RedisProcess
) -> None:
    async def main() -> None:
        queue, late = [new_queue(name, uri=server.uri, settle_ms=600_000) for name in ("n", "late")]
        async with opened(queue, late):
            with server.client() as client:
                client.zrem(f"{late._link._base}:nodes", "late")
            late.rebuilt()
            await late.size()
            queue.add(job("j", counters=KEY))
            assert "settled" in keys(server, queue)
            leasing = asyncio.ensure_future(queue.lease(9))
            await until(lambda: waits(queue))
            queue.rebuilt()
            assert [leased.id for leased in await soon(leasing)] == ["j"]

    asyncio.run(main())


def test_what_those_at_work_have_paid_is_told_by_their_node(
    new_queue: NewQueue, server: RedisProcess
) -> None:
    """The store has it only when they are done."""

    async def main() -> None:
        queue = new_queue("n", uri=server.uri)
        async with opened(queue):
            queue.limit_function("f", FunctionLimits(throttle=ThrottleRate("t", 3_600_000, 2)))
            for id in ("a", "b"):
                queue.add(start(id, throttle="t/x"))
            jobs = await soon(queue.lease(9))
            assert len(jobs) == 2
            flush(server)
            await until(lambda: is_leased(queue, "a"))
            queue.add(start("c", throttle="t/x"))
            place = await queue.explain("c")
            assert place is not None
            assert (place.blocked_by, place.opens_at) == ("throttle", jobs[1].arrival - 3_600_000)

    asyncio.run(main())


def test_only_an_empty_server_has_to_settle(new_queue: NewQueue, server: RedisProcess) -> None:
    async def main() -> None:
        first, second, third = [new_queue(name, uri=server.uri, settle_ms=60_000) for name in "123"]
        async with opened(new_queue("0", uri=server.uri)):
            pass
        async with opened(first):
            first.add(job("1", counters=KEY))
            assert await take(first) == ["1"]
            async with opened(second):
                second.add(job("2", counters=KEY))
                assert await take(second) == ["2"]
                await lose(second)
                second.add(job("3", counters=KEY))
                assert await take(second) == ["3"]
        async with opened(third):
            third.add(job("4", counters=KEY))
            assert "4" in await take(third, 9)

    asyncio.run(main())


def test_limits_are_told_before_anything_is_held(new_queue: NewQueue, server: RedisProcess) -> None:
    """Else what waits could be leased in between. A rate is told as well; what was paid is for the runtime."""

    async def main() -> None:
        queue = new_queue("n", uri=server.uri)
        async with opened(queue):
            queue.limit_function("f", FunctionLimits(throttle=ThrottleRate("t", 3_600_000, 1)))
            queue.limit_function("g", FunctionLimits(paused=True))
            queue.limit_function("h", FunctionLimits(calls=1))
            queue.limit_function("h", FunctionLimits())
            arrivals = {"t/x": job("any").due + 3_000_000}
            queue.on_loss(lambda: queue.restore_throttles(arrivals))
            await queue.size()
            flush(server)

            async def restored() -> bool:
                return queue.counters["redis_losses"] == 1 and not queue.busy

            await until(restored)
            with server.client() as client:
                told = client.hkeys(f"{queue._link._base}:functions")
            assert sorted(told) == [b"f", b"g"]
            queue.add(start("throttled", throttle="t/x"))
            queue.add(job("paused", function="g"))
            queue.add(job("free", function="h"))
            assert await take(queue, 9) == ["free"]
            throttled, paused = await queue.explain("throttled"), await queue.explain("paused")
            assert throttled is not None
            assert (throttled.blocked_by, throttled.opens_at) == ("throttle", arrivals["t/x"])
            assert paused is not None
            assert paused.blocked_by == "paused"

    asyncio.run(main())
