"""ports.queue.Queue of one process, on the shared queue."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from inngest_fast.domain.errors import QueueError
from inngest_fast.domain.flow import FunctionLimits
from inngest_fast.domain.jobs import Job
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.queue import Depth, JobPlace
from tests.sim.queue_link import QueueLink
from tests.sim.shared_queue import identity

_LONGEST_TIMER_S = 60.0


class QueueNode:
    """Extends its leases for as long as it lives, and restores them where the queue has lost them."""

    name = "simulated"
    shared = True

    def __init__(
        self,
        link: QueueLink,
        clock: Clock,
        lease_s: float,
        leased: Callable[[Job], None],
        told_lost: Callable[[], None],
    ) -> None:
        self._link = link
        self._clock = clock
        self._lease_s = lease_s
        self._leased = leased
        self._lost: list[Callable[[], None]] = [told_lost]
        self._held: dict[str, Job] = {}
        self._let_go: dict[str, Job] = {}  # at work on here, but the lease is another's, or anybody's
        self._groups: dict[str, int] = {}  # their limits
        self._functions: dict[str, FunctionLimits] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._woken = False
        self._timer: asyncio.TimerHandle | None = None
        self._life_sign: asyncio.TimerHandle | None = None
        self._extending: asyncio.Task[None] | None = None
        self._look_again = False
        self._calls = 0
        self._closed = False
        self._stopped = False
        self.losses = 0
        self.leases_lost = 0
        link.after_loss(self._restore)

    @property
    def trouble(self) -> str:
        return self._link.trouble

    @property
    def counters(self) -> Mapping[str, int]:
        return {"queue_losses": self.losses, "queue_leases_lost": self.leases_lost}

    @property
    def busy(self) -> bool:
        """Whether something is on its way."""
        return self._link.busy

    def on_loss(self, lost: Callable[[], None]) -> None:
        self._lost.append(lost)

    async def open(self) -> None:
        await self._link.open()
        first = await self._link.answered(self._link.ask("join"))
        self._set_life_sign()
        if first:
            self._tell_lost()

    async def details(self) -> Mapping[str, object]:
        return {}

    def die(self) -> None:
        self._stopped = True
        self._link.die()

    # Changes

    def add(self, job: Job) -> None:
        self._link.hint("add", job, self._clock.now_ms(), doubtful=False)

    async def add_missing(self, jobs: Sequence[Job]) -> list[str]:
        now = self._clock.now_ms()
        asked = [self._link.ask("add", job, now, doubtful=True) for job in jobs]
        added = await self._link.answered(asyncio.gather(*asked))
        return [job.id for job, new in zip(jobs, added, strict=True) if new]

    def done(self, job_id: str, followed_by: Sequence[Job] = ()) -> None:
        known = self._release(job_id)
        now = self._clock.now_ms()
        over = None if known is None else identity(known)
        self._link.hint("done", job_id, over, list(followed_by), now, doubtful=False)

    def requeue(self, job: Job) -> None:
        self._release(job.id)
        self._link.hint("requeue", job, self._clock.now_ms(), again=False)

    def drop(self, job_id: str) -> None:
        self._release(job_id)
        self._link.hint("drop", job_id)

    def limit_group(self, group: str, limit: int | None) -> None:
        if limit is None:
            self._groups.pop(group, None)
        else:
            self._groups[group] = limit
        self._link.hint("limit_group", group, limit)

    def limit_function(self, function_id: str, limits: FunctionLimits) -> None:
        self._functions[function_id] = limits
        self._link.hint("limit_function", function_id, limits, self._clock.now_ms())

    def rebuilt(self) -> None:
        self._link.hint("rebuilt")

    def restore_throttles(self, arrivals: Mapping[str, int]) -> None:
        self._link.hint("restore_throttles", dict(arrivals), self._clock.now_ms())

    # Questions

    async def explain(self, job_id: str) -> JobPlace | None:
        return await self._ask("explain", job_id, self._clock.now_ms())

    async def depth(self) -> dict[str, Depth]:
        return await self._ask("depth", self._clock.now_ms())

    async def oldest_ready(self) -> int | None:
        return await self._ask("oldest_ready", self._clock.now_ms())

    async def missing(self, job_ids: Sequence[str]) -> list[str]:
        return await self._ask("missing", list(job_ids))

    async def scan(self, cursor: str) -> tuple[list[str], str]:
        return await self._ask("scan", cursor)

    async def size(self) -> int:
        return await self._ask("size")

    async def _ask(self, operation: str, *arguments: Any) -> Any:
        return await self._link.answered(self._link.ask(operation, *arguments))

    # Leases

    async def lease(self, n: int) -> list[Job]:
        while not self._closed:
            jobs = await self._call_for(n)
            if jobs:
                self._wake_next()
                return jobs
            if not self._closed:
                await self._wait()
        return []

    async def _call_for(self, n: int) -> list[Job]:
        self._calls += 1
        call = self._calls
        answer = self._link.ask("lease", n, self._clock.now_ms(), call, replay=False)
        try:
            found = await asyncio.shield(answer)
        except QueueError:
            self._undo(call)  # it may have been carried out
            return []
        except asyncio.CancelledError:
            answer.add_done_callback(lambda _: self._undo(call))
            raise
        if found is None:
            self._on_unknown()
            return []
        jobs, due, look = found
        if not jobs:
            self._set_timer(due, look)
            return []
        if self._closed:
            self._undo(call)
            return []
        jobs = self._take(jobs)
        if not jobs:
            self._wake_next()
        return jobs

    def _undo(self, call: int) -> None:
        self._link.hint("reclaim", call, self._clock.now_ms())
        self._wake_next()

    def close(self) -> None:
        if not self._closed and self._link.connected:
            self._link.hint("stop_waiting")
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wake_all()

    def hand_back(self) -> None:
        self._let_go |= self._held
        self._held.clear()
        self._link.hint("hand_back", self._clock.now_ms())

    async def leave(self) -> None:
        self.close()
        self._stopped = True
        if self._life_sign is not None:
            self._life_sign.cancel()
        if self._extending is not None:
            self._extending.cancel()
        if self._link.connected:
            self.hand_back()
            self._link.hint("leave")
        await self._link.close()

    def _take(self, jobs: Iterable[Job]) -> list[Job]:
        """Those that this process is not at work on already."""
        new = []
        for job in jobs:
            known = self._held.get(job.id) or self._let_go.pop(job.id, None)
            self._held[job.id] = job
            if known is None or identity(known) != identity(job):
                new.append(job)
                self._leased(job)
        return new

    def _release(self, job_id: str) -> Job | None:
        let_go = self._let_go.pop(job_id, None)
        return self._held.pop(job_id, None) or let_go

    # Signs of life

    def _set_life_sign(self) -> None:
        loop = asyncio.get_running_loop()
        self._life_sign = loop.call_later(self._lease_s / 3, self._on_life_sign)

    def _on_life_sign(self) -> None:
        if not self._stopped:
            self.look()
            self._set_life_sign()

    def look(self) -> None:
        """Extends now, and so finds out whether the queue still knows this node."""
        self._look_again = self._extending is not None
        if self._extending is None and self._link.connected and not self._stopped:
            self._extending = asyncio.get_running_loop().create_task(self._extend(list(self._held)))

    async def _extend(self, ids: list[str]) -> None:
        try:
            gone = await self._link.ask("extend", ids, replay=False)
            if gone is None:
                self._on_unknown()
            else:
                self._hold([self._held[id] for id in gone if id in self._held])
        except QueueError:
            pass  # the reconnection sees to it
        finally:
            self._extending = None
            if self._look_again:
                self.look()

    def _hold(self, jobs: list[Job]) -> None:
        if jobs:
            answer = self._link.ask("hold", jobs, self._clock.now_ms(), replay=False)
            answer.add_done_callback(lambda answer: self._on_held(jobs, answer))

    def _on_held(self, jobs: list[Job], answer: "asyncio.Future[Any]") -> None:
        if answer.cancelled() or answer.exception() is not None:
            return
        others = set(answer.result())
        for job in jobs:
            if job.id in others and self._held.get(job.id) is job:
                self._let_go[job.id] = self._held.pop(job.id)
                self.leases_lost += 1

    # Losses

    def told(self, what: str) -> None:
        """By the queue: "wake", or "lost" by another node that found it empty."""
        if self._stopped:
            return
        if what == "lost":
            self.look()
        else:
            self._wake_next()

    def _on_unknown(self) -> None:
        if not self._closed or self._held:
            self._restore()

    def _restore(self) -> None:
        now = self._clock.now_ms()
        for function_id, limits in self._functions.items():
            self._link.hint("limit_function", function_id, limits, now)
        held = list(self._held.values())
        self._hold(held)
        for job in sorted(held, key=lambda job: job.arrival):
            if job.arrival:
                self.restore_throttles({job.throttle: job.arrival})
        for group, limit in self._groups.items():
            self._link.hint("limit_group", group, limit)
        self._link.hint("join")
        if self._closed:
            self._link.hint("stop_waiting")
        self._wake_all()
        self._tell_lost()

    def _tell_lost(self) -> None:
        self.losses += 1
        for lost in self._lost:
            lost()

    # Waiting

    async def _wait(self) -> None:
        if self._woken:
            self._woken = False
            return
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            await waiting
        except BaseException:
            if waiting.done() and not waiting.cancelled():
                self._wake_next()
            elif waiting in self._waiting:
                self._waiting.remove(waiting)
            raise

    def _wake_next(self) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)
                return
        self._woken = True

    def _wake_all(self) -> None:
        while self._waiting:
            self._wake_next()
        self._woken = True

    def _set_timer(self, due: int | None, look: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        delays = [] if due is None else [max(due - self._clock.now_ms(), 0) / 1_000]
        delays += [] if look is None else [look]
        if delays and not self._stopped:
            delay = min(*delays, _LONGEST_TIMER_S)
            self._timer = asyncio.get_running_loop().call_later(delay, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._wake_next()
