"""Which run of a function goes first (flow-control §5.6, §8.1), and what one waits for."""

import pytest

from tests.e2e.flow.scenario import function, hold, numbered, scenario, sleep, work
from tests.e2e.flow.scene import Scene
from tests.e2e.flow.seen import Seen, at_once, since
from tests.e2e.flow_table import Told

pytestmark = [pytest.mark.timeout(120)]


@scenario(function("first", hold(), concurrency=1, priority={"run": "int(event.data.priority)"}), takes=3)
async def prioritised(scene: Scene) -> None:
    await scene.send("first", {"n": "none"})
    await scene.called("first")
    await scene.send("first", {"n": "low", "priority": 1})
    await scene.send("first", {"n": "high", "priority": 5})
    await scene.release("first")
    await scene.ended("first", 3)


def test_priority(seen: Seen, told: Told) -> None:
    order = [each.n[0] for each in seen.of(prioritised).calls("first")]
    told("TestFunctionPriorityRun", "sent none, low (1), high (5): none, high, low", ", ".join(order))
    assert order == ["none", "high", "low"]


@scenario(function("fudged", work("a", 0.7), sleep("nap", 1), work("b", 0.1), concurrency=1), takes=4)
async def fudged(scene: Scene) -> None:
    """The first sleeps from 0.7 to 1.7 s while the second works till 1.4 s and the third, from then on,
    till 2.1 s: when the first wakes, the fourth has waited longest.
    """
    await scene.send("fudged", *numbered(0))
    await scene.called("fudged")
    for n in (1, 2, 3):
        await scene.send("fudged", *numbered(n))
    await scene.ended("fudged", 4)


def test_who_wakes_goes_before_younger_runs(seen: Seen, told: Told) -> None:
    seen = seen.of(fudged)
    calls = seen.calls("fudged")
    told(
        "TestSleepFudging",
        "limit 1: the older run that wakes goes before a younger one's start",
        " ".join(f"{each.n[0]}{each.step}" for each in calls),
    )
    first, again = [each for each in calls if each.n == [0]]
    awake = (first.ended or 0) + 1_000
    awake += seen.allowed(first.ended or 0, awake, hops=2)
    assert [each for each in calls if awake < each.begun < again.begun] == []
    assert again.begun < next(each.begun for each in calls if each.n == [3])


@scenario(
    function("held", hold(), concurrency=[{"limit": 3}, {"limit": 1, "key": "event.data.key"}]),
    function("held-one", hold(), concurrency=1),
    takes=4,
)
async def waiting(scene: Scene) -> None:
    for name in ("held", "held-one"):
        await scene.send(name, *numbered(1, key="a"))
        await scene.called(name)
        run = await scene.run_of(await scene.send(name, *numbered(2, key="a")))
        job = await scene.queued_job(run)
        [same] = (await scene.get(f"/api/v1/runs/{run}"))["jobs"]
        of_all = await scene.get(f"/api/v1/functions/{scene.prefix}-{name}/waiting")
        [again] = [each for each in of_all["jobs"] if each["run_id"] == run]
        scene.note((job, same, again), name)
        await scene.release(name)
    await scene.ended("held", 2)
    await scene.ended("held-one", 2)


def test_why_a_run_waits(seen: Seen, told: Told) -> None:
    """Which limit is in the way, how full it is, and of whom."""
    seen = seen.of(waiting)
    job, same, again = seen.notes["held"]
    first, second = seen.runs("held")
    told("why-waiting: key", "limited_by key, 1 of 1, held by the other run", job["reason"])
    assert (job["kind"], job["state"], job["limited_by"]) == ("start", "ready", "key")
    assert (job["limit"], job["in_use"], job["position"]) == (1, 1, 0)
    assert (job["key"], job["value"]) == ("event.data.key", "a")
    assert [holder.split(":")[0] for holder in job["holders"]] == [first.id]
    assert same["run_id"] == second.id
    assert same["reason"] == again["reason"] == job["reason"]


def test_why_a_run_waits_for_its_function(seen: Seen, told: Told) -> None:
    job, _, _ = seen.of(waiting).notes["held-one"]
    told("why-waiting: function", "limited_by function, 1 of 1", job["reason"])
    assert (job["state"], job["limited_by"]) == ("ready", "function")
    assert (job["limit"], job["in_use"], job["position"]) == (1, 1, 0)


@scenario(function("deployed", hold(), concurrency=1), takes=2)
async def redeployed(scene: Scene) -> None:
    await scene.send("deployed", *numbered(*range(6)))
    await scene.called("deployed")
    scene.note(await scene.redeploy("deployed", concurrency=3))
    await scene.called("deployed", 3)
    await scene.at(1)
    await scene.release("deployed")
    await scene.ended("deployed", 6)


def test_limits_are_those_of_the_newest_sync(seen: Seen, told: Told) -> None:
    """Also for runs that are queued already."""
    seen = seen.of(redeployed)
    calls, (began, synced) = seen.calls("deployed"), seen.notes["redeployed"]
    three = since(calls, 3)
    told(
        "limits that change on a sync (§4.2)",
        "6 runs, limit 1, then a sync with limit 3: three at once from then on",
        f"1 at once before, {at_once(calls)} after, from {three - synced:.0f} ms after the sync's end on",
    )
    assert at_once(each for each in calls if each.begun < began) == 1
    assert began <= three <= synced + seen.allowed(synced, hops=3)  # the store, the queue, the call
    assert at_once(calls) == 3
    assert len(calls) == 6


def test_every_server_took_part_and_nothing_had_to_be_repaired(seen: Seen, told: Told) -> None:
    calls = [counters.get("calls", 0) for counters in seen.counters]
    told("calls by server", "each has some", " + ".join(map(str, calls)))
    assert len(calls) == (1 if seen.backend == "embedded" else 2)
    assert min(calls) > sum(calls) / 10
    for counters in seen.counters:
        trouble = [
            name for name in counters if name.startswith(("reconciler_", "jobs_faulted", "commits_failed"))
        ]
        assert trouble == [], counters
