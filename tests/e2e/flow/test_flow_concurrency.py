"""Limits on what is done at once (flow-control §4)."""

import pytest

from tests.e2e.flow.scenario import (
    TYPESCRIPT,
    call,
    function,
    hold,
    numbered,
    parallel,
    scenario,
    sleep,
    work,
)
from tests.e2e.flow.scene import Scene
from tests.e2e.flow.seen import Call, Seen, at_once, gaps
from tests.e2e.flow_table import Told

pytestmark = [pytest.mark.timeout(120)]


MORE_WOULD_COME_S = 0.5


def follow_without_gap(seen: Seen, calls: list[Call], hops: int = 2) -> str:
    """Each begins when the one before has ended, and never before; the gaps, to read.

    `hops` are the requests that it takes from one to the next.
    """
    found = gaps(calls)
    for gap, before, after in zip(found, calls, calls[1:], strict=False):
        assert 0 <= gap <= seen.allowed(before.ended or 0, after.begun, hops=hops), found
    return "gaps of " + ", ".join(f"{gap:.0f}" for gap in found) + " ms"


@scenario(function("one", call(1.0), concurrency=1), takes=3)
async def one_at_a_time(scene: Scene) -> None:
    await scene.send("one", *numbered(1, 2, 3))
    await scene.ended("one", 3)


def test_one_at_a_time(seen: Seen, told: Told) -> None:
    calls = seen.of(one_at_a_time).calls("one")
    told(
        "TestConcurrency_ScopeFunction",
        "limit 1, 3 events of 1 s work: 1 at once, end within 2 s of 3 s",
        f"{at_once(calls)} at once, {follow_without_gap(seen, calls)}",
    )
    assert at_once(calls) == 1
    assert len(calls) == 3
    assert [run.status for run in seen.runs("one")] == ["completed"] * 3


@scenario(
    function("fan-a", hold(), event="~/fan", concurrency=1),
    function("fan-b", hold(), event="~/fan", concurrency=1),
    takes=2,
)
async def fan_out(scene: Scene) -> None:
    await scene.send("fan", *numbered(1, 2, 3))
    for name in ("fan-a", "fan-b"):
        await scene.called(name)
    await scene.at(MORE_WOULD_COME_S)
    await scene.release("fan-a", "fan-b")
    await scene.ended("fan-a", 3)
    await scene.ended("fan-b", 3)


def test_fan_out(seen: Seen, told: Told) -> None:
    """Limits of two functions on one event have nothing to do with each other."""
    seen = seen.of(fan_out)
    a, b = seen.calls("fan-a"), seen.calls("fan-b")
    told(
        "TestConcurrency_ScopeFunction_FanOut",
        "two functions on 3 events, limit 1 each: 1 at once of each, 2 together",
        f"{at_once(a)} and {at_once(b)} at once, {at_once([*a, *b])} together",
    )
    assert (len(a), len(b)) == (3, 3)
    assert (at_once(a), at_once(b), at_once([*a, *b])) == (1, 1, 2)


KEYED = {"limit": 1, "key": "event.data.key"}


@scenario(function("keyed", hold(), concurrency=[KEYED]), takes=2)
async def keyed(scene: Scene) -> None:
    await scene.send("keyed", *({"n": n, "key": key} for key in "abc" for n in (1, 2)))
    await scene.called("keyed", 3)
    await scene.at(MORE_WOULD_COME_S)
    await scene.release("keyed")
    await scene.ended("keyed", 6)


def test_keyed(seen: Seen, told: Told) -> None:
    seen = seen.of(keyed)
    calls = seen.calls("keyed")
    key_of = {run.id: run.events[0].data["key"] for run in seen.runs("keyed")}
    by_key = {key: [each for each in calls if key_of[each.run] == key] for key in "abc"}
    told(
        "TestConcurrency_ScopeFunction_Key",
        "limit 1 for each of 3 keys, 2 events each: 1 at once of a key, 3 together",
        f"{[at_once(of) for of in by_key.values()]} at once of a key, {at_once(calls)} together",
    )
    assert at_once(calls) == 3
    for of in by_key.values():
        assert (len(of), at_once(of)) == (2, 1)


@scenario(function("both", hold(), concurrency=[{"limit": 2}, KEYED]), takes=2)
async def key_and_function(scene: Scene) -> None:
    await scene.send("both", *({"n": n, "key": key} for key in "abc" for n in (1, 2)))
    await scene.called("both", 2)
    await scene.at(MORE_WOULD_COME_S)
    await scene.release("both")
    await scene.ended("both", 6)


def test_key_and_function(seen: Seen, told: Told) -> None:
    seen = seen.of(key_and_function)
    calls = seen.calls("both")
    key_of = {run.id: run.events[0].data["key"] for run in seen.runs("both")}
    of_key = [at_once(each for each in calls if key_of[each.run] == key) for key in "abc"]
    told(
        "TestConcurrency_ScopeFunction_Key_Fn",
        "function 2, key 1, 3 keys of 2 events: 2 at once, 1 of a key",
        f"{at_once(calls)} at once, {of_key} of a key",
    )
    assert len(calls) == 6
    assert at_once(calls) == 2
    assert of_key == [1, 1, 1]


