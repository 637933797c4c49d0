"""Limits of functions, keys, live runs and rates, where many nodes share a queue."""

import asyncio
from typing import Any

import pytest

from inngest_fast.adapters.redis import RedisQueue
from inngest_fast.domain.flow import FunctionLimits, ThrottleRate
from inngest_fast.domain.jobs import JobKind
from tests.unit.redis.conftest import NewQueue
from tests.unit.redis.playing import (
    SteppedClock,
    doubts,
    is_leased,
    job,
    lose,
    opened,
    soon,
    start,
    take,
    until,
    vanish,
    waits,
)

LEASE_MS, LATE_MS = 500, 1_000
KEY = ("k/x",)


def limit(queue: RedisQueue, function: str = "f", **how: Any) -> None:
    fields = {name: how.pop(name) for name in ("calls", "throttle", "paused") if name in how}
    queue.limit_function(function, FunctionLimits(rules=how, **fields))


def test_a_limit_is_for_all_nodes_together(new_queue: NewQueue) -> None:
    async def main() -> None:
        first, second = new_queue("first"), new_queue("second")
        async with opened(first, second):
            limit(first, k=2)
            for n in range(4):
                first.add(job(str(n), counters=KEY))
            assert await take(first) == ["0"]
            assert await take(second, 9) == ["1"]
            leasing = asyncio.ensure_future(second.lease(9))
            await until(lambda: waits(second))
            place = await first.explain("3")
            assert place is not None
            assert (place.blocked_by, place.limit, place.in_use, place.holders) == ("key", 2, 2, ("0", "1"))
            first.done("0")
            assert [leased.id for leased in await soon(leasing)] == ["2"]

    asyncio.run(main())


def test_the_last_word_of_any_node_counts_for_all_and_wakes_them(new_queue: NewQueue) -> None:
    async def main() -> None:
        first, second = new_queue("first"), new_queue("second")
        async with opened(first, second):
            limit(first, k=1, paused=True)
            for n in range(2):
                first.add(job(str(n), counters=KEY))
            leasing = asyncio.ensure_future(second.lease(9))
            await until(lambda: waits(second))
            limit(first, k=1)
            assert [leased.id for leased in await soon(leasing)] == ["0"]
            leasing = asyncio.ensure_future(second.lease(9))
            await until(lambda: waits(second))
            limit(first)
            assert [leased.id for leased in await soon(leasing)] == ["1"]

    asyncio.run(main())


@pytest.mark.parametrize("place", ["function", "key", "runs"])
def test_a_place_of_a_node_that_died_is_free_when_its_lease_ends(new_queue: NewQueue, place: str) -> None:
    """And an idle node has it then, without anybody's doing."""

    async def main() -> None:
        dying, idle = new_queue("dying", lease_ms=LEASE_MS), new_queue("idle", lease_ms=LEASE_MS)
        async with opened(idle, dying):
            limit(idle, **{{"function": "calls", "key": "k", "runs": "r"}[place]: 1})
            dying.add(start("a", counters=KEY, run_counter="r/x"))
            assert await take(dying) == ["a"]
            idle.add(start("b", counters=KEY, run_counter="r/x"))
            leasing = asyncio.ensure_future(idle.lease(9))
            await until(lambda: waits(idle))
            loop = asyncio.get_running_loop()
            vanish(dying)
            gone = loop.time()
            # The one that was put back came first; it has the place again.
            (leased,) = await soon(leasing)
            assert loop.time() - gone < (LEASE_MS + LATE_MS) / 1_000
            assert (leased.id, leased.doubtful) == ("a", True)
            idle.done("a")
            assert await take(idle, 9) == ["b"]

    asyncio.run(main())


def test_a_run_under_way_keeps_its_place_when_its_node_dies(new_queue: NewQueue) -> None:
    async def main() -> None:
        dying, idle = new_queue("dying", lease_ms=LEASE_MS), new_queue("idle", lease_ms=LEASE_MS)
        async with opened(idle, dying):
            limit(idle, r=1)
            dying.add(start("a", run_counter="r/x"))
            dying.add(start("b", run_counter="r/x"))
            assert await take(dying) == ["a"]
            dying.done("a", [job("a step", run="a", run_counter="r/x")])
            assert await take(dying, 9) == ["a step"]
            vanish(dying)
            (leased,) = await soon(idle.lease(9))
            assert (leased.id, leased.doubtful) == ("a step", True)
            place = await idle.explain("b")
            assert place is not None
            assert (place.blocked_by, place.holders) == ("runs", ("a",))

    asyncio.run(main())


