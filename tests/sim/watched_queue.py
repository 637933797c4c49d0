"""The queue of one process, with somebody who counts along."""

from collections.abc import Mapping, Sequence

from inngest_fast.adapters.memory import MemoryQueue
from inngest_fast.domain.flow import FunctionLimits
from inngest_fast.domain.jobs import Job
from inngest_fast.ports.clock import Clock
from tests.sim.places import Places


class WatchedQueue(MemoryQueue):
    def __init__(self, clock: Clock, places: Places) -> None:
        super().__init__(clock)
        self._places = places

    def add(self, job: Job) -> None:
        self._places.add(job)
        super().add(job)

    async def add_missing(self, jobs: Sequence[Job]) -> list[str]:
        for job in jobs:
            self._places.add(job)
        return await super().add_missing(jobs)

    async def lease(self, n: int) -> list[Job]:
        jobs = await super().lease(n)
        now = self._clock.now_ms()
        for job in jobs:
            self._places.lease(job, now)
        return jobs

    def done(self, job_id: str, followed_by: Sequence[Job] = ()) -> None:
        self._places.done(job_id)
        for job in followed_by:
            self._places.add(job)
        super().done(job_id, followed_by)

    def requeue(self, job: Job) -> None:
        self._places.put(job)
        super().requeue(job)

    def drop(self, job_id: str) -> None:
        self._places.drop(job_id)
        super().drop(job_id)

    def limit_function(self, function_id: str, limits: FunctionLimits) -> None:
        self._places.tell(function_id, limits, self._clock.now_ms())
        super().limit_function(function_id, limits)

    def restore_throttles(self, arrivals: Mapping[str, int]) -> None:
        self._places.restore(arrivals)
        super().restore_throttles(arrivals)
