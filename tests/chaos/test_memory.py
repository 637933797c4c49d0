"""Memory comes back after a rush: what has ended is not kept (design §3.9)."""

import threading

import psutil
import pytest

from tests.fixtures.load import Connection, LoadApp, settled
from tests.fixtures.server_process import EVENT_KEY, ServerProcess
from tests.fixtures.waiting import eventually

pytestmark = [pytest.mark.slow(8), pytest.mark.timeout(240)]

RUNS = 20_000
BATCH = 100
WARM = 10_000
KEPT_MB = 30
GROWTH_MB = 8


def memory_mb(server: ServerProcess) -> float:
    return float(psutil.Process(server.pid).memory_info().rss / 1e6)


def rush(server: ServerProcess, runs: int) -> None:
    """Sends events of a function without steps, in batches, from two connections at once."""

    def send(first: int) -> None:
        connection = Connection(server.url)
        for start in range(first, runs, 2 * BATCH):
            events = [{"name": "load/plain", "data": {"n": n}} for n in range(start, start + BATCH)]
            status, body = connection.post(f"/e/{EVENT_KEY}", events)
            assert status == 200, body
        connection.close()

    threads = [threading.Thread(target=send, args=(first,)) for first in (0, BATCH)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_memory_after_many_runs() -> None:
    server = ServerProcess("start").start()
    try:
        with LoadApp(server) as app:
            del app.functions["load-finished"]
            assert app.sync().status == 200
            idle = memory_mb(server)
            rush(server, WARM)
            settled(server, within=60)
            warm = memory_mb(server)
            rush(server, RUNS)
            peak = memory_mb(server)
            took = settled(server, within=150)
            after = memory_mb(server)
            counters = server.call("GET", "/health").json()["counters"]
            assert counters["runs_completed"] == WARM + RUNS
            print(f"idle {idle:.1f} MB, after {WARM} runs {warm:.1f}, with {RUNS} waiting {peak:.1f}, ")
            print(f"after all {after:.1f}; {took:.1f} s to settle")
            eventually(lambda: memory_mb(server) < idle + KEPT_MB, within=20, what="memory given back")
            eventually(lambda: memory_mb(server) < warm + GROWTH_MB, within=20, what="the end of growth")
            print(f"in the end {memory_mb(server):.1f} MB")
    finally:
        server.stop()
