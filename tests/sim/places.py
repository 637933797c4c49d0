"""What a queue may lease, by plain counting of all that it has (flow-control §4, §5.1, §8.1)."""

from collections.abc import Callable, Iterable, Mapping

from inngest_fast.domain.flow import FunctionLimits
from inngest_fast.domain.jobs import CALLS, Job, JobKind
from inngest_fast.ports.queue import JobPlace
from tests.sim.controls import Key, Rate, calls_at_once, number, throttle_rate
from tests.sim.flow_model import FlowModel, Made
from tests.sim.standing import Standing

LATE_MS = 5  # within which what may be leased is leased


class Places:
    """Of one life of a queue. It is told of every change, and says whether a lease was right."""

    def __init__(self, flow: FlowModel, must: Callable[..., None], *, calls_per_app: int) -> None:
        """`must` takes a truth and what is said when it is none; it returns in any case."""
        self._flow = flow
        self._throttles = flow.throttles
        self._must = must
        self._calls_per_app = calls_per_app
        self.jobs: dict[str, Job] = {}
        self.leased: dict[str, Job] = {}
        self._told: dict[str, Standing] = {}
        self._restored: dict[str, int] = {}
        self.informed = True  # whether whoever adds a job has told its function's limits before
        self.told_all: Callable[[], bool] = lambda: (
            True
        )  # whether nobody died before telling what was committed
        self.whole = True  # whether it lost none of its jobs
        self.exact = True  # whether the clock is not set meanwhile

    # Changes

    def add(self, job: Job) -> None:
        self.jobs.setdefault(job.id, job)
        self._flow.counters.update(job.counters)
        if job.run_counter:
            self._flow.counters.add(job.run_counter)

    def put(self, job: Job) -> None:
        """It is as this now, and not leased."""
        self.jobs[job.id] = job
        self.leased.pop(job.id, None)

    def drop(self, job_id: str) -> None:
        self.jobs.pop(job_id, None)
        self.leased.pop(job_id, None)

    def done(self, job_id: str) -> None:
        """Nothing, if it is not leased."""
        if self.leased.pop(job_id, None) is not None:
            del self.jobs[job_id]

    def tell(self, function_id: str, limits: FunctionLimits, now: int) -> None:
        slug = self._flow.standings.slug(function_id)
        standing = next(
            (s for s in self._flow.standings.newest_first(slug) if _says(limits, s)),
            None,
        )
        self._must(standing is not None, "the queue was told", limits, "of", slug, "which never was so")
        if standing is not None:
            self._told[slug] = standing
            self._throttles.rate_changed(slug, standing.controls, now)

    def lease(self, job: Job, now: int) -> None:
        """It was leased just now."""
        must = self._must
        must(self.jobs.get(job.id) is not None and job.id not in self.leased, "nobody queued", job)
        if self.exact:
            must(job.due <= now, "leased", job.due - now, "ms too early:", job)
        obstacle = self.obstacle(job, now, least=True)
        must(not obstacle, "leased in spite of", obstacle, ":", job)
        for other in self.jobs.values():
            if (
                other.score < job.score
                and other.id not in self.leased
                and _line(other) == _line(job)
                and other.due <= now
                and self.exact
                and self.whole
            ):
                must(self.obstacle(other, now, least=False), "leased before", other, ":", job)
        if job.entering and self.whole:
            self._enter(job)
        self._pay(job, now)
        self.leased[job.id] = job
        self._flow.leased(job.id)

    def idle(self, now: int, explain: Callable[[str], JobPlace | None]) -> None:
        """Whoever works waits for jobs: nothing that may be leased is there. The queue knows why."""
        if not self.whole:
            return
        for job in self.jobs.values():
            if job.id in self.leased or job.due > now - LATE_MS:
                continue
            obstacle = self.obstacle(job, now - LATE_MS, least=False)
            self._must(obstacle, "nothing is in the way of", job)
            self._flow.seen[f"blocked by {obstacle}"] += 1
            if obstacle == self.obstacle(job, now + LATE_MS, least=True):
                place = explain(job.id)
                said = None if place is None else place.blocked_by
                self._must(said == obstacle, "in the way of", job, "is", obstacle, "and not", said)

    def hold(self, job: Job) -> None:
        """Somebody is at work on it already: it takes its places, full or not."""
        self.jobs[job.id] = self.leased[job.id] = job

    def forget(self, at_work: Iterable[str]) -> None:
        """The queue has lost all, but somebody is at work on these jobs."""
        self.jobs.clear()
        self.leased.clear()
        self._told.clear()
        self._throttles.forgotten(at_work)

    def reset(self, jobs: Iterable[Job], leased: Iterable[Job], arrivals: Mapping[str, int]) -> None:
        """The queue is as it was before."""
        self.jobs = {job.id: job for job in jobs}
        self.leased = {job.id: job for job in leased}
        self._throttles.reset(arrivals)

    def refund(self, job: Job, arrival: int) -> None:
        self._throttles.refund(job, arrival)

    def restore(self, arrivals: Mapping[str, int]) -> None:
        self._restored |= arrivals
        self._throttles.restore(arrivals)

    def begun(self, now: int) -> None:
        """All that outlived the last queue is in this one."""
        self._throttles.restored(self._restored, now)

    # Limits

    def obstacle(self, job: Job, now: int, *, least: bool) -> str:
        """What stands in its way, as a JobPlace says it. Where arrival times are not exactly known the least, or the most that they may be."""
        if job.kind not in CALLS:
            return ""
        made = self._flow.made[job.run_id]
        told = self._told.get(made.slug)
        if told is None:
            return "unknown" if self.informed else ""
        calls = [other for other in self.leased.values() if other.kind in CALLS]
        if told.paused:
            return "paused"
        if sum(other.group == job.group for other in calls) >= self._calls_per_app:
            return "app"
        most = calls_at_once(told.controls)
        if most is not None and sum(other.function_id == job.function_id for other in calls) >= most:
            return "function"
        for key in made.step_keys:
            most = number(made.slug, told.controls, "step", key)
            if most is not None and sum(key in self._made(other).step_keys for other in calls) >= most:
                return "key"
        rate = self._rate(job, made, told)
        if rate is not None and made.throttle is not None:
            arrival = self._throttles.arrival(made.throttle, least=least)
            if rate.opens(arrival, now) > now and (self.exact or not least):
                return "throttle"
        if job.entering and made.run_key is not None:
            most = number(made.slug, told.controls, "fn", made.run_key)
            if most is not None:
                live = self.living(made.run_key)
                if job.run_id not in live and len(live) >= most:
                    return "runs"
        return ""

    def living(self, key: Key) -> set[str]:
        """The runs that have a place."""
        return {
            job.run_id
            for job in self.jobs.values()
            if (job.under_way or (job.entering and job.id in self.leased)) and self._made(job).run_key == key
        }

    def _enter(self, job: Job) -> None:
        """Whatever the queue counts: so many runs have begun and not ended."""
        made = self._made(job)
        told = self._told.get(made.slug)
        if told is None or made.run_key is None:
            return
        most = number(made.slug, told.controls, "fn", made.run_key)
        known = None if self.told_all() else self.jobs
        live = [
            run_id
            for run_id in self._flow.begun(self.leased.values(), known)
            if run_id != job.run_id and self._flow.made[run_id].run_key == made.run_key
        ]
        self._must(most is None or len(live) < most, "of the runs", made.run_key, live, "live, and now", job)

    def _made(self, job: Job) -> Made:
        return self._flow.made[job.run_id]

    @staticmethod
    def _rate(job: Job, made: Made, told: Standing | None) -> Rate | None:
        """At which it is to pay."""
        if told is None:
            return None
        throttle = told.controls.throttle
        if not job.throttle or made.throttle is None or throttle is None or throttle.key != made.throttle[1]:
            return None
        return throttle_rate(told.controls)

    def _pay(self, job: Job, now: int) -> None:
        if job.kind is not JobKind.START:
            self._must(not job.arrival, "it has paid for nothing:", job)
            return
        made = self._made(job)
        rate = self._rate(job, made, self._told.get(made.slug))
        if rate is None or made.throttle is None:
            self._must(not job.arrival, "it has paid for nothing:", job)
            return
        least, most = (
            rate.paid(self._throttles.arrival(made.throttle, least=which), now) for which in (True, False)
        )
        if self.exact:
            self._must(least <= job.arrival <= most, "it had to pay", least, "to", most, ":", job)
        self._throttles.pay(made.throttle, job)


def _says(limits: FunctionLimits, standing: Standing) -> bool:
    """Whether limits are what a function's config says."""
    controls = standing.controls
    rules: dict[tuple[str, str, str], int] = {}
    for limit in controls.concurrency:
        if limit.key or limit.kind == "fn":
            rule = (limit.kind, limit.scope, limit.key)
            rules[rule] = min(limit.limit, rules.get(rule, limit.limit))
    rate, told = throttle_rate(controls), limits.throttle
    return (
        limits.calls == (calls_at_once(controls) or 0)
        and sorted(limits.rules.values()) == sorted(rules.values())
        and ((rate is None) == (told is None))
        and (rate is None or told is None or (rate.emission, rate.cap) == (told.emission, told.cap))
        and limits.paused == standing.paused
    )


def _line(job: Job) -> tuple[object, ...]:
    """Those with the same are in the order of their scores."""
    return job.partition, job.counters, job.throttle, job.entering and job.run_counter
