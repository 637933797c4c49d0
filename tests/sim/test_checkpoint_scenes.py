"""Checkpoints when something comes between: a crash, a cancellation, another dispatch of the same job."""

import asyncio
import json
from typing import Any

from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import RunStatus
from inngest_fast.domain.transitions import PutStep
from inngest_fast.engine.lifecycle.draft import Draft
from tests.sim.disk import read_now
from tests.sim.programs import Program, Run, step_id
from tests.sim.sdk import Op
from tests.sim.test_scenes import start
from tests.sim.world import World, simulate

_PROGRAMS = {
    "f0": Program(
        "f0", tuple(Run(f"f0-{n}") for n in (1, 2, 3)), event="app/a", checkpoints=True, run_complete=True
    )
}


async def _one_run(world: World) -> None:
    await start(world, "app/a")


class Interrupted(World):
    """Does something once, right after the first checkpoint was acknowledged."""

    statuses: list[int]

    async def checkpoint(self, ctx: dict[str, Any], ops: list[Op]) -> int:
        first = not hasattr(self, "statuses")
        if first:
            self.statuses = []
        status = await super().checkpoint(ctx, ops)
        self.statuses.append(status)
        if first:
            self.faults.crashes = 1  # what is under way may have to be done again
            await self.interrupt(ctx, ops)
        return status

    async def interrupt(self, ctx: dict[str, Any], ops: list[Op]) -> None:
        raise NotImplementedError

    async def do(self, what: Any) -> Any:
        process = self.contact()
        assert process is not None
        return await process.do(what)


def story_of(world_type: type[Interrupted]) -> tuple[Any, list[int], list[int]]:
    """The run as it ended, how its checkpoints were answered, and how often each step was executed."""
    world = simulate(1, programs=_PROGRAMS, scene=_one_run, controlled=False, world_type=world_type)
    assert isinstance(world, Interrupted)
    (record,) = world.model.runs.values()
    executed = [
        world.executions[record.id, step.id] for step in _PROGRAMS["f0"].body if isinstance(step, Run)
    ]
    return record.ended, world.statuses, executed


def test_undisturbed_it_is_one_call() -> None:
    class Undisturbed(Interrupted):
        async def interrupt(self, ctx: dict[str, Any], ops: list[Op]) -> None:
            pass

    run, statuses, executed = story_of(Undisturbed)
    assert (run.status, statuses, executed) == (RunStatus.COMPLETED, [200, 200, 200], [1, 1, 1])
    assert run.last_call.group == "start"


def test_what_was_checkpointed_before_a_crash_is_not_executed_again() -> None:
    class Crashed(Interrupted):
        async def interrupt(self, ctx: dict[str, Any], ops: list[Op]) -> None:
            self._crashes_left = 1
            self._crash()

    run, statuses, executed = story_of(Crashed)
    assert run.status is RunStatus.COMPLETED
    assert statuses[0] == 200
    assert executed[0] == 1


def test_a_cancelled_run_takes_no_more_and_its_call_stops() -> None:
    class Cancelled(Interrupted):
        async def interrupt(self, ctx: dict[str, Any], ops: list[Op]) -> None:
            self.senders.cancelled_runs.add(ctx["run_id"])
            process = self.contact()
            assert process is not None
            assert await self.do(process.assembly.runs.cancel(ctx["run_id"])) == "cancelled"

    run, statuses, executed = story_of(Cancelled)
    assert (run.status, statuses, executed) == (RunStatus.CANCELLED, [200, 409], [1, 1, 0])
    assert run.stack == (step_id("f0-1"),)


def _move(world: Interrupted, ctx: dict[str, Any]) -> None:
    """Another server moves the job of a call to its next attempt."""
    process = world.contact()
    assert process is not None
    job = world.disk.tables["jobs"][ctx["job_id"]]
    run, function = (
        read_now(world.disk.run(ctx["run_id"])),
        process.assembly.catalog.function(job.function_id),
    )
    assert function is not None
    draft = Draft(run, function, world.clock.now_ms(), process.entropy, job)
    draft.retry_job(world.clock.now_ms())
    assert world.disk.decide(draft.close()).applied


def test_a_dispatch_that_is_over_is_refused_and_its_answer_counts_for_nothing() -> None:
    class Moved(Interrupted):
        async def interrupt(self, ctx: dict[str, Any], ops: list[Op]) -> None:
            _move(self, ctx)

    run, statuses, executed = story_of(Moved)
    assert run.status is RunStatus.COMPLETED
    assert statuses.count(409) == 1
    assert executed == [1, 2, 1]
    assert json.loads(run.output)[0] == {"execution": 0, "step": "f0-1"}


def test_a_job_that_moves_on_while_a_checkpoint_is_decided_refuses_it() -> None:
    class MovedMeanwhile(Interrupted):
        async def interrupt(self, ctx: dict[str, Any], ops: list[Op]) -> None:
            process = self.contact()
            assert process is not None
            read = process.store.job

            async def job(job_id: str) -> Job | None:
                found = await read(job_id)
                process.store.job = read  # type: ignore[method-assign]
                _move(self, ctx)
                return found

            process.store.job = job  # type: ignore[method-assign]

    run, statuses, executed = story_of(MovedMeanwhile)
    assert run.status is RunStatus.COMPLETED
    assert statuses[:2] == [200, 409]
    assert executed == [1, 2, 1]


def test_a_repeated_checkpoint_is_acknowledged_and_stored_once() -> None:
    class Repeated(Interrupted):
        async def interrupt(self, ctx: dict[str, Any], ops: list[Op]) -> None:
            again = await asyncio.gather(*(World.checkpoint(self, ctx, ops) for _ in range(3)))
            assert again == [200, 200, 200]
            stored = [
                action
                for entry in self.trace
                if entry[2] == "commit"
                for action in entry[3].actions
                if isinstance(action, PutStep)
            ]
            assert [put.step.id for put in stored] == [step_id("f0-1")]

    run, statuses, executed = story_of(Repeated)
    assert (run.status, statuses, executed) == (RunStatus.COMPLETED, [200, 200, 200], [1, 1, 1])


def test_two_calls_under_one_name_agree_in_the_end() -> None:
    """Another call of the same dispatch has done the second step first, with another result."""

    class Twin(Interrupted):
        async def interrupt(self, ctx: dict[str, Any], ops: list[Op]) -> None:
            other = [{**ops[0], "id": step_id("f0-2"), "data": {"step": "f0-2", "execution": 7}}]
            assert await World.checkpoint(self, ctx, other) == 200

    run, statuses, executed = story_of(Twin)
    assert (run.status, statuses) == (RunStatus.COMPLETED, [200, 409, 200])
    assert executed == [1, 1, 1]
    assert [found["execution"] for found in json.loads(run.output)] == [0, 7, 0]
