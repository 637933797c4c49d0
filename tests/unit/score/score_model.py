"""The fair queue as lists that are searched from end to end.

What is next is not foretold but judged: `takes` accepts any job that the rules allow.
"""

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass
class ModelJob:
    id: str
    partition: str
    group: str
    function: str
    due: int
    score: int
    payload: Any
    counters: tuple[str, ...] = ()
    throttle: str = ""
    run_counter: str = ""
    run: str = ""
    entering: bool = False
    under_way: bool = False
    place: int = 0
    state: str = "scheduled"

    @property
    def line(self) -> tuple[Any, ...]:
        """Jobs of one line pass the same gates. Those of others may have to wait until one had its chance."""
        return self.partition, self.counters, self.throttle, self.entering and self.run_counter

    @property
    def lives(self) -> bool:
        """Whether its run is in its run counter for its sake."""
        return self.under_way or (self.entering and self.state == "leased")


@dataclass
class ModelLimits:
    calls: int = 0
    rules: dict[str, int] = field(default_factory=dict)
    rate: str | None = None
    emission: int = 0
    cap: int = 0
    paused: bool = False


@dataclass
class ModelQueue:
    jobs: list[ModelJob] = field(default_factory=list)
    group_of: dict[str, str] = field(default_factory=dict)  # while a partition has jobs
    group_limits: dict[str, int] = field(default_factory=dict)
    limits: dict[str, ModelLimits] = field(default_factory=dict)
    were_limited: set[str] = field(default_factory=set)
    arrivals: dict[str, int] = field(default_factory=dict)
    # Of each that could run: who had a turn since it last had one.
    group_turns: dict[str, set[Any]] = field(default_factory=dict)
    partition_turns: dict[str, set[Any]] = field(default_factory=dict)
    lane_turns: dict[Any, set[Any]] = field(default_factory=dict)
    added: int = 0
    now: int = 0

    def find(self, id: str) -> ModelJob | None:
        return next((job for job in self.jobs if job.id == id), None)

    def of(self, state: str, **what: Any) -> list[ModelJob]:
        """Jobs in that state, in order, by any of their attributes."""
        found = [job for job in self.jobs if job.state == state]
        for name, value in what.items():
            found = [job for job in found if getattr(job, name) == value]
        return sorted(found, key=order)

    # Changes

    def add(self, id: str, partition: str, group: str, function: str, due: int, *about: Any) -> bool:
        if self.find(id):
            return False
        self.put(id, partition, group, function, due, *about)
        return True

    def put(self, id: str, partition: str, group: str, function: str, due: int, *about: Any) -> None:
        score, payload, now, *gates = about
        self.added += 1
        group = self.group_of.setdefault(partition, group)
        job = ModelJob(id, partition, group, function, due, score, payload, *gates)
        job.place = self.added
        self.jobs.append(job)
        if due <= now:
            job.state = "ready"
        self.refresh()

    def takes(self, id: str) -> int:
        """Leases this job, which must be one that may be next. The arrival time that it pays for, or 0."""
        job = self.find(id)
        assert job is not None
        assert job in self.could_run()
        assert job == min((other for other in self.could_run() if other.line == job.line), key=order)
        for turns, name in (
            (self.group_turns, job.group),
            (self.partition_turns, job.partition),
            (self.lane_turns, self.lane(job)),
        ):
            for other, had_turns in turns.items():
                assert name not in had_turns, f"{name} has a second turn before {other} has one"
        for name in self.partition_turns:
            if self.group_of[name] == job.group:
                self.partition_turns[name].add(job.partition)
        for name in self.lane_turns:
            if name[0] == job.partition:
                self.lane_turns[name].add(self.lane(job))
        for had_turns in self.group_turns.values():
            had_turns.add(job.group)
        self.group_turns[job.group] = set()
        self.partition_turns[job.partition] = set()
        self.lane_turns[self.lane(job)] = set()
        job.state = "leased"
        arrival = 0
        if self.pays(job):
            arrival = max(self.arrivals.get(job.throttle, 0), self.now) + self.limits_of(job).emission
            self.arrivals[job.throttle] = arrival
        self.refresh()
        return arrival

    def done(self, id: str, followed_by: list[Any]) -> bool:
        job = self.find(id)
        over = job is not None and job.state == "leased" and self.drop(id)
        for about in followed_by:
            self.add(*about)
        return over

    def requeue(self, id: str, *about: Any) -> None:
        self.drop(id)
        self.put(id, *about)

    def drop(self, id: str) -> bool:
        job = self.find(id)
        if job is None:
            return False
        self.jobs.remove(job)
        self.refresh()
        return True

    def promote(self, now: int) -> None:
        self.now = now
        for job in self.of("scheduled"):
            if job.due <= now:
                job.state = "ready"
        self.refresh()

    def limit_group(self, name: str, limit: int | None) -> None:
        self.group_limits.pop(name, None)
        if limit is not None:
            self.group_limits[name] = limit
        self.refresh()

    def limit_function(self, name: str, limits: ModelLimits) -> None:
        self.limits[name] = limits
        self.were_limited.add(name)
        self.refresh()

    def restore_throttles(self, arrivals: dict[str, int]) -> None:
        for name, arrival in arrivals.items():
            self.arrivals[name] = max(self.arrivals.get(name, arrival), arrival)
        self.refresh()

    # Questions

    def explain(self, id: str, holders_shown: int) -> tuple[Any, ...] | None:
        job = self.find(id)
        if job is None:
            return None
        if job.state != "ready":
            return (job.state, job.due, job.score, 0, "", 0, 0, "", (), 0)
        ready = self.of("ready", partition=job.partition, counters=job.counters)
        blocked_by, limit, holders, counter, opens_at = self.what_blocks(job)
        shown = tuple(sorted(holders)[:holders_shown]) if counter else ()
        return (
            *("ready", job.due, job.score, ready.index(job)),
            *(blocked_by, limit, len(holders), counter, shown, opens_at),
        )

    def what_blocks(self, job: ModelJob) -> tuple[str, int, set[str], str, int]:
        """(by what, limit, holders, counter, opens at)"""
        limits = self.limits_of(job)
        calls = job.partition == job.function
        if calls and limits.paused:
            return "paused", 0, set(), "", 0
        holders = {other.id for other in self.of("leased", group=job.group)}
        if len(holders) >= self.group_limits.get(job.group, len(holders) + 1):
            return "app", self.group_limits[job.group], holders, "", 0
        holders = {other.id for other in self.of("leased", partition=job.partition)}
        if calls and limits.calls and len(holders) >= limits.calls:
            return "function", limits.calls, holders, "", 0
        for counter in job.counters:
            holders = {other.id for other in self.of("leased") if counter in other.counters}
            limit = limits.rules.get(rule_of(counter))
            if limit is not None and len(holders) >= limit:
                return "key", limit, holders, counter, 0
        if self.opens_at(job) > self.now:
            return "throttle", 0, set(), job.throttle, self.opens_at(job)
        if job.run_counter and job.entering:
            holders = {
                other.run for other in self.jobs if other.run_counter == job.run_counter and other.lives
            }
            limit = limits.rules.get(rule_of(job.run_counter))
            if limit is not None and len(holders) >= limit and job.run not in holders:
                return "runs", limit, holders, job.run_counter, 0
        return "", 0, set(), "", 0

    def limits_of(self, job: ModelJob) -> ModelLimits:
        return self.limits.get(job.function, ModelLimits())

    def pays(self, job: ModelJob) -> bool:
        return job.throttle != "" and rule_of(job.throttle) == self.limits_of(job).rate

    def opens_at(self, job: ModelJob) -> int:
        if not self.pays(job):
            return self.now
        limits = self.limits_of(job)
        start = max(self.arrivals.get(job.throttle, self.now), self.now)
        return max(start + limits.emission - limits.emission * limits.cap, self.now)

    def waits_for_time_only(self, job: ModelJob) -> bool:
        return self.opens_at(job) > self.now and self.what_blocks(replace(job, throttle=""))[0] == ""

    def could_run(self) -> list[ModelJob]:
        return [job for job in self.of("ready") if self.what_blocks(job)[0] == ""]

    def depth(self) -> dict[str, tuple[int, ...]]:
        return {
            name: tuple(len(self.of(state, partition=name)) for state in ("scheduled", "ready", "leased"))
            for name in dict.fromkeys(job.partition for job in self.jobs)
        }

    # Turns

    def lane(self, job: ModelJob) -> Any:
        return job.partition, job.counters

    def refresh(self) -> None:
        """Forgets empty partitions, and starts the turns of who could run only now."""
        held = {job.partition for job in self.jobs}
        self.group_of = {name: group for name, group in self.group_of.items() if name in held}
        able = self.could_run()
        self.group_turns = {name: self.group_turns.get(name, set()) for name in {job.group for job in able}}
        partitions = {job.partition for job in able}
        self.partition_turns = {name: self.partition_turns.get(name, set()) for name in partitions}
        # Where there are gates, one that waits there may have to wait until another had its chance.
        lanes = {self.lane(job) for job in able if job.function not in self.were_limited}
        self.lane_turns = {name: self.lane_turns.get(name, set()) for name in lanes}


def order(job: ModelJob) -> tuple[int, int]:
    return job.score, job.place


def rule_of(counter: str) -> str:
    return counter.partition("/")[0]
