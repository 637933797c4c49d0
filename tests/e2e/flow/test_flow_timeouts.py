"""Runs that start or finish too late are cancelled (flow-control §5.8)."""

import pytest

from tests.e2e.flow.scenario import call, function, numbered, scenario, sleep, work
from tests.e2e.flow.scene import Scene
from tests.e2e.flow.seen import Seen, offsets
from tests.e2e.flow_table import Told

pytestmark = [pytest.mark.timeout(120)]


@scenario(function("start-late", call(5.0), concurrency=1, timeouts={"start": "3s"}), takes=5.5)
async def start_late(scene: Scene) -> None:
    await scene.send("start-late", *numbered(1, 2, 3))
    await scene.ended("start-late", 3)


def test_start(seen: Seen, told: Told) -> None:
    seen = seen.of(start_late)
    done, cancelled = seen.runs("start-late", "completed"), seen.runs("start-late", "cancelled")
    after = [(run.ended - run.queued) / 1_000 for run in cancelled]
    told(
        "TestTimeoutStart, concurrency",
        "start 3 s, limit 1, 5 s work, 3 events: 1 runs, 2 cancelled",
        f"{len(done)} completed, {len(cancelled)} cancelled after {', '.join(f'{each:.3f}' for each in after)} s",
    )
    assert (len(done), len(cancelled)) == (1, 2)
    assert len(seen.calls("start-late")) == 1
    seen.are_at([run.ended for run in cancelled], [run.queued + 3_000 for run in cancelled])


@scenario(
    function(
        "start-throttled",
        call(),
        throttle={"limit": 1, "period": "2s", "burst": 0},
        timeouts={"start": "5s"},
    ),
    takes=5.5,
)
async def start_throttled(scene: Scene) -> None:
    await scene.send("start-throttled", *numbered(*range(10)))
    await scene.ended("start-throttled", 10)


def test_start_of_throttled_runs(seen: Seen, told: Told) -> None:
    seen = seen.of(start_throttled)
    cancelled = seen.runs("start-throttled", "cancelled")
    starts = seen.starts("start-throttled")
    told(
        "TestTimeoutStart, throttle",
        "1 each 2 s, start 5 s, 10 events: 7 cancelled",
        f"{len(cancelled)} cancelled, starts at {offsets(starts)} s",
    )
    assert len(cancelled) == 7
    seen.are_apart(starts, [0, 2, 4])
    seen.are_at([run.ended for run in cancelled], [run.queued + 5_000 for run in cancelled])


@scenario(
    function("finish-late", work("a", 2), work("b", 2), work("c", 2), timeouts={"finish": "3s"}), takes=4.5
)
async def finish_late(scene: Scene) -> None:
    await scene.send("finish-late", *numbered(1))
    await scene.ended("finish-late", 1)
    await scene.at(4.5)  # when c would have begun


def test_finish(seen: Seen, told: Told) -> None:
    seen = seen.of(finish_late)
    [run], calls = seen.runs("finish-late"), seen.calls("finish-late")
    told(
        "TestTimeoutFinish",
        "finish 3 s, steps of 2 s: a and b run, c does not",
        f"{' and '.join(each.step for each in calls)} ran, {run.status} after {(run.ended - run.started) / 1_000:.3f} s",
    )
    assert run.status == "cancelled"
    steps = [each.step for each in calls]
    assert steps in (["a"], ["a", "b"])  # a alone where the machine stood still for a second
    assert steps == ["a", "b"] or seen.lateness.at(run.started, calls[0].begun) > 500
    seen.are_at([run.ended], [run.started + 3_000])


@scenario(function("finish-asleep", sleep("long", 60), timeouts={"finish": "4s"}), takes=4.5)
async def finish_asleep(scene: Scene) -> None:
    await scene.send("finish-asleep", *numbered(*range(10)))
    await scene.ended("finish-asleep", 10)


def test_finish_of_sleeping_runs(seen: Seen, told: Told) -> None:
    seen = seen.of(finish_asleep)
    runs = seen.runs("finish-asleep", "cancelled")
    after = [(run.ended - run.started) / 1_000 for run in runs]
    told(
        "TestTimeoutFinish, asleep",
        "finish 4 s: 10 of 10 cancelled at ~4 s",
        f"{len(runs)} cancelled, {min(after):.3f} to {max(after):.3f} s after their start",
    )
    assert len(runs) == 10
    seen.are_at([run.ended for run in runs], [run.started + 4_000 for run in runs])
