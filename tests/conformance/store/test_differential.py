"""Whatever is handed in, a real store answers and holds what the model does."""

import asyncio
import contextlib
import random
from pathlib import Path

import pytest

from inngest_fast.adapters.sqlite import SqliteStore
from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.runs import RunStatus, StepStatus
from inngest_fast.domain.transitions import (
    Action,
    AddJob,
    AddWait,
    Committed,
    ConsumeWait,
    CreateRun,
    DropJob,
    DropWait,
    EndRun,
    MoveJob,
    PutApp,
    PutEvent,
    PutFunction,
    PutStep,
    RemoveApp,
    Transition,
    UpdateRun,
)
from inngest_fast.domain.waits import WaitKind
from inngest_fast.ports.store import EventQuery, RunQuery, Store
from tests.conformance.store.making import (
    DAY,
    NOW,
    Clock,
    app,
    event,
    event_id,
    function,
    job,
    run,
    run_id,
    step,
    wait,
)
from tests.fixtures.model_store import ModelStore

RUNS = 6  # few of everything, so that transitions meet
STEPS = 80


class Deciding:
    """Random transitions, mostly such as an engine that knows the state would make, some stale or odd."""

    def __init__(self, rng: random.Random, model: ModelStore) -> None:
        self.rng = rng
        self.model = model
        self.new_id = 1_000

    def fresh(self) -> int:
        self.new_id += 1
        return self.new_id

    async def transition(self) -> Transition:
        rng = self.rng
        actions: list[Action] = []
        if rng.random() < 0.6:
            actions += await self.run_action()
        actions += [self.action() for _ in range(rng.randrange(4))]
        if rng.random() < 0.1:
            actions += await self.run_action()
        consumed = None
        live = await self.model.jobs("", 100)
        if rng.random() < 0.5:
            consumed = rng.choice(live) if live and rng.random() < 0.8 else self.job()
            if rng.random() < 0.3:
                moved = self.job(name=consumed.id.partition(":")[2], run=consumed.run_id)
                actions.append(MoveJob(moved))
        wait_id = rng.choice([0, 0, 0, rng.randrange(1, 20)])
        return Transition(actions, consumed, wait_id)

    async def run_action(self) -> list[Action]:
        rng = self.rng
        known = await self.model.run(run_id(rng.randrange(RUNS)))
        if known is None:
            n = rng.randrange(RUNS)
            event_ids = tuple(event_id(rng.randrange(10)) for _ in range(rng.choice([1, 1, 2])))
            new = run(
                n,
                key=rng.choice(["", "k1", "k2"]),
                function_id=f"fn-{rng.randrange(2)}",
                event_ids=event_ids,
                events=tuple(b'{"id":"%s"}' % id.encode() for id in event_ids),
                branched=rng.random() < 0.5,
                version=rng.choice([0, 0, 3]),
            )
            until = NOW + rng.choice([0, 5, DAY])
            waits = (self.wait(run_id(n)),) if rng.random() < 0.3 else ()
            return [CreateRun(new, (self.job(), self.job()), waits, until)]
        after = known.version + rng.choice([0, 0, 0, 0, 0, -1, 1])
        known.version = after + 1
        known.output = b"%d" % rng.randrange(99)
        known.branched = rng.random() < 0.6
        known.stack = tuple(f"step-{n}" for n in range(rng.randrange(4)))
        if rng.random() < 0.2:
            known.status = rng.choice([s for s in RunStatus if s.ended])
            return [EndRun(known, after)]
        known.status = rng.choice([RunStatus.QUEUED, RunStatus.RUNNING])
        return [UpdateRun(known, after)]

    def action(self) -> Action:
        rng = self.rng
        n = rng.randrange(RUNS)
        match rng.randrange(11):
            case 0:
                name = rng.choice(["app/a", "app/b", "inngest/function.finished"])
                return PutEvent(event(rng.randrange(10), name, target=str(rng.randrange(99))))
            case 1:
                status = rng.choice(list(StepStatus))
                return PutStep(run_id(n), step(rng.randrange(4), status=status, attempts=rng.randrange(9)))
            case 2 | 3:
                return AddJob(self.job())
            case 4:
                return DropJob(self.job().id)
            case 5 | 6:
                return AddWait(self.wait(run_id(n)))
            case 7:
                return ConsumeWait(rng.randrange(1, 20), self.job())
            case 8:
                return DropWait(rng.randrange(1, 20))
            case 9:
                return rng.choice(
                    [PutApp(app(n % 3, error=str(rng.randrange(9)))), RemoveApp(f"app-{n % 3}")]
                )
            case _:
                return PutFunction(function(n % 3, version=rng.randrange(9), archived_at=rng.randrange(2)))

    def job(self, name: str = "", run: str = ""):
        rng = self.rng
        owner = run or run_id(rng.randrange(RUNS))
        name = name or rng.choice("abc")
        return job(
            0,
            id=f"{owner}:{name}",
            run_id=owner,
            attempt=rng.randrange(2),
            due=NOW + rng.randrange(9),
            payload=b"%d" % rng.randrange(999),
        )

    def wait(self, owner: str):
        rng = self.rng
        kind = rng.choice(list(WaitKind))
        id = rng.randrange(1, 20) if rng.random() < 0.7 else self.fresh()
        step_id = "" if kind is WaitKind.CANCEL else rng.choice(["s1", "s2"])
        return wait(id, 0, run_id=owner, kind=kind, step_id=step_id, key=rng.choice(["sig-1", "sig-2"]))


