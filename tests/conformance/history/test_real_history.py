"""What two servers on one PostgreSQL and one Redis did is judged by the model of the simulation."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import redis

from inngest_fast.adapters.postgres import PostgresStore
from inngest_fast.domain.runs import RunStatus
from inngest_fast.domain.transitions import ConsumeWait, CreateRun, EndRun, PutEvent
from inngest_fast.ports.wait_search import Found
from inngest_fast.runtime import reconciler
from tests.conformance.history.judge import Judge
from tests.conformance.history.recording import Acknowledged, Called, Decided, Entry
from tests.conformance.history.scene import PROGRAMS, Scene
from tests.fixtures import postgres_server
from tests.fixtures.redis_server import redis_uri
from tests.sim.model import Violation

RUNS = 72
CALAMITY = 80  # after so many commits, of some 400
PATIENCE_S = 30.0


def played(redis_address: str, tell: Callable[[Scene], Awaitable[None]], lease_ms: int = 15_000) -> Scene:
    """What is told on two servers that have just begun; they end in order, those that are up."""
    faults: list[dict[str, Any]] = []

    async def play(schema: str) -> Scene:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
        scene = Scene(schema, redis_address, lease_ms)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await scene.begin()
                await tell(scene)
        finally:
            await scene.end()
        return scene

    with postgres_server.schema() as schema:
        scene = asyncio.run(play(schema))
    assert not faults, faults
    return scene


async def storm(scene: Scene, *, drop: bool) -> None:
    """Redis loses all, then perhaps a server dies, while runs are under way."""
    history, dropped = scene.history, scene.servers[1]
    async with asyncio.TaskGroup() as all_of_it:
        all_of_it.create_task(scene.events(RUNS))
        await history.until(lambda: history.commits >= CALAMITY)
        with redis.Redis.from_url(scene.redis) as client:
            assert client.dbsize(), "the queue is empty"
            client.flushall()
        if drop:
            await history.until(
                lambda: history.commits >= 2 * CALAMITY and dropped.assembly.executor.in_flight
            )
            await dropped.drop()
    await scene.rest()
    scene.check_rest()


@pytest.fixture(scope="module")
def redis_address() -> Iterator[str]:
    with redis_uri() as uri:
        yield uri


@pytest.fixture(scope="module", autouse=True)
def soon() -> Iterator[None]:
    """What a dropped server told nobody is found soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconciler, "INTERVAL_S", 0.3)
        yield


@pytest.fixture(scope="module")
def entries(redis_address: str) -> Sequence[Entry]:
    """Of a history in which nothing is wrong."""

    async def tell(scene: Scene) -> None:
        await scene.events(3 * len(PROGRAMS))
        await scene.rest()

    return played(redis_address, tell).history.entries


@pytest.mark.parametrize("drop", [False, True], ids=["flushed", "flushed and dropped"])
def test_the_model_finds_nothing(redis_address: str, drop: bool) -> None:
    judge = Judge(PROGRAMS)

    async def tell(scene: Scene) -> None:
        await storm(scene, drop=drop)
        judge.see(scene.history.entries)
        judge.final()
        await judge.compare(scene.servers[0].store)

    scene = played(redis_address, tell, lease_ms=1_000 if drop else 15_000)
    statuses = Counter(record.ended.status for record in judge.model.runs.values())
    assert statuses.keys() == {RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED}
    assert statuses.total() >= RUNS
    assert drop or not scene.executed_again(), "a flush alone repeats nothing"
    assert scene.history.commits > 4 * CALAMITY, "what went wrong did so late"


def test_a_search_that_finds_no_waits_is_convicted(
    redis_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = PostgresStore.find

    async def blind(self: PostgresStore, asked: Any) -> Found:
        return Found([], (await find(self, asked)).apps_version)

    async def tell(scene: Scene) -> None:
        await scene.events(len(PROGRAMS))
        with pytest.raises(Violation, match="missed the live wait"):
            Judge(PROGRAMS).see(scene.history.entries)

    monkeypatch.setattr(PostgresStore, "find", blind)
    played(redis_address, tell)


Tale = list[Entry]


def end_repeated(tale: Tale) -> Tale:
    at = decided(tale, EndRun, lambda action: True)
    return [*tale[: at + 1], tale[at], *tale[at + 1 :]]


def run_made_again(tale: Tale) -> Tale:
    at = decided(tale, CreateRun, lambda action: not action.run.key)
    return [*tale[: at + 1], tale[at], *tale[at + 1 :]]


def end_lost(tale: Tale) -> Tale:
    """That of a run of which nothing else is ever told."""
    at = decided(tale, EndRun, lambda action: action.run.slug == "plain")
    return [*tale[:at], *tale[at + 1 :]]


def acknowledged_first(tale: Tale) -> Tale:
    at = next(at for at, entry in enumerate(tale) if isinstance(entry, Acknowledged) and entry.did.run_ids)
    stored = decided(tale, PutEvent, lambda action: action.event.id == tale[at].event.id)
    return [*tale[:stored], tale[at], *tale[stored:at], *tale[at + 1 :]]


def told_first(tale: Tale) -> Tale:
    """An app hears of a step before that is durable."""
    at = next(at for at, entry in enumerate(tale) if isinstance(entry, Called) and entry.request["steps"])
    run_id = tale[at].request["ctx"]["run_id"]
    made = decided(tale, CreateRun, lambda action: action.run.id == run_id)
    return [*tale[:made], tale[at], *tale[made:at], *tale[at + 1 :]]


def wait_missed(tale: Tale) -> Tale:
    at = decided(tale, ConsumeWait, lambda action: True, with_event="met/x")
    entry = tale[at]
    (met,) = [action for action in entry.transition.actions if isinstance(action, ConsumeWait)]
    actions = [action for action in entry.transition.actions if action is not met]
    jobs = [job for job in entry.committed.jobs if job.id != met.job.id]
    transition = msgspec.structs.replace(entry.transition, actions=actions)
    missed = replace(
        entry, transition=transition, committed=msgspec.structs.replace(entry.committed, jobs=jobs)
    )
    return [*tale[:at], missed, *tale[at + 1 :]]


def decided(tale: Tale, kind: type, which: Callable[[Any], bool], with_event: str = "") -> int:
    """The place of the first transition that did such a thing."""
    return next(
        at
        for at, entry in enumerate(tale)
        if isinstance(entry, Decided)
        and entry.committed.applied
        and any(isinstance(action, kind) and which(action) for action in entry.transition.actions)
        and with_event in ("", *(a.event.name for a in entry.transition.actions if isinstance(a, PutEvent)))
    )


@pytest.mark.parametrize(
    ("mutation", "verdict"),
    [
        (end_repeated, "consumed a job that was not live"),
        (run_made_again, "is there already"),
        (end_lost, "never ended"),
        (acknowledged_first, "is not durable"),
        (told_first, "the app was told"),
        (wait_missed, "missed the live wait"),
    ],
)
def test_the_model_convicts(entries: Tale, mutation: Callable[[Tale], Tale], verdict: str) -> None:
    with pytest.raises(Violation, match=verdict):
        asyncio.run(judged(mutation(entries)))


async def judged(tale: Tale) -> None:
    judge = Judge(PROGRAMS)
    judge.see(tale)
    judge.final()
