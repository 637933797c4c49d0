"""What goes wrong where several processes share a store and a queue."""

from random import Random

from tests.sim.faults import Faults


class ReplicaFaults(Faults):
    """On top of what goes wrong for one process."""

    def __init__(self, random: Random, *, wild: bool = True) -> None:
        super().__init__(random, wild=wild)
        wild = wild and random.random() < 0.85
        self.replicas = random.choice((2, 2, 3))
        self.crash_after = random.choice((60, 300, 1_000, 3_000))
        self.lease_s = random.choice((3.0, 3.0, 15.0))
        self.hint_delay = random.choice((0.001, 0.01, 0.1))
        self.stalls = random.choice((0, 0, 1, 3)) if wild else 0
        self.flushes = random.choice((0, 0, 1, 3)) if wild else 0
        self.flushes_told = random.random() < 0.5  # the queue tells of them at once
        self.failovers = random.choice((0, 0, 1, 2)) if wild else 0
        self.lost_messages = random.choice((0.0, 0.2, 1.0)) if wild else 0.0
        self.skew_ms = random.choice((0, 0, 0, 200, 3_000)) if wild else 0
        self.registered_late = random.random() < 0.4
        if wild and random.random() < 0.3:
            self._keep_only(random.choice(("crashes", "stalls", "flushes", "failovers")))

    def _keep_only(self, kind: str) -> None:
        """What one kind of fault may lead to, and what it may not, shows where there is no other."""
        rates = ("bad_calls", "empty_answers", "lost_jobs", "crashes", "stalls", "flushes", "failovers")
        for name in rates:
            if name != kind:
                setattr(self, name, 0)
        setattr(self, kind, 3)

    @property
    def harmless(self) -> bool:
        return super().harmless and not (self.stalls or self.flushes or self.failovers)

    def hint_way(self) -> float:
        return self.hint_delay * self._random.random()
