"""Accepting events that no function wants: one in a request, and many."""

import asyncio
import time
from collections.abc import Iterator

from bench.result import Result
from bench.sender import Connection
from bench.stage import Stage

_NAME = "bench/unheard"


async def play(stage: Stage) -> list[Result]:
    options = stage.options
    results = []
    for name, size in (("single", 1), (f"batch {options.batch}", options.batch)):
        await send(stage, stage.numbers(options.warmup), size, 0.0)
        result = Result("ingest", f"ingest {name}", "event")
        numbers = stage.numbers(options.count(10_000))
        async with stage.measured(result, len(numbers)):
            await send(stage, numbers, size, options.rate)
        result.counts["lost"] = len(numbers) - result.counts["accepted"]
        results.append(result)
    return results


async def send(stage: Stage, numbers: list[int], size: int, rate: float) -> None:
    """All of them, so many in a request, one request at a time on each connection."""
    begun = time.perf_counter()
    batches = _batches(numbers, size)
    sent = 0

    async def work(connection: Connection) -> None:
        nonlocal sent
        for batch in batches:
            at = begun + sent / rate if rate else None
            sent += len(batch)
            if at is not None:
                await asyncio.sleep(max(0.0, at - time.perf_counter()))
            events = [stage.event(_NAME, n) for n in batch]
            body = events[0] if size == 1 else b"[" + b",".join(events) + b"]"
            for n in batch:
                stage.journal.send(n, at)
            await stage.post(connection, body, batch)

    await asyncio.gather(*(work(connection) for connection in stage.sender.connections))


def _batches(numbers: list[int], size: int) -> Iterator[list[int]]:
    return (numbers[i : i + size] for i in range(0, len(numbers), size))
