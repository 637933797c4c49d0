"""The running parts, put together on any adapters."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import msgspec

from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.settings import Settings
from inngest_fast.ports.app_client import AppClient
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.pubsub import PubSub
from inngest_fast.ports.queue import Queue
from inngest_fast.ports.store import Store
from inngest_fast.ports.wait_index import WaitIndex
from inngest_fast.ports.wait_search import WaitSearch
from inngest_fast.runtime.annotations import Annotations
from inngest_fast.runtime.app_edits import AppEdits
from inngest_fast.runtime.app_ping import AppPing
from inngest_fast.runtime.app_sync import AppSync
from inngest_fast.runtime.boot import resume
from inngest_fast.runtime.calls import Calls
from inngest_fast.runtime.cancellations import Cancellations
from inngest_fast.runtime.catalog import Catalog
from inngest_fast.runtime.catalog_upkeep import CatalogUpkeep
from inngest_fast.runtime.checkpoints import Checkpoints
from inngest_fast.runtime.clean_slate import CleanSlate
from inngest_fast.runtime.committer import Committer
from inngest_fast.runtime.counters import Counters
from inngest_fast.runtime.crons import Crons
from inngest_fast.runtime.deferred_runs import DeferredRuns
from inngest_fast.runtime.deferred_starts import DeferredStarts
from inngest_fast.runtime.executor import Executor
from inngest_fast.runtime.gateway import Gateway
from inngest_fast.runtime.ingest import Ingest
from inngest_fast.runtime.live_waits import LiveWaits
from inngest_fast.runtime.measures import Measures
from inngest_fast.runtime.metrics import Metrics
from inngest_fast.runtime.queue_limits import QueueLimits
from inngest_fast.runtime.reconciler import Reconciler
from inngest_fast.runtime.router import Router
from inngest_fast.runtime.run_cache import RunCache
from inngest_fast.runtime.run_changes import RunChanges
from inngest_fast.runtime.run_control import RunControl
from inngest_fast.runtime.run_ends import RunEnds
from inngest_fast.runtime.run_traces import RunTraces
from inngest_fast.runtime.store_watch import StoreWatch
from inngest_fast.runtime.sync_runs import SyncRuns
from inngest_fast.runtime.vitals import Vitals

if TYPE_CHECKING:
    from inngest_fast.ports.span_sink import SpanSink
    from inngest_fast.runtime.trace_export import TraceExport

Sign = Callable[[bytes], str]

_log = logging.getLogger(__name__)


class Adapters(msgspec.Struct, frozen=True):
    """What the runtime runs on. `wait_search` is there when other servers use the store too.

    `gateway_client` makes the requests that apps leave to the server; without it `client` does.
    """

    store: Store
    queue: Queue
    wait_index: WaitIndex
    pubsub: PubSub
    client: AppClient
    clock: Clock
    entropy: Entropy
    wait_search: WaitSearch | None = None
    gateway_client: AppClient | None = None
    span_sink: "SpanSink | None" = None


class Assembly:
    """start, serve, drain, stop: in this order, each once."""

    def __init__(self, adapters: Adapters, settings: Settings, sign: Sign | None) -> None:
        store, queue, client = adapters.store, adapters.queue, adapters.client
        clock, entropy = adapters.clock, adapters.entropy
        self._adapters = adapters
        self._settings = settings
        self._sign = sign
        self.counters = counters = Counters()
        self.catalog = catalog = Catalog()
        self.measures = measures = Measures(catalog.slug_of)
        store.on_group = measures.commit_sizes.observe
        self.waits = waits = LiveWaits(store, adapters.wait_index, adapters.wait_search)
        self.cache = cache = RunCache()
        adapters.pubsub.subscribe("run", cache.distrust)
        self.watch = watch = StoreWatch(store)
        self.upkeep = upkeep = CatalogUpkeep(store, catalog, adapters.wait_search, adapters.pubsub, watch)
        router = Router(catalog, upkeep, waits, clock, entropy)
        self.committer = committer = Committer(store, queue, waits, router, cache, watch, counters, measures)
        self.changes = changes = RunChanges(store, catalog, upkeep, committer, cache, counters)
        self.ingest = Ingest(committer, counters, shared=upkeep.shared)
        self.crons = crons = Crons(store, catalog, upkeep, committer, clock, entropy, counters)
        calls = Calls(
            changes=changes,
            committer=committer,
            upkeep=upkeep,
            waits=waits,
            client=client,
            clock=clock,
            entropy=entropy,
            counters=counters,
            measures=measures,
            sign=sign,
            retry_interval_ms=int(settings.retry_interval * 1_000),
        )
        self.gateway = Gateway(
            changes=changes,
            committer=committer,
            upkeep=upkeep,
            client=adapters.gateway_client or client,
            clock=clock,
            entropy=entropy,
            counters=counters,
            retry_interval_ms=int(settings.retry_interval * 1_000),
        )
        self.runs = runs = RunControl(
            store, upkeep, changes, committer, waits, adapters.pubsub, clock, entropy
        )
        self.checkpoints = Checkpoints(changes, store, clock, entropy, counters)
        self.traces = RunTraces(store, catalog)
        self.annotations = Annotations(store, upkeep, committer, clock, entropy)
        self.cancellations = Cancellations(store, runs, committer, clock, entropy, counters)
        self.executor = Executor(
            queue=queue,
            calls=calls,
            gateway=self.gateway,
            deferred=DeferredRuns(store, upkeep, committer, clock, entropy),
            crons=crons,
            starts=DeferredStarts(store, upkeep, committer, waits, clock, entropy),
            cancellations=self.cancellations,
            changes=changes,
            committer=committer,
            store=store,
            clock=clock,
            entropy=entropy,
            counters=counters,
        )
        self.reconciler = Reconciler(store, queue, changes, clock, entropy, counters)
        limits = QueueLimits(catalog, queue, calls_per_app=settings.queue_workers)
        upkeep.on_change = limits.apply
        self.apps = AppSync(catalog, upkeep, committer, limits, clock, counters)
        self.app_edits = AppEdits(self.apps, catalog)
        self.sync_runs = SyncRuns(
            apps=self.apps,
            changes=changes,
            committer=committer,
            waits=waits,
            store=store,
            clock=clock,
            entropy=entropy,
            counters=counters,
            retry_interval_ms=int(settings.retry_interval * 1_000),
        )
        self.run_ends = RunEnds(store)
        committer.on_end = self.run_ends.tell
        self.clean_slate = CleanSlate(store, queue, waits, cache, crons)
        self.vitals = Vitals(watch, queue, counters)
        self.metrics = Metrics(
            store=store,
            queue=queue,
            client=client,
            clock=clock,
            waits=waits,
            executor=self.executor,
            counters=counters,
            measures=measures,
            vitals=self.vitals,
        )
        self._export = _trace_export(adapters, settings, self.traces, counters)
        if self._export is not None:
            committer.export = self._export.take
        self._tasks: list[asyncio.Task[None]] = []
        self.failed = asyncio.Event()

    async def start(self) -> None:
        """Opens store and queue and takes up what is in them. Raises StoreError, QueueError."""
        adapters = self._adapters
        await asyncio.gather(adapters.store.open(), adapters.queue.open())
        await resume(adapters.store, adapters.queue, self.upkeep, self.waits, self.crons, adapters.clock)

    def serve(self, port: int) -> None:
        """Begins to work; `port` is where apps can reach this server."""
        settings = self._settings
        ping = AppPing(
            catalog=self.catalog,
            sync=self.apps,
            client=self._adapters.client,
            sign=self._sign,
            server_kind=settings.server_kind,
            urls=settings.sdk_urls,
            interval=settings.poll_interval,
            poll=settings.poll and settings.mode == "dev",
            discovery=settings.discovery and settings.mode == "dev",
            discovery_port=settings.discovery_port,
            own_port=port,
        )
        self.app_edits.ask = ping.ask
        if self._export is not None:
            self._export.start()
        self._spawn(self.executor.run(), "executor")
        self._spawn(self.reconciler.run(), "reconciler")
        self._spawn(self.watch.run(), "store watch")
        if self._adapters.wait_search is not None:
            self._spawn(self.upkeep.run(), "catalog upkeep")
        self._spawn(ping.run(), "app ping")

    async def drain(self, timeout: float) -> None:
        """Takes no more work and waits, up to `timeout` seconds, for calls in flight."""
        self.vitals.draining = True
        self._adapters.queue.close()
        for task in self._tasks:
            if task.get_name() != "executor":
                task.cancel()
        in_flight = self.executor.in_flight
        if in_flight:
            _log.info("draining", extra={"in_flight": in_flight, "timeout_s": timeout})
        began = asyncio.get_running_loop().time()
        left = await self.executor.drain(timeout)
        if left:
            _log.warning(
                "calls were still in flight; they are made again by another server, or after the next start",
                extra={"calls": left},
            )
        self._adapters.queue.hand_back()
        if self._export is not None:
            await self._export.drain(timeout - (asyncio.get_running_loop().time() - began))

    async def stop(self) -> None:
        """Lets go of everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._adapters.client.close()
        if self._adapters.gateway_client is not None:
            await self._adapters.gateway_client.close()
        await self._adapters.store.close()
        await asyncio.sleep(0)  # what was committed last is told to the queue
        await self._adapters.queue.leave()

    def _spawn(self, loop: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(loop, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or self.vitals.draining:
            return
        _log.critical(
            "a part of the server stopped", extra={"part": task.get_name()}, exc_info=task.exception()
        )
        self.failed.set()


def _trace_export(
    adapters: Adapters, settings: Settings, traces: RunTraces, counters: Counters
) -> "TraceExport | None":
    if adapters.span_sink is None:
        return None
    from inngest_fast.domain.otlp import export_of
    from inngest_fast.runtime.trace_export import TraceExport

    sampler = export_of(settings).sampler
    return TraceExport(traces, adapters.span_sink, sampler, adapters.entropy, counters)
