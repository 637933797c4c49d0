"""Events: stored once, found by id, listed newest first."""

import pytest

from inngest_fast.domain.transitions import PutEvent, Transition
from inngest_fast.ports.store import EventQuery, Store
from tests.conformance.store.making import NOW, event, event_id


async def put(store: Store, *events):
    await store.commit(Transition([PutEvent(each) for each in events]))


async def test_reads_back_whole(store):
    plain = event(1)
    full = event(
        2,
        external_id="theirs",
        ts=5,
        repeatable=True,
        correlation_id="run.step",
        target="app-fn",
        name="é\0/x",
    )
    await put(store, plain, full)
    assert await store.event(plain.id) == plain
    assert await store.event(full.id) == full


async def test_unknown_is_none(store):
    assert await store.event(event_id(1)) is None


async def test_wire_bytes_stay_as_they_are(store):
    wire = b'{"data":{"big":"' + b"\xf0\x9f\x90\x98" * 100_000 + b'"},"id":"x","name":"n","ts":1,"user":{}}'
    await put(store, event(1, wire=wire))
    found = await store.event(event_id(1))
    assert found.wire == wire


async def test_one_that_is_stored_stays_as_it_is(store):
    await put(store, event(1, target="first"))
    await put(store, event(1, target="second"))
    assert (await store.event(event_id(1))).target == "first"


async def test_newest_first(store):
    await put(store, event(2), event(3), event(1))
    assert [e.id for e in await store.events(EventQuery(10))] == [event_id(3), event_id(2), event_id(1)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (EventQuery(2), [6, 5]),
        (EventQuery(10, before_id=event_id(3)), [2, 1]),
        (EventQuery(10, name="app/b"), [4, 2]),
        (EventQuery(1, name="app/b", before_id=event_id(4)), [2]),
        (EventQuery(10, received_after=NOW + 4), [6, 5, 4]),
        (EventQuery(10, received_before=NOW + 3), [2, 1]),
        (EventQuery(10, received_after=NOW + 2, received_before=NOW + 4), [3, 2]),
        (EventQuery(10, internal=False), [5, 4, 3, 2, 1]),
        (EventQuery(10, name="inngest/function.finished"), [6]),
        (EventQuery(10, name="inngest/function.finished", internal=False), []),
        (EventQuery(0), []),
    ],
)
async def test_queries(store, query, expected):
    names = ["app/a", "app/b", "inngest", "app/b", "inngest0", "inngest/function.finished"]
    await put(store, *(event(n, name) for n, name in enumerate(names, 1)))
    assert [e.id for e in await store.events(query)] == [event_id(n) for n in expected]


async def test_paging_by_id_meets_each_once(store):
    await put(store, *(event(n) for n in range(25)))
    seen, before = [], ""
    while page := await store.events(EventQuery(10, before_id=before)):
        seen += [e.id for e in page]
        before = page[-1].id
    assert seen == [event_id(n) for n in reversed(range(25))]