async def state(store: Store) -> dict[str, object]:
    """Everything that can be read."""
    found: dict[str, object] = {
        "runs": await store.runs(RunQuery(100)),
        "live": await store.runs(RunQuery(100, status=RunStatus.RUNNING)),
        "failed": await store.runs(RunQuery(100, status=RunStatus.FAILED)),
        "of a function": await store.runs(RunQuery(2, 1, function_id="fn-1")),
        "events": await store.events(EventQuery(100)),
        "own events": await store.events(EventQuery(3, internal=False, received_after=NOW + 2)),
        "named": await store.events(EventQuery(3, name="app/b", before_id=event_id(8))),
        "jobs": await store.jobs("", 100),
        "waits": await store.live_waits(0, 100),
        "apps": await store.apps(),
        "functions": await store.functions(),
        "count": await store.count_live_runs(),
        "stuck": await store.stuck_runs("", 3, NOW + 4),
        "some waits": sorted(w.id for w in await store.waits(range(1, 10))),
    }
    for n in range(RUNS):
        found[f"run {n}"] = await store.run(run_id(n))
        found[f"jobs of {n}"] = sorted(await store.run_jobs(run_id(n)), key=lambda j: j.id)
    for n in range(10):
        found[f"runs of event {n}"] = [r.id for r in await store.runs(RunQuery(9, event_id=event_id(n)))]
    return found


async def outcome(future) -> Committed | str:
    try:
        return await future
    except StoreError:
        return "error"


async def compare(seed: int, path: str, together: int) -> None:
    rng = random.Random(seed)
    clock = Clock()
    real = SqliteStore(path, durable=False, clock=clock)
    model = ModelStore(clock)
    await real.open()
    async with contextlib.AsyncExitStack() as closing:
        closing.push_async_callback(real.close)
        deciding = Deciding(rng, model)
        for _ in range(STEPS // together):
            clock.now += rng.choice([0, 1, 5])
            expected, given = [], []
            for _ in range(together):
                transition = await deciding.transition()
                given.append(real.commit(transition))
                expected.append(await outcome(model.commit(transition)))
            assert await asyncio.gather(*map(outcome, given)) == expected
            assert await state(real) == await state(model)


@pytest.mark.parametrize("seed", range(10))
async def test_one_by_one(seed: int) -> None:
    await compare(seed, ":memory:", 1)


@pytest.mark.parametrize("seed", range(10, 35))
async def test_in_groups(seed: int) -> None:
    await compare(seed, ":memory:", 8)


@pytest.mark.parametrize("seed", range(35, 40))
async def test_in_a_file(seed: int, tmp_path: Path) -> None:
    await compare(seed, str(tmp_path / "main.db"), 4)
