"""What events and runs cost among very many waiting and finished runs, beside an empty database."""

import asyncio
import statistics
import time
import urllib.request
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import msgspec

from bench.backends import Backends, Place
from bench.functions import WAITED_FOR
from bench.result import Result
from bench.scenarios.ingest import send
from bench.scenarios.wait import fill
from bench.server import Server, started
from bench.stage import Stage, staged

if TYPE_CHECKING:  # loaded when it is used, and psycopg with it
    from bench.crowd import Filled

_LOOK_EVERY_S: Final = 0.5
_QUEUED_WITHIN_S: Final = 1_800.0
_COMPARED: Final = (
    ("cpu_vs_empty", "cpu_ms"),
    ("postgres_cpu_vs_empty", "postgres_cpu_ms"),
    ("first_call_p50_vs_empty", "first_call_ms.p50"),
    ("first_call_p99_vs_empty", "first_call_ms.p99"),
)


async def play(stage: Stage) -> list[Result]:
    """The stage's servers have a database without more than what is measured; others get one with the crowd.

    Both are measured in turn, `rounds` times; figures are medians of the rounds. The first result is the
    making of the crowd.
    """
    options, backends = stage.options, stage.backends
    if backends is None:
        raise SystemExit("bench: crowd needs --backends production")
    with backends.place() as place:
        filled = await _filled(stage, backends, place)
        backends.redis.drop(place.prefix)
        before = backends.redis.used_bytes()
        with started(options.mode, options.server_arguments, place, options.replicas) as server:
            begun = time.perf_counter()
            async with staged(server, options, backends) as crowded:
                cpu = crowded.processes.cpu_seconds() or 0.0
                await _queued(server, options.crowd)
                making = Result(
                    "crowd",
                    f"crowd of {options.crowd}",
                    "waiting run",
                    {"sent": options.crowd, "lost": 0, "waiting": options.crowd},
                    {
                        "rate_per_s": options.crowd / filled.seconds,
                        "fill_seconds": filled.seconds,
                        "vacuum_seconds": filled.vacuum_seconds,
                        "database_mib": backends.postgres.size_mib(place.schema),
                        "queue_seconds": time.perf_counter() - begun,
                        "queue_cpu_seconds": (crowded.processes.cpu_seconds() or 0.0) - cpu,
                        "redis_bytes_per_job": (backends.redis.used_bytes() - before) / options.crowd,
                    },
                )
                measured = await _both(stage, crowded)
                making.counts["lost"] = await _resumed(crowded)
                return [making, *measured]


async def _filled(stage: Stage, backends: Backends, place: Place) -> "Filled":
    """A run of each kind by a server of ours, and the crowd by copies of them."""
    from bench.crowd import TEMPLATE_N, fill_place

    options = stage.options
    with started(options.mode, options.server_arguments, place) as server:
        async with staged(server, options, backends) as first:
            await first.play("bench/noop", first.numbers(1))
            await fill(first, [TEMPLATE_N])
    return await asyncio.to_thread(fill_place, backends.postgres, place.schema, options.crowd)


class _Counters(msgspec.Struct):
    queue_jobs: int = 0


class _Health(msgspec.Struct):
    counters: _Counters


async def _queued(server: Server, jobs: int) -> None:
    """Returns once the queue has them all: a Redis that knew nothing is told of them in the background."""
    deadline = time.monotonic() + _QUEUED_WITHIN_S
    while await asyncio.to_thread(_queue_jobs, server.urls[0]) < jobs:
        if time.monotonic() > deadline:
            raise SystemExit("bench: the jobs of waiting runs were not queued")
        await asyncio.sleep(_LOOK_EVERY_S)


def _queue_jobs(url: str) -> int:
    """0 while the server is too busy to count."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=10) as reply:
            return msgspec.json.decode(reply.read(), type=_Health).counters.queue_jobs
    except OSError:
        return 0


async def _both(empty: Stage, crowded: Stage) -> list[Result]:
    sides = ((empty, 0), (crowded, empty.options.crowd))
    found: dict[tuple[str, int], list[Result]] = {}
    for _ in range(empty.options.rounds):
        for what, measure in _MEASURES.items():
            for stage, waiting in sides:
                result = await measure(stage, f"crowd {what} ({waiting})")
                result.counts["waiting"] = waiting
                found.setdefault((what, waiting), []).append(result)
    results = []
    for what in _MEASURES:
        few, many = (_median(found[what, waiting]) for _, waiting in sides)
        for name, figure in _COMPARED:
            ours, theirs = many.figure(figure), few.figure(figure)
            if ours and theirs:
                many.figures[name] = ours / theirs
        results += [few, many]
    return results


async def _resumed(stage: Stage) -> int:
    """How many of some runs of the crowd do not go on: copies that no server would have written."""
    from bench.crowd import waiting_number

    count = stage.options.crowd
    return await stage.play(WAITED_FOR, {waiting_number(i * count // 10, count) for i in range(10)})


async def _matching(stage: Stage, name: str) -> Result:
    """Events that meet one waiting run each, of which the server itself made so many beside the crowd."""
    options = stage.options
    warm = stage.numbers(options.warmup)
    await fill(stage, warm)
    await stage.play(WAITED_FOR, warm)
    numbers = stage.numbers(options.count(1_000))
    await fill(stage, numbers)
    stage.random.shuffle(numbers)
    result = Result("crowd", name, "event")
    async with stage.measured(result, len(numbers)):
        result.counts["lost"] = await stage.play(WAITED_FOR, numbers, rate=options.rate)
    return result


async def _ingest(stage: Stage, name: str) -> Result:
    options = stage.options
    await send(stage, stage.numbers(options.warmup), 1, 0.0)
    result = Result("crowd", name, "event")
    numbers = stage.numbers(options.count(5_000))
    async with stage.measured(result, len(numbers)):
        await send(stage, numbers, 1, options.rate)
    result.counts["lost"] = len(numbers) - result.counts["accepted"]
    return result


async def _noop(stage: Stage, name: str) -> Result:
    options = stage.options
    await stage.play("bench/noop", stage.numbers(options.warmup))
    result = Result("crowd", name, "run")
    numbers = stage.numbers(options.count(2_000))
    async with stage.measured(result, len(numbers)):
        result.counts["lost"] = await stage.play("bench/noop", numbers, rate=options.rate)
    return result


_MEASURES: Final[dict[str, Callable[[Stage, str], Awaitable[Result]]]] = {
    "matching": _matching,
    "ingest": _ingest,
    "noop": _noop,
}


def _median(rounds: list[Result]) -> Result:
    """One result for all rounds: sums of counts, medians of figures."""
    first = rounds[0]
    whole = Result(first.scenario, first.name, first.unit)
    for name in first.counts:
        counts = [one.counts[name] for one in rounds]
        whole.counts[name] = counts[0] if name == "waiting" else sum(counts)
    for name, figure in first.figures.items():
        parts = {f"{name}.{part}": part for part in figure} if isinstance(figure, dict) else {name: ""}
        medians = {
            part: statistics.median(value for one in rounds if (value := one.figure(path)) is not None)
            for path, part in parts.items()
        }
        whole.figures[name] = medians if isinstance(figure, dict) else medians[""]
    return whole
