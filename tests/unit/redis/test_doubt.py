"""Jobs that may be over already, and news that come late."""

import asyncio

import pytest

from tests.unit.redis.conftest import NewQueue
from tests.unit.redis.playing import doubts, is_leased, job, lose, opened, soon, take, until, vanish


def test_what_was_queued_on_purpose_is_beyond_doubt(new_queue: NewQueue) -> None:
    async def main() -> None:
        queue = new_queue("n")
        async with opened(queue):
            queue.add(job("added"))
            queue.add(job("later", after=20))
            queue.requeue(job("requeued"))
            assert await doubts(queue) == {"added": False, "requeued": False}
            assert await doubts(queue) == {"later": False}

    asyncio.run(main())


def test_what_was_found_missing_is_doubtful(new_queue: NewQueue) -> None:
    async def main() -> None:
        queue = new_queue("n")
        async with opened(queue):
            queue.add(job("known"))
            armed = [job("known"), job("missing"), job("later", after=20)]
            assert await queue.add_missing(armed) == ["missing", "later"]
            assert await doubts(queue) == {"known": False, "missing": True}
            assert await doubts(queue) == {"later": True}

    asyncio.run(main())


def test_what_a_dead_node_was_at_work_on_is_doubtful(new_queue: NewQueue) -> None:
    async def main() -> None:
        dying, other = new_queue("dying", lease_ms=300), new_queue("other", lease_ms=300)
        async with opened(dying, other):
            dying.add(job("j"))
            assert await doubts(dying) == {"j": False}
            vanish(dying)
            assert await doubts(other) == {"j": True}

    asyncio.run(main())


def test_what_is_handed_back_is_doubtful_and_can_still_be_done(new_queue: NewQueue) -> None:
    async def main() -> None:
        leaving, staying = new_queue("leaving"), new_queue("staying")
        async with opened(leaving, staying):
            for id in ("over", "retried", "left"):
                leaving.add(job(id))
            assert len(await take(leaving, 9)) == 3
            leaving.hand_back()
            assert not await is_leased(leaving, "over")
            leaving.done("over")
            leaving.requeue(job("retried", attempt=1))
            await leaving.size()
            assert await doubts(staying) == {"left": True, "retried": False}

    asyncio.run(main())


def test_what_a_cancelled_lease_took_is_doubtful(new_queue: NewQueue) -> None:
    async def main() -> None:
        queue = new_queue("n")
        async with opened(queue):
            queue.add(job("j"))
            leasing = asyncio.ensure_future(queue.lease(9))
            await asyncio.sleep(0)
            leasing.cancel()
            assert await doubts(queue) == {"j": True}

    asyncio.run(main())


def test_doubt_stays_until_the_job_is_requeued(new_queue: NewQueue) -> None:
    async def main() -> None:
        queue, other = new_queue("n"), new_queue("other")
        async with opened(queue, other):
            await queue.add_missing([job("j")])
            (leased,) = await soon(queue.lease(1))
            assert leased.doubtful
            queue.hand_back()
            await queue.size()
            (leased,) = await soon(other.lease(1))
            assert leased.doubtful
            other.requeue(leased)
            assert await doubts(other) == {"j": False}

    asyncio.run(main())


def test_a_change_that_had_to_wait_for_a_connection_is_doubtful(new_queue: NewQueue) -> None:
    async def main() -> None:
        queue = new_queue("n")
        async with opened(queue):
            await lose(queue)
            queue.add(job("added"))
            queue.requeue(job("requeued"))
            assert await doubts(queue) == {"added": True, "requeued": True}

    asyncio.run(main())


def test_a_repeated_requeue_takes_no_lease_away(new_queue: NewQueue) -> None:
    """It was carried out, its answer was lost, and another node has leased the job meanwhile."""

    async def main() -> None:
        queue, other = new_queue("n"), new_queue("other")
        async with opened(queue, other):
            queue.add(job("j"))
            assert await take(queue) == ["j"]
            again = job("j", attempt=1)
            queue.requeue(again)
            await queue.size()
            assert await take(other) == ["j"]
            await lose(queue)
            queue.requeue(again)
            assert await soon(queue.size()) == 1
            assert await is_leased(other, "j")
            other.done("j")
            assert await other.size() == 0

    asyncio.run(main())


@pytest.mark.parametrize("later", [{"attempt": 1}, {"since": 2**52 + 1}], ids=["attempt", "since"])
@pytest.mark.parametrize("after", [0, 60_000], ids=["ready", "scheduled"])
def test_a_later_job_takes_the_place_of_an_earlier_one(
    new_queue: NewQueue, later: dict[str, int], after: int
) -> None:
    async def main() -> None:
        queue = new_queue("n")
        earlier = job("j", since=2**52 if "since" in later else 0, after=after)
        async with opened(queue):
            queue.add(earlier)
            last = job("j", **later)
            queue.add(last)
            queue.add(earlier)
            queue.requeue(earlier)
            assert await queue.size() == 1
            assert await soon(queue.lease(9)) == [last]
            queue.done("j")
            assert await queue.depth() == {}

    asyncio.run(main())


@pytest.mark.parametrize("leased", [False, True], ids=["queued", "leased"])
def test_a_late_done_is_for_the_job_that_was_done(new_queue: NewQueue, leased: bool) -> None:
    async def main() -> None:
        slow, other = new_queue("slow"), new_queue("other")
        async with opened(slow, other):
            slow.limit_group("a", 1)
            slow.add(job("j"))
            assert await take(slow) == ["j"]
            last = job("j", since=1)
            other.add(last)
            await other.size()
            if leased:  # the place of the earlier one was freed when the later one came
                assert await soon(other.lease(9)) == [last]
            slow.done("j")
            assert await slow.size() == 1
            if not leased:
                assert await soon(other.lease(9)) == [last]
            assert await is_leased(other, "j")
            other.done("j")
            assert await other.size() == 0

    asyncio.run(main())


def test_what_is_done_is_over_whoever_has_leased_it(new_queue: NewQueue) -> None:
    async def main() -> None:
        slow, other = new_queue("slow"), new_queue("other")
        async with opened(slow, other):
            for id in ("leased", "queued"):
                slow.add(job(id))
            assert len(await take(slow, 9)) == 2
            other._link.hint("hand_back", "slow")
            assert await take(other) == ["leased"]
            slow.done("leased")
            slow.done("queued")
            assert await slow.size() == 0

    asyncio.run(main())


def test_a_node_learns_that_its_job_has_moved_on(new_queue: NewQueue) -> None:
    async def main() -> None:
        slow, other = new_queue("slow"), new_queue("other")
        async with opened(slow, other):
            slow.add(job("j"))
            assert await take(slow) == ["j"]
            other.add(job("j", attempt=1))
            await other.size()
            slow._held.look()

            async def heard() -> bool:
                return slow.counters["redis_leases_lost"] == 1

            await until(heard)
            assert not await is_leased(other, "j")

    asyncio.run(main())


def test_what_is_at_work_here_is_leased_again_but_not_worked_on_twice(new_queue: NewQueue) -> None:
    async def main() -> None:
        queue = new_queue("n")
        async with opened(queue):
            queue.add(job("j"))
            assert await take(queue) == ["j"]
            queue._link.hint("hand_back", "n")
            queue.add(job("next"))
            assert await take(queue, 9) == ["next"]
            assert await is_leased(queue, "j")
            queue.requeue(job("j", attempt=1))
            assert await take(queue, 9) == ["j"]

    asyncio.run(main())
