"""Runs that wait for an event, and the events that match one each, among few waiting runs and many."""

import asyncio
import time

from bench.functions import WAITED_FOR
from bench.result import Result
from bench.stage import Stage

_BATCH = 100


async def play(stage: Stage) -> list[Result]:
    """A result for each number of waiting runs, fewest first.

    So many runs wait all the while; those that are matched wait beside them, so that the crowd does not
    shrink while it is measured.
    """
    options = stage.options
    results: list[Result] = []
    crowd = 0
    for waiting in sorted(set(options.waiting)):
        await fill(stage, stage.numbers(waiting - crowd))
        crowd = waiting
        warm = stage.numbers(options.warmup)
        await fill(stage, warm)
        await stage.play(WAITED_FOR, warm)
        numbers = stage.numbers(options.count(1_000))
        await fill(stage, numbers)
        stage.random.shuffle(numbers)
        result = Result("wait", f"wait {waiting}", "event", {"waiting": waiting})
        async with stage.measured(result, len(numbers)):
            result.counts["lost"] = await stage.play(WAITED_FOR, numbers, rate=options.rate)
        _compare(result, results)
        results.append(result)
    return results


async def fill(stage: Stage, numbers: list[int]) -> None:
    """Starts a run for each number; on return they wait. SystemExit if one does not come so far."""
    journal = stage.journal
    connection = stage.sender.connections[0] if numbers else None
    for i in range(0, len(numbers), _BATCH):
        batch = numbers[i : i + _BATCH]
        for n in batch:
            journal.send(n)
        body = b"[" + b",".join(stage.event("bench/wait", n) for n in batch) + b"]"
        assert connection is not None
        await stage.post(connection, body, batch)
        deadline = time.perf_counter() + stage.options.patience
        while not all(n in journal.called for n in batch):
            if time.perf_counter() > deadline:
                raise SystemExit("bench: runs that were to wait did not start")
            await asyncio.sleep(0.002)
    await stage.quiet()


def _compare(result: Result, before: list[Result]) -> None:
    fewest = before[0].figure("cpu_ms") if before else None
    cpu = result.figure("cpu_ms")
    if fewest and cpu:
        result.figures["cpu_vs_fewest"] = cpu / fewest
