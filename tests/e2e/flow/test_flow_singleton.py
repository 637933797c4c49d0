"""One live run at a time (flow-control §5.5)."""

import pytest

from tests.e2e.flow.scenario import call, function, hold, numbered, scenario, sleep, work
from tests.e2e.flow.scene import Scene
from tests.e2e.flow.seen import Seen, at_once
from tests.e2e.flow_table import Told

pytestmark = [pytest.mark.timeout(120)]

EVENTS = 50
KEY = "event.data.key"


@scenario(
    function("single", work("a", 0.1), sleep("nap", 2), singleton={"mode": "skip", "key": KEY}), takes=3
)
async def skipping(scene: Scene) -> None:
    await scene.send("single", *numbered(*range(EVENTS), key="same"))
    await scene.are("single", "completed")
    await scene.send("single", *numbered(EVENTS, key="same"))  # the place is free again
    await scene.are("single", "completed", 2)
    [id, *_] = await scene.are("single", "skipped")
    listed = await scene.get("/api/v1/runs?status=skipped&limit=1000")
    shown = (await scene.get(f"/v1/runs/{id}"))["data"]
    scene.note(([run["id"] for run in listed["runs"]], shown))


def test_skip(seen: Seen, told: Told) -> None:
    seen = seen.of(skipping)
    done, skipped = seen.runs("single", "completed"), seen.runs("single", "skipped")
    told(
        "TestSingletonFunction",
        "50 events at once: 1 run, the others SKIPPED(Singleton); then another",
        f"{len(done) - 1} run, {len(skipped)} skipped({skipped[0].skip_reason}); then {done[-1].n == EVENTS and 1}",
    )
    first, second = done
    assert second.n == EVENTS
    assert len(skipped) == EVENTS - 1
    assert {(run.skip_reason, run.skipped_for) for run in skipped} == {("Singleton", first.id)}
    assert {each.run for each in seen.calls("single")} == {first.id, second.id}
    listed, shown = seen.notes["skipping"]
    assert set(listed) >= {run.id for run in skipped}
    assert (shown["status"], shown["skip_reason"], shown["skip_existing_run_id"]) == (
        "Skipped",
        "Singleton",
        first.id,
    )


@scenario(
    function("off", hold(), singleton={"mode": "skip", "key": "event.data.n > 100 ? event.data.key : false"})
)
async def switched_off(scene: Scene) -> None:
    await scene.send("off", *numbered(*range(5), key="same"))
    await scene.called("off", 5)
    await scene.release("off")
    await scene.ended("off", 5)


def test_key_that_is_false(seen: Seen, told: Told) -> None:
    runs = seen.of(switched_off).runs("off")
    told(
        "TestSingletonFunctionKeyResolvingToFalse",
        "5 events, key false: all 5 run",
        f"{len(seen.runs('off', 'completed'))} run, {at_once(seen.calls('off'))} at once",
    )
    assert [run.status for run in runs] == ["completed"] * 5
    assert at_once(seen.calls("off")) == 5


@scenario(
    function("newest", work("a", 0.1), sleep("nap", 1), call(), singleton={"mode": "cancel", "key": KEY}),
    takes=3,
)
async def cancelling(scene: Scene) -> None:
    await scene.send("newest", *numbered(*range(EVENTS), key="same"))
    await scene.ended("newest", EVENTS)


def test_cancel(seen: Seen, told: Told) -> None:
    """The last one stays."""
    seen = seen.of(cancelling)
    done, cancelled = seen.runs("newest", "completed"), seen.runs("newest", "cancelled")
    told(
        "TestSingletonCancelMode",
        "50 events at once: exactly 1 completes, ≥ 1 cancelled",
        f"{len(done)} completed, {len(cancelled)} cancelled",
    )
    assert (len(done), len(cancelled)) == (1, EVENTS - 1)
    assert [each.run for each in seen.calls("newest") if not each.step] == [done[0].id]


@scenario(
    function("singles", hold(), singleton={"mode": "skip", "key": KEY}),
)
async def keys(scene: Scene) -> None:
    await scene.send("singles", *({"n": n, "key": key} for n in (1, 2) for key in "ab"))
    await scene.called("singles", 2)
    await scene.are("singles", "skipped", 2)
    await scene.release("singles")
    await scene.ended("singles", 4)


def test_different_keys_both_run(seen: Seen, told: Told) -> None:
    seen = seen.of(keys)
    done = seen.runs("singles", "completed")
    told(
        "TestSingletonDifferentKeysBothRun",
        "2 keys: a run of each, at the same time",
        f"{len(done)} runs, {at_once(seen.calls('singles'))} at once",
    )
    assert sorted(run.events[0].data["key"] for run in done) == ["a", "b"]
    assert at_once(seen.calls("singles")) == 2
    assert len(seen.runs("singles", "skipped")) == 2
