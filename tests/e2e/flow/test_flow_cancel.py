"""Runs that are cancelled, and functions that are paused (flow-control §6)."""

import time
from datetime import UTC, datetime

import pytest

from tests.e2e.flow.scenario import call, function, hold, numbered, scenario, sleep, work
from tests.e2e.flow.scene import Scene
from tests.e2e.flow.seen import Seen
from tests.e2e.flow_table import Told

pytestmark = [pytest.mark.timeout(120)]

ASLEEP = (work("a", 0.05), sleep("long", 30), work("b", 0))


def _cancelled(id: str) -> str:
    return f"event.data.function_id == '~-{id}'"


@scenario(
    function("by-event", *ASLEEP, cancelOn=[{"event": "~/stop", "if": "event.data.n == async.data.n"}]),
    function("by-event-heard", call(), event="inngest/function.cancelled", only_if=_cancelled("by-event")),
    takes=2,
)
async def by_event(scene: Scene) -> None:
    await scene.send("by-event", *numbered(1, 2))
    await scene.asleep("by-event", 2)
    await scene.send("stop", *numbered(1))
    await scene.are("by-event", "cancelled")
    await scene.ended("by-event-heard", 1)


def test_cancel_by_event(seen: Seen, told: Told) -> None:
    seen = seen.of(by_event)
    first, second = seen.runs("by-event")
    if first.n != 1:
        first, second = second, first
    took = first.ended - seen.sent["stop"][0].received
    told(
        "TestEventCancellation",
        "asleep 30 s after step a: CANCELLED within 10 s, b never runs, one function.cancelled",
        f"{first.status} after {took:.0f} ms, steps {[each.step for each in seen.calls('by-event') if each.n == [1]]}, "
        f"{len(seen.runs('by-event-heard'))} function.cancelled",
    )
    assert (first.status, second.status) == ("cancelled", "running")
    seen.are_at([first.ended], [first.ended - took])
    assert {each.step for each in seen.calls("by-event")} == {"a"}
    assert len(seen.runs("by-event-heard")) == 1


@scenario(
    function(
        "queued-stop",
        hold(),
        concurrency=1,
        cancelOn=[{"event": "~/stop-queued", "if": "event.data.n == async.data.n"}],
    ),
    takes=3,
)
async def queued(scene: Scene) -> None:
    await scene.send("queued-stop", *numbered(1))
    await scene.called("queued-stop")
    await scene.send("queued-stop", *numbered(2))
    await scene.send("stop-queued", *numbered(2))
    await scene.are("queued-stop", "cancelled")
    await scene.release("queued-stop")
    await scene.ended("queued-stop", 2)


def test_cancel_before_the_start(seen: Seen, told: Told) -> None:
    seen = seen.of(queued)
    statuses = [run.status for run in seen.runs("queued-stop")]
    told(
        "cancelOn of a queued run (§6.1)",
        "the first completes, the queued one is cancelled and never called",
        f"{statuses}, {len(seen.calls('queued-stop'))} call",
    )
    assert statuses == ["completed", "cancelled"]
    assert [each.n for each in seen.calls("queued-stop")] == [[1]]


@scenario(function("by-api", *ASLEEP), takes=2)
async def by_api(scene: Scene) -> None:
    await scene.send("by-api", *numbered(1))
    [run] = await scene.asleep("by-api")
    answers = [await scene.request("DELETE", f"/v1/runs/{run}")]
    [run] = await scene.are("by-api", "cancelled")
    answers.append(await scene.request("DELETE", f"/api/v1/runs/{run}"))
    scene.note([status for status, _ in answers])


def test_cancel_by_api(seen: Seen, told: Told) -> None:
    seen = seen.of(by_api)
    told("sdk_cancel_via_api_test", "200, run CANCELLED; again: 409", f"{seen.notes['by_api']}")
    assert seen.notes["by_api"] in ([200, 409], [202, 409])
    assert [run.status for run in seen.runs("by-api")] == ["cancelled"]


