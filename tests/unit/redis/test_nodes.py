"""Many nodes, one queue."""

import asyncio

from tests.unit.redis.conftest import NewQueue
from tests.unit.redis.playing import is_leased, job, opened, soon, take, until, vanish, waits

LEASE_MS = 300
TAKEN_OVER_MS, LATE_MS = 500, 1_000


def test_a_node_wakes_another(new_queue: NewQueue) -> None:
    async def main() -> None:
        adding, working = new_queue("adding"), new_queue("working")
        async with opened(adding, working):
            leasing = asyncio.ensure_future(working.lease(1))
            await until(lambda: waits(working))
            added = job("j", payload=b"\x00\xff")
            adding.add(added)
            assert await soon(leasing) == [added]

    asyncio.run(main())


def test_a_scheduled_job_of_another_node_is_leased_when_it_is_due(new_queue: NewQueue) -> None:
    async def main() -> None:
        adding, working = new_queue("adding"), new_queue("working")
        async with opened(adding, working):
            leasing = asyncio.ensure_future(working.lease(1))
            await until(lambda: waits(working))
            adding.add(job("late", after=60_000))
            adding.add(job("early", after=50))
            assert [leased.id for leased in await soon(leasing)] == ["early"]

    asyncio.run(main())


def test_each_job_is_leased_once_in_all(new_queue: NewQueue) -> None:
    async def main() -> None:
        nodes = [new_queue(f"n{n}") for n in range(3)]
        taken: list[str] = []

        async def work(node) -> None:
            while jobs := await node.lease(3):
                for leased in jobs:
                    taken.append(leased.id)
                    node.done(leased.id)

        async with opened(*nodes):
            working = [asyncio.ensure_future(work(node)) for node in nodes]
            for n in range(300):
                nodes[n % 3].add(job(str(n), function=f"f{n % 5}", after=n % 7))

            async def finished() -> bool:
                return len(taken) >= 300 and await nodes[0].size() == 0

            await until(finished)
            for node in nodes:
                node.close()
            await soon(asyncio.gather(*working))
        assert sorted(taken, key=int) == [str(n) for n in range(300)]

    asyncio.run(main())


def test_a_group_limit_is_for_all_nodes_together(new_queue: NewQueue) -> None:
    async def main() -> None:
        first, second = new_queue("first"), new_queue("second")
        async with opened(first, second):
            first.limit_group("a", 2)
            for n in range(3):
                first.add(job(str(n)))
            assert await take(first) == ["0"]
            assert await take(second, 9) == ["1"]
            leasing = asyncio.ensure_future(second.lease(9))
            await until(lambda: waits(second))
            place = await second.explain("2")
            assert place is not None
            assert (place.blocked_by, place.limit, place.in_use) == ("app", 2, 2)
            first.done("0")
            assert [leased.id for leased in await soon(leasing)] == ["2"]

    asyncio.run(main())


def test_the_jobs_of_a_node_that_died_go_to_another_that_waits(new_queue: NewQueue) -> None:
    async def main() -> None:
        idle, dying = new_queue("idle", lease_ms=LEASE_MS), new_queue("dying", lease_ms=LEASE_MS)
        async with opened(idle, dying):
            idle.limit_group("a", 0)
            idle.add(job("j"))
            leasing = asyncio.ensure_future(idle.lease(9))
            await until(lambda: waits(idle))
            dying.limit_group("a", None)
            assert await take(dying) == ["j"]
            assert not leasing.done()
            vanish(dying)
            assert [leased.id for leased in await soon(leasing)] == ["j"]

    asyncio.run(main())


def test_a_lease_lasts_for_as_long_as_the_node_works(new_queue: NewQueue, shared) -> None:
    async def main() -> None:
        working, idle = new_queue("working", lease_ms=LEASE_MS), new_queue("idle", lease_ms=LEASE_MS)
        async with opened(working, idle):
            working.add(job("j"))
            assert await take(working) == ["j"]
            leasing = asyncio.ensure_future(idle.lease(1))
            loop = asyncio.get_running_loop()
            end = loop.time() + 4 * LEASE_MS / 1_000

            async def long_after() -> bool:
                return loop.time() > end

            await until(long_after)
            assert not leasing.done()
            assert working.counters["redis_leases_lost"] == 0
            vanish(working)
            assert [leased.id for leased in await soon(leasing)] == ["j"]

    asyncio.run(main())


