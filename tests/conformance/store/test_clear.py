"""A store that is cleared for the next test of an app (http-api §3.5)."""

from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.transitions import (
    AppendEvent,
    CreateRun,
    PutApp,
    PutCancellation,
    PutEvent,
    PutFunction,
    PutRow,
    PutStep,
    PutTrace,
    Transition,
)
from inngest_fast.ports.store import EventQuery, RunQuery
from tests.conformance.store.making import (
    DAY,
    NOW,
    app,
    cancellation,
    event,
    function,
    job,
    run,
    run_id,
    step,
    wait,
)


def everything():
    return Transition(
        [
            PutApp(app(1)),
            PutFunction(function(1)),
            PutEvent(event(1)),
            CreateRun(run(1, key="k"), (job(1),), (wait(1, 1),), NOW + DAY),
            PutStep(run_id(1), step(1)),
            PutTrace(run_id(1), "a:x", b"{}"),
            PutRow(FlowRow("rate:1", until=NOW + DAY)),
            AppendEvent("batch", 0, event(1).id),
            PutCancellation(cancellation(1)),
        ]
    )


async def test_apps_and_functions_stay_and_nothing_else(store):
    await store.commit(everything())
    apps, functions = await store.apps(), await store.functions()
    assert (len(apps), len(functions)) == (1, 1)
    await store.clear()
    assert (await store.apps(), await store.functions()) == (apps, functions)
    assert await store.events(EventQuery(limit=10)) == []
    assert await store.runs(RunQuery(limit=10)) == []
    assert await store.run(run_id(1)) is None
    assert await store.jobs("", 10) == []
    assert await store.live_waits(0, 10) == []
    assert await store.trace_rows(run_id(1)) == []
    assert await store.rows(["rate:1"]) == []
    assert await store.batch("batch") == []
    assert await store.cancellations("", 10) == []


async def test_what_comes_after_is_as_if_new(store):
    await store.commit(everything())
    await store.clear()
    committed = await store.commit(everything())
    assert (committed.refused_runs, committed.jobs) == ({}, [job(1)])
    assert (await store.run(run_id(1))).steps.keys() == {step(1).id}
