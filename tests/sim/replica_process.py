"""One life of a server among others."""

from contextvars import Context
from random import Random

from inngest_fast.domain.jobs import Job
from inngest_fast.domain.settings import Settings
from inngest_fast.ports.wait_search import WaitSearch
from inngest_fast.runtime.assembly import Adapters
from tests.sim.clock import Clock
from tests.sim.disk import ProcessStore
from tests.sim.loop import SimLoop
from tests.sim.messages import Messages
from tests.sim.network import Client
from tests.sim.places import Places
from tests.sim.process import Process
from tests.sim.queue_link import QueueLink
from tests.sim.queue_node import QueueNode
from tests.sim.replica_faults import ReplicaFaults
from tests.sim.shared_queue import SharedQueue


class Neighbours:
    """What all processes share beside the disk."""

    def __init__(
        self, loop: SimLoop, random: Random, faults: ReplicaFaults, outside: Context, places: Places
    ) -> None:
        self.loop = loop
        self.random = random
        self.faults = faults
        self.outside = outside
        self.places = places
        self.queue = SharedQueue(loop.time, faults.lease_s, places, self._tell)
        self.messages = Messages(loop, random, faults)
        self.nodes: dict[str, ReplicaProcess] = {}

    def _tell(self, node: str, what: str) -> bool:
        """To one node, or with "" to all."""
        told = [self.nodes[node]] if node in self.nodes else list(self.nodes.values()) if not node else []
        told = [process for process in told if process.link.connected]
        for process in told:
            self.loop.call_later(self.faults.hint_way(), process.queue.told, what, context=process.context)
        return bool(told)


class ReplicaProcess(Process):
    def __init__(
        self,
        name: str,
        neighbours: Neighbours,
        search: WaitSearch,
        watch: "Watch",
        *,
        clock: Clock,
        store: ProcessStore,
        client: Client,
        settings: Settings,
        cached: int | None,
    ) -> None:
        self.name = name
        self._neighbours = neighbours
        self._search = search
        self._watch = watch
        self.leases: dict[str, tuple[int, Job]] = {}  # the step at which a job was leased, and how
        super().__init__(
            neighbours.loop, clock, neighbours.random, store, client, settings, cached, neighbours.places
        )

    def _adapters(self, store: ProcessStore, client: Client, clock: Clock) -> Adapters:
        near = self._neighbours
        self.context = self._context
        self.link = QueueLink(
            near.queue, self.name, near.loop, near.random, near.outside, self._context, near.faults.hint_way
        )
        self.queue = QueueNode(
            self.link, clock, near.faults.lease_s, self._leased, lambda: self._watch.told_lost(self)
        )
        self.messages = near.messages.end(self._context)
        self.link.after_loss(self.messages.missed)
        near.nodes[self.name] = self
        return Adapters(
            store=store,
            queue=self.queue,
            wait_index=self.index,
            wait_search=self._search,
            pubsub=self.messages,
            client=client,
            clock=clock,
            entropy=self.entropy,
        )

    def _leased(self, job: Job) -> None:
        self.leases[job.id] = self._loop.steps, job

    def die(self) -> None:
        self._gone()
        self.queue.die()
        super().die()
        self._loop.resume(self)

    async def leave(self) -> None:
        await super().leave()
        self._gone()

    def _gone(self) -> None:
        self.messages.leave()
        self._neighbours.nodes.pop(self.name, None)


class Watch:
    """Whoever wants to know what processes go through."""

    def told_lost(self, process: ReplicaProcess) -> None:
        """The queue told it that jobs may be missing."""