def test_a_node_that_leaves_gives_its_jobs_back_at_once(new_queue: NewQueue) -> None:
    async def main() -> None:
        leaving, staying = new_queue("leaving"), new_queue("staying")
        async with opened(staying):
            await leaving.open()
            leaving.add(job("j"))
            assert await take(leaving) == ["j"]
            leasing = asyncio.ensure_future(staying.lease(1))
            await until(lambda: waits(staying))
            await soon(leaving.leave())
            assert [leased.id for leased in await soon(leasing)] == ["j"]

    asyncio.run(main())


def test_a_node_that_is_closed_takes_no_wake_up_from_others(new_queue: NewQueue) -> None:
    async def main() -> None:
        closing, staying, adding = new_queue("closing"), new_queue("staying"), new_queue("adding")
        async with opened(closing, staying, adding):
            leasing = []
            for node in (closing, staying):  # the first to wait is the first to be woken
                leasing.append(asyncio.ensure_future(node.lease(1)))
                await until(lambda node=node: waits(node))
            closing.close()
            await closing.size()
            adding.add(job("j"))
            assert [one.id for one in await soon(leasing[1])] == ["j"]
            assert await soon(leasing[0]) == []

    asyncio.run(main())


def test_what_is_done_is_sent_before_a_node_leaves(new_queue: NewQueue) -> None:
    async def main() -> None:
        leaving, staying = new_queue("leaving"), new_queue("staying")
        async with opened(staying):
            await leaving.open()
            leaving.add(job("j"))
            assert await take(leaving) == ["j"]
            leaving.done("j")
            await soon(leaving.leave())
            assert await staying.size() == 0

    asyncio.run(main())


def test_a_node_that_was_taken_for_dead_loses_its_lease_and_hears_of_it(new_queue: NewQueue) -> None:
    async def main() -> None:
        slow, other = new_queue("slow", lease_ms=LEASE_MS), new_queue("other", lease_ms=LEASE_MS)
        async with opened(slow, other):
            slow.add(job("j"))
            assert await take(slow) == ["j"]
            timer, slow._held._timer = slow._held._timer, None
            timer.cancel()  # as if its loop were stopped
            assert await take(other) == ["j"]
            slow._held._due()

            async def heard() -> bool:
                return slow.counters["redis_leases_lost"] == 1

            await until(heard)
            assert (await other.explain("j")).state == "leased"

    asyncio.run(main())


def test_a_lease_that_is_cancelled_on_its_way_takes_no_job_along(new_queue: NewQueue) -> None:
    async def main() -> None:
        queue = new_queue("n")
        async with opened(queue):
            for n in range(3):
                queue.add(job(str(n)))
            for _ in range(10):
                leasing = asyncio.ensure_future(queue.lease(9))
                await asyncio.sleep(0)
                assert queue.busy
                leasing.cancel()
            assert await take(queue, 9) == ["0", "1", "2"]

    asyncio.run(main())


def test_a_lease_that_is_on_its_way_when_the_queue_is_closed_takes_no_job_along(new_queue: NewQueue) -> None:
    async def main() -> None:
        closing, staying = new_queue("closing"), new_queue("staying")
        async with opened(closing, staying):
            closing.add(job("j"))
            leasing = asyncio.ensure_future(closing.lease(9))
            await asyncio.sleep(0)
            assert closing.busy
            closing.close()
            assert await soon(leasing) == []
            assert await take(staying) == ["j"]

    asyncio.run(main())


def test_the_next_job_is_for_whom_the_last_wake_up_found_nothing(new_queue: NewQueue) -> None:
    async def main() -> None:
        queue, adding = new_queue("n"), new_queue("adding")
        async with opened(queue, adding):
            waiting = [asyncio.ensure_future(queue.lease(1)) for _ in range(3)]
            for n in range(3):

                async def idle(left: int = 3 - n) -> bool:
                    return queue.waiting == left and not queue.busy

                await until(idle)
                adding.add(job(str(n)))
            leased = [one.id for jobs in await soon(asyncio.gather(*waiting)) for one in jobs]
            assert sorted(leased) == ["0", "1", "2"]

    asyncio.run(main())


