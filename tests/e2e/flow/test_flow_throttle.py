"""Starts at a rate: delayed, never dropped (flow-control §5.1)."""

import pytest

from tests.e2e.flow.scenario import call, function, numbered, scenario, seconds, work
from tests.e2e.flow.scene import Scene
from tests.e2e.flow.seen import Seen, ms, offsets
from tests.e2e.flow_table import Told

pytestmark = [pytest.mark.timeout(120)]

PERIOD = seconds(5, 1)
EVENTS = 5
# limit, burst → starts in periods after the first
CASES = {
    (1, 0): [0.0, 1.0, 2.0, 3.0, 4.0],
    (2, 0): [0.0, 0.0, 0.5, 1.0, 1.5],
    (1, 1): [0.0, 0.0, 1.0, 2.0, 3.0],
    (2, 1): [0.0, 0.0, 0.0, 0.5, 1.0],
}
BOUNDS = {(1, 0): "gaps 4–7 s", (2, 0): "gap ≤ 4 s", (1, 1): "gap ≤ 7 s", (2, 1): "gap ≤ 3.5 s"}


def _id(limit: int, burst: int) -> str:
    return f"throttle-{limit}-{burst}"


def _function(limit: int, burst: int) -> dict[str, object]:
    throttle = {"limit": limit, "period": f"{PERIOD}s", "burst": burst}
    return function(_id(limit, burst), call(), throttle=throttle)


@scenario(*(_function(*case) for case in CASES), takes=4 * PERIOD + 0.5)
async def throttled(scene: Scene) -> None:
    for case in CASES:
        await scene.send(_id(*case), *numbered(*range(EVENTS)))
    for case in CASES:
        await scene.ended(_id(*case), EVENTS)


@pytest.mark.parametrize(("limit", "burst"), list(CASES))
def test_throttle(seen: Seen, told: Told, limit: int, burst: int) -> None:
    seen = seen.of(throttled)
    starts = seen.starts(_id(limit, burst))
    expected = [PERIOD * n for n in CASES[limit, burst]]
    told(
        f"TestThrottle limit {limit}, burst {burst}",
        f"{limit} each {PERIOD} s (reference: 5 s, {BOUNDS[limit, burst]}): {', '.join(f'{n:g}' for n in expected)} s",
        f"{offsets(starts)} s",
    )
    assert [run.status for run in seen.runs(_id(limit, burst))] == ["completed"] * EVENTS
    seen.are_apart(starts, expected)


@scenario(function("throttle-held", call(), throttle={"limit": 1, "period": "60s", "burst": 0}))
async def throttle_held(scene: Scene) -> None:
    await scene.send("throttle-held", *numbered(1))
    await scene.called("throttle-held")
    run = await scene.run_of(await scene.send("throttle-held", *numbered(2)))
    scene.note(await scene.queued_job(run))
    await scene.are("throttle-held", "completed")


def test_why_a_throttled_run_waits(seen: Seen, told: Told) -> None:
    seen = seen.of(throttle_held)
    shown, [start] = seen.notes["throttle_held"], seen.starts("throttle-held")
    told("why-waiting: throttle", "limited_by throttle, opens 60 s after the first start", shown["reason"])
    assert (shown["kind"], shown["state"], shown["limited_by"]) == ("start", "ready", "throttle")
    seen.are_at([ms(shown["opens_at"]) - 60_000], [start])


KEY_PERIOD = 3


@scenario(
    function(
        "throttle-key",
        work("a", 0.1),
        work("b", 0.1),
        throttle={"limit": 1, "period": f"{KEY_PERIOD}s", "burst": 0, "key": "event.data.key"},
    ),
    takes=KEY_PERIOD + 1,
)
async def throttled_by_key(scene: Scene) -> None:
    await scene.send("throttle-key", *({"n": 1, "key": key} for key in "abc"))
    await scene.ended("throttle-key", 3)
    await scene.send("throttle-key", {"n": 2, "key": "a"})
    await scene.ended("throttle-key", 4)


def test_throttle_by_key(seen: Seen, told: Told) -> None:
    """Keys are independent, and steps are not throttled."""
    seen = seen.of(throttled_by_key)
    *first, last = seen.runs("throttle-key")
    took = (max(run.ended for run in first) - min(run.queued for run in first)) / 1_000
    again = last.started - next(run for run in first if run.events[0].data["key"] == "a").started
    told(
        "TestThrottle by key",
        "1 each 3 s, 3 keys, 2 steps each: all within 2 s; second of a key after 3 s",
        f"all within {took:.2f} s; second of a key after {again / 1_000:.3f} s",
    )
    assert took <= 2 + seen.allowed(first[0].queued, *(run.ended for run in first), hops=6) / 1_000
    assert len(seen.calls("throttle-key")) == 8
    seen.are_at([last.started], [last.started - again + 1_000 * KEY_PERIOD])


@scenario(function("throttle-default", call(), throttle={"limit": 1, "period": "2s"}), takes=2.5)
async def default_burst(scene: Scene) -> None:
    await scene.send("throttle-default", *numbered(1, 2))
    await scene.ended("throttle-default", 2)


def test_burst_that_is_not_given(seen: Seen, told: Told) -> None:
    """The Python SDK sends 1, the others send none."""
    starts = seen.of(default_burst).starts("throttle-default")
    expected = [0, 0] if seen.sdk == "py" else [0, 2]
    told("throttle 1 each 2 s, no burst given (§5.1)", "Python: 0, 0 s; else 0, 2 s", f"{offsets(starts)} s")
    seen.are_apart(starts, expected)
