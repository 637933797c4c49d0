"""A server with nothing to do: its start, its memory, and how soon it wakes."""

import asyncio

from bench.backends import placed
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
    """How long starts took; none of them had modules to compile, or a schema of PostgreSQL to make."""
    mode, arguments = stage.options.mode, stage.options.server_arguments
    times: list[float] = []
    with placed(stage.backends) as place:
        if place is not None and stage.options.starts:
            with started(mode, arguments, place):
                pass
        for _ in range(stage.options.starts):
            with started(mode, arguments, place) as server:
                times.append(server.start_ms or 0.0)
    return times
