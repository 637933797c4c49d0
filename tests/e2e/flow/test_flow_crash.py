"""What is left of flow control when a server is killed, or Redis loses everything, in the middle of it."""

import shutil
import time
from itertools import pairwise

import pytest

from tests.e2e.flow.backends import PRODUCTION, SQLITE, place, played_together
from tests.e2e.flow.scenario import (
    TYPESCRIPT,
    Scenario,
    call,
    function,
    numbered,
    scenario,
    sleep,
    work,
)
from tests.e2e.flow.scene import Scene, functions_of, play
from tests.e2e.flow.seen import Seen, at_once, offsets
from tests.e2e.flow_table import Told
from tests.fixtures.flow_apps import FlowApp
from tests.fixtures.redis_server import RedisProcess
from tests.fixtures.server_process import ServerProcess

pytestmark = [pytest.mark.timeout(120), pytest.mark.node]

CRASH: list[Scenario] = []
AT_S = 1.5
LEASE_S = 15.0
REBUILT_S = 1.7  # servers first say what they are at work on, then the rest is queued again
KILLED, KILLED_REPLICA, FLUSHED = "killed", "killed-replica", "flushed"


def crash_scenario(*functions: dict[str, object], takes: float = 5.0):  # noqa: ANN201 as `scenario`
    return scenario(*functions, takes=takes, sdks=TYPESCRIPT, among=CRASH)


@pytest.fixture(
    scope="module",
    params=[
        played_together(KILLED, KILLED),
        played_together(KILLED_REPLICA, KILLED_REPLICA, pytest.mark.slow(18)),
        played_together(FLUSHED, FLUSHED, pytest.mark.slow(12)),
    ],
)
def seen(request: pytest.FixtureRequest) -> Seen:
    """One server is killed and comes back; one of two is killed; two find Redis empty."""
    how = request.param
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("needs node and npm")
    scenarios, functions = functions_of(CRASH, "ts4")
    with place(SQLITE if how == KILLED else PRODUCTION) as (servers, redis):
        app = FlowApp("ts4", servers[0].url, functions, production=True)
        try:
            app.sync()
            crash = Scenario("crash", (), lambda scene: _crash(scene, how, servers, redis), AT_S, TYPESCRIPT)
            found = play(servers, app, [*scenarios, crash], how)
        finally:
            app.stop()
    found.of(crash)
    found.lateness.dismiss(found.notes["crash"][0])
    return found


async def _crash(scene: Scene, how: str, servers: list[ServerProcess], redis: RedisProcess | None) -> None:
    """Notes when it was, and when all was well again as far as a client can tell; unix ms."""
    await scene.at(AT_S)
    began = time.time() * 1_000
    if how == FLUSHED:
        assert redis is not None
        with redis.client() as client:
            client.flushall()

        async def filled_again() -> bool:
            healths = [await scene.request("GET", "/health") for _ in servers]  # 503 for a moment
            return any(health["counters"].get("reconciler_jobs_rearmed") for _, health in healths)

        await scene.until_true(filled_again)
    else:
        scene.lose(servers[-1])
        if how == KILLED:
            await scene.bring_back(servers[-1])
    scene.note((began, time.time() * 1_000))


def test_all_is_well_again_soon(seen: Seen, told: Told) -> None:
    began, well = seen.notes["crash"]
    told("back after", "", f"{(well - began) / 1_000:.2f} s")
    took = (well - began - seen.allowed(well, hops=5)) / 1_000
    assert took <= {KILLED: 10.0, KILLED_REPLICA: 0.1, FLUSHED: REBUILT_S}[seen.backend]


def fires_at(seen: Seen, actual: float, due: float, *known_by: float) -> None:
    """At its time, or as soon as there is a server again."""
    began, well = seen.notes["crash"]
    if began <= due <= well and seen.backend != KILLED_REPLICA:
        assert due <= actual <= well + seen.allowed(well)
    else:
        seen.are_at([actual], [due], *known_by)


BATCH = {"maxSize": 5, "timeout": "5s"}


