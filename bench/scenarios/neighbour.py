"""How soon an event is worked on beside another function's backlog: in the same app, and in another."""

import asyncio
from collections.abc import Callable
from typing import Final

from bench.app import App
from bench.backlog import Backlog, piled_up
from bench.functions import noop
from bench.measure import milliseconds
from bench.result import Result
from bench.stage import Stage

_REST_S: Final = 0.05
_PROBES: Final = (("same_app_ms", "busy/probe"), ("other_app_ms", "other/probe"))


async def play(stage: Stage) -> list[Result]:
    """The first result is of an idle server, the second of one whose calls to the busy app are all taken.

    Events go one at a time to each app in turn, the next some time after the last one's run has ended.
    """
    options, journal, sender = stage.options, stage.journal, stage.sender
    count = options.count(100_000)
    async with (
        App(journal, sender, "busy", {"many": noop, "probe": noop}) as busy,
        App(journal, sender, "other", {"probe": noop}),
    ):
        for n in stage.numbers(min(options.warmup, 50)):
            for _, event in _PROBES:
                await stage.play(event, (n,))
        alone = Result("neighbour", "neighbour none", "event")
        async with stage.measured(alone, options.probes * len(_PROBES)):
            lost = await _probe(stage, alone, lambda: False)
        _keep(alone, lost)

        backlog = Backlog(stage, "busy/many", count)
        hold = await piled_up(stage, busy, "many", backlog)
        usual = options.call_ms / 1e3
        # Calls that all took the same would end in bursts, and a place be free only then.
        hold.takes = lambda: stage.random.uniform(0.5 * usual, 1.5 * usual)
        beside = Result("neighbour", f"neighbour {count}", "run")
        async with stage.measured(beside, count):
            hold.open()
            await asyncio.sleep(usual)
            lost = await _probe(stage, beside, lambda: backlog.over)
            lost += await backlog.ended()
        _keep(beside, lost)
        beside.counts |= {"sent": count, "accepted": count}
    return [alone, beside]


async def _probe(stage: Stage, result: Result, over: Callable[[], bool]) -> int:
    """Sends events for as long as it is not over; how soon they were called for goes into the result.

    How many were not, in time.
    """
    journal, lost = stage.journal, 0
    took: dict[str, list[float]] = {name: [] for name, _ in _PROBES}
    for _ in range(stage.options.probes):
        if over():
            break
        for (name, event), n in zip(_PROBES, stage.numbers(len(_PROBES)), strict=True):
            lost += await stage.play(event, (n,))
            if n in journal.called:
                took[name].append(journal.called[n] - journal.sent[n])
            await asyncio.sleep(_REST_S)
    if not all(took.values()):
        raise SystemExit("bench: the backlog was over before anything was tried beside it: more --events")
    result.figures |= {name: milliseconds(seconds) for name, seconds in took.items()}
    result.counts["probes"] = sum(map(len, took.values()))
    return lost


def _keep(result: Result, lost: int) -> None:
    """Of all latencies those by app: the others are of both together."""
    for name in ("accept_ms", "first_call_ms", "end_ms"):
        result.figures.pop(name, None)
    result.counts["lost"] = lost
