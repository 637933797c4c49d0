"""What the model offers beside the port: delays and crashes."""

import asyncio

from inngest_fast.domain.transitions import PutApp, Transition
from tests.conformance.store.making import Clock, app, run, run_id, started, updated
from tests.fixtures.model_store import ModelStore


async def test_delays_keep_the_order():
    delays = iter([0.002, 0.0, 0.001])
    store = ModelStore(Clock(), delay=lambda: next(delays))
    decided = []

    async def commit(n):
        await store.commit(Transition([PutApp(app(1, error=str(n)))]))
        decided.append(n)

    await asyncio.gather(*(commit(n) for n in range(3)))
    assert decided == [0, 1, 2]
    assert await store.apps() == [app(1, error="2")]


async def test_crash_forgets_what_was_not_applied():
    store = ModelStore(Clock(), delay=lambda: 0.0)
    await store.commit(started(1))
    lost = store.commit(started(2))
    assert store.backlog == 1
    store.restore()
    assert store.backlog == 0
    await store.commit(started(3))
    assert not lost.done()
    assert [await store.run(run_id(n)) is not None for n in (1, 2, 3)] == [True, False, True]


async def test_restore_goes_back_to_the_snapshot():
    store = ModelStore(Clock())
    await store.commit(started(1))
    snapshot = store.snapshot()
    await store.commit(Transition([updated(run(1))]))
    await store.commit(started(2))
    store.restore(snapshot)
    assert (await store.run(run_id(1))).version == 0
    assert await store.run(run_id(2)) is None
    await store.commit(started(2))
    store.restore(snapshot)
    assert await store.run(run_id(2)) is None


async def test_what_was_handed_in_and_read_is_nobody_elses():
    store = ModelStore(Clock())
    mine = started(1)
    await store.commit(mine)
    mine.actions[1].run.version = 7
    (await store.run(run_id(1))).version = 8
    assert (await store.run(run_id(1))).version == 0
