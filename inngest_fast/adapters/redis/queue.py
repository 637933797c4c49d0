"""ports.queue.Queue, in Redis: one order and one set of limits for all replicas."""

import asyncio
import logging
from collections.abc import Iterable, Sequence

import msgspec

from inngest_fast.adapters.redis.address import Address
from inngest_fast.adapters.redis.connection import Argument
from inngest_fast.adapters.redis.errors import RedisRefusedError, RedisUnavailableError
from inngest_fast.adapters.redis.held import HeldLeases
from inngest_fast.adapters.redis.link import HELD_BYTES, Link
from inngest_fast.adapters.redis.waiters import Waiters
from inngest_fast.domain.jobs import Job
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.queue import Depth, JobPlace

LEASE_MS = 30_000
# `oldest_ready` looks at so many jobs of each partition, in their order: exact up to there.
LOOKED_AT = 1_000

_REFUSED_PAUSE_MS = 1_000

_log = logging.getLogger(__name__)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Job).decode


class RedisQueue:
    """Changes are hints that go out with the next round trip, and again if the connection is lost;
    questions are coroutines and see every change made here before them. A call for jobs that finds none
    leaves word, and the change that makes one ready wakes one who waits.

    A pending job takes about 340 bytes of Redis' memory with an id of 35 characters and no payload. Of the id
    there are two copies, of the payload one.
    """

    name = "redis"

    def __init__(
        self,
        uri: str,
        *,
        prefix: str = "inngest-fast",
        clock: Clock,
        node_id: str,
        lease_ms: int = LEASE_MS,
        held_bytes: int = HELD_BYTES,
    ) -> None:
        """All keys start with `{prefix}`. `node_id` is of this process alone. Without a connection, up to
        `held_bytes` of changes are kept. Raises ValueError."""
        if " " in node_id:
            raise ValueError("a node id has no spaces")
        self._clock = clock
        self._node_id = node_id
        self._lease_ms = lease_ms
        self._waiters = Waiters()
        self._link = Link(
            Address.parse(uri),
            f"{{{prefix}}}",
            node_id,
            on_wake=self._waiters.wake_next,
            on_connected=self._connected_again,
            held_bytes=held_bytes,
        )
        self._held = HeldLeases(self._link, node_id, lease_ms)
        self._limits: dict[str, int] = {}
        self._calls = 0
        self._closed = False

    @property
    def connected(self) -> bool:
        return self._link.connected

    @property
    def waiting(self) -> int:
        """Leases that wait to be woken."""
        return len(self._waiters)

    @property
    def busy(self) -> bool:
        """Whether an answer of Redis is still to come."""
        return self._link.busy

    @property
    def counters(self) -> dict[str, int]:
        return {
            "redis_hints_dropped": self._link.dropped,
            "redis_reconnected": self._link.reconnected,
            "redis_leases_lost": self._held.lost,
        }

    async def open(self) -> None:
        """Raises RedisUnavailableError or RedisRefusedError. Needed once; later losses are dealt with."""
        await self._link.open()
        self._link.hint("join", self._node_id, self._lease_ms)

    # Changes

    def add(self, job: Job) -> None:
        self._link.hint("add", *self._described(job))

    def done(self, job_id: str) -> None:
        self._held.discard(job_id)
        self._link.hint("done", job_id)

    def requeue(self, job: Job) -> None:
        self._held.discard(job.id)
        self._link.hint("requeue", *self._described(job))

    def drop(self, job_id: str) -> None:
        self._held.discard(job_id)
        self._link.hint("drop", job_id)

    def limit_group(self, group: str, limit: int | None) -> None:
        if limit is None:
            self._limits.pop(group, None)
        else:
            self._limits[group] = limit
        self._link.hint("limit_group", group, "" if limit is None else limit)

    async def add_missing(self, jobs: Sequence[Job]) -> list[str]:
        """Adds those that are not here; their ids."""
        added = await asyncio.gather(*[self._link.ask("add", *self._described(job)) for job in jobs])
        return [job.id for job, new in zip(jobs, added, strict=True) if new]

    # Questions. Raise RedisUnavailableError.

    async def missing(self, job_ids: Iterable[str]) -> list[str]:
        """Those that are neither queued nor leased."""
        found: list[bytes] = await self._link.ask("missing", *job_ids)
        return [job_id.decode() for job_id in found]

    async def explain(self, job_id: str) -> JobPlace | None:
        found = await self._link.ask("explain", job_id, self._clock.now_ms())
        if found is None:
            return None
        state, due, score, position, blocked_by, limit, in_use = found
        return JobPlace(state.decode(), due, score, position, blocked_by.decode(), limit, in_use)

    async def depth(self) -> dict[str, Depth]:
        found = await self._link.ask("depth", self._clock.now_ms())
        return {
            name.decode(): Depth(*counts)
            for name, *counts in (found[at : at + 4] for at in range(0, len(found), 4))
        }

    async def oldest_ready(self) -> int | None:
        found: int | None = await self._link.ask("oldest_ready", self._clock.now_ms(), LOOKED_AT)
        return found

    async def size(self) -> int:
        """Jobs queued or leased."""
        found: int = await self._link.ask("size")
        return found

    # Leases

    async def lease(self, n: int) -> list[Job]:
        while not self._closed:
            jobs = await self._call_for(n)
            if jobs:
                self._waiters.wake_next()  # there may be more than this one took
                return jobs
            if self._closed:
                break
            await self._waiters.wait()
        return []

    def close(self) -> None:
        """Every `lease`, waiting or to come, returns []."""
        self._closed = True
        self._waiters.stop_timer()
        self._waiters.wake_all()

    async def leave(self) -> None:
        """Closes, sends what is unsent, gives the leases of this node back, and disconnects."""
        self.close()
        self._held.stop()
        if self._link.connected:
            self._link.hint("leave", self._node_id)
        await self._link.close()

    async def _call_for(self, n: int) -> list[Job]:
        self._calls += 1
        call = self._calls
        answer = self._link.ask(
            "lease", n, self._clock.now_ms(), self._node_id, call, self._lease_ms, replay=False
        )
        try:
            packed, due, look, is_new = await asyncio.shield(answer)
        except RedisUnavailableError:
            # It may have been carried out: what it took goes back. The next one waits for the connection.
            self._link.hint("reclaim", self._node_id, call)
            self._waiters.wake_next()
            return []
        except RedisRefusedError as error:  # out of memory, say
            _log.error("Redis refused to lease jobs", extra={"error": str(error)})
            self._set_timer(-1, _REFUSED_PAUSE_MS)
            return []
        except asyncio.CancelledError:
            answer.add_done_callback(lambda _: self._undo(call))
            raise
        if is_new:
            self._tell_limits()
            self._waiters.wake_next()
            return []
        if not packed:
            self._set_timer(due, look)
            return []
        if self._closed:
            self._undo(call)
            return []
        # After a flush a job may come again while this process is still at work on it: once is enough.
        jobs = [job for job in map(_decode, packed) if job.id not in self._held]
        self._held.add(job.id for job in jobs)
        if not jobs:
            self._waiters.wake_next()
        return jobs

    def _tell_limits(self) -> None:
        for group, limit in self._limits.items():
            self._link.hint("limit_group", group, limit)

    def _undo(self, call: int) -> None:
        """Nobody took what a call leased."""
        self._link.hint("reclaim", self._node_id, call)
        self._waiters.wake_next()

    def _described(self, job: Job) -> tuple[Argument, ...]:
        return (job.id, job.partition, job.group, job.due, job.score, _encode(job), self._clock.now_ms())

    def _connected_again(self) -> None:
        self._link.hint("join", self._node_id, self._lease_ms)
        self._tell_limits()  # before anything that waited: the server may be another, or empty
        self._waiters.wake_all()

    def _set_timer(self, due: int, look: int) -> None:
        """For the earliest due time, and for when leases are worth a look. -1 is none."""
        delays = [max(due - self._clock.now_ms(), 0)] if due >= 0 else []
        if look >= 0:
            delays.append(look)
        self._waiters.set_timer(min(delays) / 1_000 if delays else None)
