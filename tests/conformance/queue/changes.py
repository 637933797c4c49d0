"""Changes to a queue by chance, the same for a seed: jobs with all kinds of gates, limits that come and go."""

import random
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from inngest_fast.domain.flow import FunctionLimits, ThrottleRate
from inngest_fast.domain.jobs import Job, JobKind
from tests.conformance.queue.scene import Scene

APPS = {"f": "a", "g": "a", "h": "b", "i": "c"}
# Each function has one rate, or none: what a change of rates makes of what was paid is told in test_throttle.
RATES = {"f": ThrottleRate("t", 10, 1), "g": ThrottleRate("t", 7, 2), "h": ThrottleRate("t", 3, 3)}
COUNTERS = [(), ("k/x",), ("k/y",), ("k/x", "l/p"), ("k/x", "l/q"), ("k/x", "l/r"), ("l/p",)]
KINDS = {
    "add": 5,
    "take": 6,
    "done": 5,
    "requeue": 2,
    "drop": 2,
    "limit_group": 1,
    "limit_function": 2,
    "restore": 1,
    "explain": 1,
    "pass_ms": 3,
}

Change = tuple[str, tuple[Any, ...]]


class Chance:
    """Each seed has a few gates of its own, so that many jobs meet at them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.functions = self.some("fghi")
        self.counters = self.some(COUNTERS)
        self.throttles = self.some(["", "t/{}/a", "t/{}/b"])  # each is of one function
        self.run_counters = self.some(["", "r/x", "r/y"])

    def some(self, of: Any) -> list[Any]:
        return self.random.sample(of, self.random.randint(1, len(of)))

    def pick(self, *of: Any) -> Any:
        return self.random.choice(of)

    def changes(self, count: int, **weights: int) -> Iterator[Change]:
        """So many, after limits to begin with. `weights` differ from KINDS."""
        weights = KINDS | weights
        for group in "abc":
            yield "limit_group", (group, self.group_limit())
        for function in "fgh":
            yield "limit_function", (function, self.limits(function))
        for kind in self.random.choices(list(weights), list(weights.values()), k=count):
            yield kind, getattr(self, kind)()

    def add(self) -> tuple[Any, ...]:
        """Of each: id, function, ms until it is due, score, gates."""
        jobs = []
        for _ in range(self.random.randint(1, 8)):
            kind = self.pick(JobKind.EDGE, JobKind.START, JobKind.START)
            start = kind is JobKind.START
            throttle = self.pick(*self.throttles) if start else ""
            run_counter = self.pick(*self.run_counters) if start else ""
            gates = (kind, self.pick(*self.counters), throttle, run_counter)
            jobs.append((self.id(), self.pick(*self.functions), self.after(), self.score(), gates))
        return (jobs,)

    def done(self) -> tuple[Any, ...]:
        """Which leased job, and of each that follows: kind, counters, ms until it is due, score."""
        kinds = (JobKind.EDGE, JobKind.PLAN, JobKind.SLEEP, JobKind.RESUME)
        count = self.pick(0, 0, 1, 1, 2)
        followers = [
            (self.pick(*kinds), self.pick(*self.counters), self.after(), self.score()) for _ in range(count)
        ]
        return self.which(), followers

    def requeue(self) -> tuple[Any, ...]:
        """Which leased job, ms until it is due, score, whether it was called."""
        return self.which(), self.after(), self.score(), self.pick(True, False)

    def take(self) -> tuple[Any, ...]:
        return (self.pick(1, 2, 4, 9),)

    def drop(self) -> tuple[Any, ...]:
        """Which of the leased and then the queued."""
        return (self.random.randrange(30),)

    def limit_group(self) -> tuple[Any, ...]:
        return self.pick("a", "b", "c"), self.group_limit()

    def limit_function(self) -> tuple[Any, ...]:
        function = self.pick(*[function for function in self.functions if function != "i"] or "f")
        return function, self.limits(function)

    def restore(self) -> tuple[Any, ...]:
        return self.pick("t/f/a", "t/g/b"), self.pick(-5, 2, 7)

    def explain(self) -> tuple[Any, ...]:
        return (self.id(),)

    def pass_ms(self) -> tuple[Any, ...]:
        return (self.pick(1, 3, 5, 20),)

    def limits(self, function: str) -> FunctionLimits:
        return FunctionLimits(
            calls=self.pick(0, 0, 0, 1, 2, 3),
            rules={rule: self.pick(1, 1, 2, 3) for rule in "klr" if self.pick(True, False)},
            throttle=self.pick(None, RATES[function], RATES[function]),
            paused=self.random.random() < 0.1,
        )

    def group_limit(self) -> int | None:
        return self.random.choice([None, None, None, 1, 3, 5])

    def id(self) -> str:
        return str(self.random.randrange(40))

    def which(self) -> int:
        return self.random.randrange(4)

    def after(self) -> int:
        return self.random.choice([0, 0, 0, 0, 5, 20])

    def score(self) -> int:
        return self.random.randrange(-1, 3)


def job_of(scene: Scene, run: str, id: str, function: str, after: int, score: int, gates: Any) -> Job:
    kind, counters, throttle, run_counter = gates
    return scene.job(
        id,
        function=function,
        app=APPS[function],
        after=after,
        score=score,
        kind=kind,
        run=run,
        counters=counters,
        throttle=throttle.format(function),
        run_counter=run_counter,
    )


def following(scene: Scene, job: Job, id: str, kind: JobKind, counters: Any, after: int, score: int) -> Job:
    gates = (kind, counters, "", job.run_counter)
    return job_of(scene, job.run_id, id, job.function_id, after, score, gates)


def again(scene: Scene, job: Job, after: int, score: int, called: bool) -> Job:
    """A leased job as it is put back; what it paid it need not pay again."""
    throttle = "" if job.arrival else job.throttle
    attempt = job.attempt + called
    return replace(job, due=scene.now + after, score=score, attempt=attempt, throttle=throttle, arrival=0)
