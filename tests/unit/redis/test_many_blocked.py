"""What is blocked costs nothing: no script does more for a thousand keys than for ten."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from inngest_fast.adapters.redis import RedisQueue
from inngest_fast.domain.flow import FunctionLimits, ThrottleRate
from inngest_fast.domain.jobs import Job
from tests.fixtures.redis_server import RedisProcess
from tests.unit.redis.conftest import NewQueue
from tests.unit.redis.playing import SteppedClock, fill, job, keys, opened, soon, start, take, until

FEW, MANY = 10, 700
RATE = ThrottleRate("t", 60_000, 1)


class Commands:
    """How many the server has carried out for scripts meanwhile."""

    count = 0


@contextmanager
def counted(server: RedisProcess) -> Iterator[Commands]:
    commands = Commands()
    with server.client() as client:
        client.config_resetstat()
        yield commands
        for name, stat in client.info("commandstats").items():
            if not name.startswith(("cmdstat_info", "cmdstat_config", "cmdstat_hello", "cmdstat_client")):
                commands.count += stat["calls"]


async def take_all(queue: RedisQueue) -> list[Job]:
    """What can be leased now; whatever is blocked has found out."""
    taken: list[Job] = []
    while True:
        leasing = asyncio.ensure_future(queue.lease(50))

        async def goes_on_or_waits(leasing: "asyncio.Task[list[Job]]" = leasing) -> bool:
            timer = queue._waiters._timer
            at_once = timer is not None and timer.when() <= asyncio.get_running_loop().time()
            return leasing.done() or (queue.waiting == 1 and not queue.busy and not at_once)

        await until(goes_on_or_waits)
        if not leasing.done():
            leasing.cancel()
            await asyncio.gather(leasing, return_exceptions=True)
            return taken
        taken += leasing.result()


async def cost_of_a_key(queue: RedisQueue, server: RedisProcess, count: int) -> int:
    """Each key is full and has one that waits. One ends, and the next one comes."""
    queue.limit_function("f", FunctionLimits(rules={"k": 1}))
    await fill(queue, [job(f"{n}.{m}", counters=(f"k/{n}",)) for m in range(2) for n in range(count)])
    assert len(await take_all(queue)) == count
    with counted(server) as commands:
        queue.done("5.0")
        assert await take(queue) == ["5.1"]
    return commands.count


async def cost_of_a_shared_key(queue: RedisQueue, server: RedisProcess, count: int) -> int:
    queue.limit_function("f", FunctionLimits(rules={"k": 1}))
    await fill(queue, [job(str(n), counters=("k/x", f"l/{n}")) for n in range(count)])
    assert len(await take_all(queue)) == 1
    with counted(server) as commands:
        queue.done("0")
        assert await take(queue) == ["1"]
    return commands.count


async def cost_of_live_runs(queue: RedisQueue, server: RedisProcess, count: int) -> int:
    queue.limit_function("f", FunctionLimits(rules={"r": 1}))
    await fill(queue, [start(str(n), counters=(f"k/{n}",), run_counter="r/x") for n in range(count)])
    assert len(await take_all(queue)) == 1
    with counted(server) as commands:
        queue.done("0")
        assert await take(queue) == ["1"]
    return commands.count


async def cost_of_a_throttle(queue: RedisQueue, server: RedisProcess, count: int) -> int:
    queue.limit_function("f", FunctionLimits(throttle=RATE))
    await fill(queue, [start(str(n), counters=(f"k/{n}",), throttle="t/x") for n in range(count)])
    assert len(await take_all(queue)) == 1
    queue._clock.stepped += RATE.emission
    with counted(server) as commands:
        assert await take(queue) == ["1"]
    return commands.count


async def cost_of_a_limit_that_goes(queue: RedisQueue, server: RedisProcess, count: int) -> int:
    """At most so many are let go at once; the others follow."""
    count *= 40 if count == FEW else 1
    await cost_of_a_key(queue, server, count)
    with counted(server) as commands:
        queue.limit_function("f", FunctionLimits())
        await queue.size()
    assert len(await take_all(queue)) == count - 1
    return commands.count


@pytest.mark.parametrize(
    "cost_of",
    [
        cost_of_a_key,
        cost_of_a_shared_key,
        cost_of_live_runs,
        cost_of_a_throttle,
        cost_of_a_limit_that_goes,
    ],
    ids=lambda cost_of: cost_of.__name__,
)
def test_the_number_of_those_that_wait_changes_nothing(
    new_queue: NewQueue, server: RedisProcess, cost_of: object
) -> None:
    async def main() -> None:
        costs = []
        for count in (FEW, MANY):
            queue = new_queue("n", uri=server.uri, prefix=str(count), clock=SteppedClock())
            async with opened(queue):
                costs.append(await cost_of(queue, server, count))
        few, many = costs
        assert many <= few + 2, costs  # numbers are taken by the dozen
        assert few < 100 or cost_of is cost_of_a_limit_that_goes, costs

    asyncio.run(main())


def test_a_chance_finds_the_one_that_can_use_it(new_queue: NewQueue, shared: RedisProcess) -> None:
    """However many cannot: one script does not try all of them."""

    async def main() -> None:
        queue = new_queue("n")
        async with opened(queue):
            queue.limit_function("f", FunctionLimits(rules={"k": 1, "l": 1}))
            await fill(queue, [job(f"l{n}", counters=(f"l/{n}",)) for n in range(MANY)])
            await fill(queue, [job("k", counters=("k/x",))])
            assert len(await take_all(queue)) == MANY + 1
            await fill(queue, [job(f"both {n}", counters=("k/x", f"l/{n}")) for n in range(MANY)])
            await fill(queue, [job("free", counters=("k/x", "l/free"))])
            assert await take_all(queue) == []
            calls = queue._calls
            queue.done("k")
            assert await take(queue, 9) == ["free"]
            assert queue._calls - calls >= MANY // 150
            queue.done("free")
            queue.done(f"l{MANY // 2}")
            assert await take(queue, 9) == [f"both {MANY // 2}"]

    asyncio.run(main())


def test_many_rates_that_open_in_one_moment(new_queue: NewQueue, server: RedisProcess) -> None:
    async def main() -> None:
        clock = SteppedClock()
        queue = new_queue("n", uri=server.uri, clock=clock)
        async with opened(queue):
            queue.limit_function("f", FunctionLimits(throttle=RATE))
            await fill(queue, [start(f"{n}.{m}", throttle=f"t/{n}") for m in range(3) for n in range(MANY)])
            assert len(await take_all(queue)) == MANY
            with server.client() as client:
                expires = client.pttl(f"{queue._link._base}:rate:t/0")
                assert 0 < expires <= RATE.emission + 10_000
            clock.stepped += RATE.emission + 5_000
            with counted(server) as commands:
                assert len(await take(queue)) == 1
            assert commands.count < 2_500
            taken = await take_all(queue)
            assert len(taken) == MANY - 1
            assert len({job.throttle for job in taken}) == MANY - 1
            assert await take_all(queue) == []

    asyncio.run(main())


def test_when_the_clock_goes_back_nobody_waits_longer_than_a_full_bucket(
    new_queue: NewQueue, server: RedisProcess
) -> None:
    async def main() -> None:
        clock = SteppedClock()
        queue = new_queue("n", uri=server.uri, clock=clock)
        async with opened(queue):
            queue.limit_function("f", FunctionLimits(throttle=RATE))
            await fill(queue, [start(f"{n}.{m}", throttle=f"t/{n}") for m in range(2) for n in range(300)])
            assert len(await take_all(queue)) == 300
            clock.stepped -= 3_600_000
            assert await take_all(queue) == []
            with server.client() as client:
                opening = dict(client.zrange(f"{queue._link._base}:opening", 0, -1, withscores=True))
            assert len(opening) == 300
            assert max(opening.values()) <= clock.now_ms() + RATE.emission
            clock.stepped += RATE.emission
            assert len(await take_all(queue)) == 300

    asyncio.run(main())


def test_what_is_empty_leaves_no_key_behind(new_queue: NewQueue, server: RedisProcess) -> None:
    async def main() -> None:
        clock = SteppedClock()
        queue = new_queue("n", uri=server.uri, clock=clock)
        limits = FunctionLimits(calls=3, rules={"k": 1, "l": 2, "r": 2}, throttle=ThrottleRate("t", 5_000, 2))
        config = {"begun", "clock", "counter", "functions", "limits", "nodes", "waiting"}
        async with opened(queue):
            queue.limit_function("f", limits)
            for dropped in (True, False):
                jobs = [
                    start(
                        str(n),
                        counters=(f"k/{n % 3}", f"l/{n % 2}")[: n % 4],
                        run_counter=("", "r/x", "r/y")[n % 5 % 3],
                        throttle=("t/x", "t/y", "")[n % 7 % 3],
                    )
                    for n in range(60)
                ]
                await fill(queue, jobs)
                left = {one.id for one in jobs}
                while left:
                    for leased in await take_all(queue):
                        left.discard(leased.id)
                        queue.done(leased.id)
                    clock.stepped += 5_000
                    for id in list(left)[: 3 if dropped else 0]:
                        left.discard(id)
                        queue.drop(id)
                await soon(queue.size())
                assert {key for key in keys(server, queue) if not key.startswith("rate:")} <= config

    asyncio.run(main())
