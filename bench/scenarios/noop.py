"""Runs without steps: one call each."""

from bench.result import Result
from bench.scenarios.runs import play_runs
from bench.stage import Stage


async def play(stage: Stage) -> list[Result]:
    return await play_runs(stage, "noop", 5_000)
