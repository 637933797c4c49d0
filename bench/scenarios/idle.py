"""A server with nothing to do: its start, its memory, and how soon it wakes."""

import asyncio

from bench.measure import milliseconds
from bench.result import Result
from bench.server import started
from bench.stage import Stage

_REST_S = 0.02


async def play(stage: Stage) -> list[Result]:
    """Events go one at a time, the next some time after the last one's run has ended."""
    options = stage.options
    result = Result("idle", "idle", "run")
    await stage.quiet()
    await asyncio.sleep(options.settle)
    for name, memory in (
        ("idle_rss_mib", stage.processes.rss_mib()),
        ("idle_pss_mib", stage.processes.pss_mib()),
    ):
        if memory is not None:
            result.figures[name] = memory
    for n in stage.numbers(min(options.warmup, 50)):
        await stage.play("bench/noop", (n,))
    numbers = stage.numbers(options.count(200))
    lost = 0
    async with stage.measured(result, len(numbers)):
        for n in numbers:
            lost += await stage.play("bench/noop", (n,))
            await asyncio.sleep(_REST_S)
    result.counts["lost"] = lost
    if not options.target:
        result.figures["start_ms"] = milliseconds([s / 1e3 for s in _starts(stage)])
    return [result]


def _starts(stage: Stage) -> list[float]:
    """How long starts took; the stage's own, which may have had modules to compile, is not among them."""
    times: list[float] = []
    for _ in range(stage.options.starts):
        with started(stage.options.mode, stage.options.server_arguments) as server:
            times.append(server.start_ms or 0.0)
    return times
