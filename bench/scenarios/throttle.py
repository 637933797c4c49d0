"""How exactly a throttle keeps its times, and what it costs to wait for one."""

import asyncio
import time
from collections.abc import Iterable
from typing import Final

from bench.app import App
from bench.backlog import Backlog
from bench.functions import noop
from bench.measure import milliseconds
from bench.result import Result
from bench.stage import Stage

_PERIOD_MS: Final = 1_000
_EARLY_S: Final = 0.001  # the server's clock counts in ms
_LEAST_LEAD_S: Final = 2.5  # until the server rests, for as long as is waited for that
_SENT_PER_S: Final = 500  # at least


async def play(stage: Stage) -> list[Result]:
    """First what a server uses that rests, one with as many starts that wait for a throttle, and one with as
    many that are due later; then these, which all become due at the same time.
    """
    options, count = stage.options, stage.options.count(1_000)
    result = Result("throttle", f"throttle {options.throttle}/s", "run")
    shut = {"shut": {"throttle": {"limit": 1, "period": "1h"}}}
    paced = {"paced": {"throttle": {"limit": options.throttle, "period": "1s"}}}
    async with App(stage.journal, stage.sender, "flow", {"paced": noop, "shut": noop}, shut | paced) as app:
        await _watch(stage, result, "idle_cpu_ms_per_s")
        waiting = Backlog(stage, "flow/shut", count)
        await waiting.send()
        await stage.quiet(options.patience)
        let_through = len(waiting.numbers) - waiting.left
        await _watch(stage, result, "waiting_cpu_ms_per_s")
        await app.change(paced)
        lost = await waiting.ended()

        lead = _LEAST_LEAD_S + options.watch + 2 * options.settle + count / _SENT_PER_S
        ts = int((time.time() + lead) * 1e3)
        begins = time.perf_counter() + ts / 1e3 - time.time()
        backlog = Backlog(stage, "flow/paced", count, lambda _: {"ts": ts})
        await backlog.send()
        await _watch(stage, result, "scheduled_cpu_ms_per_s")
        async with stage.measured(result, count, begins):
            lost += await backlog.ended()
    starts = [stage.journal.called[n] - begins for n in backlog.numbers if n in stage.journal.called]
    errors = distances(starts, options.throttle)
    result.figures["burst_error_ms"] = milliseconds([abs(error) for error in errors[: options.throttle]])
    result.figures["paced_error_ms"] = milliseconds([abs(error) for error in errors[options.throttle :]])
    result.counts["early"] = sum(error < -_EARLY_S for error in errors)
    result.counts |= {"sent": count, "accepted": count, "lost": lost, "let_through": let_through}
    return [result]


def distances(starts: Iterable[float], limit: int) -> list[float]:
    """How much later starts were than §5.1 of flow-control computes, in seconds, the first start first.

    All are due at 0; `limit` of them pass at once from cold, the others one by one.
    """
    emission = _PERIOD_MS // limit / 1e3
    return [at - max(0, i + 1 - limit) * emission for i, at in enumerate(sorted(starts))]


async def _watch(stage: Stage, result: Result, name: str) -> None:
    """What a server uses in a second in which nothing happens, in ms of CPU time."""
    await stage.quiet()
    await asyncio.sleep(stage.options.settle)
    before, begun = stage.processes.cpu_seconds(), time.perf_counter()
    await asyncio.sleep(stage.options.watch)
    after, seconds = stage.processes.cpu_seconds(), time.perf_counter() - begun
    if before is not None and after is not None:
        result.figures[name] = (after - before) / seconds * 1e3