@scenario(function("in-bulk", *ASLEEP), takes=3)
async def in_bulk(scene: Scene) -> None:
    await scene.send("in-bulk", *numbered(*range(20)))
    await scene.asleep("in-bulk", 20)
    before = datetime.fromtimestamp(time.time(), UTC).isoformat()
    status, made = await scene.request(
        "POST",
        "/v1/cancellations",
        {
            "app_id": scene.prefix,
            "function_id": f"{scene.prefix}-in-bulk",
            "started_before": before,
            "if": "event.data.n < 12",
        },
    )
    assert status == 201, made
    await scene.are("in-bulk", "cancelled", 12)
    id = made["data"]["id"]

    async def done() -> bool:
        return bool((await scene.get(f"/v1/cancellations/{id}"))["data"]["done_at"])

    await scene.until_true(done)
    scene.note((await scene.get(f"/v1/cancellations/{id}"))["data"]["cancelled"])


def test_cancel_in_bulk(seen: Seen, told: Told) -> None:
    seen = seen.of(in_bulk)
    cancelled, left = seen.runs("in-bulk", "cancelled"), seen.runs("in-bulk", "running")
    told(
        "bulk cancellation (§6.3)",
        "20 runs asleep, `if` takes 12: 12 cancelled, 8 left",
        f"{len(cancelled)} cancelled, {len(left)} left",
    )
    assert sorted(run.n for run in cancelled) == list(range(12))
    assert len(left) == 8
    assert seen.notes["in_bulk"] == 12


@scenario(
    function("paused", *ASLEEP),
    function("paused-heard", call(), event="inngest/function.cancelled", only_if=_cancelled("paused")),
    takes=3,
)
async def paused(scene: Scene) -> None:
    name = f"{scene.prefix}-paused"
    await scene.send("paused", *numbered(1))
    [run] = await scene.asleep("paused")
    assert (await scene.request("POST", f"/v1/functions/{name}/pause"))[0] == 200
    await scene.send("paused", *numbered(2))
    await scene.are("paused", "skipped")
    status, _ = await scene.request("DELETE", f"/v1/runs/{run}")
    assert status in (200, 202)
    await scene.are("paused", "cancelled")
    left = await scene.get(f"/api/v1/functions/{name}/waiting")
    jobs = await scene.get(f"/v1/runs/{run}/jobs")
    await scene.ended("paused-heard", 1)
    assert (await scene.request("POST", f"/v1/functions/{name}/resume"))[0] == 200
    await scene.send("paused", *numbered(3))
    await scene.asleep("paused")
    scene.note((left["jobs"], jobs["data"]))


def test_pause_then_cancel(seen: Seen, told: Told) -> None:
    seen = seen.of(paused)
    statuses = [(run.n, run.status, run.skip_reason) for run in seen.runs("paused")]
    told(
        "TestPauseCancelFunction",
        "paused, then cancelled: one function.cancelled, 0 items left; new run SKIPPED(FunctionPaused)",
        f"{len(seen.runs('paused-heard'))} function.cancelled, {len(seen.notes['paused'][0])} left; {statuses}",
    )
    assert seen.notes["paused"] == ([], [])
    assert len(seen.runs("paused-heard")) == 1
    assert statuses == [(1, "cancelled", ""), (2, "skipped", "FunctionPaused"), (3, "running", "")]


@scenario(function("resumed", work("a", 0.1), sleep("nap", 1), work("b", 0.1)), takes=4)
async def resumed(scene: Scene) -> None:
    """Paused while it sleeps; it wakes after 1 s, and is resumed after 2."""
    name = f"{scene.prefix}-resumed"
    await scene.send("resumed", *numbered(1))
    await scene.asleep("resumed")
    assert (await scene.request("POST", f"/v1/functions/{name}/pause"))[0] == 200
    await scene.at(2)
    before = time.time() * 1_000
    assert (await scene.request("POST", f"/v1/functions/{name}/resume"))[0] == 200
    scene.note(before)
    await scene.ended("resumed", 1)


def test_resume(seen: Seen, told: Told) -> None:
    """A paused function's runs wait where they are, and go on at once."""
    seen = seen.of(resumed)
    a, b = seen.calls("resumed")
    resumed_at = seen.notes["resumed"]
    told(
        "pause and resume (§6.4)",
        "a run that wakes meanwhile goes on with the resume",
        f"{b.begun - resumed_at:.0f} ms after it",
    )
    assert (a.step, b.step) == ("a", "b")
    assert 0 <= b.begun - resumed_at <= seen.allowed(resumed_at, b.begun, hops=2)
