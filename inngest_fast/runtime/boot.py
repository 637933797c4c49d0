"""Start-up: what the store holds goes into catalog, index and queue (design §3.6)."""

import logging

from inngest_fast.domain.jobs import JobKind
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.queue import Queue
from inngest_fast.ports.store import Store
from inngest_fast.runtime.catalog_upkeep import CatalogUpkeep
from inngest_fast.runtime.crons import Crons
from inngest_fast.runtime.live_waits import LiveWaits
from inngest_fast.runtime.queue_limits import restore_throttles

_PAGE = 5_000
_TIMERS = frozenset((JobKind.SLEEP, JobKind.WAIT_TIMEOUT, JobKind.START_TIMEOUT, JobKind.FINISH_TIMEOUT))

_log = logging.getLogger(__name__)


async def resume(
    store: Store, queue: Queue, upkeep: CatalogUpkeep, waits: LiveWaits, crons: Crons, clock: Clock
) -> None:
    """Takes up where the last process left off, however it ended. Raises StoreError.

    Nothing else of this process may use the store before this returns. A shared queue has the jobs; when it
    was found empty, the reconciler fills it while the server serves.
    """
    await upkeep.load()
    await waits.load(_PAGE)
    if queue.shared:
        await crons.arm_missing()
        return
    await restore_throttles(store, queue, clock)
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
