"""Small scenes around what the simulation once found."""

import asyncio
import json
from collections import Counter

import pytest

from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.runs import RunStatus
from tests.sim import rest
from tests.sim.programs import All, Program, Run, Sleep, WaitSignal
from tests.sim.world import World, simulate


async def start(world: World, event: str) -> None:
    await world.senders.post(json.dumps({"name": event, "data": {"n": 1}}).encode(), resend=True)


def test_a_superseded_signal_wait_ends_with_its_timeout() -> None:
    """Its resumption and its timeout are due at once; neither may rely on what the other merely intends."""
    programs = {"f0": Program("f0", (WaitSignal("f0-1", "s", 30),), event="app/a")}

    async def scene(world: World) -> None:
        await start(world, "app/a")
        await asyncio.sleep(1)
        await start(world, "app/a")

    world = simulate(1, programs=programs, scene=scene)
    ended = [record.ended for record in world.model.runs.values()]
    assert [(run.status, run.output) for run in ended] == [(RunStatus.COMPLETED, b"[null]")] * 2


def test_a_signal_is_taken_from_all_who_wait_for_it() -> None:
    """One run may wait for a signal with two steps at once; both give way."""
    body = (All(((WaitSignal("f0-1", "s", 30),), (WaitSignal("f0-2", "s", 20),))),)
    programs = {"f0": Program("f0", body, event="app/a")}

    async def scene(world: World) -> None:
        await start(world, "app/a")
        await asyncio.sleep(1)
        await start(world, "app/a")

    world = simulate(1, programs=programs, scene=scene)
    ended = [record.ended for record in world.model.runs.values()]
    assert [run.status for run in ended] == [RunStatus.COMPLETED] * 2


def test_a_job_survives_a_cancellation_that_could_not_be_stored() -> None:
    """A sleep ends while its run's cancellation is under way, which then fails: the sleep has ended all the same."""
    programs = {"f0": Program("f0", (Sleep("f0-1", 5), Run("f0-2")), event="app/a")}

    async def scene(world: World) -> None:
        await start(world, "app/a")
        await asyncio.sleep(1)
        process = world.process
        run_id = next(iter(world.model.runs))
        job_id = next(id for id in world.disk.tables["jobs"] if id.startswith(run_id))
        due = world.disk.tables["jobs"][job_id].due
        await asyncio.sleep((due - 150 - world.clock.now_ms()) / 1_000)
        world.faults.delay = lambda longest: longest
        world.faults.commit_delay, world.faults.commit_failures = 0.1, 2.0
        cancelling = process.do(process.assembly.runs.cancel(run_id))
        await asyncio.sleep(0.12)  # it has failed by now; this is told after the sleep has ended
        world.faults.commit_failures = 0.0
        await asyncio.wait((cancelling,))
        assert world.clock.now_ms() >= due
        with pytest.raises(StoreError):
            cancelling.result()

    world = simulate(1, programs=programs, scene=scene)
    (record,) = world.model.runs.values()
    assert record.ended.status is RunStatus.COMPLETED
    assert not world.counters["reconciler_runs_repaired"]


def test_the_simulation_has_seen_it_all() -> None:
    """What the seeds are to be good for does come up in them."""
    seen: Counter[str] = Counter()
    for seed in range(600):
        seen += rest.tally(simulate(seed))
    for what in (
        "COMPLETED",
        "FAILED",
        "CANCELLED",
        "crash",
        "stop",
        "did not start",
        "no answer",
        "clock",
        "lost",
        "refused",
        "signalled",
        "cancelled",
        "commits_failed",
        "dropped_by_job",
        "dropped_by_wait",
        "reconciler_jobs_rearmed",
        "cron_ticks",
        "cron_ticks_missed",
        "run with its key refused",
        "crash within commits",
        "met",
        "timed out",
        "invoked",
        "resumed by a child that failed",
        "checkpointed",
        "checkpoints_stale",
    ):
        assert seen[what], (what, sorted(seen.items()))
