"""How the server is, for probes."""

import asyncio
import os
import time

from inngest_fast.domain.errors import QueueError
from inngest_fast.ports.queue import Queue
from inngest_fast.runtime.committer import MAX_BACKLOG
from inngest_fast.runtime.counters import Counters
from inngest_fast.runtime.store_watch import StoreWatch

_ANSWER_S = 0.2
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Vitals:
    def __init__(self, watch: StoreWatch, queue: Queue, counters: Counters) -> None:
        self._watch = watch
        self._queue = queue
        self._counters = counters
        self._began = time.monotonic()
        self.started_at = time.time()
        self.draining = False

    @property
    def unready(self) -> dict[str, str]:
        """Why requests had better go elsewhere now; empty when all is well. Asks nobody."""
        reasons = {}
        if self.draining:
            reasons["server"] = "shutting down"
        if self._watch.trouble:
            reasons["store"] = self._watch.trouble
        elif self._watch.backlog >= MAX_BACKLOG:
            reasons["store"] = "behind with writing"
        if self._queue.trouble:
            reasons["queue"] = self._queue.trouble
        return reasons

    def memory_bytes(self) -> int:
        """Resident memory of this process."""
        try:
            with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - the hot path of a probe
                return int(file.read().split()[1]) * _PAGE
        except OSError:
            import resource

            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_000

    def memory_mb(self) -> float:
        return round(self.memory_bytes() / 1e6, 1)

    def uptime_s(self) -> float:
        return round(time.monotonic() - self._began, 3)

    async def counters(self) -> dict[str, int]:
        counters = {**self._counters.read(), **self._queue.counters}
        try:
            async with asyncio.timeout(_ANSWER_S):
                counters["queue_jobs"] = await self._queue.size()
        except (QueueError, TimeoutError):
            pass  # `unready` says so
        return counters
