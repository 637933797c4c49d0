"""ports.queue.Queue, in this process."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from inngest_fast._native.score import FairQueue
from inngest_fast.domain.flow import FunctionLimits
from inngest_fast.domain.jobs import Job
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.queue import HOLDERS_SHOWN, Depth, JobPlace

# The wall clock may be set while a timer runs; it is looked at again at least this often.
_LONGEST_TIMER_S = 60.0


class MemoryQueue:
    """One timer for the earliest time that something comes due or passes its throttle, and a wake-up for
    whoever waits; nothing polls.
    """

    name = "memory"
    shared = False
    trouble = ""
    counters: Mapping[str, int] = {}

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._jobs: FairQueue[Job] = FairQueue()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0
        self._closed = False

    def on_loss(self, lost: Callable[[], None]) -> None:
        """It is lost with the process only."""

    async def open(self) -> None:
        """There is nothing to connect to."""

    def hand_back(self) -> None:
        """Nobody else is there to take it."""

    async def leave(self) -> None:
        self.close()

    async def details(self) -> Mapping[str, object]:
        return {}

    def add(self, job: Job) -> None:
        self._add(job)

    async def add_missing(self, jobs: Sequence[Job]) -> list[str]:
        return [job.id for job in jobs if self._add(job)]

    def _add(self, job: Job) -> bool:
        now = self._clock.now_ms()
        if job.counters or job.throttle or job.run_counter:
            added = self._jobs.add(*described(job, now))
        else:
            added = self._jobs.add(
                job.id, job.partition, job.group, job.function_id, job.due, job.score, job, now
            )
        if added and self._waiting:
            self._wake(job.due)
        return added

    async def lease(self, n: int) -> list[Job]:
        while not self._closed:
            arrivals: dict[int, int] = {}
            jobs = self._jobs.lease(n, self._clock.now_ms(), arrivals)
            if jobs:
                for place, arrival in arrivals.items():
                    jobs[place] = replace(jobs[place], arrival=arrival)
                if self._waiting:
                    self._wake_next()  # there may be more than this one took
                return jobs
            self._set_timer()
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            try:
                await waiting
            except BaseException:
                if waiting.done() and not waiting.cancelled():
                    self._wake_next()  # the wake-up was meant for one that still waits
                elif waiting in self._waiting:  # a wake-up may have come after the cancellation, and gone on
                    self._waiting.remove(waiting)
                raise
        return []

    def done(self, job_id: str, followed_by: Sequence[Job] = ()) -> None:
        if followed_by:
            now = self._clock.now_ms()
            self._jobs.done(job_id, [described(job, now) for job in followed_by])
        elif not self._jobs.done(job_id):
            return
        if self._waiting:
            self._wake_next()

    def requeue(self, job: Job) -> None:
        self._jobs.requeue(*described(job, self._clock.now_ms()))
        self._wake_next()  # for its places, whenever the job itself is due

    def drop(self, job_id: str) -> None:
        if self._jobs.drop(job_id):
            self._wake_next()

    def limit_group(self, group: str, limit: int | None) -> None:
        self._jobs.limit_group(group, limit)
        self._wake_next()

    def limit_function(self, function_id: str, limits: FunctionLimits) -> None:
        rate = limits.throttle
        self._jobs.limit_function(
            function_id,
            self._clock.now_ms(),
            limits.calls,
            limits.rules,
            rate.rule if rate else None,
            rate.emission if rate else 0,
            rate.cap if rate else 0,
            limits.paused,
        )
        self._wake_next()

    def restore_throttles(self, arrivals: Mapping[str, int]) -> None:
        self._jobs.restore_throttles(arrivals, self._clock.now_ms())

    def rebuilt(self) -> None:
        """It is never lost."""

    async def explain(self, job_id: str) -> JobPlace | None:
        self._jobs.promote(self._clock.now_ms())
        found = self._jobs.explain(job_id, HOLDERS_SHOWN)
        return None if found is None else JobPlace(*found)

    async def depth(self) -> dict[str, Depth]:
        self._jobs.promote(self._clock.now_ms())
        return {name: Depth(*counts) for name, counts in self._jobs.depth().items()}

    async def oldest_ready(self) -> int | None:
        self._jobs.promote(self._clock.now_ms())
        return self._jobs.oldest_ready()

    async def missing(self, job_ids: Sequence[str]) -> list[str]:
        return [job_id for job_id in job_ids if job_id not in self._jobs]

    async def scan(self, cursor: str) -> tuple[list[str], str]:
        return [], ""

    async def size(self) -> int:
        return len(self._jobs)

    def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            self._wake_next()

    def _wake(self, due: int) -> None:
        """A job was put in: someone who waits takes it now, or the timer sees to it."""
        if due <= self._clock.now_ms():
            self._wake_next()
        elif self._timer is None or due < self._timer_due:
            self._set_timer()

    def _wake_next(self) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)
                return

    def _set_timer(self) -> None:
        """Sets the timer to the earliest due time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._jobs.next_due()
        if due is None:
            return
        delay = min(max(due - self._clock.now_ms(), 0) / 1_000, _LONGEST_TIMER_S)
        self._timer_due = due
        self._timer = asyncio.get_running_loop().call_later(delay, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._waiting:
            self._wake_next()


def described(job: Job, now: int) -> tuple[Any, ...]:
    """As FairQueue.add wants to know it."""
    return (
        job.id,
        job.partition,
        job.group,
        job.function_id,
        job.due,
        job.score,
        job,
        now,
        job.counters,
        job.throttle,
        job.run_counter,
        job.run_id,
        job.run_counter != "" and job.entering,
        job.run_counter != "" and job.under_way,
    )
