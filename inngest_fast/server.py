"""The composition root: settings to adapters, runtime, application, listener. Nothing else names adapters."""

import asyncio
import contextlib
import gc
import logging
import signal
from functools import partial

from inngest_fast.adapters.app_http import HttpAppClient
from inngest_fast.adapters.memory import MemoryQueue, MemoryWaitIndex
from inngest_fast.adapters.sqlite import SqliteStore
from inngest_fast.adapters.system.clock import SystemClock
from inngest_fast.adapters.system.entropy import SystemEntropy
from inngest_fast.api.application import application
from inngest_fast.api.listener import Listener, free_port
from inngest_fast.api.services import Services
from inngest_fast.auth.signature import sign
from inngest_fast.domain.settings import Settings
from inngest_fast.ports.clock import Clock
from inngest_fast.runtime.assembly import Adapters, Assembly, Sign

_log = logging.getLogger(__name__)

_LAST_REQUESTS_S = 2.0


def run(settings: Settings) -> int:
    """Serves until SIGTERM, SIGINT or SIGQUIT; a second one ends it at once. The exit code.

    Raises InngestFastError when it cannot start: the store, the address.
    """
    import uvloop

    return uvloop.run(_serve(settings))


def _assemble(settings: Settings) -> tuple[Assembly, Adapters]:
    clock = SystemClock()
    adapters = Adapters(
        store=SqliteStore(settings.database, durable=settings.mode == "start", clock=clock),
        queue=MemoryQueue(clock),
        wait_index=MemoryWaitIndex(),
        client=HttpAppClient(),
        clock=clock,
        entropy=SystemEntropy(),
    )
    return Assembly(adapters, settings, _signer(settings.signing_key, clock)), adapters


async def _serve(settings: Settings) -> int:
    host = settings.bind_host
    port = free_port(host, settings.port, search=settings.mode == "dev")
    if settings.port and port != settings.port:
        _log.warning("port %d is in use; listening on %d", settings.port, port)
    assembly, adapters = _assemble(settings)
    stopping = asyncio.Event()
    _on_signals(stopping)
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
        catalog=assembly.catalog,
        vitals=assembly.vitals,
    )
    listener = Listener(application(services), host, port)
    try:
        await listener.start()
        assembly.serve(port)
        gc.freeze()  # what is here now stays: the collector need not look at it again
        _log.info("serving", extra={"address": f"{host}:{port}", "mode": settings.mode})
        await _first(stopping, assembly.failed)
    finally:
        await assembly.drain(settings.drain_timeout if settings.mode == "start" else 0)
        await listener.stop(_LAST_REQUESTS_S)
        await assembly.stop()
    _log.info("stopped")
    return 1 if assembly.failed.is_set() else 0


def _on_signals(stopping: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopping.is_set():
            raise SystemExit(130)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        loop.add_signal_handler(number, stop)


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
