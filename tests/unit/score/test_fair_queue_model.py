"""FairQueue beside lists, after any sequence of changes."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from score_model import ModelQueue

from inngest_fast._native.score import FairQueue

IDS = [str(n) for n in range(12)]
ids = st.sampled_from(IDS)
partitions = st.sampled_from(["p", "q", "r", "s"])
groups = st.sampled_from(["a", "b"])
limits = st.sampled_from([None, None, 0, 1, 2, 5])


class Beside(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.queue: FairQueue[str] = FairQueue()
        self.model = ModelQueue()
        self.now = 100

    @rule(id=ids, partition=partitions, group=groups, after=st.integers(-2, 5), score=st.integers(-3, 3))
    def add(self, id: str, partition: str, group: str, after: int, score: int) -> None:
        job = (id, partition, group, self.now + after, score, "payload of " + id, self.now)
        assert self.queue.add(*job) == self.model.add(*job)

    @rule(partition=partitions, group=groups)
    def add_many(self, partition: str, group: str) -> None:
        for id in IDS:
            self.add(id, partition, group, 0, 0)

    @rule(n=st.integers(1, 6))
    def lease(self, n: int) -> None:
        self.model.promote(self.now)
        out = self.queue.lease(n, self.now)
        for payload in out:
            self.model.takes(payload.removeprefix("payload of "))
        assert len(out) == n or (len(out) < n and not self.model.could_run())

    @rule(n=st.integers(-3, 0))
    def lease_none(self, n: int) -> None:
        self.model.promote(self.now)
        assert self.queue.lease(n, self.now) == []

    @rule(id=ids)
    def done(self, id: str) -> None:
        assert self.queue.done(id) == self.model.done(id)

    @rule(id=ids)
    def drop(self, id: str) -> None:
        assert self.queue.drop(id) == self.model.drop(id)

    @rule(name=groups, limit=limits)
    def limit_group(self, name: str, limit: int | None) -> None:
        self.queue.limit_group(name, limit)
        self.model.limit_group(name, limit)

    @rule(name=partitions, group=groups, limit=limits)
    def limit_partition(self, name: str, group: str, limit: int | None) -> None:
        self.queue.limit_partition(name, group, limit)
        self.model.limit_partition(name, group, limit)

    @rule(name=partitions, group=groups, after=st.one_of(st.none(), st.integers(-1, 5)))
    def hold(self, name: str, group: str, after: int | None) -> None:
        until = None if after is None else self.now + after
        self.queue.hold(name, group, until)
        self.model.hold(name, group, until)

    @rule(by=st.integers(-3, 4))
    def pass_time(self, by: int) -> None:
        self.now += by

    @rule()
    def promote(self) -> None:
        self.queue.promote(self.now)
        self.model.promote(self.now)

    @invariant()
    def same(self) -> None:
        assert len(self.queue) == len(self.model.jobs)
        for id in IDS:
            assert (id in self.queue) == (self.model.find(id) is not None)
            assert self.queue.explain(id) == self.model.explain(id)
        assert self.queue.depth() == self.model.depth()
        assert self.queue.next_due() == self.model.next_due()
        able = self.model.could_run()
        assert self.queue.has_ready() == bool(able)
        assert self.queue.oldest_ready() == min((job.due for job in able), default=None)


TestBeside = Beside.TestCase
TestBeside.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
