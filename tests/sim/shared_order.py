"""Which job of the shared queue is next: the order and limits of the real queues, derived from plain records."""

from collections.abc import Iterable, Mapping

from inngest_fast._native.score import FairQueue
from inngest_fast.adapters.memory.queue import described
from inngest_fast.domain.flow import FunctionLimits
from inngest_fast.domain.jobs import Job
from inngest_fast.ports.queue import HOLDERS_SHOWN, JobPlace


class SharedOrder:
    """Made anew from the records where these are not what it led to."""

    def __init__(self) -> None:
        self._fair: FairQueue[Job] = FairQueue()

    def rebuild(
        self,
        leased: Iterable[Job],
        queued: Iterable[Job],
        groups: Mapping[str, int],
        functions: Mapping[str, FunctionLimits],
        arrivals: Mapping[str, int],
        now: int,
    ) -> None:
        """What is leased has its places, full or not."""
        fair = self._fair = FairQueue()
        held = list(leased)
        for job in held:
            id, partition, group, function, _, *rest = described(job, now)
            fair.add(id, partition, group, function, now, *rest)
        # Nothing is limited yet.
        assert len(fair.lease(len(held), now)) == len(held), "it gives not all that it has"
        for group, limit in groups.items():
            fair.limit_group(group, limit)
        for function_id, limits in functions.items():
            self.limit_function(function_id, limits, now)
        fair.restore_throttles(arrivals, now)
        for job in queued:
            self.put(job, now)

    def put(self, job: Job, now: int) -> None:
        """In place of what is there of its id."""
        self._fair.requeue(*described(job, now))

    def done(self, job_id: str, followed_by: Iterable[Job], now: int) -> None:
        """A leased job is over, and these are new."""
        self._fair.done(job_id, [described(job, now) for job in followed_by])

    def drop(self, job_id: str) -> None:
        self._fair.drop(job_id)

    def lease(self, n: int, now: int) -> list[tuple[Job, int]]:
        """With what each paid."""
        arrivals: dict[int, int] = {}
        jobs = self._fair.lease(n, now, arrivals)
        return [(job, arrivals.get(place, 0)) for place, job in enumerate(jobs)]

    def limit_group(self, group: str, limit: int | None) -> None:
        self._fair.limit_group(group, limit)

    def limit_function(self, function_id: str, limits: FunctionLimits, now: int) -> None:
        rate = limits.throttle
        self._fair.limit_function(
            function_id,
            now,
            limits.calls,
            limits.rules,
            rate.rule if rate is not None else None,
            rate.emission if rate is not None else 0,
            rate.cap if rate is not None else 0,
            limits.paused,
        )

    def restore_throttles(self, arrivals: Mapping[str, int], now: int) -> None:
        self._fair.restore_throttles(arrivals, now)

    def has_ready(self) -> bool:
        """Whether something that is known to be due may be leased."""
        return self._fair.oldest_ready() is not None

    def next_due(self) -> int | None:
        return self._fair.next_due()

    def explain(self, job_id: str, now: int) -> JobPlace | None:
        self._fair.promote(now)
        found = self._fair.explain(job_id, HOLDERS_SHOWN)
        return None if found is None else JobPlace(*found)

    def depth(self, now: int) -> dict[str, tuple[int, int, int]]:
        self._fair.promote(now)
        return self._fair.depth()

    def oldest_ready(self, now: int) -> int | None:
        self._fair.promote(now)
        return self._fair.oldest_ready()
