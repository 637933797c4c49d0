"""One server of several in this process, on real backends; it can be dropped as a crash would."""

import asyncio
import weakref
from collections import defaultdict
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from typing import Any

from inngest_fast.adapters.memory import MemoryWaitIndex
from inngest_fast.adapters.redis import RedisQueue
from inngest_fast.adapters.system.entropy import SystemEntropy
from inngest_fast.domain.settings import Settings
from inngest_fast.ports.app_client import AppClient
from inngest_fast.ports.clock import Clock
from inngest_fast.runtime.assembly import Adapters, Assembly
from tests.conformance.history.recording import Line, RecordingStore
from tests.fixtures import postgres_server

_SERVER: ContextVar[str] = ContextVar("server", default="")


class Tasks:
    """The tasks of a loop by the server that made them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._of: defaultdict[str, weakref.WeakSet[asyncio.Task[Any]]] = defaultdict(weakref.WeakSet)
        loop.set_task_factory(self._make)

    def of(self, name: str) -> list[asyncio.Task[Any]]:
        return [task for task in self._of[name] if not task.done()]

    def _make(self, loop: asyncio.AbstractEventLoop, work: Any, **how: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(work, loop=loop, **how)
        self._of[(how.get("context") or copy_context()).get(_SERVER, "")].add(task)
        return task


class Server:
    def __init__(
        self,
        name: str,
        tasks: Tasks,
        line: Line,
        client: AppClient,
        clock: Clock,
        *,
        schema: str,
        redis: str,
        lease_ms: int,
    ) -> None:
        self.name = name
        self._tasks = tasks
        self._context = copy_context()
        self._context.run(_SERVER.set, name)
        # Those that keep connections go last: the database may be deciding on a transition.
        self._writing = f"connections of {name}"
        self._connections = copy_context()
        self._connections.run(_SERVER.set, self._writing)
        self.store = RecordingStore(postgres_server.store(schema, clock), line, self._connections)
        self.queue = RedisQueue(redis, prefix=schema, clock=clock, node_id=name, lease_ms=lease_ms)
        self.index = MemoryWaitIndex()
        self.entropy = SystemEntropy()
        self.up = False
        adapters = Adapters(
            store=self.store,
            queue=self.queue,
            wait_index=self.index,
            wait_search=self.store.real,
            pubsub=self.queue.pubsub,
            client=client,
            clock=clock,
            entropy=self.entropy,
        )
        settings = Settings(discovery=False, poll=False, poll_interval=1e7, retry_interval=0.05)
        self.assembly = Assembly(adapters, settings, None)

    def do(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A task of this server."""
        return asyncio.get_running_loop().create_task(work, context=self._context)

    async def start(self) -> None:
        await self.do(self.assembly.start())
        self._context.run(self.assembly.serve, 1)
        self.up = True

    async def stop(self) -> None:
        """In order; nothing if it is gone."""
        if self.up:
            self.up = False
            await self.do(self.assembly.drain(1.0))
            await self.do(self.assembly.stop())

    async def drop(self) -> None:
        """Everything in memory is gone at once: tasks, timers, connections. What is told to nobody stays so."""
        self.up = False
        link = self.queue._link
        link._closed = True
        if link._connection is not None:
            link._connection.abort()
        self.queue._held.stop()
        self.queue._waiters.stop_timer()
        for task in self._tasks.of(self.name):
            task.cancel()
        await self.store.die()
        await self.store.real._opened._pool.close()
        for owner in (self.name, self._writing):
            while tasks := self._tasks.of(owner):
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
