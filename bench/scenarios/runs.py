"""Runs from their event to their end, many at once."""

from bench.result import Result
from bench.stage import Stage


async def play_runs(stage: Stage, function: str, usual: int) -> list[Result]:
    """One event for each run of the function; `usual` runs unless the options say otherwise."""
    options = stage.options
    name = f"bench/{function}"
    await stage.play(name, stage.numbers(options.warmup))
    result = Result(function, function, "run")
    numbers = stage.numbers(options.count(usual))
    async with stage.measured(result, len(numbers)):
        result.counts["lost"] = await stage.play(name, numbers, rate=options.rate)
    return [result]
