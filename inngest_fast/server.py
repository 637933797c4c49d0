"""The composition root: settings to adapters, runtime, application, listener. Nothing else names adapters."""

import asyncio
import contextlib
import gc
import logging
import secrets
import signal
import socket
from collections.abc import Callable
from functools import partial

from inngest_fast.adapters.app_http import HttpAppClient
from inngest_fast.adapters.memory import LocalPubSub, MemoryQueue, MemoryWaitIndex
from inngest_fast.adapters.system.clock import SystemClock
from inngest_fast.adapters.system.entropy import SystemEntropy
from inngest_fast.api.application import application
from inngest_fast.api.listener import Listener, bound
from inngest_fast.api.services import Services
from inngest_fast.auth.signature import sign
from inngest_fast.domain.errors import SettingsError
from inngest_fast.domain.settings import Settings
from inngest_fast.engine.routing.meeting import index_entry
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.pubsub import PubSub
from inngest_fast.ports.queue import Queue
from inngest_fast.ports.store import Store
from inngest_fast.ports.wait_search import WaitSearch
from inngest_fast.runtime.assembly import Adapters, Assembly, Sign

_log = logging.getLogger(__name__)

_LAST_REQUESTS_S = 2.0
# A pooler in between may not carry prepared statements; "auto" looks for one.
_PREPARES = {"auto": None, "yes": False, "no": True}


def run(
    settings: Settings,
    *,
    listening: socket.socket | None = None,
    on_serving: Callable[[], None] = lambda: None,
) -> int:
    """Serves until SIGTERM, SIGINT or SIGQUIT; a second one ends it at once. The exit code.

    With `listening`, a bound socket that other processes serve too, SIGHUP makes way for them.
    Raises InngestFastError when it cannot start: the store, the queue, the address.
    """
    import uvloop

    return uvloop.run(_serve(settings, listening, on_serving))


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
        clock=clock,
        entropy=SystemEntropy(),
    )
    return Assembly(adapters, settings, _signer(settings.signing_key, clock)), adapters


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


async def _serve(settings: Settings, listening: socket.socket | None, on_serving: Callable[[], None]) -> int:
    host = settings.bind_host
    place = listening or bound(host, settings.port, search=settings.mode == "dev")
    port = int(place.getsockname()[1])
    if listening is None and settings.port and port != settings.port:
        _log.warning("port %d is in use; listening on %d", settings.port, port)
    assembly, adapters = _assemble(settings)
    stopping, making_way = asyncio.Event(), asyncio.Event()
    _on_signals(stopping, making_way if listening else None)
    await assembly.start()
    services = Services(
        settings=settings,
        clock=adapters.clock,
        entropy=adapters.entropy,
        store=adapters.store,
        queue=adapters.queue,
        ingest=assembly.ingest,
        apps=assembly.apps,
        runs=assembly.runs,
        cancellations=assembly.cancellations,
        catalog=assembly.catalog,
        vitals=assembly.vitals,
    )
    listener = Listener(application(services), place)
    drain_for = 0.0
    try:
        await listener.start()
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
        await assembly.stop()
    _log.info("stopped")
    return 1 if assembly.failed.is_set() else 0


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