ACCOUNT = {"limit": 1, "scope": "account", "key": '"shared"'}


@scenario(
    function("account-a", call(0.5), concurrency=[ACCOUNT]),
    function("account-b", call(0.5), concurrency=[ACCOUNT]),
    takes=2,
)
async def account(scene: Scene) -> None:
    await scene.send("account-a", *numbered(1, 2))
    await scene.send("account-b", *numbered(3, 4))
    await scene.ended("account-a", 2)
    await scene.ended("account-b", 2)


def test_account(seen: Seen, told: Told) -> None:
    """Two functions share one place, and hand it to each other at once."""
    seen = seen.of(account)
    calls = seen.calls("account-a", "account-b")
    told(
        "TestConcurrency_ScopeAccount",
        "two functions, account limit 1: 1 at once of both together",
        f"{at_once(calls)} at once, {follow_without_gap(seen, calls)}",
    )
    assert len(calls) == 4
    assert at_once(calls) == 1


@scenario(
    function("live", work("a", 0.5), work("b", 0.5), concurrency={"fn": [{"limit": 1}]}),
    takes=4,
    sdks=TYPESCRIPT,
)
async def live_runs(scene: Scene) -> None:
    await scene.send("live", *numbered(1, 2, 3))
    await scene.ended("live", 3)


def test_live_runs(seen: Seen, told: Told) -> None:
    """A run keeps its place from its first call to its end."""
    seen = seen.of(live_runs)
    calls = seen.calls("live")
    in_order = [each.run for each in calls]
    told(
        "TestFnConcurrency",
        "live runs 1, 3 events of two steps: no step of another run in between",
        f"runs by step: {[each.n[0] for each in calls]}",
    )
    assert len(calls) == 6
    assert at_once(calls) == 1
    assert in_order[::2] == in_order[1::2]
    assert len(set(in_order)) == 3
    follow_without_gap(seen, calls, hops=4)


@scenario(
    function(
        "live-keyed",
        work("a", 0.3),
        sleep("nap", 2),
        work("b", 0.3),
        concurrency={"fn": [KEYED]},
    ),
    takes=4,
    sdks=TYPESCRIPT,
)
async def live_runs_of_key(scene: Scene) -> None:
    await scene.send("live-keyed", *({"n": n, "key": key} for key in "ab" for n in (1, 2)))
    await scene.ended("live-keyed", 4)


def test_live_runs_of_key(seen: Seen, told: Told) -> None:
    """Also while it sleeps."""
    seen = seen.of(live_runs_of_key)
    runs = seen.runs("live-keyed")
    calls = {run.id: [each for each in seen.calls("live-keyed") if each.run == run.id] for run in runs}
    spans = {}
    for key in "ab":
        of_key = [calls[run.id] for run in runs if run.events[0].data["key"] == key]
        first, second = sorted(of_key, key=lambda of: of[0].begun)
        assert (len(first), len(second)) == (2, 2)
        spans[key] = second[0].begun - (first[1].ended or 0)
    told(
        "TestFnConcurrency_Key",
        "live runs 1 for each of 2 keys, 2 events each: second of a key after the first's end",
        ", ".join(f"{key}: {span:.0f} ms after" for key, span in spans.items()),
    )
    for key, span in spans.items():
        assert 0 <= span <= seen.allowed(*(each.begun for of in calls.values() for each in of), hops=2), key
    began = {
        key: min(calls[run.id][0].begun for run in runs if run.events[0].data["key"] == key) for key in "ab"
    }
    assert abs(began["a"] - began["b"]) < 2_000  # neither waits for the other key


@scenario(function("sleepers", work("a", 0.1), sleep("nap", 2), call(0), concurrency=1), takes=3)
async def asleep(scene: Scene) -> None:
    await scene.send("sleepers", *numbered(*range(5)))
    await scene.ended("sleepers", 5)


def test_who_sleeps_takes_no_place(seen: Seen, told: Told) -> None:
    """All five sleep at the same time under a limit of one call."""
    seen = seen.of(asleep)
    runs = seen.runs("sleepers")
    took = (max(run.ended for run in runs) - min(run.started for run in runs)) / 1_000
    told(
        "sleeping runs are not counted (§4.1)",
        "limit 1, 5 runs that sleep 2 s: all in about 2.5 s, not 10",
        f"{took:.2f} s",
    )
    assert [run.status for run in runs] == ["completed"] * 5
    assert at_once(seen.calls("sleepers")) == 1
    assert (
        took
        <= 2.5 + seen.allowed(*(run.started for run in runs), *(run.ended for run in runs), hops=11) / 1_000
    )


@scenario(function("side-by-side", parallel("abcd", 1.0), concurrency=2), takes=2)
async def parallel_steps(scene: Scene) -> None:
    await scene.send("side-by-side", *numbered(1))
    await scene.ended("side-by-side", 1)


def test_parallel_steps_count_each(seen: Seen, told: Told) -> None:
    seen = seen.of(parallel_steps)
    calls = seen.calls("side-by-side")
    told(
        "parallel steps count each (§4.1)",
        "limit 2, one run of 4 parallel steps: 2 at once",
        f"{at_once(calls)} at once",
    )
    assert sorted(each.step for each in calls) == list("abcd")
    assert at_once(calls) == 2
