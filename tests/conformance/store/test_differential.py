"""Whatever is handed in, a real store answers and holds what the model does."""

import asyncio
import contextlib
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from inngest_fast.adapters.sqlite import SqliteStore
from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.runs import RunStatus, StepStatus
from inngest_fast.domain.transitions import (
    Action,
    AddJob,
    AddWait,
    Admit,
    AppendEvent,
    Committed,
    ConsumeWait,
    CreateRun,
    DropBatch,
    DropCancellation,
    DropJob,
    DropRow,
    DropWait,
    EndRun,
    ExtendRow,
    MoveJob,
    PutApp,
    PutCancellation,
    PutEvent,
    PutFunction,
    PutRow,
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
    cancellation,
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


class Weighing(msgspec.Struct, frozen=True):
    """An admission that chooses by what is in its rows, fails at times, and counts in the first."""

    keys: tuple[str, ...]
    choices: tuple[tuple[Action, ...], ...]
    fails: bool

    @property
    def possible(self) -> Sequence[Action]:
        return [action for choice in self.choices for action in choice]

    def decide(self, rows: Mapping[str, FlowRow]) -> Sequence[Action]:
        weight = sum(row.until + len(row.holder) + int(row.body or b"7") for row in rows.values())
        if self.fails and weight % 3 == 0:
            raise ValueError("no decision")
        first = rows.get(self.keys[0], FlowRow(self.keys[0]))
        counted = PutRow(msgspec.structs.replace(first, body=b"%d" % (int(first.body or b"0") + 1)))
        return (counted, *self.choices[(weight + len(rows)) % len(self.choices)])


ROWS = ("a:1", "a:2", "b:1", "b:2")
BATCHES = ("batch-1", "batch-2")


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
        if rng.random() < 0.3:
            actions += self.flow_actions()
        if rng.random() < 0.3:
            actions.insert(rng.randrange(len(actions) + 1), Admit(await self.admission()))
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
                status=rng.choice([*[RunStatus.QUEUED] * 4, RunStatus.SKIPPED]),
            )
            until = NOW + rng.choice([0, 5, DAY])
            waits = (self.wait(run_id(n)),) if rng.random() < 0.3 else ()
            row = FlowRow(rng.choice(ROWS), rng.choice([0, NOW + 20]), new.id[-5:], b"1")
            rows = (row,) if rng.random() < 0.2 else ()
            return [CreateRun(new, (self.job(), self.job()), waits, until, rows)]
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

    def flow_actions(self) -> list[Action]:
        rng = self.rng
        match rng.randrange(7):
            case 0:
                return [PutCancellation(cancellation(rng.randrange(3), cancelled=rng.randrange(9)))]
            case 1:
                return [DropCancellation(cancellation(rng.randrange(3)).id)]
            case 2:
                return [DropBatch(rng.choice(BATCHES))]
            case 3 | 4:
                n = rng.randrange(10)
                appended = AppendEvent(rng.choice(BATCHES), rng.randrange(5), event_id(n))
                return [PutEvent(event(n, "app/a")), appended]
            case _:
                return [self.row_action(rng.choice(ROWS))]

    def row_action(self, key: str) -> Action:
        rng = self.rng
        until = rng.choice([0, NOW, NOW + 5, NOW + 20, NOW + 60, NOW + DAY])
        holder = rng.choice(["", "x", "y"])
        match rng.randrange(3):
            case 0:
                return PutRow(FlowRow(key, until, holder, b"%d" % rng.randrange(9)))
            case 1:
                return DropRow(key, holder)
            case _:
                return ExtendRow(key, until)

    async def admission(self) -> Weighing:
        rng = self.rng
        keys = tuple(rng.sample(ROWS, rng.randrange(1, 3)))
        choices = []
        for _ in range(rng.randrange(1, 4)):
            actions = [self.row_action(rng.choice(keys)) for _ in range(rng.randrange(2))]
            if rng.random() < 0.5:
                created = [each for each in await self.run_action() if isinstance(each, CreateRun)]
                row = FlowRow(keys[-1], NOW + 30, "z")
                actions += [msgspec.structs.replace(each, rows=(row,)) for each in created]
            decidable = (PutEvent, AddJob, DropJob, ConsumeWait, PutStep)
            drawn = [self.action() for _ in range(rng.randrange(3))]
            actions += [each for each in drawn if isinstance(each, decidable)]
            if rng.random() < 0.2:
                drawn = self.flow_actions()
                actions += [each for each in drawn if isinstance(each, PutEvent | AppendEvent | DropBatch)]
            choices.append(tuple(actions))
        return Weighing(keys, tuple(choices), rng.random() < 0.1)

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
        "rows": sorted(await store.rows(ROWS), key=lambda row: row.key),
        "rows of a kind": await store.rows_of("a", "", 9),
        "rows that last": await store.rows_of("b", "", 1, NOW + 30),
        "more rows": await store.rows_of("a", "a:1", 1),
        "live of a function": await store.live_runs("fn-0", run_id(1), run_id(4), 3),
        "skipped": await store.runs(RunQuery(100, status=RunStatus.SKIPPED)),
        "cancellations": await store.cancellations("", 9),
        "older cancellations": await store.cancellations(cancellation(2).id, 1),
        "cancellation": await store.cancellation(cancellation(0).id),
        "some waits": sorted(w.id for w in await store.waits(range(1, 10))),
    }
    for n in range(RUNS):
        found[f"run {n}"] = await store.run(run_id(n))
        found[f"jobs of {n}"] = sorted(await store.run_jobs(run_id(n)), key=lambda j: j.id)
    for batch_id in BATCHES:
        found[batch_id] = [each.id for each in await store.batch(batch_id)]
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
