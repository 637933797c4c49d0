"""The server killed again and again under load: nothing acknowledged is lost, nothing ends twice (design §3)."""

import json
import random
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fixtures.load import FUNCTIONS, LoadApp, Meeter, Sender, all_runs, settled
from tests.fixtures.server_process import ServerProcess
from tests.fixtures.waiting import eventually

pytestmark = [pytest.mark.slow(12), pytest.mark.timeout(240)]

KILLS = 20
STOPS = 6
SENDERS = 4
PAUSE_S = 0.002
SEED = 20_240_917


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    process = ServerProcess("start").start()
    yield process
    process.stop()


def numbers(runs: list[dict[str, Any]]) -> Counter[int]:
    return Counter(run["output"] for run in runs)


@pytest.mark.parametrize(("way", "times"), [("kill", KILLS), ("stop", STOPS)])
def test_ended_again_and_again(server: ServerProcess, way: str, times: int) -> None:
    """`kill` is SIGKILL; after `stop`, which drains, not even a step is executed twice."""
    chance = random.Random(SEED)
    with LoadApp(server) as app:
        assert app.sync().status == 200
        senders = [Sender(server.url, number, PAUSE_S) for number in range(1, SENDERS + 1)]
        meeter = Meeter(app, server)
        for thread in (*senders, meeter):
            thread.start()
        began = time.monotonic()
        for _ in range(times):
            time.sleep(chance.uniform(0.05, 0.5))  # the moment of the crash is the point
            getattr(server, way)()
            server.start()
        loaded = time.monotonic() - began
        for sender in senders:
            sender.stop()
        acknowledged = {f: set().union(*(s.acknowledged[f] for s in senders)) for f in FUNCTIONS}
        doubtful = {f: set().union(*(s.doubtful[f] for s in senders)) for f in FUNCTIONS}
        stopped = time.monotonic()
        try:
            eventually(lambda: not app.meeting, within=60, what="every wait met")
            settled(server, within=45)
        finally:
            meeter.stop()
        settling = time.monotonic() - stopped
        runs = all_runs(server)
        assert server.stop() == 0

    repeated = sum(n - 1 for n in app.steps.values())
    resumed = re.findall(r"resumed (\d+) runs", server.log())
    print(
        json.dumps(
            {
                "acknowledged": {f: len(found) for f, found in acknowledged.items()},
                "sent again until acknowledged": sum(s.repeated for s in senders),
                "in doubt": sum(map(len, doubtful.values())),
                "refusals": dict(sum((s.refusals for s in senders), Counter())),
                "runs": len(runs),
                "ends": f"{times} by {way}",
                "resumed": [int(n) for n in resumed],
                "step executions beyond one": repeated,
                "last calls beyond one": sum(n - 1 for n in app.ends.values()),
                "seconds of load": round(loaded, 1),
                "seconds to settle": round(settling, 1),
            }
        )
    )
    # Else this proves nothing: the server was at work each time.
    assert len(resumed) >= times / 2
    assert all(len(found) > 20 for found in acknowledged.values())

    assert Counter(run["status"] for run in runs) == {"completed": len(runs)}
    by_function: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        by_function.setdefault(run["function_slug"].removeprefix("load-"), []).append(run)
    for function in FUNCTIONS:
        found = numbers(by_function[function])
        assert {n: times for n, times in found.items() if times > 1} == {}, f"{function} ran twice"
        assert acknowledged[function] - set(found) == set(), f"{function} lost events"
        assert set(found) - acknowledged[function] - doubtful[function] == set()
    assert numbers(by_function["child"]) == numbers(by_function["parent"])
    told = {run["id"] for run in runs if run["function_slug"] != "load-finished"}
    assert numbers(by_function["finished"]) == Counter(told)  # type: ignore[comparison-overlap]
    assert set(app.ends) == {run["id"] for run in runs}, "a run ended without its app"

    database = sqlite3.connect(f"file:{server.directory}/data/main.db?mode=ro", uri=True)
    try:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        finished = database.execute("SELECT wire FROM events WHERE name = 'inngest/function.finished'")
        assert Counter(json.loads(wire)["data"]["run_id"] for (wire,) in finished) == Counter(told)
        for table in ("jobs", "waits"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    finally:
        database.close()
    assert way == "kill" or repeated == 0
    assert "Traceback" not in server.log()
