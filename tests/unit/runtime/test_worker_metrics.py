"""Workers ask each other for what they measure."""

import asyncio
import os
import socket

import msgspec
import pytest
import uvloop

from inngest_fast.adapters.system import worker_sockets
from inngest_fast.adapters.system.worker_sockets import WorkerSockets
from inngest_fast.api.metrics import exposition
from inngest_fast.domain.metrics import Distribution, Family, Sample
from inngest_fast.runtime.worker_metrics import WorkerMetrics
from tests.fixtures.http import free_port
from tests.fixtures.prometheus_text import parse


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def play(request):
    """What servers run on, which knows less of these sockets, and what tests do."""
    return request.param


class Own:
    """Metrics of one process."""

    def __init__(self, number):
        self.number = number

    def of_this(self):
        spread = Distribution((1.0,), (self.number, 0), 0.5)
        return [
            Family("a_total", "counter", "A.", [Sample(self.number, (("fn", "f"),))]),
            Family("b_seconds", "histogram", "B.", [Sample(spread)]),
        ]

    async def of_all(self):
        return [Family("shared", "gauge", "S.", [Sample(7)])]

    def refused(self, reason):
        pass


async def started(count, *numbers):
    address = f"127.0.0.1:{free_port()}"
    found = [WorkerMetrics(Own(number), WorkerSockets(number, count, address)) for number in numbers]
    for each in found:
        await each.start()
    return found


def scraped(families):
    return parse(exposition(families))


def test_whoever_is_asked_tells_of_all(play):
    async def main():
        workers = await started(3, 1, 2, 3)
        for worker in workers:
            found = scraped(await worker.read())
            for number in (1, 2, 3):
                assert found.value("a_total", fn="f", worker=str(number)) == number
                assert found.value("b_seconds_count", worker=str(number)) == number
                assert found.value("inngest_fast_worker_up", worker=str(number)) == 1
            assert found.value("shared") == 7
            assert len(found.kinds) == 4
        for worker in workers:
            await worker.stop()

    play(main())


def test_one_that_is_not_there_is_down(play):
    async def main():
        first, second = await started(3, 1, 3)
        found = scraped(await first.read())
        assert [found.value("inngest_fast_worker_up", worker=n) for n in "123"] == [1, 0, 1]
        await second.stop()
        found = scraped(await first.read())
        assert [found.value("inngest_fast_worker_up", worker=n) for n in "123"] == [1, 0, 0]
        await first.stop()

    play(main())


def test_one_that_says_nothing_is_not_waited_for(play, monkeypatch):
    monkeypatch.setattr(worker_sockets, "ANSWER_S", 0.05)

    async def main():
        [worker] = await started(2, 1)
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(worker._peers._name(2))
            silent.listen()
            assert scraped(await worker.read()).value("inngest_fast_worker_up", worker="2") == 0
        await worker.stop()

    play(main())


def test_nonsense_is_no_answer(play):
    async def main():
        first, second = await started(2, 1, 2)
        await second.stop()

        async def nonsense():
            return msgspec.msgpack.encode({"x": 1})

        await second._peers.serve(nonsense)
        assert scraped(await first.read()).value("inngest_fast_worker_up", worker="2") == 0
        await first.stop()
        await second.stop()

    play(main())


def test_other_users_are_told_nothing(play, monkeypatch):
    async def main():
        workers = await started(2, 1, 2)
        monkeypatch.setattr(os, "getuid", lambda: 12_345)
        assert await workers[0]._peers.ask() == {}
        for worker in workers:
            await worker.stop()

    play(main())


def test_a_name_that_is_taken_does_not_keep_a_worker_from_serving(play, caplog):
    async def main():
        [first] = await started(2, 1)
        again = WorkerMetrics(Own(1), first._peers.__class__(1, 2, first._peers._address))
        await again.start()
        assert "cannot ask this one" in caplog.text
        assert scraped(await again.read()).value("a_total", fn="f", worker="1") == 1
        await first.stop()
        await again.stop()

    play(main())


@pytest.mark.parametrize("size", [100_000, 3_000_000])
def test_a_long_answer_comes_whole(play, size):
    async def main():
        first, second = await started(2, 1, 2)
        await second.stop()

        async def long():
            return b"x" * size

        await second._peers.serve(long)
        assert await first._peers.ask() == {2: b"x" * size}
        await first.stop()
        await second.stop()

    play(main())
