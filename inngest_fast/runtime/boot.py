"""Start-up: what the store holds goes into catalog, index and queue (design §3.6)."""

import logging

from inngest_fast.domain.jobs import JobKind
from inngest_fast.ports.queue import Queue
from inngest_fast.ports.store import Store
from inngest_fast.runtime.catalog import Catalog
from inngest_fast.runtime.crons import Crons
from inngest_fast.runtime.live_waits import LiveWaits

_PAGE = 5_000
_TIMERS = frozenset((JobKind.SLEEP, JobKind.WAIT_TIMEOUT, JobKind.START_TIMEOUT, JobKind.FINISH_TIMEOUT))

_log = logging.getLogger(__name__)


async def resume(store: Store, queue: Queue, catalog: Catalog, waits: LiveWaits, crons: Crons) -> None:
    """Takes up where the last process left off, however it ended. Raises StoreError.

    Nothing else may use the store before this returns.
    """
    for app in await store.apps():
        catalog.put_app(app)
    for function in await store.functions():
        catalog.put_function(function)
    after = 0
    while page := await store.live_waits(after, _PAGE):
        for wait in page:
            waits.load(wait)
        after = page[-1].id
    timers = schedules = 0
    last = ""
    while jobs := await store.jobs(last, _PAGE):
        for job in jobs:
            queue.add(job)
            timers += job.kind in _TIMERS
            schedules += job.kind is JobKind.CRON
        last = jobs[-1].id
    schedules += await crons.arm_missing()
    runs = await store.count_live_runs()
    if runs or timers or schedules:
        _log.info("resumed %d runs, %d timers, %d schedules", runs, timers, schedules)
