"""Lists of runs by their times, what they count, and the rows of traces."""

import itertools

import pytest

from inngest_fast.domain.runs import RunStatus
from inngest_fast.domain.transitions import CreateRun, EndRun, PutEvent, PutTrace, Transition, UpdateRun
from inngest_fast.ports.store import EventQuery, RunQuery, RunTime
from tests.conformance.store.making import NOW, event, event_id, next_version, run, run_id, updated

QUEUED, STARTED, ENDED = RunTime.QUEUED, RunTime.STARTED, RunTime.ENDED

# number: when it was started and when it ended, after NOW; started in an other order than queued
TIMES = {1: (50, 90), 2: (40, 0), 3: (60, 61), 4: (0, 0), 5: (40, 95), 6: (70, 90)}


async def fill(store):
    for n, (began, end) in TIMES.items():
        one = run(n, function_id=f"f{n % 2}", status=RunStatus.QUEUED)
        await store.commit(Transition([PutEvent(event(n)), CreateRun(one, ())]))
        if not began:
            continue
        update = updated(one, status=RunStatus.RUNNING, started_at=NOW + began)
        await store.commit(Transition([update]))
        one = update.run
        if end:
            status = RunStatus.FAILED if n == 6 else RunStatus.COMPLETED
            last = next_version(one, status=status, ended_at=NOW + end)
            await store.commit(Transition([EndRun(last, one.version)]))


def numbers(runs):
    known = {run_id(n): n for n in TIMES}
    return [known[run.id] for run in runs]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"order": STARTED}, [6, 3, 1, 5, 2, 4]),
        ({"order": STARTED, "ascending": True}, [4, 2, 5, 1, 3, 6]),
        ({"order": ENDED}, [5, 6, 1, 3, 4, 2]),
        ({"ascending": True}, [1, 2, 3, 4, 5, 6]),
        ({"since": NOW + 3}, [6, 5, 4, 3]),
        ({"until": NOW + 3}, [3, 2, 1]),
        ({"since": NOW + 2, "until": NOW + 3}, [3, 2]),
        ({"time": STARTED, "since": NOW + 50}, [6, 3, 1]),
        ({"time": STARTED, "until": NOW + 50}, [5, 2, 1]),
        ({"time": ENDED, "until": NOW + 90}, [6, 3, 1]),
        ({"time": ENDED, "since": NOW + 90, "until": NOW + 90, "order": STARTED}, [6, 1]),
        ({"statuses": (RunStatus.COMPLETED, RunStatus.FAILED)}, [6, 5, 3, 1]),
        ({"statuses": (RunStatus.QUEUED, RunStatus.RUNNING)}, [4, 2]),
        ({"statuses": (RunStatus.RUNNING, RunStatus.FAILED)}, [6, 2]),
        ({"statuses": (RunStatus.COMPLETED,), "function_ids": ("f1",)}, [5, 3, 1]),
        ({"function_ids": ("f0", "f1", "f2")}, [6, 5, 4, 3, 2, 1]),
        ({"event_ids": (event_id(2), event_id(5), event_id(99))}, [5, 2]),
    ],
)
async def test_runs_asked_for(store, query, expected):
    await fill(store)
    assert numbers(await store.runs(RunQuery(10, **query))) == expected
    assert await store.count_runs(RunQuery(1, **query)) == len(expected)


@pytest.mark.parametrize(("order", "ascending"), [*itertools.product(RunTime, (True, False))])
async def test_pages_meet_each_run_once(store, order, ascending):
    await fill(store)
    whole = await store.runs(RunQuery(10, order=order, ascending=ascending))
    assert len(whole) == len(TIMES)
    found, after = [], None
    while page := await store.runs(RunQuery(2, order=order, ascending=ascending, after=after)):
        found += page
        after = getattr(page[-1], order.value), page[-1].id
    assert found == whole


async def test_events_asked_for_by_several_names(store):
    names = ["a", "b", "c", "b", "inngest/x"]
    for n, name in enumerate(names):
        await store.commit(Transition([PutEvent(event(n, name))]))
    query = EventQuery(10, names=("b", "c"))
    assert [each.name for each in await store.events(query)] == ["b", "c", "b"]
    assert await store.count_events(query) == 3
    assert await store.count_events(EventQuery(1, before_id=event_id(2), internal=False)) == 4


async def test_events_asked_for_by_their_ids(store):
    for n in range(4):
        await store.commit(Transition([PutEvent(event(n))]))
    query = EventQuery(10, ids=(event_id(2), event_id(0), event_id(9)))
    assert [each.id for each in await store.events(query)] == [event_id(2), event_id(0)]
    assert await store.events(EventQuery(10, ids=(event_id(9), "no \x00 id"))) == []


async def test_rows_of_a_trace(store):
    rows = [PutTrace(run_id(1), key, key.encode()) for key in ("b:2", "a:1", "b:1", "c")]
    await store.commit(Transition([*rows, PutTrace(run_id(2), "b:1", b"other")]))
    await store.commit(Transition([PutTrace(run_id(1), "b:2", b"new")]))
    assert await store.trace_rows(run_id(1)) == [
        ("a:1", b"a:1"),
        ("b:1", b"b:1"),
        ("b:2", b"new"),
        ("c", b"c"),
    ]
    assert await store.trace_rows(run_id(1), "b:") == [("b:1", b"b:1"), ("b:2", b"new")]
    assert await store.trace_rows(run_id(3)) == []


async def test_a_dropped_transition_leaves_no_row_of_a_trace(store):
    one = run(1)
    await store.commit(Transition([PutEvent(event(1)), CreateRun(one, ())]))
    stale = UpdateRun(next_version(one), one.version + 5)
    dropped = await store.commit(Transition([PutTrace(one.id, "a", b""), stale]))
    assert dropped.reason == "run"
    assert await store.trace_rows(one.id) == []
