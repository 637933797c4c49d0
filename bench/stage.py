"""Servers, an app and a sender, and the measuring of what they do."""

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import AsyncIterator, Awaitable, Iterable

import msgspec

from bench.app import App
from bench.backends import Backends
from bench.journal import Journal
from bench.measure import Processes, milliseconds
from bench.options import Options
from bench.result import Result
from bench.sender import Connection, Sender
from bench.server import Server

_QUIET_S = 0.05
_QUIET_CPU_S = 0.002
_QUIET_WITHIN_S = 2.0
_MEMORY_EVERY_S = 0.25


class Stage:
    def __init__(
        self,
        server: Server,
        options: Options,
        journal: Journal,
        sender: Sender,
        backends: Backends | None = None,
    ) -> None:
        self.server = server
        self.options = options
        self.backends = backends
        self.journal = journal
        self.sender = sender
        self.processes = Processes(server.pids)
        self.random = random.Random(options.seed)
        self._highest = 0.0
        self._late = 0.0
        self._numbers = itertools.count(1)
        self._filler = "".join(self.random.choices("abcdefghijklmnop", k=options.payload))

    def numbers(self, n: int) -> list[int]:
        """So many event numbers that were not used before."""
        return list(itertools.islice(self._numbers, n))

    def event(self, name: str, n: int, *, ts: int = 0, **data: object) -> bytes:
        """`ts`, unix ms, is when it is to count for; 0: as soon as it is there."""
        event: dict[str, object] = {"name": name, "data": {"n": n, "text": self._filler, **data}}
        if ts:
            event["ts"] = ts
        return msgspec.json.encode(event)

    async def play(self, name: str, numbers: Iterable[int], *, rate: float = 0.0) -> int:
        """Sends an event for each number and waits for the ends of their runs. How many never came.

        Without a rate, as many runs are open as `in_flight` allows; with one, events go out when
        due, and count as sent then, however late they are.
        """
        numbers = tuple(numbers)
        room = asyncio.Semaphore(self.options.in_flight)
        ends: list[asyncio.Future[None]] = []
        begun = time.perf_counter()
        left = iter(enumerate(numbers))

        async def work(connection: Connection) -> None:
            for i, n in left:
                at = begun + i / rate if rate else None
                if at is not None:
                    await asyncio.sleep(max(0.0, at - time.perf_counter()))
                elif not await _within(room.acquire(), self.options.patience):
                    return  # nothing ends any more
                end = self.journal.send(n, at)
                end.add_done_callback(lambda _: room.release())
                ends.append(end)
                await self.post(connection, self.event(name, n), (n,))

        await asyncio.gather(*(work(connection) for connection in self.sender.connections))
        open_ends = [end for end in ends if not end.done()]
        if open_ends:
            await asyncio.wait(open_ends, timeout=self.options.patience)
        return sum(n not in self.journal.ended for n in numbers)

    async def post(self, connection: Connection, body: bytes, numbers: Iterable[int]) -> None:
        """Posts a body of events and notes when they were accepted."""
        numbers = tuple(numbers)
        await self.sender.post(connection, body, len(numbers), self._refused)
        for n in numbers:
            self.journal.accept(n)

    async def quiet(self, within: float = _QUIET_WITHIN_S) -> None:
        """Returns when the server has nothing more to do, or after a while if it never rests."""
        used = self.processes.cpu_seconds()
        if used is None:
            await asyncio.sleep(_QUIET_S)
            return
        deadline = time.perf_counter() + within
        while time.perf_counter() < deadline:
            await asyncio.sleep(_QUIET_S)
            now = self.processes.cpu_seconds() or 0.0
            if now - used < _QUIET_CPU_S:
                return
            used = now

    @contextlib.asynccontextmanager
    async def measured(self, result: Result, units: int, begins: float = 0.0) -> AsyncIterator[None]:
        """What the block costs, for so many units of work, goes into the result.

        The rate is of the block's own time; the CPU also of what the server still does right after it.
        The block may have to begin at a time of `perf_counter`, and nothing to happen until then; SystemExit
        when that is over.
        """
        if not begins:
            await self.quiet()
        await asyncio.sleep(self.options.settle)
        self.journal.forget()
        before = self.processes.pss_mib()
        self._note(result, "pss_before_mib", before)
        self._note(result, "rss_before_mib", self.processes.rss_mib())
        self._highest = before or 0.0
        self._late = 0.0
        peak = asyncio.create_task(self._peak())
        if begins:
            if begins < time.perf_counter():
                raise SystemExit("bench: work began before it could be measured")
            await asyncio.sleep(begins - time.perf_counter())
        behind = self._behind()
        cpu, own, begun = self.processes.cpu_seconds(), time.process_time(), time.perf_counter()
        try:
            yield
            seconds, own = time.perf_counter() - begun, time.process_time() - own
            await self.quiet()
            used = self.processes.cpu_seconds()
            behind = {name: now - behind[name] for name, now in self._behind().items()}
        finally:
            peak.cancel()
        result.figures["seconds"] = seconds
        result.figures["rate_per_s"] = units / seconds
        if cpu is not None and used is not None:
            result.figures["cpu_ms"] = (used - cpu) / units * 1e3
            result.figures["server_cores"] = (used - cpu) / seconds
        result.figures |= {f"{name}_cpu_ms": used / units * 1e3 for name, used in behind.items()}
        result.figures["generator_cores"] = own / seconds
        result.figures["generator_late_ms"] = self._late * 1e3
        self._latencies(result)
        highest = max((self._highest, self.processes.pss_mib() or 0.0)) if self.processes.known else None
        self._note(result, "pss_peak_mib", highest)
        await asyncio.sleep(self.options.settle)
        self._note(result, "pss_after_mib", self.processes.pss_mib())
        self._note(result, "rss_after_mib", self.processes.rss_mib())
        self._counts(result)

    def _behind(self) -> dict[str, float]:
        """CPU seconds so far of each backend that is known."""
        used = {
            name: processes.cpu_seconds()
            for name, processes in (self.backends.processes if self.backends else {}).items()
        }
        return {name: seconds for name, seconds in used.items() if seconds is not None}

    def _latencies(self, result: Result) -> None:
        journal = self.journal
        for name, until in (
            ("accept_ms", journal.accepted),
            ("first_call_ms", journal.called),
            ("end_ms", journal.ended),
        ):
            percentiles = milliseconds(journal.latencies(until))
            if percentiles:
                result.figures[name] = percentiles

    def _counts(self, result: Result) -> None:
        journal = self.journal
        result.counts |= {
            "sent": len(journal.sent),
            "accepted": len(journal.accepted),
            "refused": journal.refused,
            "calls": journal.calls,
            "retried": journal.retried,
            "ended": len(journal.ended),
            "ended_again": journal.ended_again,
        }

    async def _peak(self) -> None:
        """Also how much later than it asked to this process is woken, which no latency here can beat."""
        while True:
            self._highest = max(self._highest, self.processes.pss_mib() or 0.0)
            due = time.perf_counter() + _MEMORY_EVERY_S
            await asyncio.sleep(_MEMORY_EVERY_S)
            self._late = max(self._late, time.perf_counter() - due)

    def _refused(self) -> None:
        self.journal.refused += 1

    @staticmethod
    def _note(result: Result, name: str, value: float | None) -> None:
        if value is not None:
            result.figures[name] = value


@contextlib.asynccontextmanager
async def staged(server: Server, options: Options, backends: Backends | None = None) -> AsyncIterator[Stage]:
    """The app registered, the connections open."""
    journal = Journal()
    async with Sender(server, options.connections) as sender, App(journal, sender):
        yield Stage(server, options, journal, sender, backends)


async def _within(work: Awaitable[object], seconds: float) -> bool:
    try:
        await asyncio.wait_for(work, seconds)
    except TimeoutError:
        return False
    return True
