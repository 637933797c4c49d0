"""What goes wrong in one simulation: chosen by its seed, and over at a given time."""

from random import Random


class Faults:
    """Rates are per occasion. Nothing goes wrong once `calm` is set."""

    def __init__(self, random: Random, *, wild: bool = True) -> None:
        self._random = random
        pick = random.random
        wild = wild and pick() < 0.9
        self.crashes = random.choice((0, 0, 1, 2, 4, 8)) if wild else 0
        self.orderly = 0.2  # of the crashes are stops
        self.crash_after = random.choice((10, 60, 300, 1_000))  # steps, at most
        self.downtime = random.choice((0.0, 0.0, 1.0, 1.0, 30.0, 150.0))  # longest
        self.bad_calls = random.choice((0.0, 0.0, 0.05, 0.2)) if wild else 0.0
        self.slow_calls = random.choice((0.0, 0.1, 0.5)) if wild else 0.0
        self.empty_answers = random.choice((0.0, 0.0, 0.05)) if wild else 0.0
        self.commit_failures = random.choice((0.0, 0.0, 0.05, 0.3)) if wild else 0.0
        self.read_failures = random.choice((0.0, 0.0, 0.05)) if wild else 0.0
        self.commit_delay = random.choice((0.0, 0.002, 0.05, 0.5))
        self.read_delay = random.choice((0.0, 0.0, 0.02))
        self.lost_jobs = random.choice((0, 0, 0, 1, 4)) if wild else 0
        self.clock_steps = random.choice((0, 0, 0, 1, 3)) if wild else 0
        self.cached = random.choice((None, None, 1, 6_000))  # bytes of runs in memory
        self.calm = False

    @property
    def harmless(self) -> bool:
        """Whether every call is to be made exactly once."""
        return not (self.crashes or self.bad_calls or self.empty_answers or self.lost_jobs)

    def happens(self, rate: float) -> bool:
        return bool(rate) and not self.calm and self._random.random() < rate

    def delay(self, longest: float) -> float:
        """Mostly short."""
        if not longest:
            return 0.0
        return longest * self._random.random() ** 3

    def __repr__(self) -> str:
        return ", ".join(f"{k}={v}" for k, v in vars(self).items() if not k.startswith("_"))
