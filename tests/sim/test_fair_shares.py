"""Keys under one limit, of which one makes much noise, scored over a whole server: 1 is a perfect share."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import Any

from inngest_fast.domain.functions import ConcurrencyLimit
from tests.sim.controls import Controls
from tests.sim.programs import Program, Run
from tests.sim.world import World, simulate

_SEEDS = 4
_LEAST = 0.95


def jain(shares: Iterable[int]) -> float:
    """1 if all have the same, 1/n if one has all."""
    shares = list(shares)
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares))


class Market:
    """Quiet keys with some runs each, a noisy one with four times as many, all at once; then one that comes late."""

    def __init__(self, seed: int, *, keyed: bool) -> None:
        random = Random(seed)
        self.keys = [f"quiet-{n}" for n in range(random.randint(3, 8))]
        self.steps = random.choice((0, 1, 3))
        self.runs = random.randint(12, 16)
        self.limit = random.choice((1, 2, 5))
        limits = [ConcurrencyLimit(self.limit)]
        if keyed:
            limits.append(ConcurrencyLimit(random.choice((2, 10)), "event.data.k"))
        body = tuple(Run(f"f0-{n}") for n in range(self.steps))
        self.program = Program("f0", body, event="app/a", controls=Controls(concurrency=tuple(limits)))
        self.late_after = 0  # calls that had begun when the late one came

    async def open(self, world: World) -> None:
        """Plays it in a world."""
        await self._send(world, "noisy", 4 * self.runs)
        for key in self.keys:
            await self._send(world, key, self.runs)
        while len(calls(world)) < self.runs:  # noqa: ASYNC110 time is virtual
            await asyncio.sleep(0.01)
        await self._send(world, "late", 1)
        self.late_after = len(calls(world))

    async def _send(self, world: World, key: str, n: int) -> None:
        events = [{"name": "app/a", "data": {"n": 1, "k": key}} for _ in range(n)]
        await world.senders.post(json.dumps(events).encode(), resend=True)

    def score(self, world: World) -> float:
        """Of the calls for as long as everybody wants more."""
        shares = Counter(dict.fromkeys(("noisy", *self.keys), 0))
        began = self.late_after  # before, not all have come
        for key in calls(world)[began:]:
            if key in shares:
                shares[key] += 1
            if shares[key] == self.runs // 2:  # some were served before
                break
        return jain(shares.values())

    def turns_until_late(self, world: World) -> int:
        """How many calls begin before the one of the key that comes late."""
        return calls(world).index("late") - self.late_after


def calls(world: World) -> list[str]:
    """The keys of all calls, in the order in which they begin."""
    made = world.model.flow.made
    requests: list[Any] = [entry[3] for entry in world.trace if entry[2] == "call"]
    return [str(made[json.loads(request.body)["ctx"]["run_id"]].data["k"]) for request in requests]


def played(seed: int, *, keyed: bool = True) -> tuple[Market, World]:
    market = Market(seed, keyed=keyed)
    world = simulate(seed, programs={"f0": market.program}, scene=market.open, controlled=True)
    return market, world


def test_keys_have_equal_shares_of_a_function_limit() -> None:
    for seed in range(_SEEDS):
        market, world = played(seed)
        assert market.score(world) >= _LEAST, (seed, market.score(world), vars(market))


def test_a_key_that_comes_late_waits_for_one_turn_of_each_other() -> None:
    for seed in range(_SEEDS):
        market, world = played(seed)
        others = len(market.keys) + 1
        assert market.turns_until_late(world) <= others + market.limit, (seed, vars(market))


def test_without_keys_the_noisy_one_has_most() -> None:
    """The score can tell."""
    scores = [market.score(world) for market, world in (played(seed, keyed=False) for seed in range(2))]
    assert max(scores) < _LEAST
