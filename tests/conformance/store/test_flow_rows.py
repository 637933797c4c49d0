"""Rows that decisions on flow control rest on: each lasts until its end, and says nothing afterwards."""

import pytest

from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.transitions import (
    AddWait,
    CreateRun,
    DropRow,
    ExtendRow,
    PutEvent,
    PutRow,
    Transition,
)
from tests.conformance.store.making import DAY, NOW, event, job, run, run_id, signal, started, updated

ROW = FlowRow("rate:fn-1", NOW + DAY, "someone", b"\x00state")


async def put(store, *rows):
    assert (await store.commit(Transition([PutRow(row) for row in rows]))).applied


async def row(store, key=ROW.key):
    found = await store.rows([key])
    return found[0] if found else None


@pytest.mark.parametrize("stored", [ROW, FlowRow("lock:a"), FlowRow("lock:b", holder=run_id(1))])
async def test_reads_back_whole(store, stored):
    await put(store, stored)
    assert await store.rows([stored.key]) == [stored]


async def test_only_those_that_there_are(store):
    rows = {f"kind:{n}": FlowRow(f"kind:{n}", body=b"%d" % n) for n in range(100)}
    await put(store, *rows.values())
    asked = ["kind:3", "kind:77", "kind:100", "kind:", "", "kind:3"]
    assert sorted(each.key for each in await store.rows(asked)) == ["kind:3", "kind:77"]
    assert {each.key: each for each in await store.rows(list(rows))} == rows
    assert await store.rows([]) == []


async def test_put_replaces_all_of_it(store):
    await put(store, ROW)
    await put(store, FlowRow(ROW.key))
    assert await row(store) == FlowRow(ROW.key)
    await put(store, FlowRow(ROW.key, NOW + 5, body=b"x"), ROW)
    assert await row(store) == ROW


async def test_ended_is_not_there(store, clock):
    await put(store, FlowRow("a:1", NOW + 10), FlowRow("a:2", NOW), FlowRow("a:3", NOW + 11), FlowRow("a:4"))
    assert [each.key for each in await store.rows_of("a", "", 9)] == ["a:1", "a:3", "a:4"]
    clock.now = NOW + 9
    assert await row(store, "a:1") is not None
    clock.now = NOW + 10
    assert await row(store, "a:1") is None
    assert [each.key for each in await store.rows_of("a", "", 9)] == ["a:3", "a:4"]


async def test_drop_only_from_its_holder(store):
    await put(store, ROW, FlowRow("free:1"))
    await store.commit(Transition([DropRow(ROW.key, "another"), DropRow(ROW.key), DropRow("free:1", "x")]))
    assert len(await store.rows([ROW.key, "free:1"])) == 2
    await store.commit(Transition([DropRow(ROW.key, ROW.holder), DropRow("free:1"), DropRow("none:1")]))
    assert await store.rows([ROW.key, "free:1"]) == []


@pytest.mark.parametrize(
    ("there", "until", "after"),
    [
        (None, NOW + 5, FlowRow("t:1", NOW + 5)),
        (None, 0, FlowRow("t:1")),
        (FlowRow("t:1", NOW + 5, "h", b"b"), NOW + 6, FlowRow("t:1", NOW + 6, "h", b"b")),
        (FlowRow("t:1", NOW + 5, "h", b"b"), NOW + 4, FlowRow("t:1", NOW + 5, "h", b"b")),
        (FlowRow("t:1", NOW + 5, "h", b"b"), 0, FlowRow("t:1", 0, "h", b"b")),
        (FlowRow("t:1", 0, "h", b"b"), NOW + 4, FlowRow("t:1", 0, "h", b"b")),
        (FlowRow("t:1", NOW - 5, "h", b"b"), NOW + 4, FlowRow("t:1", NOW + 4)),
        (FlowRow("t:1", NOW, "h", b"b"), 0, FlowRow("t:1")),
        (FlowRow("t:1", NOW - 5, "h", b"b"), NOW - 4, None),
    ],
)
async def test_extend(store, there, until, after):
    await put(store, *([there] if there else []))
    await store.commit(Transition([ExtendRow("t:1", until)]))
    assert await row(store, "t:1") == after


async def test_in_the_order_of_the_actions(store):
    await store.commit(
        Transition(
            [
                PutRow(FlowRow("a:1", NOW + 5, "h")),
                ExtendRow("a:1", NOW + 9),
                DropRow("a:1", "other"),
                PutRow(FlowRow("a:2", holder="h")),
                DropRow("a:2", "h"),
                ExtendRow("a:2", NOW + 7),
                ExtendRow("a:3", NOW + 7),
                PutRow(FlowRow("a:3", NOW + 3, "h")),
            ]
        )
    )
    expected = [FlowRow("a:1", NOW + 9, "h"), FlowRow("a:2", NOW + 7), FlowRow("a:3", NOW + 3, "h")]
    assert await store.rows_of("a", "", 10) == expected


