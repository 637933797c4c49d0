"""The composition root: settings to adapters, runtime, application, listener. Nothing else names adapters."""

import asyncio
import contextlib
import gc
import logging
import secrets
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from inngest_fast.adapters.app_http import HttpAppClient
from inngest_fast.adapters.memory import LocalPubSub, MemoryQueue, MemoryWaitIndex
from inngest_fast.adapters.system.clock import SystemClock
from inngest_fast.adapters.system.entropy import SystemEntropy
from inngest_fast.api.application import application, metrics_application
from inngest_fast.api.listener import Listener, bound
from inngest_fast.api.services import Services
from inngest_fast.auth.signature import sign
from inngest_fast.domain.errors import SettingsError
from inngest_fast.domain.settings import Settings, address_parts
from inngest_fast.engine.routing.meeting import index_entry
from inngest_fast.ports.api_keys import ApiKeys
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.pubsub import PubSub
from inngest_fast.ports.queue import Queue
from inngest_fast.ports.store import Store
from inngest_fast.ports.wait_search import WaitSearch
from inngest_fast.runtime.assembly import Adapters, Assembly, Sign

if TYPE_CHECKING:
    from inngest_fast.ports.span_sink import SpanSink
    from inngest_fast.runtime.worker_metrics import WorkerMetrics

_log = logging.getLogger(__name__)

_LAST_REQUESTS_S = 2.0
# A pooler in between may not carry prepared statements; "auto" looks for one.
_PREPARES = {"auto": None, "yes": False, "no": True}


def run(
    settings: Settings,
    *,
    listening: socket.socket | None = None,
    on_serving: Callable[[], None] = lambda: None,
    worker: int = 1,
) -> int:
    """Serves until SIGTERM, SIGINT or SIGQUIT; a second one ends it at once. The exit code.

    With `listening`, a bound socket that other processes serve too, SIGHUP makes way for them; this one is
    the `worker` of that number.
    Raises InngestFastError when it cannot start: the store, the queue, the address.
    """
    import uvloop

    return uvloop.run(_serve(settings, listening, on_serving, worker))


def _assemble(settings: Settings) -> tuple[Assembly, Adapters]:
    clock = SystemClock()
    store, wait_search = _store(settings, clock)
    queue, pubsub = _queue(settings, clock)
    adapters = Adapters(
        store=store,
        queue=queue,
        wait_index=MemoryWaitIndex(),
        wait_search=wait_search,
        pubsub=pubsub,
        client=HttpAppClient(),
        gateway_client=HttpAppClient(public_only=not settings.gateway_private),
        clock=clock,
        entropy=SystemEntropy(),
        span_sink=_span_sink(settings),
    )
    return Assembly(adapters, settings, _signer(settings.signing_key, clock)), adapters


def _span_sink(settings: Settings) -> "SpanSink | None":
    if not settings.exports_traces:
        return None
    from inngest_fast.adapters.otlp import OtlpSink
    from inngest_fast.domain.otlp import export_of

    return OtlpSink(export_of(settings), HttpAppClient())


def _store(settings: Settings, clock: Clock) -> tuple[Store, WaitSearch | None]:
    if not settings.postgres_uri:
        from inngest_fast.adapters.sqlite import SqliteStore

        return SqliteStore(settings.database, durable=settings.mode == "start", clock=clock), None
    from inngest_fast.adapters.postgres import PostgresStore

    store = PostgresStore(
        settings.postgres_uri,
        clock=clock,
        entry=index_entry,
        schema=settings.postgres_schema,
        prepare=_PREPARES[settings.postgres_pooler],
        max_connections=settings.postgres_max_open_conns,
        max_idle_time=settings.postgres_conn_max_idle_time,
        max_lifetime=settings.postgres_conn_max_lifetime,
    )
    return store, store


def _queue(settings: Settings, clock: Clock) -> tuple[Queue, PubSub]:
    if not settings.redis_uri:
        return MemoryQueue(clock), LocalPubSub()
    from inngest_fast.adapters.redis import RedisQueue

    try:
        queue = RedisQueue(
            settings.redis_uri, prefix=settings.redis_prefix, clock=clock, node_id=secrets.token_hex(8)
        )
    except ValueError as error:
        raise SettingsError([f"redis-uri: {error}"]) from None
    return queue, queue.pubsub


