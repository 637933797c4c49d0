"""What starts have paid, over the lives of queues and servers (flow-control §5.1)."""

from collections.abc import Callable, Iterable, Mapping

from inngest_fast.domain.jobs import Job
from tests.sim.controls import Controls, Key, throttle_rate


class Throttles:
    """Arrival times in unix ms, by key, at the least and at the most that they may be.

    What a start paid outlives a crash if it was committed that it began.
    """

    def __init__(self, must: Callable[..., None]) -> None:
        self._must = must
        self._now: dict[Key, tuple[int, int]] = {}
        self._kept: dict[Key, int] = {}
        self._paid: dict[str, tuple[Key, int]] = {}  # by starts that are not over
        self._names: dict[str, Key] = {}  # of counters

    def arrival(self, key: Key, *, least: bool) -> int | None:
        known = self._now.get(key)
        return None if known is None else known[0 if least else 1]

    def pay(self, key: Key, job: Job) -> None:
        self._must(self._names.setdefault(job.throttle, key) == key, "two keys are one:", job.throttle)
        self._now[key] = job.arrival, job.arrival
        self._paid[job.id] = key, job.arrival

    def committed(self, job_id: str) -> None:
        """That a start began is durable."""
        paid = self._paid.pop(job_id, None)
        if paid is not None:
            key, arrival = paid
            self._kept[key] = max(self._kept.get(key, 0), arrival)

    def rate_changed(self, slug: str, controls: Controls, now: int) -> None:
        """What was paid at another rate counts for a full bucket at most."""
        rate = throttle_rate(controls)
        if rate is None or controls.throttle is None:
            return
        full = now + rate.emission * rate.cap
        for key, (least, most) in self._now.items():
            if key[:2] == (slug, controls.throttle.key):
                self._now[key] = min(least, full), most

    def lost(self) -> None:
        """The queue and all who were at work are gone."""
        self._now = {key: (arrival, arrival) for key, arrival in self._kept.items()}
        self._paid.clear()

    def forgotten(self, at_work: Iterable[str]) -> None:
        """The queue is gone. What outlives that: what was committed, and what those know who go on with their starts."""
        kept = dict(self._kept)
        for job_id in at_work:
            if job_id in self._paid:
                key, arrival = self._paid[job_id]
                kept[key] = max(kept.get(key, 0), arrival)
        self._now = {key: (min(kept.get(key, 0), most), most) for key, (_, most) in self._now.items()}

    def reset(self, arrivals: Mapping[str, int]) -> None:
        """The queue has these; what it has not may be told again."""
        known = {self._names[name]: arrival for name, arrival in arrivals.items() if name in self._names}
        self._now = {key: (known.get(key, 0), most) for key, (_, most) in self._now.items()}

    def restore(self, arrivals: Mapping[str, int]) -> None:
        """The later of two counts."""
        for name, arrival in arrivals.items():
            if name in self._names:
                key = self._names[name]
                least, most = self._now.get(key, (0, 0))
                self._now[key] = max(least, arrival), max(most, arrival)

    def refund(self, job: Job, arrival: int) -> None:
        """A start that nobody got gives back what it paid."""
        paid = self._paid.pop(job.id, None)
        if paid is not None:
            self._now[paid[0]] = arrival, arrival

    def restored(self, arrivals: Mapping[str, int], now: int) -> None:
        """The queue was told all that counts again."""
        told = {self._names[name]: arrival for name, arrival in arrivals.items() if name in self._names}
        for key, arrival in self._kept.items():
            known = told.get(key, 0)
            self._must(arrival <= now or known >= arrival, "what was paid is forgotten:", key, arrival, known)
