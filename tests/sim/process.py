"""One life of the server, from its start to its death or its orderly stop."""

from contextvars import copy_context
from random import Random
from typing import Any

from inngest_fast.adapters.memory import LocalPubSub, MemoryWaitIndex
from inngest_fast.domain.settings import Settings
from inngest_fast.runtime.assembly import Adapters, Assembly
from tests.sim.clock import Clock
from tests.sim.disk import ProcessStore
from tests.sim.entropy import SeededEntropy
from tests.sim.loop import PROCESS, SimLoop, SimTask
from tests.sim.network import Client
from tests.sim.outbound import Elsewhere
from tests.sim.places import Places
from tests.sim.watched_queue import WatchedQueue


class Process:
    """Everything that is in memory. What it does runs as tasks of its own context."""

    def __init__(
        self,
        loop: SimLoop,
        clock: Clock,
        random: Random,
        store: ProcessStore,
        client: Client,
        settings: Settings,
        cached: int | None,
        places: Places,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._loop = loop
        self.places = places
        self._context = copy_context()
        self._context.run(PROCESS.set, self)
        self.store = store
        self.client = client
        self._elsewhere = elsewhere
        self.index = MemoryWaitIndex()
        self.entropy = SeededEntropy(random)
        self.assembly = Assembly(self._adapters(store, client, clock), settings, None)
        if cached is not None:
            self.assembly.cache._max = cached  # bytes of runs: they go while they are in use
        self.up = False
        self.dead = False

    def _adapters(self, store: ProcessStore, client: Client, clock: Clock) -> Adapters:
        self.queue = WatchedQueue(clock, self.places)
        return Adapters(
            store=store,
            queue=self.queue,
            wait_index=self.index,
            pubsub=LocalPubSub(),
            client=client,
            clock=clock,
            entropy=self.entropy,
            gateway_client=self._elsewhere,
        )

    def do(self, work: Any) -> SimTask:
        """A task of this process."""
        return self._loop.create_task(work, context=self._context)

    async def start(self) -> None:
        await self.assembly.start()
        self.assembly.serve(1)
        self.up = True

    def die(self) -> None:
        """Everything in memory is gone at once."""
        self.up = False
        self.dead = True
        self.store.die()
        self._loop.killed = True
        for task in self._loop.tasks_of(self):
            task.cancel()

    async def leave(self) -> None:
        """An orderly stop."""
        self.up = False
        await self.assembly.drain(1.0)
        await self.assembly.stop()
        self.dead = True
        self.store.die()
