"""How the server is, for probes."""

import os
import time

from inngest_fast.ports.queue import Queue
from inngest_fast.runtime.committer import MAX_BACKLOG
from inngest_fast.runtime.counters import Counters
from inngest_fast.runtime.store_watch import StoreWatch

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Vitals:
    def __init__(self, watch: StoreWatch, queue: Queue, counters: Counters) -> None:
        self._watch = watch
        self._queue = queue
        self._counters = counters
        self._began = time.monotonic()
        self.draining = False

    @property
    def unready(self) -> dict[str, str]:
        """Why events cannot be accepted durably now; empty when they can. Asks nobody."""
        reasons = {}
        if self.draining:
            reasons["server"] = "shutting down"
        if self._watch.trouble:
            reasons["store"] = self._watch.trouble
        elif self._watch.backlog >= MAX_BACKLOG:
            reasons["store"] = "behind with writing"
        return reasons

    def memory_mb(self) -> float:
        try:
            with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - the hot path of a probe
                return round(int(file.read().split()[1]) * _PAGE / 1e6, 1)
        except OSError:
            import resource

            return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, 1)

    def uptime_s(self) -> float:
        return round(time.monotonic() - self._began, 3)

    def counters(self) -> dict[str, int]:
        return {**self._counters.read(), "queue_jobs": len(self._queue)}
