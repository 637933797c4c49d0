"""The fair queue as lists that are searched from end to end.

What is next is not foretold but judged: `takes` accepts any job that the rules allow.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class ModelJob:
    id: str
    partition: str
    due: int
    score: int
    payload: Any
    place: int
    state: str = "scheduled"


@dataclass
class ModelQueue:
    jobs: list[ModelJob] = field(default_factory=list)
    group_of: dict[str, str] = field(default_factory=dict)  # while a partition has jobs, a limit or a hold
    group_limits: dict[str, int] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    holds: dict[str, int] = field(default_factory=dict)
    # By partition, and by group, that could run: who had a turn since it last had one.
    partition_turns: dict[str, set[str]] = field(default_factory=dict)
    group_turns: dict[str, set[str]] = field(default_factory=dict)
    added: int = 0

    def find(self, id: str) -> ModelJob | None:
        return next((job for job in self.jobs if job.id == id), None)

    def of(self, partition: str, state: str) -> list[ModelJob]:
        return sorted(
            (job for job in self.jobs if job.partition == partition and job.state == state),
            key=lambda job: (job.score, job.place),
        )

    def add(self, id: str, partition: str, group: str, due: int, score: int, payload: Any, now: int) -> bool:
        if self.find(id):
            return False
        self.added += 1
        self.group_of.setdefault(partition, group)
        job = ModelJob(id, partition, due, score, payload, self.added)
        self.jobs.append(job)
        if due <= now:
            job.state = "ready"
        self.refresh()
        return True

    def takes(self, id: str) -> None:
        """Leases this job, which must be one that may be next."""
        job = self.find(id)
        assert job is not None
        assert job in self.could_run()
        assert job == self.of(job.partition, "ready")[0]
        group = self.group_of[job.partition]
        for others, name in ((self.partition_turns, job.partition), (self.group_turns, group)):
            for other, had_turns in others.items():
                assert name not in had_turns, f"{name} has a second turn before {other} has one"
        job.state = "leased"
        for name in self.partition_turns:
            if self.group_of[name] == group:
                self.partition_turns[name].add(job.partition)
        for had_turns in self.group_turns.values():
            had_turns.add(group)
        self.partition_turns[job.partition] = set()
        self.group_turns[group] = set()
        self.refresh()

    def done(self, id: str) -> bool:
        job = self.find(id)
        if job is None or job.state != "leased":
            return False
        return self.drop(id)

    def drop(self, id: str) -> bool:
        job = self.find(id)
        if job is None:
            return False
        self.jobs.remove(job)
        self.refresh()
        return True

    def promote(self, now: int) -> None:
        for job in self.jobs:
            if job.state == "scheduled" and job.due <= now:
                job.state = "ready"
        self.holds = {partition: until for partition, until in self.holds.items() if until > now}
        self.refresh()

    def limit_group(self, name: str, limit: int | None) -> None:
        self.group_limits.pop(name, None)
        if limit is not None:
            self.group_limits[name] = limit
        self.refresh()

    def limit_partition(self, name: str, group: str, limit: int | None) -> None:
        self.group_of.setdefault(name, group)
        self.limits.pop(name, None)
        if limit is not None:
            self.limits[name] = limit
        self.refresh()

    def hold(self, name: str, group: str, until: int | None) -> None:
        self.group_of.setdefault(name, group)
        self.holds.pop(name, None)
        if until is not None:
            self.holds[name] = until
        self.refresh()

    def next_due(self) -> int | None:
        dues = [job.due for job in self.jobs if job.state == "scheduled"]
        return min([*dues, *self.holds.values()], default=None)

    def in_use(self, group: str) -> int:
        return sum(job.state == "leased" and self.group_of[job.partition] == group for job in self.jobs)

    def what_blocks(self, partition: str) -> tuple[str, int, int]:
        group = self.group_of[partition]
        if partition in self.holds:
            return "hold", 0, 0
        leased = len(self.of(partition, "leased"))
        if leased >= self.limits.get(partition, leased + 1):
            return "partition limit", self.limits[partition], leased
        leased = self.in_use(group)
        if leased >= self.group_limits.get(group, leased + 1):
            return "group limit", self.group_limits[group], leased
        return "", 0, 0

    def explain(self, id: str) -> tuple[str, int, int, int, str, int, int] | None:
        job = self.find(id)
        if job is None:
            return None
        if job.state != "ready":
            return (job.state, job.due, job.score, 0, "", 0, 0)
        position = self.of(job.partition, "ready").index(job)
        return (job.state, job.due, job.score, position, *self.what_blocks(job.partition))

    def depth(self) -> dict[str, tuple[int, int, int]]:
        return {
            name: tuple(len(self.of(name, state)) for state in ("scheduled", "ready", "leased"))
            for name in dict.fromkeys(job.partition for job in self.jobs)
        }

    def could_run(self) -> list[ModelJob]:
        return [job for job in self.jobs if job.state == "ready" and self.what_blocks(job.partition)[0] == ""]

    def refresh(self) -> None:
        """Forgets empty partitions, and starts the turns of who could run only now."""
        held = {job.partition for job in self.jobs} | self.limits.keys() | self.holds.keys()
        self.group_of = {name: group for name, group in self.group_of.items() if name in held}
        # A full group's partitions keep their turns among each other.
        waiting = [name for name in self.group_of if self.of(name, "ready") and self.has_turns(name)]
        self.partition_turns = {name: self.partition_turns.get(name, set()) for name in waiting}
        groups = {self.group_of[job.partition] for job in self.could_run()}
        self.group_turns = {name: self.group_turns.get(name, set()) for name in groups}

    def has_turns(self, partition: str) -> bool:
        return self.what_blocks(partition)[0] in ("", "group limit")