@crash_scenario(
    function("batch", call(), batchEvents=BATCH),
    function("batch-due", call(), batchEvents=BATCH | {"timeout": "2s"}),
    takes=6,
)
async def open_batches(scene: Scene) -> None:
    await scene.send("batch", *numbered(0))
    await scene.send("batch", *numbered(1))
    await scene.send("batch-due", *numbered(2))
    await scene.noted("crash")
    await scene.send("batch", *numbered(3))
    await scene.ended("batch", 1)
    await scene.ended("batch-due", 1)


def test_batches_stay_open(seen: Seen, told: Told) -> None:
    """And are full, or due, when they would have been."""
    seen = seen.of(open_batches)
    for name, numbers, after in (("batch", [0, 1, 3], 5_000), ("batch-due", [2], 2_000)):
        [run] = seen.runs(name)
        after_first = (run.queued - seen.sent[name][0].received) / 1_000
        told(
            f"open {name}", f"{numbers} after {after / 1_000:g} s", f"{run.output} after {after_first:.3f} s"
        )
        assert run.output == numbers
        fires_at(seen, run.queued, seen.sent[name][0].received + after)


@crash_scenario(
    function("debounce", call(), debounce={"period": "4s"}),
    function("debounce-due", call(), debounce={"period": "2s"}),
    takes=6,
)
async def open_debounces(scene: Scene) -> None:
    await scene.send("debounce", *numbered(0))
    await scene.send("debounce-due", *numbered(1))
    await scene.noted("crash")
    await scene.send("debounce", *numbered(2))
    await scene.ended("debounce", 1)
    await scene.ended("debounce-due", 1)


def test_debounces_stay_open(seen: Seen, told: Told) -> None:
    seen = seen.of(open_debounces)
    for name, number, after in (("debounce", 2, 4_000), ("debounce-due", 1, 2_000)):
        [run] = seen.runs(name)
        after_last = (run.queued - seen.sent[name][-1].received) / 1_000
        told(f"open {name}", f"{after / 1_000:g} s after the last event", f"{after_last:.3f} s")
        assert run.n == number
        fires_at(seen, run.queued, seen.sent[name][-1].received + after)


@crash_scenario(
    function("throttle", call(), throttle={"limit": 1, "period": "3s", "burst": 0}),
    function("throttle-called", call(2), throttle={"limit": 1, "period": "4s", "burst": 0}),
    takes=7,
)
async def throttled(scene: Scene) -> None:
    await scene.send("throttle", *numbered(*range(3)))
    await scene.send("throttle-called", *numbered(*range(2)))
    await scene.ended("throttle", 3)
    await scene.ended("throttle-called", 2)


def test_what_starts_have_paid_is_not_forgotten(seen: Seen, told: Told) -> None:
    """The next start is when it would have been, not with the restart."""
    seen = seen.of(throttled)
    starts = seen.starts("throttle")
    told("throttle, 1 each 3 s", "0, 3, 6 s", f"{offsets(starts)} s")
    assert len(starts) == 3
    for before, start in pairwise(starts):  # one that was held up by it holds up the next
        fires_at(seen, start, before + 3_000, before)


def test_a_start_in_flight_leaves_no_room_for_another(seen: Seen, told: Told) -> None:
    seen = seen.of(throttled)
    calls = seen.calls("throttle-called")
    first = calls[0].run
    of_first = [each.begun for each in calls if each.run == first]
    [of_second] = [each.begun for each in calls if each.run != first]
    after = (of_second - of_first[0]) / 1_000
    told(
        "throttle, 1 each 4 s, first in flight",
        "second after 4 s; killed: 4 s after the first is called again",
        f"{after:.3f} s",
    )
    # A queue in memory has forgotten what was paid when it makes the first call again, and pays again.
    paid = of_first[-1 if seen.backend == KILLED else 0]
    assert of_second - paid >= 4_000 - seen.allowed(paid, of_second)
    if seen.backend == FLUSHED:
        assert len(of_first) == 1
        seen.are_at([of_second], [of_first[0] + 4_000], of_first[0])


