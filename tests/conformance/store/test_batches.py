"""Events that wait for their batch to start."""

from inngest_fast.domain.transitions import (
    AppendEvent,
    CreateRun,
    DropBatch,
    PutEvent,
    Transition,
)
from tests.conformance.store.making import event, event_id, job, run, run_id, started, updated


def appended(n, batch_id="b", position=None):
    return [PutEvent(event(n)), AppendEvent(batch_id, n if position is None else position, event_id(n))]


async def ids(store, batch_id="b"):
    return [each.id for each in await store.batch(batch_id)]


async def test_read_whole_and_in_their_order(store):
    await store.commit(Transition(appended(3, position=2)))
    await store.commit(Transition([*appended(1, position=10), *appended(2, position=1)]))
    assert await store.batch("b") == [event(2), event(3), event(1)]


async def test_of_their_batch_only(store):
    for n in range(6):
        await store.commit(Transition(appended(n, f"b{n % 2}")))
    assert await ids(store, "b0") == [event_id(n) for n in (0, 2, 4)]
    assert await ids(store, "b") == await ids(store, "") == []


async def test_event_of_several_batches(store):
    await store.commit(Transition([*appended(1), AppendEvent("c", 0, event_id(1))]))
    assert await ids(store, "b") == await ids(store, "c") == [event_id(1)]


async def test_none_is_lost_or_there_twice(store):
    """Two of one position are both kept; the same once more changes nothing."""
    await store.commit(Transition([*appended(1, position=5), *appended(2, position=5)]))
    await store.commit(Transition([*appended(1, position=5), *appended(0, position=5)]))
    assert await ids(store) == [event_id(n) for n in range(3)]


async def test_forgotten_once_the_batch_starts(store):
    await store.commit(Transition([*appended(1), *appended(2), *appended(3, "other")]))
    events = await store.batch("b")
    batched = run(
        9, event_ids=tuple(e.id for e in events), events=tuple(e.wire for e in events), batch_id="b"
    )
    await store.commit(Transition([CreateRun(batched, (job(9),)), DropBatch("b")]))
    assert await ids(store) == []
    assert await ids(store, "other") == [event_id(3)]
    assert await store.event(event_id(1)) is not None
    found = await store.run(run_id(9))
    assert (found.batch_id, found.events) == ("b", (event(1).wire, event(2).wire))


async def test_in_the_order_of_the_actions(store):
    await store.commit(Transition([*appended(1), *appended(2)]))
    await store.commit(Transition([*appended(3), DropBatch("b"), *appended(2), *appended(4)]))
    assert await ids(store) == [event_id(2), event_id(4)]
    await store.commit(Transition([*appended(5), DropBatch("b")]))
    assert await ids(store) == []


async def test_in_one_group(store):
    handed = [store.commit(Transition(appended(n))) for n in range(5)]
    handed.append(store.commit(Transition([DropBatch("b")])))
    handed += [store.commit(Transition(appended(n))) for n in range(3, 8)]
    assert {(await future).reason for future in handed} == {""}
    assert await ids(store) == [event_id(n) for n in range(3, 8)]


async def test_dropped_transition_changes_none(store):
    await store.commit(started(1))
    await store.commit(Transition([*appended(1), PutEvent(event(2)), PutEvent(event(3))]))
    changes = [*appended(2), DropBatch("b"), *appended(3)]
    assert (await store.commit(Transition(changes, job(50)))).reason == "job"
    assert (await store.commit(Transition([*changes, updated(run(1, version=7))]))).reason == "run"
    assert await ids(store) == [event_id(1)]


async def test_many(store):
    handed = [store.commit(Transition(appended(n))) for n in reversed(range(1_200))]
    assert {(await future).reason for future in handed} == {""}
    assert await ids(store) == [event_id(n) for n in range(1_200)]
