"""Random programs and what is sent to them."""

from dataclasses import replace
from random import Random

from inngest_fast.domain.functions import ConcurrencyLimit, Singleton
from tests.sim.controls import Controls
from tests.sim.programs import (
    All,
    Body,
    Invoke,
    Program,
    Race,
    Run,
    Send,
    Sleep,
    Statement,
    Step,
    Throw,
    WaitEvent,
    WaitSignal,
)
from tests.sim.write_controls import write_controls

EVENTS = ("app/a", "app/b", "app/c")
WAITED = ("met/x", "met/y")
CANCEL = "app/cancel"
SIGNALS = ("s1", "s2")


class _Author:
    """Writes one function; later ones may be invoked and sent to, so that nothing goes in circles."""

    def __init__(self, random: Random, place: int, slugs: list[str]) -> None:
        self._random = random
        self._place = place
        self._slugs = slugs
        self._named = 0
        self._left = random.choice((1, 2, 3, 5, 8))

    def body(self, depth: int = 0) -> Body:
        out: list[Statement] = []
        longest = 4 if not depth else 2
        for _ in range(self._random.randint(0 if not depth else 1, longest)):
            if self._left <= 0:
                break
            chance = self._random.random()
            if depth < 2 and chance < 0.3 and self._left > 1:
                kind = Race if self._random.random() < 0.35 else All
                branches = [self.body(depth + 1) for _ in range(self._random.randint(2, 3))]
                branches = [branch for branch in branches if branch]
                if branches:
                    out.append(kind(tuple(branches)))
            elif chance < 0.36:
                out.append(Throw(self._random.choice((1, 1, 2, 9)), self._random.random() < 0.2))
            else:
                out.append(self._step())
        return tuple(out)

    def _step(self) -> Step:
        random = self._random
        self._left -= 1
        self._named += 1
        id = f"{self._slugs[self._place]}-{self._named}"
        kind = random.random()
        caught = random.random() < 0.7
        if kind < 0.5:
            fails = random.choice((0, 0, 0, 1, 2, 9))
            return Run(id, fails, final=fails > 0 and random.random() < 0.2, caught=caught)
        if kind < 0.62:
            return Sleep(id, random.choice((1, 1, 5, 20)))
        if kind < 0.76:
            return WaitEvent(id, random.choice(WAITED), random.random() < 0.5, random.choice((1, 10, 40)))
        if kind < 0.8:
            return WaitSignal(id, random.choice(SIGNALS), random.choice((5, 30)))
        later = self._slugs[self._place + 1 :]
        if kind < 0.9:
            target = random.choice([*later, "nowhere"])
            return Invoke(id, target, random.choice((5, 600)), caught=caught)
        return Send(
            id, random.choice((*WAITED, *EVENTS[self._place + 1 :])), random.randrange(3), caught=caught
        )


def write_programs(random: Random, *, controlled: bool) -> dict[str, Program]:
    """One to four functions of one app, `controlled` with flow control."""
    slugs = [f"f{i}" for i in range(random.randint(1, 3))]
    programs = {}
    for place, slug in enumerate(slugs):
        programs[slug] = Program(
            slug=slug,
            body=_Author(random, place, slugs).body(),
            event=EVENTS[place],
            above=random.choice((-1, -1, 0)),
            version=random.choice((1, 2, 2)),
            keeps_losers=random.random() < 0.3,
            run_complete=random.random() < 0.3,
            retries=random.choice((0, 2, 4, 8)),
            cancel=CANCEL if random.random() < 0.25 else "",
            start_s=random.choice((0, 0, 0, 0, 10)),
            finish_s=random.choice((0, 0, 0, 0, 15)),
        )
        if controlled and random.random() < 0.8:
            programs[slug] = replace(programs[slug], controls=write_controls(random, programs[slug]))
    if random.random() < 0.2:
        programs["failures"] = Program(
            "failures", (Run("failures-1"),), event="inngest/function.failed", retries=20
        )
    if random.random() < 0.15:
        programs["cron"] = Program("cron", (Run("cron-1"),), cron="* * * * *", retries=20)
        if controlled and random.random() < 0.5:
            limits = (ConcurrencyLimit(1), ConcurrencyLimit(1, kind="fn"))
            controls = Controls(concurrency=limits, singleton=random.choice((None, Singleton("skip"))))
            programs["cron"] = replace(programs["cron"], controls=controls)
    return programs