async def test_paging_through_a_kind_meets_each_once(store):
    keys = sorted(["k:a", "k:a:b", "k:\u00e9", "k:\U0001f600", "k:~", *(f"k:{n:03}" for n in range(50))])
    others = ["k", "k9:a", "k;a", "kk:a", "j:z", "l:a", "K:a", "k-x:1"]
    await put(store, *(FlowRow(key) for key in (*keys, *others)))
    found, last = [], ""
    while page := await store.rows_of("k", last, 7):
        found += [each.key for each in page]
        last = found[-1]
    assert found == keys
    assert await store.rows_of("none", "", 10) == []
    assert [each.key for each in await store.rows_of("k", "k:a", 2)] == ["k:a:b", "k:~"]


async def test_only_those_that_last_longer(store, clock):
    await put(
        store, FlowRow("t:1", NOW + 5), FlowRow("t:2", NOW + 6), FlowRow("t:3"), FlowRow("u:1", NOW + 9)
    )
    assert [each.key for each in await store.rows_of("t", "", 9, NOW + 5)] == ["t:2", "t:3"]
    assert [each.key for each in await store.rows_of("t", "", 1, NOW + 5)] == ["t:2"]
    assert [each.key for each in await store.rows_of("t", "t:2", 9, NOW + 5)] == ["t:3"]
    clock.now = NOW + 6
    assert [each.key for each in await store.rows_of("t", "", 9, NOW)] == ["t:3"]


async def test_stored_with_the_run(store):
    lock = FlowRow("lock:1", holder=run_id(1))
    await store.commit(Transition([CreateRun(run(1), (job(1),), rows=(lock, ROW))]))
    assert sorted(each.key for each in await store.rows([lock.key, ROW.key])) == [lock.key, ROW.key]
    later = FlowRow("lock:1", holder=run_id(2))
    await store.commit(Transition([CreateRun(run(2), (job(2),), rows=(later,))]))
    assert await row(store, "lock:1") == later


async def test_not_stored_with_a_run_that_is_refused(store):
    await store.commit(Transition([CreateRun(run(1, key="k"), (job(1),), key_until=NOW + DAY)]))
    second = CreateRun(run(2, key="k"), (job(2),), key_until=NOW + DAY, rows=(ROW,))
    assert (await store.commit(Transition([second]))).refused_runs == {run_id(2): run_id(1)}
    assert await row(store) is None


async def test_dropped_transition_leaves_them(store):
    kept = FlowRow("kept:1", NOW + 5, "h", b"before")
    await put(store, kept, FlowRow("kept:2"))
    changes = [PutRow(ROW), PutRow(FlowRow("kept:1")), ExtendRow("kept:1", 0), DropRow("kept:2")]
    await store.commit(started(1, AddWait(signal(1, 1, "taken"))))
    dropped = [
        Transition(changes, job(50)),
        Transition([*changes, updated(run(1, version=7))]),
        Transition([*changes, AddWait(signal(2, 2, "taken"))]),
    ]
    assert [(await store.commit(each)).reason for each in dropped] == ["job", "run", "signal"]
    assert await store.rows([ROW.key, "kept:1"]) == [kept]
    assert await row(store, "kept:2") is not None


async def test_many_in_one_transition(store):
    n = 1_500
    await store.commit(Transition([PutRow(FlowRow(f"many:{i:04}", body=b"%d" % i)) for i in range(n)]))
    await store.commit(Transition([ExtendRow(f"many:{i:04}", NOW + DAY) for i in range(1, n)]))
    await store.commit(Transition([DropRow(f"many:{i:04}") for i in range(2, n)]))
    assert [each.body for each in await store.rows_of("many", "", n)] == [b"0", b"1"]


async def test_keys_of_any_text(store):
    keys = ["k:" + "\u00e9" * 190, "k:'\"%\\", "k:\ud7ff\U0010ffff", "k:a b\n"]
    await put(store, *(FlowRow(key, holder=key) for key in keys))
    assert {each.key: each.holder for each in await store.rows(keys)} == {key: key for key in keys}
    assert [each.key for each in await store.rows_of("k", "", 9)] == sorted(keys)


async def test_events_do_not_keep_them_waiting(store):
    """One group: rows beside what has none."""
    handed = [
        store.commit(Transition([PutEvent(event(n)), *([ExtendRow("t:1", NOW + n)] if n % 2 else [])]))
        for n in range(100)
    ]
    assert {(await future).reason for future in handed} == {""}
    assert await row(store, "t:1") == FlowRow("t:1", NOW + 99)