def test_a_dead_node_is_taken_over_from_within_the_time_of_a_lease(new_queue: NewQueue) -> None:
    """By a node that was idle all the time: its last look was before the leases were taken."""

    async def main() -> None:
        idle = new_queue("idle", lease_ms=TAKEN_OVER_MS)
        dying = new_queue("dying", lease_ms=TAKEN_OVER_MS)
        async with opened(idle, dying):
            leasing = asyncio.ensure_future(idle.lease(9))
            await until(lambda: waits(idle))
            looks = idle._calls
            # No wake-up is sent for a job that is taken in the same moment as it is held.
            dying._held.take([job(str(n)) for n in range(3)])
            dying._held.restore()
            assert await dying.missing(["0", "1", "2"]) == []
            assert idle._calls == looks
            vanish(dying)
            loop = asyncio.get_running_loop()
            gone = loop.time()
            taken = await soon(leasing)
            while len(taken) < 3:
                taken += await soon(idle.lease(9))
            assert loop.time() - gone < (TAKEN_OVER_MS + LATE_MS) / 1_000
            assert sorted((one.id, one.doubtful) for one in taken) == [("0", True), ("1", True), ("2", True)]

    asyncio.run(main())


def test_a_node_that_came_later_is_looked_after_too(new_queue: NewQueue) -> None:
    """The idle one set no timer while it was alone."""

    async def main() -> None:
        idle = new_queue("idle", lease_ms=TAKEN_OVER_MS)
        dying = new_queue("dying", lease_ms=TAKEN_OVER_MS)
        async with opened(idle):
            leasing = asyncio.ensure_future(idle.lease(9))
            await until(lambda: waits(idle))
            assert idle._waiters._timer is None
            async with opened(dying):
                dying._held.take([job("j")])
                dying._held.restore()
                assert await dying.missing(["j"]) == []
                vanish(dying)
                loop = asyncio.get_running_loop()
                gone = loop.time()
                assert [leased.id for leased in await soon(leasing)] == ["j"]
                assert loop.time() - gone < (TAKEN_OVER_MS + LATE_MS) / 1_000

    asyncio.run(main())


def test_a_lost_lease_goes_on_where_no_other_has_taken_it(new_queue: NewQueue, shared) -> None:
    async def main() -> None:
        queue, other = new_queue("n"), new_queue("other")
        async with opened(queue, other):
            queue.limit_group("a", 1)
            at_work = job("j")
            queue.add(at_work)
            assert await take(queue) == ["j"]
            with shared.client() as client:
                lost = ("jobs", "owners", "leases", "groups", "sizes", "use")
                client.delete(*(f"{queue._link._base}:{key}" for key in lost))
            assert await other.missing(["j"]) == ["j"]
            queue._held.look()
            await until(lambda: is_leased(other, "j"))
            other.add(job("k"))
            place = await other.explain("k")
            assert place is not None
            assert (place.blocked_by, place.in_use) == ("app", 1)
            assert queue.counters["redis_leases_lost"] == 0
            queue.done("j")
            assert await take(other) == ["k"]
            other.done("k")
            assert await other.size() == 0
            assert await other.depth() == {}

    asyncio.run(main())


def test_a_lease_that_ran_out_unnoticed_is_taken_again(new_queue: NewQueue, shared) -> None:
    async def main() -> None:
        queue, other = new_queue("n"), new_queue("other")
        async with opened(queue, other):
            queue.add(job("j"))
            assert await take(queue) == ["j"]
            other._link.hint("hand_back", "n")
            assert not await is_leased(other, "j")
            queue._held.look()
            await until(lambda: is_leased(other, "j"))
            assert queue.counters["redis_leases_lost"] == 0
            queue.done("j")
            assert await queue.size() == 0

    asyncio.run(main())
