"""Tells the queue what binds apps and functions now, and what starts have paid."""

from inngest_fast.domain.flow import FunctionLimits
from inngest_fast.engine.flow.concurrency import limits_of
from inngest_fast.engine.flow.throttle import KIND, arrivals
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.queue import Queue
from inngest_fast.ports.store import Store
from inngest_fast.runtime.catalog import Catalog

_PAGE = 1_000


class QueueLimits:
    def __init__(self, catalog: Catalog, queue: Queue, *, calls_per_app: int) -> None:
        self._catalog = catalog
        self._queue = queue
        self._calls_per_app = calls_per_app
        self._apps: set[str] = set()
        self._functions: dict[str, FunctionLimits] = {}

    def apply(self) -> None:
        """Tells what has changed since it was last told."""
        for app in self._catalog.apps():
            if app.id not in self._apps:
                self._apps.add(app.id)
                self._queue.limit_group(app.id, self._calls_per_app)
        for function in self._catalog.all_functions():
            limits = limits_of(function)
            if self._functions.get(function.id) != limits:
                self._functions[function.id] = limits
                self._queue.limit_function(function.id, limits)


async def restore_throttles(store: Store, queue: Queue, clock: Clock) -> None:
    """After a loss: what starts have paid, from the store. Raises StoreError."""
    now, after = clock.now_ms(), ""
    while rows := await store.rows_of(KIND, after, _PAGE, until_after=now):
        queue.restore_throttles(arrivals(rows))
        after = rows[-1].key
