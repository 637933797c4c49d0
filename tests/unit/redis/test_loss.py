"""Redis goes away, comes back empty, or does not answer."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import pytest

from inngest_fast.adapters.redis import RedisQueue
from inngest_fast.adapters.redis import link as link_module
from inngest_fast.adapters.redis.errors import RedisUnavailableError
from tests.fixtures.redis_server import RedisProcess
from tests.unit.redis.conftest import NewQueue
from tests.unit.redis.playing import job, opened, soon, take, until


def told(queue: RedisQueue, condition: Callable[[RedisQueue], bool]) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return condition(queue)

    return ask


def waits(queue: RedisQueue) -> bool:
    return queue.waiting == 1 and not queue.busy


def test_a_server_that_is_not_there_is_told_at_once(new_queue: NewQueue) -> None:
    server = RedisProcess()

    async def main() -> None:
        with pytest.raises(RedisUnavailableError, match=f"127.0.0.1:{server.port}"):
            await soon(new_queue("n", uri=server.uri).open())

    asyncio.run(main())


def test_changes_and_leases_wait_for_a_server_that_comes_back(
    new_queue: NewQueue, server: RedisProcess
) -> None:
    async def main() -> None:
        queue = new_queue("n", uri=server.uri)
        async with opened(queue):
            queue.limit_group("a", 1)
            leasing = asyncio.ensure_future(queue.lease(9))
            await until(told(queue, waits))
            server.kill()
            await until(told(queue, lambda queue: not queue.connected))
            queue.add(job("1"))
            queue.add(job("2"))
            queue.add(job("dropped"))
            queue.drop("dropped")
            assert not leasing.done()
            await asyncio.to_thread(server.start)
            assert [leased.id for leased in await soon(leasing)] == ["1"]
            # The server knows nothing from before: the limit was told again.
            place = await soon(queue.explain("2"))
            assert place is not None
            assert place.blocked_by == "app"
            assert await queue.missing(["1", "2", "dropped"]) == ["dropped"]
            assert queue.counters["redis_reconnected"] == 1
            assert queue.counters["redis_hints_dropped"] == 0

    asyncio.run(main())


def test_a_flushed_queue_is_filled_again_and_its_nodes_are_woken(
    new_queue: NewQueue, server: RedisProcess
) -> None:
    async def main() -> None:
        filling, working = new_queue("filling", uri=server.uri), new_queue("working", uri=server.uri)
        async with opened(filling, working):
            working.limit_group("a", 1)
            leasing = asyncio.ensure_future(working.lease(9))
            await until(told(working, waits))
            with server.client() as client:
                client.flushall()
            assert await filling.missing(["j"]) == ["j"]
            assert await filling.add_missing([job("j"), job("k")]) == ["j", "k"]
            assert await filling.add_missing([job("j")]) == []
            assert [leased.id for leased in await soon(leasing)] == ["j"]
            place = await working.explain("k")
            assert place is not None
            assert place.blocked_by == "app"

    asyncio.run(main())


def test_a_job_that_is_at_work_here_is_not_leased_again_after_a_flush(
    new_queue: NewQueue, server: RedisProcess
) -> None:
    async def main() -> None:
        queue = new_queue("n", uri=server.uri)
        async with opened(queue):
            at_work = job("at work")
            queue.add(at_work)
            assert await take(queue) == ["at work"]
            with server.client() as client:
                client.flushall()
            assert await queue.add_missing([at_work, job("new")]) == ["at work", "new"]
            assert await take(queue, 1) == ["new"]
            place = await queue.explain("at work")
            assert place is not None
            assert place.state == "leased"
            queue.done("at work")
            queue.done("new")
            assert await queue.size() == 0

    asyncio.run(main())


def test_forgotten_scripts_are_sent_again(new_queue: NewQueue, server: RedisProcess) -> None:
    async def main() -> None:
        queue = new_queue("n", uri=server.uri)
        async with opened(queue):
            with server.client() as client:
                client.script_flush()
            queue.add(job("1"))
            queue.add(job("2"))
            assert await take(queue, 9) == ["1", "2"]

    asyncio.run(main())


def test_a_question_does_not_wait_for_long(
    new_queue: NewQueue, server: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "QUESTION_S", 0.1)

    async def main() -> None:
        queue = new_queue("n", uri=server.uri)
        async with opened(queue):
            server.kill()
            await until(told(queue, lambda queue: not queue.connected))
            for question in (
                queue.size(),
                queue.missing(["j"]),
                queue.explain("j"),
                queue.depth(),
                queue.oldest_ready(),
                queue.add_missing([job("j")]),
            ):
                with pytest.raises(RedisUnavailableError, match=f"127.0.0.1:{server.port}"):
                    await soon(question)
            await asyncio.to_thread(server.start)
            assert await take(queue) == ["j"]  # it was on its way

    asyncio.run(main())


def test_a_silent_server_is_given_up(
    new_queue: NewQueue, server: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "ANSWER_S", 0.1)

    async def main() -> None:
        queue = new_queue("n", uri=server.uri)
        async with opened(queue):
            queue.add(job("j"))
            assert await queue.size() == 1
            os.kill(server.pid, signal.SIGSTOP)
            try:
                queue.add(job("k"))
                await until(told(queue, lambda queue: not queue.connected))
            finally:
                os.kill(server.pid, signal.SIGCONT)
            assert await take(queue, 9) == ["j", "k"]

    asyncio.run(main())


def test_what_is_kept_without_a_connection_is_bounded_and_counted(
    new_queue: NewQueue, server: RedisProcess
) -> None:
    async def main() -> None:
        queue = new_queue("n", uri=server.uri, held_bytes=10_000)
        async with opened(queue):
            server.kill()
            await until(told(queue, lambda queue: not queue.connected))
            for n in range(100):
                queue.add(job(str(n), payload=bytes(100)))
            dropped = queue.counters["redis_hints_dropped"]
            assert 50 < dropped < 100
            with pytest.raises(RedisUnavailableError):
                await soon(queue.explain("x" * 1_000))
            await asyncio.to_thread(server.start)
            assert await take(queue, 999) == [str(n) for n in range(100 - dropped)]

    asyncio.run(main())


class Cutting:
    """Stands between a queue and its server, and can lose the answer to what it passed on."""

    def __init__(self, port: int) -> None:
        self.server_port = port
        self.cut_after = b""
        self.cuts = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*[w.wait_closed() for w in self._writers], return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.server_port)
        self._writers += [writer, back]
        for passing in (self._pass_on(reader, back, writer), self._pass_back(there, writer)):
            task = asyncio.ensure_future(passing)
            self._tasks.add(task)

    async def _pass_on(
        self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(65_536):
            if self.cut_after and self.cut_after in data:
                self.cut_after = b""
                self.cuts += 1
                writer.transport.abort()
                back.write(data)
                await back.drain()
                break
            back.write(data)
        back.close()

    async def _pass_back(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await there.read(65_536):
            writer.write(data)


@pytest.mark.parametrize("operation", ["add", "lease", "done", "requeue", "drop"])
def test_a_lost_answer_changes_nothing(new_queue: NewQueue, shared: RedisProcess, operation: str) -> None:
    """The operation was carried out, and nobody knows."""
    from inngest_fast.adapters.redis.scripts import scripts

    async def main() -> None:
        cutting = Cutting(shared.port)
        queue = new_queue("n", uri=await cutting.start())
        try:
            async with opened(queue):
                queue.limit_group("a", 1)
                queue.add(job("0"))
                assert await take(queue) == ["0"]
                cutting.cut_after = scripts()[operation].sha
                if operation == "add":
                    queue.done("0")
                    queue.add(job("1"))
                elif operation == "requeue":
                    queue.requeue(job("0"))
                elif operation == "lease":
                    queue.done("0")
                    queue.add(job("1"))
                else:
                    getattr(queue, operation)("0")
                    queue.add(job("1"))
                expected = "0" if operation == "requeue" else "1"
                assert await take(queue) == [expected]
                assert cutting.cuts == 1
                assert queue.counters["redis_reconnected"] == 1
                assert await soon(queue.size()) == 1
                place = await soon(queue.explain(expected))
                assert place is not None
                assert place.state == "leased"
                queue.done(expected)
                assert await soon(queue.size()) == 0
                assert await soon(queue.depth()) == {}
        finally:
            await cutting.stop()

    asyncio.run(main())
