"""Back-pressure: what waits to be stored is bounded in bytes (design §3.9)."""

import asyncio

import pytest

from inngest_fast.domain.errors import OverloadedError
from inngest_fast.domain.events import Accepted, Event
from inngest_fast.domain.transitions import Committed
from inngest_fast.runtime.counters import Counters
from inngest_fast.runtime.ingest import MAX_PENDING_BYTES, Ingest


class SlowCommitter:
    """Stores nothing before it is told to."""

    def __init__(self):
        self.stored = asyncio.Event()

    def admit(self, n):
        pass

    async def commit(self, transition):
        await self.stored.wait()
        return Committed()


def event(size):
    return Event(id="e", name="n", external_id="e", ts=0, received_at=0, wire=b"x" * size)


def test_more_than_can_be_held_is_refused_until_some_is_stored():
    async def main():
        committer, counters = SlowCommitter(), Counters()
        ingest = Ingest(committer, counters)
        most = event(MAX_PENDING_BYTES - 1)
        first = asyncio.create_task(ingest.accept([most]))
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            await ingest.accept([event(2)])
        assert counters["ingest_overloaded"] == 1
        second = asyncio.create_task(ingest.accept([event(1)]))
        await asyncio.sleep(0)
        committer.stored.set()
        assert await first == await second == [Accepted([], matched=False)]
        await ingest.accept([most])

    asyncio.run(main())


def test_one_that_is_larger_than_the_bound_is_taken_alone():
    async def main():
        committer = SlowCommitter()
        committer.stored.set()
        assert await Ingest(committer, Counters()).accept([event(MAX_PENDING_BYTES + 1)]) == [
            Accepted([], matched=False)
        ]

    asyncio.run(main())


def test_what_could_not_be_stored_is_not_held_against_the_next():
    async def main():
        committer = SlowCommitter()
        ingest = Ingest(committer, Counters())
        broken_off = asyncio.create_task(ingest.accept([event(MAX_PENDING_BYTES)]))
        await asyncio.sleep(0)
        broken_off.cancel()
        await asyncio.wait([broken_off])
        committer.stored.set()
        assert await ingest.accept([event(MAX_PENDING_BYTES)]) == [Accepted([], matched=False)]

    asyncio.run(main())
