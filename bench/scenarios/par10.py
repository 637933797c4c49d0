"""Runs of ten parallel steps: a call to plan them, one for each, one for the end."""

from bench.result import Result
from bench.scenarios.runs import play_runs
from bench.stage import Stage


async def play(stage: Stage) -> list[Result]:
    return await play_runs(stage, "par10", 500)
