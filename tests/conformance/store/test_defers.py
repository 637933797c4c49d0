"""What runs defer: marks in the run's row, the rest beside it."""

import msgspec
import pytest

from inngest_fast.domain.defers import (
    KEY_PREFIX,
    Defer,
    DeferBody,
    DeferMark,
    DeferStatus,
    defers,
    encode_body,
    event_id,
)
from inngest_fast.domain.runs import RunStatus
from inngest_fast.domain.transitions import CreateRun, EndRun, PutTrace, Transition, UpdateRun
from tests.conformance.store.making import NOW, run, run_id

IDS = ("b" * 40, "a" * 40, "c\x00é")
STATES = (DeferStatus.SCHEDULED, DeferStatus.ABORTED, DeferStatus.REJECTED)


async def deferring(store, *, ended=False):
    """A run that deferred one in each state."""
    before = run(1)
    assert (await store.commit(Transition([CreateRun(before, ())]))).applied
    after = msgspec.structs.replace(
        before,
        version=before.version + 1,
        status=RunStatus.COMPLETED if ended else RunStatus.RUNNING,
        ended_at=NOW + 9 if ended else 0,
        defers=tuple(DeferMark(id, state, 2) for id, state in zip(IDS, STATES, strict=True)),
    )
    rows = [
        PutTrace(before.id, KEY_PREFIX + id, encode_body(DeferBody("shop-later", f"user-{n}", b'{"n":1}')))
        for n, id in enumerate(IDS)
    ]
    first = EndRun(after, before.version) if ended else UpdateRun(after, before.version)
    assert (await store.commit(Transition([first, *rows]))).applied


@pytest.mark.parametrize("ended", [False, True])
async def test_defers_of_a_run_are_in_order(store, ended):
    await deferring(store, ended=ended)
    started_by = event_id(run_id(1), NOW + 9, IDS[0]) if ended else ""
    found = await store.run(run_id(1))
    rows = await store.trace_rows(found.id, KEY_PREFIX)
    assert defers(found.id, found.ended_at, found.defers, rows) == [
        Defer(IDS[0], "user-0", "shop-later", DeferStatus.SCHEDULED, started_by),
        Defer(IDS[1], "user-1", "shop-later", DeferStatus.ABORTED),
        Defer(IDS[2], "user-2", "shop-later", DeferStatus.REJECTED),
    ]
