"""Runs of several events (flow-control §5.4)."""

import pytest

from tests.e2e.flow.scenario import call, function, invoke, numbered, scenario, seconds
from tests.e2e.flow.scene import Scene
from tests.e2e.flow.seen import Run, Seen
from tests.e2e.flow_table import Told

pytestmark = [pytest.mark.timeout(120)]


def _sizes(runs: list[Run]) -> list[int]:
    return [len(run.output) for run in runs]


def _all_numbers(runs: list[Run]) -> list[int]:
    return sorted(n for run in runs for n in run.output)


@scenario(function("batched", call(), batchEvents={"maxSize": 5, "timeout": "5s"}), takes=5.5)
async def batched(scene: Scene) -> None:
    for n in range(8):  # one after another: their order is that of the batch
        await scene.send("batched", {"n": n})
    await scene.ended("batched", 2)


def test_full_and_in_time(seen: Seen, told: Told) -> None:
    seen = seen.of(batched)
    runs, sent = seen.runs("batched"), seen.sent["batched"]
    after = [(runs[0].queued - sent[4].received) / 1_000, (runs[1].queued - sent[5].received) / 1_000]
    told(
        "TestBatchEvents",
        "5 each 5 s, 8 events: 5 in < 2 s, 3 within 7 s",
        f"{len(runs[0].output)} after {after[0]:.3f} s, {len(runs[1].output)} after {after[1]:.3f} s",
    )
    assert [run.output for run in runs] == [[0, 1, 2, 3, 4], [5, 6, 7]]
    seen.are_at([run.queued for run in runs], [sent[4].received, sent[5].received + 5_000])


@scenario(
    function(
        "batched-if",
        call(),
        only_if="event.data.on == true",
        batchEvents={"maxSize": 5, "timeout": "5s"},
    ),
    takes=2,
)
async def with_condition_of_trigger(scene: Scene) -> None:
    await scene.send("batched-if", *({"n": n, "on": n % 2 == 0} for n in range(10)))
    await scene.ended("batched-if", 1)


def test_trigger_filters_before_the_batch(seen: Seen, told: Told) -> None:
    runs = seen.of(with_condition_of_trigger).runs("batched-if")
    told(
        "TestBatchWithConditionalTrigger",
        "10 events, trigger `if` takes 5, size 5: 1 run of 5",
        f"runs of {_sizes(runs)}",
    )
    assert _sizes(runs) == [5]
    assert _all_numbers(runs) == [0, 2, 4, 6, 8]


@scenario(
    function(
        "some-batched",
        call(),
        batchEvents={"maxSize": 5, "timeout": "5s", "if": "event.data.batch == true"},
    ),
    takes=2,
)
async def conditional(scene: Scene) -> None:
    await scene.send("some-batched", *({"n": n, "batch": n % 2 == 0} for n in range(10)))
    await scene.ended("some-batched", 6)


def test_condition_of_batch(seen: Seen, told: Told) -> None:
    """Who is not batched runs alone."""
    seen = seen.of(conditional)
    runs, first = seen.runs("some-batched"), seen.sent["some-batched"][0]
    took = (max(run.ended for run in runs) - first.received) / 1_000
    told(
        "TestConditionalBatching",
        "10 events, half batched: 6 runs of all 10 within 6 s",
        f"{len(runs)} runs of {len(_all_numbers(runs))} within {took:.2f} s",
    )
    assert sorted(_sizes(runs)) == [1, 1, 1, 1, 1, 5]
    assert _all_numbers(runs) == list(range(10))
    assert took < 6 + seen.allowed(first.received) / 1_000


@scenario(
    function(
        "triggered-and-batched",
        call(),
        only_if="event.data.on == true",
        batchEvents={"maxSize": 4, "timeout": "5s", "if": "event.data.batch == true"},
    ),
    takes=2,
)
async def both_conditions(scene: Scene) -> None:
    data = [{"n": n, "on": n < 8, "batch": n % 2 == 0} for n in range(10)]
    await scene.send("triggered-and-batched", *data)
    await scene.ended("triggered-and-batched", 5)


def test_both_conditions(seen: Seen, told: Told) -> None:
    runs = seen.of(both_conditions).runs("triggered-and-batched")
    told(
        "TestConditionalBatchingWithEventTriggerCondition",
        "10 events, trigger takes 8, half batched by 4: 5 runs of 8",
        f"{len(runs)} runs of {len(_all_numbers(runs))}",
    )
    assert sorted(_sizes(runs)) == [1, 1, 1, 1, 4]
    assert _all_numbers(runs) == list(range(8))


INVOKED_S = seconds(1, 5)  # more than one for a machine that is busy


@scenario(
    function("batch-target", call(), batchEvents={"maxSize": 3, "timeout": f"{INVOKED_S}s"}),
    function("batch-caller", invoke("call", "batch-target")),
    takes=INVOKED_S + 0.5,
)
async def invoked(scene: Scene) -> None:
    await scene.send("batch-caller", *numbered(*range(5)))
    await scene.ended("batch-caller", 5)


def test_invokers_of_a_batch(seen: Seen, told: Told) -> None:
    """Each gets the result of the batch that its event is in."""
    seen = seen.of(invoked)
    batches, callers = seen.runs("batch-target"), seen.runs("batch-caller")
    told(
        "TestBatchInvoke",
        f"5 invokers, 3 each {INVOKED_S} s: batches of 3 and 2, all 5 resume",
        f"batches of {_sizes(batches)}, {sum(run.status == 'completed' for run in callers)} resumed",
    )
    assert _sizes(batches) == [3, 2]
    assert _all_numbers(batches) == list(range(5))
    assert [run.status for run in callers] == ["completed"] * 5
    for run in callers:
        assert run.output in [batch.output for batch in batches]
        assert run.n in run.output


@scenario(
    function("batched-keys", call(), batchEvents={"maxSize": 3, "timeout": "2s", "key": "event.data.key"}),
    takes=3,
)
async def by_key(scene: Scene) -> None:
    await scene.send("batched-keys", *(numbered(1, 2, 3, key="a") + numbered(4, 5, key="b")))
    await scene.ended("batched-keys", 2)


def test_keys_have_batches_of_their_own(seen: Seen, told: Told) -> None:
    seen = seen.of(by_key)
    full, in_time = seen.runs("batched-keys")
    told(
        "TestBatchKeyEvents",
        "3 each 2 s, 3 events of a and 2 of b: a at once, b after 2 s",
        f"{sorted(full.output)} at once, {sorted(in_time.output)} after {(in_time.queued - full.queued) / 1_000:.3f} s",
    )
    assert (sorted(full.output), sorted(in_time.output)) == ([1, 2, 3], [4, 5])
    first = min(event.received for event in seen.sent["batched-keys"] if event.data["key"] == "b")
    seen.are_at([in_time.queued], [first + 2_000])
