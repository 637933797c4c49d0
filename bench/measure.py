"""What processes use: CPU time, memory; and what durations add up to."""

import math
import os
import platform
import socket
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil

MIB = 1024 * 1024


class Processes:
    """Some processes and all that they start. None at all is allowed: every figure is then None."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._roots = [psutil.Process(pid) for pid in pids]
        self._cpu: dict[int, float] = {}

    @property
    def known(self) -> bool:
        return bool(self._roots)

    def cpu_seconds(self) -> float | None:
        """CPU time so far, of all threads; of a process that has ended, as last seen."""
        if not self.known:
            return None
        for process in self._alive():
            try:
                self._cpu[process.pid] = time.clock_gettime(_cpu_clock(process.pid))
            except OSError:
                continue  # it ended just now
        return sum(self._cpu.values())

    def pss_mib(self) -> float | None:
        """Memory, what is shared with other processes counted in proportion."""
        return self._sum("pss") if self.known else None

    def rss_mib(self) -> float | None:
        return self._sum("rss") if self.known else None

    def _sum(self, field: str) -> float:
        total = 0
        for process in self._alive():
            try:
                info = process.memory_full_info() if field == "pss" else process.memory_info()
                total += getattr(info, field)
            except psutil.Error:
                continue
        return total / MIB

    def _alive(self) -> list[psutil.Process]:
        alive: dict[int, psutil.Process] = {}
        for root in self._roots:
            try:
                alive[root.pid] = root
                alive.update({child.pid: child for child in root.children(recursive=True)})
            except psutil.Error:
                continue
        return list(alive.values())


def _cpu_clock(pid: int) -> int:
    """The clock of another process's CPU time, as clock_getcpuclockid(3) makes it on Linux.

    In nanoseconds, where /proc/PID/stat counts in hundredths of a second.
    """
    return (~pid << 3) | 2


def listening_on(port: int) -> list[int]:
    """Processes of this machine that listen on a port."""
    found: set[int] = set()
    for connection in psutil.net_connections("tcp"):
        listens = connection.status == psutil.CONN_LISTEN
        if listens and connection.pid and getattr(connection.laddr, "port", 0) == port:
            found.add(connection.pid)
    return sorted(found)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    """p50, p90, p99 and max by nearest rank, in ms; empty for no values."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    ranks = {name: math.ceil(len(ordered) * q) - 1 for name, q in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))}
    return {name: ordered[rank] * 1e3 for name, rank in ranks.items()} | {"max": ordered[-1] * 1e3}


def machine() -> dict[str, str | int | float]:
    """What the figures were made on."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count() or 0,
        "memory_gib": round(psutil.virtual_memory().total / 1024**3, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "load_1m": round(os.getloadavg()[0], 2),
    }


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()
