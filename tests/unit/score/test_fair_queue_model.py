"""FairQueue beside lists, after any sequence of changes."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from score_model import ModelJob, ModelLimits, ModelQueue

from inngest_fast._native.score import FairQueue

IDS = [str(n) for n in range(20)]
GROUPS = {"p": "a", "q": "a", "r": "b", "s": "b"}  # of functions; the last one is never limited
RATES = {"p": (2, 1), "q": (3, 2), "r": (5, 1)}
COUNTERS = [(), ("k/x",), ("k/y",), ("k/x", "l/p"), ("k/x", "l/q"), ("k/x", "l/r"), ("l/p", "k/y")]
HOLDERS_SHOWN = 2


class Beside:
    def __init__(self, chance: random.Random) -> None:
        self.queue: FairQueue[str] = FairQueue()
        self.model = ModelQueue()
        self.chance = chance
        self.now = 100
        self.runs = 0
        # A few of each, so that many meet.
        self.functions = self.some("pqrs")
        self.counters = self.some(COUNTERS)
        self.throttles = self.some(["", "t/{}/a", "t/{}/b", "u/{}"])  # each is of one function
        self.run_counters = self.some(["", "m/x", "m/y"])
        for function in "pqr":
            self.limit_function(function)

    def some(self, of: Any) -> list[Any]:
        return self.chance.sample(of, self.chance.randint(1, len(of)))

    def pick(self, *of: Any) -> Any:
        return self.chance.choice(of)

    def about(self, id: str, follows: ModelJob | None = None) -> Any:
        """A job as it is added. Each is of a run of its own, unless it follows one of its run."""
        self.runs += 1
        function = follows.function if follows else self.pick(*self.functions)
        part = "under way" if follows else self.pick("entering", "entering", "under way", "none")
        partition = self.pick(function, function, "local:" + function) if part == "none" else function
        due, score = self.now + self.pick(-2, 0, 0, 0, 1, 5), self.chance.randrange(3)
        job = (id, partition, GROUPS[function], function, due, score, "payload of " + id, self.now)
        flow = (
            self.pick(*self.counters),
            "" if follows else self.pick(*self.throttles).format(function),
            follows.run_counter if follows else self.pick(*self.run_counters),
            follows.run if follows else f"run {self.runs}",
            part == "entering",
            part == "under way",
        )
        return (*job, *flow) if any(flow[:3]) else job

    # Changes

    def add(self) -> None:
        for id in self.some(IDS):
            job = self.about(id)
            assert self.queue.add(*job) == self.model.add(*job)

    def lease(self) -> None:
        n = self.pick(-1, 0, 1, 1, 2, 5, 20)
        self.model.promote(self.now)
        arrivals: dict[int, int] = {}
        out = self.queue.lease(n, self.now, arrivals)
        for place, payload in enumerate(out):
            assert self.model.takes(payload.removeprefix("payload of ")) == arrivals.pop(place, 0)
        assert arrivals == {}
        assert len(out) <= max(n, 0)
        if len(out) < n:
            assert self.model.could_run() == []
            self.wakes_in_time()

    def wakes_in_time(self) -> None:
        ready = self.model.of("ready")
        opening = [self.model.opens_at(job) for job in ready if self.model.waits_for_time_only(job)]
        if opening:
            next_due = self.queue.next_due()
            assert next_due is not None
            assert next_due <= min(opening)

    def done(self) -> None:
        for job in self.some(self.model.of("leased") or [None]):
            id = job.id if job else self.pick(*IDS)
            come = [self.about(self.pick(*IDS), job)] if job and self.pick(True, False) else []
            assert self.queue.done(id, come) == self.model.done(id, come)

    def requeue(self) -> None:
        id = self.pick(*IDS)
        job = self.about(id, self.model.find(id))
        self.queue.requeue(*job)
        self.model.requeue(*job)

    def drop(self) -> None:
        for id in self.chance.sample(IDS, 3):
            assert self.queue.drop(id) == self.model.drop(id)

    def limit_group(self) -> None:
        name, limit = self.pick("a", "b"), self.pick(None, None, 0, 1, 2, 5)
        self.queue.limit_group(name, limit)
        self.model.limit_group(name, limit)

    def limit_function(self, name: str = "") -> None:
        name = name or self.pick("p", "q", "r")
        rated = self.pick(True, True, False)
        emission, cap = RATES[name]
        limits = ModelLimits(
            calls=self.pick(0, 0, 1, 2, 3),
            rules={rule: self.pick(1, 1, 2, 3) for rule in "klm" if self.pick(True, False)},
            rate="t" if rated else None,
            emission=emission if rated else 0,
            cap=cap if rated else 0,
            paused=self.chance.random() < 0.1,
        )
        rate = (limits.rate, limits.emission, limits.cap)
        self.queue.limit_function(name, self.now, limits.calls, limits.rules, *rate, limits.paused)
        self.model.limit_function(name, limits)

    def restore_throttles(self) -> None:
        arrivals = {self.pick("t/p/a", "t/q/b"): self.now + self.pick(-5, 1, 2)}
        self.queue.restore_throttles(arrivals, self.now)
        self.model.restore_throttles(arrivals)

    def pass_time(self) -> None:
        self.now += self.pick(1, 1, 2, 4)

    def set_the_clock_back(self) -> None:
        if not self.model.arrivals:  # that is another test's
            self.now -= self.pick(1, 3)

    def promote(self) -> None:
        self.queue.promote(self.now)
        self.model.promote(self.now)

    def compare(self) -> None:
        assert len(self.queue) == len(self.model.jobs)
        for id in IDS:
            assert (id in self.queue) == (self.model.find(id) is not None)
        assert self.queue.depth() == self.model.depth()
        self.promote()
        for id in self.chance.sample(IDS, 4):
            assert self.queue.explain(id, HOLDERS_SHOWN) == self.model.explain(id, HOLDERS_SHOWN)
        scheduled = [job.due for job in self.model.of("scheduled")]
        opening = [self.model.opens_at(job) for job in self.model.of("ready") if self.model.pays(job)]
        next_due = self.queue.next_due()
        if next_due is None:
            assert scheduled == []
        else:
            assert min([*scheduled, *opening]) <= next_due <= min(scheduled, default=next_due)
        due = [job.due for job in self.model.could_run()]
        assert self.queue.oldest_ready() == min(due, default=None)


@pytest.mark.parametrize("seed", range(60))
def test_beside_lists(seed: int) -> None:
    beside = Beside(random.Random(seed))
    weights: dict[Callable[[], None], int] = {
        beside.add: 4,
        beside.lease: 8,
        beside.done: 5,
        beside.requeue: 2,
        beside.drop: 2,
        beside.limit_group: 1,
        beside.limit_function: 2,
        beside.restore_throttles: 1,
        beside.pass_time: 4,
        beside.set_the_clock_back: 1,
    }
    for change in beside.chance.choices(list(weights), list(weights.values()), k=80):
        change()
        beside.compare()