async def _serve(
    settings: Settings, listening: socket.socket | None, on_serving: Callable[[], None], worker: int
) -> int:
    host = settings.bind_host
    place = listening or bound(host, settings.port, search=settings.mode == "dev")
    port = int(place.getsockname()[1])
    if listening is None and settings.port and port != settings.port:
        _log.warning("port %d is in use; listening on %d", settings.port, port)
    metrics_place = _metrics_place(settings)
    assembly, adapters = _assemble(settings)
    stopping, making_way = asyncio.Event(), asyncio.Event()
    _on_signals(stopping, making_way if listening else None)
    await assembly.start()
    shared = _worker_metrics(assembly, worker, settings, f"{host}:{port}") if listening else None
    services = Services(
        settings=settings,
        clock=adapters.clock,
        entropy=adapters.entropy,
        store=adapters.store,
        queue=adapters.queue,
        ingest=assembly.ingest,
        apps=assembly.apps,
        app_edits=assembly.app_edits,
        runs=assembly.runs,
        checkpoints=assembly.checkpoints,
        sync_runs=assembly.sync_runs,
        run_ends=assembly.run_ends,
        traces=assembly.traces,
        cancellations=assembly.cancellations,
        annotations=assembly.annotations,
        catalog=assembly.catalog,
        vitals=assembly.vitals,
        metrics=shared or assembly.metrics,
        clean_slate=assembly.clean_slate if settings.test_mode else None,
    )
    listener = Listener(application(services), place)
    metrics = Listener(metrics_application(services), metrics_place) if metrics_place else None
    drain_for = 0.0
    try:
        await listener.start()
        if shared is not None:
            await shared.start()
        if metrics is not None:
            await metrics.start()
        drain_for = settings.drain_for
        assembly.serve(port)
        gc.freeze()  # what is here now stays: the collector need not look at it again
        about = {"store": adapters.store.details(), "queue": await adapters.queue.details()}
        _log.info("serving", extra={"address": f"{host}:{port}", "mode": settings.mode, **about})
        on_serving()
        await _first(stopping, making_way, assembly.failed)
    finally:
        if making_way.is_set():
            assembly.vitals.draining = True
            await listener.leave(_LAST_REQUESTS_S)
            drain_for = 0.0
        await asyncio.gather(
            assembly.drain(settings.drain_timeout if settings.mode == "start" else 0),
            asyncio.sleep(drain_for),
        )
        await listener.stop(_LAST_REQUESTS_S)
        if metrics is not None:
            await metrics.stop(_LAST_REQUESTS_S)
        if shared is not None:
            await shared.stop()
        await assembly.stop()
    _log.info("stopped")
    return 1 if assembly.failed.is_set() else 0


def _worker_metrics(
    assembly: Assembly, worker: int, settings: Settings, address: str
) -> "WorkerMetrics | None":
    """Of all workers; None where they cannot be asked."""
    if sys.platform != "linux":
        return None
    from inngest_fast.adapters.system.worker_sockets import WorkerSockets
    from inngest_fast.runtime.worker_metrics import WorkerMetrics

    return WorkerMetrics(assembly.metrics, WorkerSockets(worker, settings.workers, address))


def _metrics_place(settings: Settings) -> socket.socket | None:
    """Workers share it: whoever asks there is answered by any one of them."""
    found = address_parts(settings.metrics_addr)
    return bound(*found, shared=settings.workers > 1, flag="--metrics-addr") if found else None


def api_keys(settings: Settings) -> ApiKeys:
    """Those of the store of these settings, whether servers have it open or not. Raises StoreError."""
    if not settings.postgres_uri:
        from inngest_fast.adapters.sqlite import api_keys_of

        return api_keys_of(settings.database)
    from inngest_fast.adapters.postgres import api_keys_of as api_keys_of_schema

    return api_keys_of_schema(settings.postgres_uri, settings.postgres_schema)


def migrate(settings: Settings, *, plan: bool) -> list[str]:
    """Brings the database of these settings to the version of this program, or with `plan` only says how.

    Names of the migrations that were, or would be, applied, in order. Raises StoreError.
    """
    if not settings.postgres_uri:
        from inngest_fast.adapters.sqlite import upgrade

        return upgrade.pending(settings.database) if plan else upgrade.apply(settings.database)
    from inngest_fast.adapters.postgres import PostgresMigrations

    postgres = PostgresMigrations(settings.postgres_uri, settings.postgres_schema)
    planned = asyncio.run(postgres.plan() if plan else postgres.apply())
    return [f"{step.number:04}_{step.name}" for step in planned.steps]


def _on_signals(stopping: asyncio.Event, making_way: asyncio.Event | None) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopping.is_set():
            raise SystemExit(130)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        loop.add_signal_handler(number, stop)
    if making_way is not None:
        loop.add_signal_handler(signal.SIGHUP, making_way.set)


async def _first(*events: asyncio.Event) -> None:
    tasks = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _signer(key: str, clock: Clock) -> Sign | None:
    return partial(_signature, key, clock) if key else None


def _signature(key: str, clock: Clock, body: bytes) -> str:
    return sign(key, body, clock.now_ms() // 1_000)
