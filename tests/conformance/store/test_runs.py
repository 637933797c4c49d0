"""Runs and their steps."""

import pytest

from inngest_fast.domain.flow import KeyValue, RunFlow
from inngest_fast.domain.runs import RunStatus, SkipReason, StepStatus
from inngest_fast.domain.transitions import AddWait, CreateRun, PutEvent, PutStep, Transition, UpdateRun
from inngest_fast.ports.store import RunQuery
from tests.conformance.store.making import (
    DAY,
    NOW,
    ended,
    event,
    event_id,
    job,
    next_version,
    run,
    run_id,
    signal,
    started,
    step,
    updated,
)


async def test_reads_back_whole(store):
    full = run(
        1,
        due_at=5,
        request_version=2,
        force_plan=True,
        pending=("a", "b"),
        group="g",
        state_size=10,
        cron="* * * * *",
        correlation_id="other.step",
        correlated=("another.step", "third.step"),
        key="k",
        flow=RunFlow(
            keys=(KeyValue("rule-1", "rule-1/fn/a", "a"), KeyValue("rule-2", "rule-2/fn/b")),
            run=KeyValue("rule-3", "rule-3/fn/c"),
            throttle=KeyValue("rule-4", "rule-4/fn/d", "d"),
            singleton="singleton:fn-1",
        ),
        skip_reason=SkipReason.SINGLETON,
        skipped_for="run",
        batch_id="batch",
        function_version=3,
        branched=True,
    )
    await store.commit(Transition([PutEvent(event(1)), CreateRun(full, (job(1),))]))
    assert await store.run(full.id) == full


async def test_unknown_is_none(store):
    assert await store.run(run_id(1)) is None


async def test_has_the_wire_forms_of_all_its_events_in_its_order(store):
    events = [event(n) for n in (5, 3, 4)]
    batch = run(9, event_ids=tuple(e.id for e in events), events=tuple(e.wire for e in events))
    await store.commit(Transition([*map(PutEvent, events), CreateRun(batch, (job(9),))]))
    assert (await store.run(batch.id)).events == batch.events
    for each in events:
        assert [r.id for r in await store.runs(RunQuery(10, event_id=each.id))] == [batch.id]


async def test_has_the_wire_forms_it_was_given(store):
    """Also where the stored event differs, or is not there."""
    await store.commit(Transition([PutEvent(event(1))]))
    other = event(1, wire=b'{"other":1}')
    differing = run(1, events=(other.wire,))
    await store.commit(Transition([PutEvent(other), CreateRun(differing, (job(1),))]))
    alone = run(2)
    await store.commit(Transition([CreateRun(alone, (job(2),))]))
    assert (await store.run(differing.id)).events == (other.wire,)
    assert (await store.run(alone.id)).events == alone.events


async def test_does_not_count_on_an_event_of_a_dropped_transition(store):
    await store.commit(Transition([AddWait(signal(5, 9, "sig"))]))
    dropped = store.commit(Transition([PutEvent(event(1)), AddWait(signal(6, 8, "sig"))]))
    await store.commit(Transition([CreateRun(run(1), (job(1),))]))
    assert (await dropped).reason == "signal"
    assert (await store.run(run_id(1))).events == run(1).events


async def test_is_in_the_events_runs_next_to_others(store):
    await store.commit(
        Transition(
            [
                PutEvent(event(1)),
                CreateRun(run(1), (job(1),)),
                CreateRun(run(2, event_ids=(event_id(1),), function_id="fn-2"), (job(2),)),
            ]
        )
    )
    await store.commit(started(3))
    found = await store.runs(RunQuery(10, event_id=event_id(1)))
    assert [r.id for r in found] == [run_id(2), run_id(1)]


async def test_update_stores_the_run_as_given(store):
    await store.commit(started(1))
    later = next_version(
        run(1), status=RunStatus.RUNNING, started_at=NOW, stack=("a",), pending=("b",), state_size=7
    )
    assert (await store.commit(Transition([UpdateRun(later, run(1).version)]))).applied
    assert await store.run(run_id(1)) == later
    last = next_version(later, pending=(), output=b"1")
    assert (await store.commit(Transition([UpdateRun(last, later.version)]))).applied
    assert await store.run(run_id(1)) == last


