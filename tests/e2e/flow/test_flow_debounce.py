"""Starts that wait until events have stopped (flow-control §5.3)."""

import time

import pytest

from tests.e2e.flow.scenario import call, exact, function, scenario, seconds
from tests.e2e.flow.scene import Scene
from tests.e2e.flow.seen import Seen
from tests.e2e.flow_table import Told

pytestmark = [pytest.mark.timeout(120)]

PERIOD = 5


def _function(id: str, **more: object) -> dict[str, object]:
    return function(id, call(), debounce={"period": f"{PERIOD}s", **more})


@scenario(_function("debounced"), takes=PERIOD + 1)
async def debounced(scene: Scene) -> None:
    for n in range(3):
        await scene.at(n * 0.5)
        await scene.send("debounced", {"n": n})
    await scene.ended("debounced", 1)


def test_last_event_starts_it(seen: Seen, told: Told) -> None:
    seen = seen.of(debounced)
    runs, last = seen.runs("debounced"), seen.sent["debounced"][-1]
    told(
        "TestDebounceWithSingleKey",
        "5 s, 3 events: 1 run with the last payload, 5.000 s after it",
        f"{len(runs)} run with payload {runs[0].n}, {(runs[0].queued - last.received) / 1_000:.3f} s after it",
    )
    assert [run.n for run in runs] == [2]
    seen.are_at([runs[0].queued], [last.received + 1_000 * PERIOD])
    assert seen.calls("debounced")[0].n == [2]


@scenario(_function("debounced-keys", key="event.data.key"), takes=PERIOD + 1)
async def debounced_by_key(scene: Scene) -> None:
    for n in range(2):
        await scene.at(n * 0.5)
        await scene.send("debounced-keys", *({"n": n, "key": key} for key in "abcde"))
    await scene.ended("debounced-keys", 5)


def test_keys_wait_by_themselves(seen: Seen, told: Told) -> None:
    seen = seen.of(debounced_by_key)
    runs, first = seen.runs("debounced-keys"), seen.sent["debounced-keys"][0]
    took = (max(run.ended for run in runs) - first.received) / 1_000
    told("TestDebounce by key", "5 keys: 5 runs within 10 s", f"{len(runs)} runs within {took:.2f} s")
    assert sorted((run.events[0].data["key"], run.n) for run in runs) == [(key, 1) for key in "abcde"]
    for run in runs:
        seen.are_at([run.queued], [run.events[0].received + 1_000 * PERIOD])


@scenario(_function("out-of-order"), takes=PERIOD + 1)
async def out_of_order(scene: Scene) -> None:
    now = int(time.time() * 1_000)
    await scene.send("out-of-order", {"n": 0}, ts=now)
    await scene.at(1)
    await scene.send("out-of-order", {"n": 1}, ts=now - 10_000)
    await scene.ended("out-of-order", 1)


def test_an_older_event_changes_nothing(seen: Seen, told: Told) -> None:
    seen = seen.of(out_of_order)
    runs, first = seen.runs("out-of-order"), seen.sent["out-of-order"][0]
    told(
        "TestDebounce_OutOfOrderTS",
        "an event with an older ts neither replaces nor extends: 1 run with the first, after 5.000 s",
        f"{len(runs)} run with payload {runs[0].n}, after {(runs[0].queued - first.received) / 1_000:.3f} s",
    )
    assert [run.n for run in runs] == [0]
    seen.are_at([runs[0].queued], [first.received + 1_000 * PERIOD])


def are_as_they_should(seen: Seen, function: str, period_s: int, timeout_s: int) -> None:
    """Each run is of the events since the one before, has the last of them, and is at its time; given when the
    events were received, for a busy sender may be late.
    """
    sent, first = seen.sent[function], 0
    for run in seen.runs(function):
        last = run.n
        due = min(sent[last].received + 1_000 * period_s, sent[first].received + 1_000 * timeout_s)
        seen.are_at([run.queued], [due])
        for event in sent[first : last + 1]:
            assert event.received <= run.queued
        for event in sent[last + 1 : last + 2]:
            assert event.received >= due - seen.allowed(due)
        first = last + 1
    assert first == len(sent)


SHORT, TIMEOUT = seconds(5, 2), seconds(10, 4)
GAP = SHORT / 5
UNTIL = int(TIMEOUT / GAP) + 2  # the last event is after the first run


@scenario(
    function("bounded", call(), debounce={"period": f"{SHORT}s", "timeout": f"{TIMEOUT}s"}),
    takes=UNTIL * GAP + SHORT,
)
async def bounded(scene: Scene) -> None:
    """None of the events comes at the very moment of the timeout."""
    for n in range(UNTIL + 1):
        await scene.at((n - 0.5) * GAP)
        await scene.send("bounded", {"n": n})
    await scene.of_number("bounded", UNTIL)


def test_timeout_bounds_it(seen: Seen, told: Told) -> None:
    seen = seen.of(bounded)
    sent, first = seen.sent["bounded"], seen.runs("bounded")[0]
    after = (first.queued - sent[0].received) / 1_000
    told(
        "TestDebounce_Timeout",
        f"period {SHORT} s, timeout {TIMEOUT} s, an event each {GAP:g} s (reference: 5, 10, 1; run after > 10 and "
        f"≤ 15 s): first run at {TIMEOUT} s",
        f"first run after {after:.3f} s with the event of {(first.events[0].received - sent[0].received) / 1_000:.2f} s",
    )
    are_as_they_should(seen, "bounded", SHORT, TIMEOUT)


WORKED = (5, 12) if exact() else (2, 5)
WORKED_AT = (0.0, 4.0, 8.0, 11.0) if exact() else (0.0, 1.6, 3.2, 4.4)


@scenario(
    function("worked", call(), debounce={"period": f"{WORKED[0]}s", "timeout": f"{WORKED[1]}s"}),
    takes=WORKED[1] + 0.5,
)
async def worked(scene: Scene) -> None:
    for n, at in enumerate(WORKED_AT):
        await scene.at(at)
        await scene.send("worked", {"n": n})
    await scene.of_number("worked", len(WORKED_AT) - 1)


def test_deadline_comes_before_the_period(seen: Seen, told: Told) -> None:
    """The worked example of the reference."""
    seen = seen.of(worked)
    runs, first = seen.runs("worked"), seen.sent["worked"][0]
    told(
        "debounce, worked example (§5.3)",
        f"{WORKED[0]} s, timeout {WORKED[1]} s, events at {WORKED_AT}: at {WORKED[1]} s with the last",
        f"at {(runs[0].queued - first.received) / 1_000:.3f} s with number {runs[0].n}",
    )
    are_as_they_should(seen, "worked", *WORKED)
