"""Bulk cancellations."""

import pytest

from inngest_fast.domain.transitions import DropCancellation, PutCancellation, Transition
from tests.conformance.store.making import NOW, cancellation, job, run, started, updated

FULL = cancellation(
    1, expression="event.data.n == 1", started_before=NOW + 7, created_at=NOW, done_at=NOW + 9, cancelled=12
)


@pytest.mark.parametrize("stored", [cancellation(1), FULL])
async def test_reads_back_whole(store, stored):
    await store.commit(Transition([PutCancellation(stored)]))
    assert await store.cancellation(stored.id) == stored


async def test_unknown_is_none(store):
    assert await store.cancellation(FULL.id) is None
    assert await store.cancellations("", 10) == []


async def test_put_replaces_an_earlier_state(store):
    await store.commit(Transition([PutCancellation(cancellation(1)), PutCancellation(cancellation(2))]))
    await store.commit(Transition([PutCancellation(cancellation(1, cancelled=5)), PutCancellation(FULL)]))
    assert await store.cancellations("", 10) == [cancellation(2), FULL]


async def test_newest_first(store):
    for n in (3, 1, 4, 2):
        await store.commit(Transition([PutCancellation(cancellation(n))]))

    async def numbers(before, limit):
        return [each.started_before - NOW for each in await store.cancellations(before, limit)]

    assert await numbers("", 3) == [4, 3, 2]
    assert await numbers(cancellation(2).id, 3) == [1]
    assert await numbers(cancellation(1).id, 3) == []


async def test_drop(store):
    await store.commit(Transition([PutCancellation(cancellation(n)) for n in (1, 2)]))
    await store.commit(Transition([DropCancellation(cancellation(1).id), DropCancellation("none")]))
    assert await store.cancellation(cancellation(1).id) is None
    assert await store.cancellations("", 10) == [cancellation(2)]
    again = [PutCancellation(FULL), DropCancellation(FULL.id), DropCancellation(cancellation(2).id)]
    await store.commit(Transition([*again, PutCancellation(cancellation(2, cancelled=1))]))
    assert await store.cancellations("", 10) == [cancellation(2, cancelled=1)]


async def test_dropped_transition_changes_none(store):
    await store.commit(started(1))
    await store.commit(Transition([PutCancellation(cancellation(1)), PutCancellation(cancellation(2))]))
    changes = [PutCancellation(FULL), DropCancellation(cancellation(2).id), PutCancellation(cancellation(3))]
    assert (await store.commit(Transition(changes, job(50)))).reason == "job"
    assert (await store.commit(Transition([*changes, updated(run(1, version=7))]))).reason == "run"
    assert await store.cancellations("", 10) == [cancellation(2), cancellation(1)]
