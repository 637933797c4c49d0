"""The leases of this process, extended for as long as it works on them."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from typing import Any

from inngest_fast.adapters.redis.errors import RedisRefusedError, RedisUnavailableError
from inngest_fast.adapters.redis.link import Link
from inngest_fast.adapters.redis.records import described, identity
from inngest_fast.domain.jobs import Job
from inngest_fast.ports.clock import Clock

_AT_ONCE = 1_000  # a longer list would keep the server busy in one piece

_log = logging.getLogger(__name__)


class HeldLeases:
    """Extended at a third of their time. A node that stops doing so loses them, and others take over.

    The same timer is the sign of life of a node that holds none: so much later at most it finds out that
    Redis has forgotten it, and `on_unknown` is called.
    """

    def __init__(
        self, link: Link, clock: Clock, node_id: str, lease_ms: int, on_unknown: Callable[[], None]
    ) -> None:
        self._link = link
        self._clock = clock
        self._node_id = node_id
        self._lease_ms = lease_ms
        self._on_unknown = on_unknown
        self._held: dict[str, Job] = {}
        self._let_go: dict[str, Job] = {}  # still worked on here, but the lease is another's, or anybody's
        self._timer: asyncio.TimerHandle | None = None
        self._extending: asyncio.Task[None] | None = None
        self._look_again = False
        self._stopped = False
        self.lost = 0

    def __len__(self) -> int:
        return len(self._held)

    def start(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._lease_ms / 3_000, self._due)

    def take(self, jobs: Iterable[Job]) -> list[Job]:
        """Holds what was leased. Those that this process is not at work on already."""
        new = []
        for job in jobs:
            known = self._held.get(job.id) or self._let_go.pop(job.id, None)
            self._held[job.id] = job
            if identity(known) != identity(job):
                new.append(job)
        return new

    def release(self, job_id: str) -> Job | None:
        """It is extended no more."""
        let_go = self._let_go.pop(job_id, None)
        return self._held.pop(job_id, None) or let_go

    def let_go(self) -> None:
        """Nothing is extended any more."""
        self._let_go |= self._held
        self._held.clear()

    def restore(self) -> None:
        """Leases all of them again where Redis has lost them."""
        self._hold(list(self._held.values()))

    def arrivals(self) -> dict[str, int]:
        """What jobs at work here have paid, by throttle: the store has it with their outcome."""
        paid: dict[str, int] = {}
        for job in (*self._held.values(), *self._let_go.values()):
            if job.arrival:
                paid[job.throttle] = max(job.arrival, paid.get(job.throttle, 0))
        return paid

    def stop(self) -> None:
        """No more signs of life."""
        self._stopped = True
        self.let_go()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._extending is not None:
            self._extending.cancel()

    def look(self) -> None:
        """Extends now, and so finds out whether Redis still knows this node."""
        self._look_again = self._extending is not None
        if self._extending is None and self._link.connected and not self._stopped:
            self._extending = asyncio.get_running_loop().create_task(self._extend(list(self._held)))

    def _due(self) -> None:
        self._timer = None
        self.look()
        self.start()

    async def _extend(self, ids: list[str]) -> None:
        try:
            for start in range(0, len(ids) or 1, _AT_ONCE):
                some = ids[start : start + _AT_ONCE]
                told = await self._link.ask("extend", self._node_id, self._lease_ms, *some, replay=False)
                if told is None:
                    self._on_unknown()
                    return
                gone, refusal = told
                self._link.note_refusal(refusal.decode())
                self._hold([self._held[job_id] for job_id in map(bytes.decode, gone) if job_id in self._held])
        except (RedisUnavailableError, RedisRefusedError) as error:
            _log.debug("could not extend leases", extra={"error": str(error)})
        finally:
            self._extending = None
            if self._look_again:
                self.look()

    def _hold(self, jobs: list[Job]) -> None:
        waiting = iter(jobs)
        while some := list(islice(waiting, _AT_ONCE)):
            fields = [field for job in some for field in described(job)]
            now = self._clock.now_ms()
            answer = self._link.ask("hold", self._node_id, self._lease_ms, now, *fields, replay=False)
            answer.add_done_callback(partial(self._on_held, some))

    def _on_held(self, jobs: list[Job], answer: "asyncio.Future[Any]") -> None:
        if answer.cancelled() or answer.exception() is not None:
            return  # tried again with the next extension, or after the reconnection
        others = set(map(bytes.decode, answer.result()))
        for job in jobs:
            if job.id in others and self._held.get(job.id) is job:  # it may have ended meanwhile
                self._let_go[job.id] = self._held.pop(job.id)
                self.lost += 1
                _log.warning("a lease ran out while its job was at work", extra={"job": job.id})
