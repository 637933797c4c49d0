"""Traces of ended runs go to a collector: in the background, in batches, and never at the cost of a run."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.otlp import ExportedSpan, Sampler
from inngest_fast.domain.runs import Run
from inngest_fast.domain.traces import Span
from inngest_fast.engine.trace.exported import Ended, ended, exported, trace_id
from inngest_fast.ports.span_sink import SinkBusyError, SinkRefusedError, SpanSink
from inngest_fast.runtime.counters import Counters

MAX_WAITING: Final = 8_192  # runs
BATCH: Final = 512  # spans; a run more may be in it
LINGER_S: Final = 0.5  # for others, before the first goes
TRIES: Final = 8
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 30.0
LAST_S: Final = 2.0  # at least, for what waits when the server stops
_LOG_EVERY_S: Final = 60.0

_log = logging.getLogger(__name__)


class Trees(Protocol):
    async def tree(self, run_id: str, *, preview: bool = True) -> Span | None:
        """Raises StoreError."""
        ...


class TraceExport:
    """`take`s runs while there is room, from `start` on, until it is `drain`ed."""

    def __init__(
        self, traces: Trees, sink: SpanSink, sampler: Sampler, entropy: Entropy, counters: Counters
    ) -> None:
        self._traces = traces
        self._sink = sink
        self._sampler = sampler
        self._entropy = entropy
        self._counters = counters
        self._waiting: deque[Ended] = deque()
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._batch = 0  # spans that are being sent
        self._said = -_LOG_EVERY_S

    def take(self, run: Run) -> None:
        """A run that has ended, durably. Never blocks or fails; what is too much is dropped and counted."""
        if not self._sampler.takes(trace_id(run), run.caller):
            return
        if len(self._waiting) >= MAX_WAITING or self._stopping.is_set():
            self._counters.add("trace_runs_dropped")
            self._say("traces are not exported: too many wait")
            return
        self._waiting.append(ended(run))
        self._wake.set()

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="trace export")

    async def drain(self, timeout: float) -> None:
        """Sends what waits, for at most so many seconds; the rest is dropped."""
        self._stopping.set()
        self._wake.set()
        if self._task is not None:
            await asyncio.wait((self._task,), timeout=max(timeout, LAST_S))
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        left = len(self._waiting)
        if left or self._batch:
            self._counters.add("trace_runs_dropped", left)
            self._counters.add("spans_dropped", self._batch)
            _log.warning(
                "traces were not exported before the end", extra={"runs": left, "spans": self._batch}
            )
        await self._sink.close()

    async def _run(self) -> None:
        while not (self._stopping.is_set() and not self._waiting):
            await self._wake.wait()
            self._wake.clear()
            if not self._waiting:
                continue
            await self._pause(LINGER_S)
            while self._waiting:
                try:
                    await self._send(await self._next())
                except Exception:  # a bug must not end the exports to come
                    self._counters.add("spans_dropped", self._batch)
                    _log.exception("traces could not be exported")
                self._batch = 0

    async def _next(self) -> list[ExportedSpan]:
        """The spans of the runs that have waited longest."""
        spans: list[ExportedSpan] = []
        while self._waiting and len(spans) < BATCH:
            about = self._waiting.popleft()
            try:
                root = await self._traces.tree(about.run_id)
            except StoreError as error:
                self._counters.add("trace_runs_dropped")
                self._say("a trace is not exported: it cannot be read", error=str(error))
                continue
            if root is not None:
                spans += exported(about, root)
                self._batch = len(spans)
        return spans

    async def _send(self, spans: Sequence[ExportedSpan]) -> None:
        if not spans:
            return
        pause = FIRST_PAUSE_S
        for attempt in range(1, TRIES + 1):
            try:
                taken = await self._sink.send(spans)
            except SinkRefusedError as error:
                self._counters.add("spans_rejected", len(spans))
                self._say("the collector refuses traces", error=str(error))
                return
            except SinkBusyError as error:
                self._say("the collector does not take traces", error=str(error), attempt=attempt)
                if attempt < TRIES:
                    # A random part keeps servers that failed together from coming back together.
                    wait = pause * (0.5 + self._entropy.below(1_000) / 1_000)
                    await self._pause(min(max(wait, error.retry_after or 0.0), LONGEST_PAUSE_S))
                    pause = min(pause * 2, LONGEST_PAUSE_S)
                continue
            self._counters.add("spans_exported", len(spans) - taken.rejected)
            if taken.rejected:
                self._counters.add("spans_rejected", taken.rejected)
                self._say("the collector refuses spans", error=taken.message)
            return
        self._counters.add("spans_dropped", len(spans))

    async def _pause(self, seconds: float) -> None:
        """Shorter when the server stops: then there is no time to lose."""
        if self._stopping.is_set():
            await asyncio.sleep(min(seconds, FIRST_PAUSE_S / 4))
            return
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass

    def _say(self, message: str, **about: object) -> None:
        """Logs, once in a while: what happens to one batch happens to the next."""
        now = asyncio.get_running_loop().time()
        if now - self._said >= _LOG_EVERY_S:
            self._said = now
            _log.warning(message, extra=about)
