"""ports.queue.Queue, in Redis: one order and one set of limits for all replicas."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from inngest_fast.adapters.redis.address import Address
from inngest_fast.adapters.redis.connection import Argument
from inngest_fast.adapters.redis.errors import RedisRefusedError, RedisUnavailableError
from inngest_fast.adapters.redis.held import HeldLeases
from inngest_fast.adapters.redis.link import HELD_BYTES, Link
from inngest_fast.adapters.redis.pubsub import RedisPubSub
from inngest_fast.adapters.redis.records import decode, described, described_limits, identity, with_flow
from inngest_fast.adapters.redis.waiters import Waiters
from inngest_fast.domain.flow import NO_LIMITS, FunctionLimits
from inngest_fast.domain.jobs import Job
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.queue import HOLDERS_SHOWN, Depth, JobPlace

LEASE_MS = 15_000
SETTLE_MS = 30_000  # at most: it ends when the queue is told that it was rebuilt
# `oldest_ready` looks at so many jobs of each partition, in their order: exact up to there.
LOOKED_AT = 1_000

_REFUSED_PAUSE_MS = 1_000
# The wall clock may be set while a timer runs; it is looked at again at least this often.
_LONGEST_WAIT_MS = 60_000
_SCANNED = 1_000  # jobs at a time, about
_RESTORED = 1_000  # throttles at a time
_LAYOUT = 2  # of the keys; servers of another one have a queue of their own
_LOST = b"lost"

_log = logging.getLogger(__name__)


class RedisQueue:
    """Changes are hints that go out with the next round trip, and again if the connection is lost;
    questions are coroutines and see every change made here before them. A call for jobs that finds none
    leaves word, and the change that makes one ready wakes one who waits.

    - A node that dies is noticed at the end of its leases: others, also idle ones, then have its jobs within
      `lease_ms` of its last extension, and a round trip.
    - A flush is noticed at once where the server tells of it, else by the first node that looks, at most a
      third of `lease_ms` later, and by all others with it. Each then restores what it is at work on, and
      tells its limits; the rest is for who listens to `on_loss`.
    - After a flush what limits bind is not leased until the queue is `rebuilt`, or for `settle_ms`: who is in
      the limits is not known before. What needs no limit goes on.
    - A pending job takes about 325 bytes of Redis' memory with an id of 35 characters and no payload, and
      about 630 as the timeout of a wait, with one of 75. Two counters take 60 more; one that is ready, and
      alone with its counters, 320 more. Of the id there are two copies, of the payload one.
      The server must not evict (`maxmemory-policy noeviction`); when it is full, what it holds is still
      leased, extended and done.

    An ACL user needs the keys `~{prefix}*` and the channels `&{prefix}*`, with the braces, and

        +hello +ping +client|setname +client|tracking +script|load +evalsha +subscribe +publish +time +exists
        +get +set +del +incrby +hget +hset +hdel +hexists +hgetall +hscan +hincrby +hkeys +hlen +zadd +zcard
        +zcount +zpopmin +zrange +zrangebyscore +zrank +zrem +zremrangebyscore +zscore

    and +select with a database other than 0. Where +client|tracking is not given a flush is noticed later.
    """

    name = "redis"
    shared = True

    def __init__(
        self,
        uri: str,
        *,
        prefix: str = "inngest-fast",
        clock: Clock,
        node_id: str,
        lease_ms: int = LEASE_MS,
        settle_ms: int = SETTLE_MS,
        held_bytes: int = HELD_BYTES,
    ) -> None:
        """All keys start with `{prefix}`. `node_id` is of this process alone. Without a connection, up to
        `held_bytes` of changes are kept. After the first node came to an empty server, what limits bind is
        not leased until `rebuilt`, or for `settle_ms`. Raises ValueError."""
        if " " in node_id:
            raise ValueError("a node id has no spaces")
        shared = f"{{{prefix}}}"
        base = f"{shared}:{_LAYOUT}"
        self._clock = clock
        self._node_id = node_id
        self._lease_ms = lease_ms
        self._settle_ms = settle_ms
        self._waiters = Waiters()
        self._address = Address.parse(uri)
        self._link = link = Link(self._address, base, node_id, held_bytes=held_bytes)
        self._held = HeldLeases(link, clock, node_id, lease_ms, self._on_unknown)
        link.listen(f"{base}:wake", self._on_told)
        link.listen(f"{base}:wake:{node_id}", lambda _: self._waiters.wake_next())
        link.after_loss(self._restore)
        link.on_flush(self._held.look)
        self.pubsub = RedisPubSub(link, shared, node_id)
        self._group_limits: dict[str, int] = {}
        self._function_limits: dict[str, FunctionLimits] = {}
        self._lost: list[Callable[[], None]] = []
        self._calls = 0
        self._restored = 0
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
    def trouble(self) -> str:
        return self._link.trouble

    @property
    def counters(self) -> Mapping[str, int]:
        return {
            "redis_hints_dropped": self._link.dropped,
            "redis_reconnected": self._link.reconnected,
            "redis_leases_lost": self._held.lost,
            "redis_losses": self._restored,
        }

    def on_loss(self, lost: Callable[[], None]) -> None:
        """`lost` is called when this node is the first one here, when Redis does not know it any more, and
        after each reconnection.
        """
        self._lost.append(lost)

    async def open(self) -> None:
        """Raises RedisUnavailableError or RedisRefusedError. Needed once; later losses are dealt with."""
        first = await self._link.open("join", self._node_id, self._lease_ms, self._settle_ms)
        self._held.start()
        if first:
            self._tell_lost()

    async def details(self) -> Mapping[str, object]:
        server = self._link.server
        details: dict[str, object] = {
            "server": server.get("server", ""),
            "version": server.get("version", ""),
            "mode": server.get("mode", ""),
            "place": self._link.place,
        }
        if self._address.master:
            details["master"] = self._address.master
        return details

    # Changes

    def add(self, job: Job) -> None:
        """One with a later (since, attempt) takes the place of what is there of its id."""
        self._link.hint("add", *described(job), self._clock.now_ms(), 0)

    def done(self, job_id: str, followed_by: Sequence[Job] = ()) -> None:
        """Of what this node leased: that job, and none of the same id that came after it."""
        known = identity(self._held.release(job_id)) or ("", "")
        following = [field for job in followed_by for field in described(job)]
        self._link.hint("done", job_id, *known, self._clock.now_ms(), *following, 0)

    def requeue(self, job: Job) -> None:
        self._held.release(job.id)
        self._link.hint("requeue", *described(job), self._clock.now_ms(), self._node_id, 0)

    def drop(self, job_id: str) -> None:
        self._held.release(job_id)
        self._link.hint("drop", job_id, self._clock.now_ms())

    def limit_group(self, group: str, limit: int | None) -> None:
        if limit is None:
            self._group_limits.pop(group, None)
        else:
            self._group_limits[group] = limit
        self._link.hint("limit_group", group, "" if limit is None else limit)

    def limit_function(self, function_id: str, limits: FunctionLimits) -> None:
        if limits == NO_LIMITS:
            self._function_limits.pop(function_id, None)
        else:
            self._function_limits[function_id] = limits
        self._tell_limits(function_id, limits)

    def restore_throttles(self, arrivals: Mapping[str, int]) -> None:
        told = list(arrivals.items())
        for start in range(0, len(told), _RESTORED):
            some = [argument for pair in told[start : start + _RESTORED] for argument in pair]
            self._link.hint("restore_throttles", self._clock.now_ms(), *some)

    def rebuilt(self) -> None:
        self._link.hint("rebuilt", self._node_id)

    def _tell_limits(self, function_id: str, limits: FunctionLimits) -> None:
        now = self._clock.now_ms()
        self._link.hint("limit_function", function_id, *described_limits(limits), now)

    async def add_missing(self, jobs: Sequence[Job]) -> list[str]:
        now = self._clock.now_ms()
        added = await self._link.answered(
            asyncio.gather(*[self._link.ask("add", *described(job), now, 1) for job in jobs])
        )
        return [job.id for job, new in zip(jobs, added, strict=True) if new]

    # Questions. Raise RedisUnavailableError or RedisRefusedError.

    async def missing(self, job_ids: Sequence[str]) -> list[str]:
        found: list[bytes] = await self._ask("missing", *job_ids)
        return [job_id.decode() for job_id in found]

    async def explain(self, job_id: str) -> JobPlace | None:
        found = await self._ask("explain", job_id, self._clock.now_ms(), HOLDERS_SHOWN)
        if found is None:
            return None
        state, due, score, position, blocked_by, limit, in_use, counter, opens_at, holders = found
        return JobPlace(
            state=state.decode(),
            due=due,
            score=score,
            position=position,
            blocked_by=blocked_by.decode(),
            limit=limit,
            in_use=in_use,
            counter=counter.decode(),
            holders=tuple(sorted(map(bytes.decode, holders))),
            opens_at=opens_at,
        )

    async def depth(self) -> dict[str, Depth]:
        found = await self._ask("depth", self._clock.now_ms())
        return {
            name.decode(): Depth(*counts)
            for name, *counts in (found[at : at + 4] for at in range(0, len(found), 4))
        }

    async def oldest_ready(self) -> int | None:
        found: int | None = await self._ask("oldest_ready", self._clock.now_ms(), LOOKED_AT)
        return found

    async def scan(self, cursor: str) -> tuple[list[str], str]:
        after, found = await self._ask("scan", cursor or "0", _SCANNED)
        return [job_id.decode() for job_id in found], "" if after == b"0" else after.decode()

    async def size(self) -> int:
        found: int = await self._ask("size")
        return found

    def _ask(self, script: str, *arguments: Argument) -> Awaitable[Any]:
        return self._link.answered(self._link.ask(script, *arguments))

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
        if not self._closed and self._link.connected:
            self._link.hint("stop_waiting", self._node_id)
        self._closed = True
        self._waiters.stop_timer()
        self._waiters.wake_all()

    def hand_back(self) -> None:
        self._held.let_go()
        self._link.hint("hand_back", self._node_id, self._clock.now_ms())

    async def leave(self) -> None:
        self.close()
        self._held.stop()
        if self._link.connected:
            self.hand_back()
            self._link.hint("leave", self._node_id)
        await self._link.close()

    async def _call_for(self, n: int) -> list[Job]:
        self._calls += 1
        call = self._calls
        answer = self._link.ask(
            "lease", n, self._clock.now_ms(), self._node_id, call, self._lease_ms, replay=False
        )
        try:
            found = await asyncio.shield(answer)
        except RedisUnavailableError:
            # It may have been carried out: what it took goes back. The next one waits for the connection.
            self._reclaim(call)
            self._waiters.wake_next()
            return []
        except RedisRefusedError as error:  # out of memory, say
            _log.error("Redis refused to lease jobs", extra={"error": str(error)})
            self._set_timer(-1, _REFUSED_PAUSE_MS)
            return []
        except asyncio.CancelledError:
            answer.add_done_callback(lambda _: self._undo(call))
            raise
        if found is None:
            if self._link.trouble:  # it cannot make itself known; the next sign of life tries again
                self._set_timer(-1, _REFUSED_PAUSE_MS)
            else:
                self._on_unknown()
            return []
        packed, due, look, doubtful, flows = found
        if not packed:
            self._set_timer(due, look)
            return []
        if self._closed:
            self._undo(call)
            return []
        jobs = [decode(job) for job in packed]
        for place, flow, arrival in zip(flows[::3], flows[1::3], flows[2::3], strict=True):
            jobs[place] = with_flow(jobs[place], flow, arrival)
        for place in doubtful:
            jobs[place] = replace(jobs[place], doubtful=True)
        # After a loss a job may come again while this process is still at work on it: once is enough.
        jobs = self._held.take(jobs)
        if not jobs:
            self._waiters.wake_next()
        return jobs

    def _undo(self, call: int) -> None:
        """Nobody took what a call leased."""
        self._reclaim(call)
        self._waiters.wake_next()

    def _reclaim(self, call: int) -> None:
        self._link.hint("reclaim", self._node_id, call, self._clock.now_ms())

    def _set_timer(self, due: int, look: int) -> None:
        """For the earliest due time, and for when there is something else to look at. -1 is none."""
        delays = [min(max(due - self._clock.now_ms(), 0), _LONGEST_WAIT_MS)] if due >= 0 else []
        if look >= 0:
            delays.append(look)
        self._waiters.set_timer(min(delays) / 1_000 if delays else None)

    # Losses

    def _on_told(self, message: bytes) -> None:
        if message == _LOST:
            self._held.look()
        else:
            self._waiters.wake_next()

    def _on_unknown(self) -> None:
        if not self._closed or len(self._held):
            _log.warning("Redis has lost the queue; it is filled again from the store")
            self._restore()

    def _restore(self) -> None:
        """Redis may know nothing of this node. First its limits, then what it is at work on."""
        self._restored += 1
        for function_id, limits in self._function_limits.items():
            self._tell_limits(function_id, limits)
        self._held.restore()
        self.restore_throttles(self._held.arrivals())
        for group, limit in self._group_limits.items():
            self._link.hint("limit_group", group, limit)
        self._link.hint("join", self._node_id, self._lease_ms, self._settle_ms)
        if self._closed:
            self._link.hint("stop_waiting", self._node_id)
        self._waiters.wake_all()
        self._tell_lost()

    def _tell_lost(self) -> None:
        for lost in self._lost:
            lost()