def test_what_nobody_received_has_taken_nothing(new_queue: NewQueue) -> None:
    """A lease is cancelled on its way: places are given back, and what was paid."""

    async def main() -> None:
        queue = new_queue("n")
        async with opened(queue):
            limit(queue, k=1, r=1, throttle=ThrottleRate("t", 3_600_000, 1))
            queue.add(start("a", counters=KEY, run_counter="r/x", throttle="t/x"))
            for _ in range(5):
                leasing = asyncio.ensure_future(queue.lease(9))
                await asyncio.sleep(0)
                assert queue.busy
                leasing.cancel()
            (leased,) = await soon(queue.lease(9))
            assert leased.arrival > leased.due

    asyncio.run(main())


def test_what_is_handed_back_gives_its_places_to_others(new_queue: NewQueue) -> None:
    async def main() -> None:
        leaving, staying = new_queue("leaving"), new_queue("staying")
        async with opened(staying):
            await leaving.open()
            limit(leaving, k=1, r=1)
            leaving.add(start("a", counters=KEY, run_counter="r/x"))
            leaving.add(start("b", counters=KEY, run_counter="r/x"))
            assert await take(leaving, 9) == ["a"]
            leasing = asyncio.ensure_future(staying.lease(9))
            await until(lambda: waits(staying))
            await soon(leaving.leave())
            assert [leased.id for leased in await soon(leasing)] == ["a"]

    asyncio.run(main())


def test_a_later_job_of_its_id_frees_the_places_of_a_leased_one(new_queue: NewQueue) -> None:
    async def main() -> None:
        slow, other = new_queue("slow"), new_queue("other")
        async with opened(slow, other):
            limit(slow, k=1)
            slow.add(job("j", counters=KEY))
            slow.add(job("next", counters=KEY))
            assert await take(slow, 9) == ["j"]
            other.add(job("j", attempt=1, counters=("k/y",)))
            assert sorted(await take(other, 9)) == ["j", "next"]
            slow.done("j")
            assert await is_leased(other, "j")

    asyncio.run(main())


def test_an_idle_node_is_there_when_a_rate_opens(new_queue: NewQueue) -> None:
    """The node that found out when that is has something else to do."""

    async def main() -> None:
        working, busy, idle = new_queue("working"), new_queue("busy"), new_queue("idle")
        async with opened(working, busy, idle):
            limit(working, throttle=ThrottleRate("t", 500, 1))
            working.add(start("a", throttle="t/x"))
            (first,) = await soon(working.lease(9))
            leasing = []
            for node in (busy, idle):  # the first to wait is woken
                leasing.append(asyncio.ensure_future(node.lease(9)))
                await until(lambda node=node: waits(node))
            working.done("a", [start("b", throttle="t/x"), job("other", function="g")])
            assert [leased.id for leased in await soon(leasing[0])] == ["other"]
            (last,) = await soon(leasing[1])
            assert last.id == "b"
            assert last.arrival >= first.arrival + 500

    asyncio.run(main())


@pytest.mark.parametrize("behind", [1_000, 5_000])
def test_a_node_with_a_clock_that_is_behind_pulls_no_rate_back(new_queue: NewQueue, behind: int) -> None:
    async def main() -> None:
        clock = SteppedClock()
        clock.stepped = -behind
        right, slow = new_queue("right"), new_queue("slow", clock=clock)
        async with opened(right, slow):
            limit(right, throttle=ThrottleRate("t", 60_000, 1))
            for id in ("a", "b"):
                right.add(start(id, throttle="t/x"))
            (leased,) = await soon(right.lease(9))
            for node in (slow, right, slow):
                node.add(start(f"by {node._node_id}", throttle="t/x"))
                place = await node.explain("b")
                assert place is not None
                assert (place.blocked_by, place.opens_at) == ("throttle", leased.arrival)

    asyncio.run(main())


def test_a_start_that_came_beside_its_run_waits_once_it_is_put_back_alone(new_queue: NewQueue) -> None:
    async def main() -> None:
        queue = new_queue("n")
        async with opened(queue):
            limit(queue, r=1)
            queue.add(job("step", run="a", run_counter="r/x", after=60_000))
            queue.add(start("b", run_counter="r/x"))
            queue.add(start("a", run_counter="r/x"))
            assert await take(queue, 9) == ["a"]
            queue.drop("step")
            queue.hand_back()
            await queue.size()
            assert await doubts(queue) == {"b": False}
            place = await queue.explain("a")
            assert place is not None
            assert (place.blocked_by, place.holders) == ("runs", ("b",))

    asyncio.run(main())


def test_a_repeated_done_adds_what_came_of_it_in_doubt(new_queue: NewQueue) -> None:
    """It had to wait for a connection, and others may have made up for it."""

    async def main() -> None:
        queue = new_queue("n")
        async with opened(queue):
            queue.add(job("j"))
            assert await take(queue) == ["j"]
            await lose(queue)
            queue.done("j", [job("next", kind=JobKind.PLAN)])
            assert await doubts(queue) == {"next": True}
            assert await queue.missing(["j"]) == ["j"]

    asyncio.run(main())