KEYED = {"limit": 1, "key": "event.data.key"}


@crash_scenario(function("slots", call(1.4), concurrency=[KEYED]), takes=5)
async def slots(scene: Scene) -> None:
    """A call of each key is in flight when it happens, and another of each waits."""
    await scene.at(0.3)
    await scene.send("slots", *({"n": n, "key": key} for key in "abcd" for n in (1, 2)))
    await scene.noted("crash")
    await scene.ended("slots", 8)


def test_places_are_free_again(seen: Seen, told: Told) -> None:
    """Those that the dead server held; nobody else waits, and the limits hold throughout."""
    seen = seen.of(slots)
    runs = seen.runs("slots")
    assert [run.status for run in runs] == ["completed"] * 8
    key_of = {run.id: run.events[0].data["key"] for run in runs}
    by_key = {key: [each for each in seen.calls("slots") if key_of[each.run] == key] for key in "abcd"}
    began, well = seen.notes["crash"]
    next_calls = [min(each.begun for each in calls if each.begun > began) for calls in by_key.values()]
    told(
        "concurrency 1 of a key, 4 keys of 2 events",
        "1 at once of a key; next call when the one in flight is over, or its place is free again",
        f"{[at_once(calls) for calls in by_key.values()]} at once; {[len(calls) for calls in by_key.values()]} "
        f"calls; next {', '.join(f'{(each - began) / 1_000:.2f}' for each in next_calls)} s after it",
    )
    for calls in by_key.values():
        if seen.backend == KILLED and len(calls) == 3:  # nobody can know of the first any more
            assert at_once(calls[1:]) == 1
        else:
            assert at_once(calls) == 1
        again = [each for each in calls if each.begun > began]
        wait = again[0].begun - max(well, calls[0].ended or 0)  # of the first, or the second if it is over
        if seen.backend == KILLED_REPLICA and len(calls) == 3:  # its call has to be made again
            assert wait <= 1_000 * LEASE_S + seen.allowed(again[0].begun)
        else:
            assert wait <= seen.allowed(well, again[0].begun)
    if seen.backend == FLUSHED:
        assert [len(calls) for calls in by_key.values()] == [2] * 4


@crash_scenario(
    function("live", work("a", 0.1), sleep("nap", 4), work("b", 0.1), concurrency={"fn": [{"limit": 1}]}),
    takes=6,
)
async def live_runs(scene: Scene) -> None:
    await scene.send("live", *numbered(1))
    await scene.called("live")
    await scene.send("live", *numbered(2))
    await scene.called("live", 3)


def test_a_sleeping_run_keeps_its_place(seen: Seen, told: Told) -> None:
    seen = seen.of(live_runs)
    steps = " ".join(f"{each.n[0]}{each.step}" for each in seen.calls("live"))
    told("live runs 1, first asleep", "1a 1b, then 2a", steps)
    assert steps.startswith("1a 1b 2a")


@crash_scenario(
    function("single", work("a", 0.1), sleep("nap", 4), singleton={"mode": "skip"}),
    function("rated", call(), rateLimit={"limit": 1, "period": "24h"}),
    takes=6,
)
async def decided(scene: Scene) -> None:
    await scene.send("single", *numbered(1))
    await scene.send("rated", *numbered(1))
    await scene.noted("crash")
    await scene.send("single", *numbered(2))
    await scene.send("rated", *numbered(2))
    await scene.are("single", "completed")
    await scene.send("single", *numbered(3))
    await scene.are("single", "completed", 2)


def test_singleton_and_rate_limit_hold(seen: Seen, told: Told) -> None:
    seen = seen.of(decided)
    statuses = [(run.n, run.status) for run in seen.runs("single")]
    told("singleton, rate limit 1 each 24 h", "", f"{statuses}, {len(seen.runs('rated'))} run")
    assert statuses == [(1, "completed"), (2, "skipped"), (3, "completed")]
    assert [run.n for run in seen.runs("rated")] == [1]
