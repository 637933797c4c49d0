"""An app that never answers is alone with it: other apps do not wait (design §3, bounded)."""

from collections.abc import Iterator

import pytest

from tests.fixtures.server_process import ServerProcess
from tests.fixtures.stub_app import End, StubApp, begin, ended, result
from tests.fixtures.waiting import eventually

WORKERS = 20
QUEUED = 500


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    process = ServerProcess(
        "dev", "--no-discovery", "--no-poll", "--queue-workers", str(WORKERS), "--retry-interval", "1"
    ).start()
    yield process
    process.stop()


def test_an_app_that_never_answers_slows_no_other(server: ServerProcess) -> None:
    with StubApp(server.url, "slow") as slow, StubApp(server.url, "quick") as quick:
        slow.function("hang", End.HANG)
        slow.function("hang-too", End.HANG)
        quick.function("go", result("done"))
        slow.sync()
        quick.sync()
        half = QUEUED // 2
        events = [{"name": slow.event(id), "data": {}} for id in ("hang", "hang-too") for _ in range(half)]
        for start in range(0, QUEUED, 100):
            server.send(*events[start : start + 100])
        eventually(lambda: len(slow.calls) >= WORKERS, what="the calls that hang")

        for _ in range(3):
            assert ended(server, begin(server, quick, "go"), within=5)["output"] == "done"
        sent = [{"name": quick.event("go"), "data": {"n": n}} for n in range(100)]
        server.send(*sent)
        eventually(lambda: len(server.runs(status="completed")) == 103, within=10, what="the quick runs")

        # No more at once than there are workers for an app, whichever of its functions.
        assert len(slow.calls) == slow.open == WORKERS
        assert len(server.runs(status="running")) + len(server.runs(status="queued")) == QUEUED

        slow.answers = dict.fromkeys(slow.functions, lambda _: result("at last"))
        slow.stop()  # those that hang fail, and there are no retries
        slow.start()
        eventually(lambda: not server.runs(status="queued"), within=20, what="the end of all")
        eventually(lambda: not server.runs(status="running"), within=20, what="the end of all")
        done = [run for run in server.runs() if run["function_slug"].startswith("slow-")]
        assert len(done) == QUEUED
        assert {run["status"] for run in done} <= {"completed", "failed"}
        assert server.call("GET", "/health").json()["status"] == "ok"


def test_a_cancelled_run_gives_its_worker_to_the_next(server: ServerProcess) -> None:
    """The request in flight is not aborted (flow-control §6.2), but no one waits for it."""
    with StubApp(server.url, "slow") as slow:
        slow.function("hang", End.HANG)
        slow.sync()
        server.send(*({"name": slow.event("hang"), "data": {}} for _ in range(WORKERS + 5)))
        called = {call.run_id for call in slow.wait_for_calls("hang", WORKERS)}
        for run_id in sorted(called)[:5]:
            assert server.call("DELETE", f"/api/v1/runs/{run_id}").status == 202
        slow.wait_for_calls("hang", WORKERS + 5)
        assert {call.run_id for call in slow.calls} == {run["id"] for run in server.runs()}
