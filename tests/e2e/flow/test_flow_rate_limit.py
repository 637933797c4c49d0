"""Events that come too fast, or again, start nothing (flow-control §5.2, §5.7)."""

import pytest

from tests.e2e.flow.scenario import call, fail, function, invoke, numbered, scenario
from tests.e2e.flow.scene import Scene
from tests.e2e.flow.seen import Seen
from tests.e2e.flow_table import Told

pytestmark = [pytest.mark.timeout(120)]

A_DAY = {"limit": 1, "period": "24h", "key": "event.data.key"}
PASSING = {5: 1, 9: 1, 10: 2, 20: 3, 100: 5}  # of five events at once, by the limit of a minute


@scenario(function("rated", call(), rateLimit=A_DAY))
async def rated(scene: Scene) -> None:
    await scene.send("rated", *(numbered(1, 2, 3, key="a") + numbered(4, 5, key="b") + numbered(6, 7)))
    await scene.ended("rated", 4)


def test_rate_limit_by_key(seen: Seen, told: Told) -> None:
    """What is dropped leaves no run; without a key nothing is dropped."""
    runs = seen.of(rated).runs("rated")
    of = {key: sum(run.events[0].data.get("key") == key for run in runs) for key in ("a", "b", None)}
    told(
        "TestFunctionWithRateLimit",
        "1 each 24 h by key: 3 events of a → 1 run, 2 of b → 1, 2 without → 2",
        f"{of['a']}, {of['b']}, {of[None]}",
    )
    assert of == {"a": 1, "b": 1, None: 2}
    assert {run.status for run in runs} == {"completed"}


@scenario(
    *(function(f"rated-{limit}", call(), rateLimit={"limit": limit, "period": "60s"}) for limit in PASSING),
    takes=2,
)
async def rated_at_once(scene: Scene) -> None:
    for limit in PASSING:
        await scene.send(f"rated-{limit}", *numbered(*range(5)))
    for limit, passing in PASSING.items():
        await scene.ended(f"rated-{limit}", passing)


@pytest.mark.parametrize("limit", list(PASSING))
def test_five_events_at_once(seen: Seen, told: Told, limit: int) -> None:
    runs = seen.of(rated_at_once).runs(f"rated-{limit}")
    told(
        f"rate limit {limit} each 60 s, 5 events at once (§5.2)",
        f"{PASSING[limit]} runs",
        f"{len(runs)} runs",
    )
    assert len(runs) == PASSING[limit]


@scenario(
    function("rated-target", call(), rateLimit=A_DAY),
    function("rated-caller", invoke("call", "rated-target")),
)
async def invoked(scene: Scene) -> None:
    await scene.send("rated-caller", *numbered(1, key="same"))
    await scene.ended("rated-caller", 1)
    await scene.send("rated-caller", *numbered(2, key="same"))
    await scene.ended("rated-caller", 2)


def test_invoked_too_fast(seen: Seen, told: Told) -> None:
    seen = seen.of(invoked)
    first, second = seen.runs("rated-caller")
    told(
        "TestInvokeRateLimit",
        "second invoker FAILED: invoked function is rate limited",
        f"{first.status}; {second.status}: {second.error and second.error['message']}",
    )
    assert len(seen.runs("rated-target")) == 1
    assert (first.status, second.status) == ("completed", "failed")
    assert "invoked function is rate limited" in second.error["message"]


@scenario(function("rated-failing", fail("it is broken"), rateLimit=A_DAY, on_failure=True))
async def failing(scene: Scene) -> None:
    await scene.send("rated-failing", *numbered(1, 2, key="same"))
    await scene.ended("rated-failing", 1)
    await scene.ended("rated-failing-failure", 1)


def test_failure_handler_with_rate_limit(seen: Seen, told: Told) -> None:
    seen = seen.of(failing)
    runs, handled = seen.runs("rated-failing"), seen.calls("rated-failing-failure")
    told(
        "TestFunctionFailureHandlingWithRateLimit",
        "1 run FAILED, 1 call of onFailure",
        f"{len(runs)} run {runs[0].status}, {len(handled)} call of onFailure",
    )
    assert [run.status for run in runs] == ["failed"]
    assert [each.step for each in handled] == ["it is broken"]


@scenario(function("idempotent", call(), idempotency="event.data.order"))
async def idempotent(scene: Scene) -> None:
    await scene.send("idempotent", *(numbered(1, 2, order="x") + numbered(3, order="y") + numbered(4, 5)))
    await scene.ended("idempotent", 4)
    await scene.send("idempotent", *numbered(6, order="x"))
    await scene.at(1)
    await scene.ended("idempotent", 4)


def test_function_idempotency(seen: Seen, told: Told) -> None:
    runs = seen.of(idempotent).runs("idempotent")
    of = {order: sum(run.events[0].data.get("order") == order for run in runs) for order in ("x", "y", None)}
    told(
        "function idempotency (§5.7)",
        "3 events of x → 1 run, 1 of y → 1, 2 without → 2",
        f"{of['x']}, {of['y']}, {of[None]}",
    )
    assert of == {"x": 1, "y": 1, None: 2}


@scenario(function("once", call(0.2)), function("once-too", call(), event="~/once"))
async def same_id(scene: Scene) -> None:
    for n in range(5):
        await scene.send("once", {"n": n}, ids=["abc"])
    await scene.send("once", {"n": 5}, ids=["def"])
    await scene.ended("once", 2)
    await scene.ended("once-too", 2)


def test_event_id(seen: Seen, told: Told) -> None:
    """One run for each function; the server keeps every event."""
    seen = seen.of(same_id)
    runs = seen.runs("once")
    told("TestEventIdempotency", "5 × id abc → 1 run; + id def → 2", f"{len(runs)} runs")
    assert [run.n for run in runs] == [0, 5]
    assert [run.n for run in seen.runs("once-too")] == [0, 5]
    assert len(seen.sent["once"]) == 6


@scenario(function("resent", call()))
async def resent(scene: Scene) -> None:
    await scene.send_again("resent", {"n": 1}, {"n": 2}, times=3)
    await scene.ended("resent", 2)


def test_repeated_request(seen: Seen, told: Told) -> None:
    runs = seen.of(resent).runs("resent")
    told("TestSendIdempotentRetry", "a request of 2 events, sent 3 times → 2 runs", f"{len(runs)} runs")
    assert sorted(run.n for run in runs) == [1, 2]