async def test_update_leaves_steps_alone(store):
    await store.commit(started(1))
    with_step = next_version(run(1), stack=("step-1",))
    with_step.steps = {}
    await store.commit(Transition([updated(run(1), stack=("step-1",)), PutStep(run_id(1), step(1))]))
    await store.commit(Transition([updated(with_step)]))
    found = await store.run(run_id(1))
    assert found.steps == {"step-1": step(1)}
    assert found.stack == ("step-1",)


async def test_step_reads_back_whole(store):
    full = step(
        1,
        status=StepStatus.TIMED_OUT,
        attempts=3,
        started_at=1,
        ended_at=2,
        race=True,
        parallel=True,
        wait_id=2**62,
        memo=b"\x00\xff" * 100_000,
    )
    planned = step(2, memo=None, seq=-1, status=StepStatus.PLANNED)
    await store.commit(started(1, PutStep(run_id(1), full), PutStep(run_id(1), planned)))
    assert (await store.run(run_id(1))).steps == {full.id: full, planned.id: planned}


async def test_step_replaces_an_earlier_report(store):
    open_step = step(1, memo=None, seq=-1, status=StepStatus.PLANNED)
    await store.commit(started(1, PutStep(run_id(1), open_step)))
    await store.commit(Transition([PutStep(run_id(1), step(1))]))
    assert (await store.run(run_id(1))).steps == {"step-1": step(1)}


async def test_steps_are_of_their_run_only(store):
    await store.commit(started(1, PutStep(run_id(1), step(1))))
    await store.commit(started(2, PutStep(run_id(2), step(1, name="other"))))
    assert (await store.run(run_id(1))).steps["step-1"].name == "step 1"
    assert (await store.run(run_id(2))).steps["step-1"].name == "other"


async def test_ended_run_keeps_everything(store):
    await store.commit(started(1, PutStep(run_id(1), step(1))))
    await store.commit(Transition([ended(run(1), stack=("step-1",))], job(1)))
    found = await store.run(run_id(1))
    assert found.status is RunStatus.COMPLETED
    assert found.output == b'"done"'
    assert found.events == run(1).events
    assert found.steps == {"step-1": step(1)}


async def test_listed_without_events_steps_and_stack(store):
    await store.commit(started(1, PutStep(run_id(1), step(1)), stack=("step-1",)))
    assert await store.runs(RunQuery(10)) == [run(1, events=(), stack=())]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (RunQuery(3), [7, 6, 5]),
        (RunQuery(3, offset=5), [2, 1]),
        (RunQuery(3, offset=9), []),
        (RunQuery(10, before_id=run_id(3)), [2, 1]),
        (RunQuery(10, status=RunStatus.QUEUED), [7]),
        (RunQuery(10, status=RunStatus.RUNNING), [6, 5]),
        (RunQuery(10, status=RunStatus.COMPLETED), [3, 1]),
        (RunQuery(10, status=RunStatus.FAILED), [2]),
        (RunQuery(10, status=RunStatus.CANCELLED), [4]),
        (RunQuery(10, status=RunStatus.SKIPPED), []),
        (RunQuery(10, function_id="fn-2"), [6, 4, 2]),
        (RunQuery(10, function_id="fn-2", status=RunStatus.RUNNING), [6]),
        (RunQuery(1, function_id="fn-2", before_id=run_id(6)), [4]),
        (RunQuery(10, event_id=event_id(3)), [3]),
        (RunQuery(10, event_id=event_id(3), status=RunStatus.FAILED), []),
        (RunQuery(10, event_id="none"), []),
    ],
)
async def test_queries(store, query, expected):
    endings = [
        ended(run(1)),
        ended(run(2, function_id="fn-2"), RunStatus.FAILED),
        ended(run(3)),
        ended(run(4, function_id="fn-2"), RunStatus.CANCELLED),
        updated(run(5), status=RunStatus.RUNNING),
        updated(run(6, function_id="fn-2"), status=RunStatus.RUNNING),
    ]
    for n in range(1, 8):
        await store.commit(started(n, function_id="fn-1" if n % 2 else "fn-2"))
    for action in endings:
        assert (await store.commit(Transition([action]))).applied
    assert [r.id for r in await store.runs(query)] == [run_id(n) for n in expected]


async def test_counts_the_live(store):
    assert await store.count_live_runs() == 0
    for n in range(4):
        await store.commit(started(n))
    await store.commit(Transition([updated(run(1), status=RunStatus.RUNNING)]))
    await store.commit(Transition([ended(run(2))]))
    await store.commit(Transition([ended(run(3), RunStatus.SKIPPED)]))
    assert await store.count_live_runs() == 2


async def test_stuck_runs(store):
    for n in range(1, 7):
        await store.commit(started(n))
    await store.commit(Transition([ended(run(1))], job(1)))
    for n in (2, 3, 4, 6):
        await store.commit(Transition([updated(run(n))], job(n)))
    assert await store.stuck_runs("", 10, NOW + 6) == ([run_id(2), run_id(3), run_id(4)], "")
    assert await store.stuck_runs("", 10, NOW + 4) == ([run_id(2), run_id(3)], "")
    assert await store.stuck_runs("", 2, NOW + 6) == ([run_id(2), run_id(3)], run_id(3))
    assert await store.stuck_runs(run_id(3), 2, NOW + 6) == ([run_id(4)], run_id(5))
    assert await store.stuck_runs(run_id(5), 2, NOW + 6) == ([], "")


def skipped(n, **fields):
    fields = {"status": RunStatus.SKIPPED, "ended_at": NOW + n, **fields}
    return Transition([PutEvent(event(n)), CreateRun(run(n, **fields), (), key_until=NOW + DAY)])


async def test_skipped_run_has_ended(store):
    await store.commit(started(1))
    skip = skipped(2, skip_reason=SkipReason.SINGLETON, skipped_for=run_id(1))
    assert (await store.commit(skip)).jobs == []
    assert await store.run(run_id(2)) == skip.actions[1].run
    assert [each.id for each in await store.runs(RunQuery(9, status=RunStatus.SKIPPED))] == [run_id(2)]
    assert [each.id for each in await store.runs(RunQuery(9, status=RunStatus.QUEUED))] == [run_id(1)]
    assert await store.count_live_runs() == 1
    assert await store.stuck_runs("", 9, NOW + DAY) == ([], "")
    assert await store.live_runs("fn-1", "", run_id(9), 9) == [run(1, events=())]
    assert (await store.commit(Transition([updated(skip.actions[1].run)]))).reason == "run"


async def test_skipped_run_takes_its_key(store):
    await store.commit(skipped(1, key="k"))
    assert (await store.commit(skipped(2, key="k"))).refused_runs == {run_id(2): run_id(1)}
    assert await store.run(run_id(2)) is None


async def test_live_runs_of_a_function(store):
    for n in range(1, 9):
        await store.commit(started(n, function_id="fn-1" if n % 4 else "fn-2"))
    await store.commit(Transition([ended(run(2))]))
    await store.commit(Transition([ended(run(3), RunStatus.FAILED)]))
    await store.commit(Transition([updated(run(5), status=RunStatus.RUNNING, stack=("a",))]))

    async def numbers(function_id, after, until, limit):
        found = await store.live_runs(function_id, run_id(after), run_id(until), limit)
        assert all(each.function_id == function_id and not each.status.ended for each in found)
        assert all((each.events, each.steps, each.stack) == ((), {}, ()) for each in found)
        return [each.queued_at - NOW for each in found]

    assert await numbers("fn-1", 0, 9, 9) == [1, 5, 6, 7]
    assert await numbers("fn-1", 1, 6, 9) == [5, 6]
    assert await numbers("fn-1", 1, 9, 2) == [5, 6]
    assert await numbers("fn-1", 6, 6, 9) == []
    assert await numbers("fn-2", 0, 9, 9) == [4, 8]
    assert await store.live_runs("none", "", run_id(9), 9) == []
    assert len(await store.live_runs("fn-1", "", run_id(9), 9)) == 4


async def test_of_two_histories_of_a_run_only_one_goes_on(store):
    """Two servers decide on the same state; the slower one has decided once more by then."""
    await store.commit(started(1))
    start = run(1)
    ours, theirs = start.working_copy(), start.working_copy()
    ours.version, theirs.version = 101, 102
    further = theirs.working_copy()
    further.version = 203
    assert (await store.commit(Transition([UpdateRun(ours, start.version)]))).applied
    assert (await store.commit(Transition([UpdateRun(theirs, start.version)]))).reason == "run"
    assert (await store.commit(Transition([UpdateRun(further, theirs.version)]))).reason == "run"
    assert (await store.run(run_id(1))).version == ours.version
