"""Replicas under load while something breaks again and again, and what has to be true afterwards."""

import asyncio
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import psycopg

from inngest_fast.domain.runs import Run, RunStatus
from inngest_fast.domain.stored_form import decode_run
from tests.fixtures.balancer import Balancer
from tests.fixtures.load import FUNCTIONS, LoadApp, Meeter, Sender
from tests.fixtures.postgres_process import PostgresProcess
from tests.fixtures.redis_server import RedisProcess
from tests.fixtures.replicas import Replicas
from tests.fixtures.stub_app import Call, ops, ran, result
from tests.fixtures.tcp_proxy import TcpProxy
from tests.fixtures.waiting import eventually

MIX = (*FUNCTIONS, "parallel")
PARALLEL = ("p", "q", "r")
SCHEMA = "inngest_fast"
QUEUE = "{inngest-fast}"
_MEETERS = 3  # that they keep up with those who send
_STEP_S = 0.05  # a step takes so long, so that a crash finds some at work


class StormApp(LoadApp):
    """LoadApp with a longer nap, and `parallel`: three steps at once. Each execution of a step returns
    something else; `changed` are steps that were given to a run with another result than before.
    """

    nap = "1s"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.changed: list[tuple[str, str]] = []
        self._given: dict[tuple[str, str], Any] = {}
        self.function("parallel", self._at_once)

    def _step(self, id: str) -> Callable[[Call, int], Any]:
        async def run(received: Call, n: int) -> bytes:
            self.steps[received.run_id, id] += 1
            execution = self.steps[received.run_id, id]
            await asyncio.sleep(_STEP_S)
            return ops(ran(id, [n, execution]))

        return run

    async def _at_once(self, received: Call) -> bytes:
        sent = received.json()
        n = sent["event"]["data"]["n"]
        asked = received.query.get("stepId", "step")
        if asked != "step":
            return await self._step(asked)(received, n)
        missing = [id for id in PARALLEL if id not in sent["steps"]]
        if missing:
            return ops(*({"op": "StepPlanned", "id": id, "name": id, "displayName": id} for id in missing))
        self.ends[received.run_id] += 1
        self.numbers["parallel"][received.run_id] = n
        return result(n)

    async def _answer(self, received: Call) -> Any:
        if received.method == "POST":
            sent = received.json()
            run_id = sent["ctx"]["run_id"]
            for id, given in sent["steps"].items():
                if self._given.setdefault((run_id, id), given) != given:
                    self.changed.append((run_id, id))
        return await super()._answer(received)


class Load:
    """Senders and meeters, busy from `start` to `stop`."""

    def __init__(self, app: StormApp, balancer: Balancer, senders: int, pause: float) -> None:
        self.senders = [Sender(balancer.url, number, pause, MIX) for number in range(1, senders + 1)]
        self._meeters = [Meeter(app, balancer) for _ in range(_MEETERS)]  # type: ignore[arg-type]

    def start(self) -> None:
        for thread in (*self.senders, *self._meeters):
            thread.start()

    def stop(self) -> None:
        """Sends no more but what waiting runs wait for."""
        stopping = [threading.Thread(target=sender.stop) for sender in self.senders]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join()

    def settle(self, scene: "Scene", within: float) -> float:
        """Waits until everything has ended, and then sends nothing any more. How long that took, in seconds."""
        began = time.monotonic()
        left: dict[str, int] = {}

        def none_left() -> bool:
            nonlocal left
            left = live(scene)
            return not left

        try:
            eventually(none_left, within=within, what="the end of every run")
        except AssertionError:
            raise AssertionError(f"left after {within} s: {left}\n{stuck(scene)}") from None
        finally:
            for meeter in self._meeters:
                meeter.stop()
        return time.monotonic() - began

    def acknowledged(self, function: str) -> set[int]:
        return set().union(*(sender.acknowledged[function] for sender in self.senders))

    def doubtful(self, function: str) -> set[int]:
        return set().union(*(sender.doubtful[function] for sender in self.senders))


class Scene(msgspec.Struct):
    """Everything that a storm passes over; the proxies are between the replicas and their backends."""

    postgres: PostgresProcess
    redis: RedisProcess
    to_postgres: TcpProxy
    to_redis: TcpProxy
    replicas: Replicas
    balancer: Balancer
    database: str  # its URI, past the proxy


@contextmanager
def scene(count: int, *options: str) -> Iterator[Scene]:
    postgres = PostgresProcess().start()
    redis = RedisProcess().start()
    try:
        database = postgres.database()
        with TcpProxy(database) as to_postgres, TcpProxy(redis.uri) as to_redis:
            replicas = Replicas(count, to_postgres.uri, to_redis.uri, *options)
            try:
                replicas.start()
                with Balancer(replicas.ports) as balancer:
                    eventually(lambda: balancer.ready == count, what="the probes of the balancer")
                    yield Scene(postgres, redis, to_postgres, to_redis, replicas, balancer, database)
            finally:
                replicas.end()
    finally:
        redis.stop()
        postgres.stop()


@dataclass
class Fault:
    kind: str
    at: int  # unix ms
    over: int = 0  # when what was broken was put right; it has still to recover


class Storm:
    """Faults of every kind, in an order and at moments that follow from the seed."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self._scene = scene
        self._chance = random.Random(seed)
        self.faults: list[Fault] = []
        self._kinds: dict[str, Callable[[], None]] = {
            "replica killed": self._kill,
            "Redis flushed": self._flush,
            "Redis killed": self._restart_redis,
            "PostgreSQL restarted": scene.postgres.restart,
            "PostgreSQL stalled": lambda: self._stall(scene.to_postgres),
            "Redis stalled": lambda: self._stall(scene.to_redis),
            "connections cut": self._cut,
        }

    def blow(self, seconds: float) -> None:
        """Each kind once, crashes twice, before any comes again. What a fault breaks is put right before the next."""
        until = time.monotonic() + seconds
        order: list[str] = []
        pause = min(seconds / (len(self._kinds) + 1) / 2, 3)
        while time.monotonic() < until:
            time.sleep(self._chance.uniform(0.5, 1.0) * pause)  # the moment of a fault is the point
            if not order:
                order = [*self._kinds, "replica killed"]
                self._chance.shuffle(order)
            fault = Fault(order.pop(), _now())
            self.faults.append(fault)
            self._kinds[fault.kind]()
            fault.over = _now()

    def _kill(self) -> None:
        server = self._scene.replicas[self._chance.randrange(len(self._scene.replicas))]
        server.kill()
        time.sleep(self._chance.uniform(0, 1))  # the others are alone for a while
        server.start()

    def _flush(self) -> None:
        with self._scene.redis.client() as client:
            client.flushall()

    def _restart_redis(self) -> None:
        self._scene.redis.kill()
        self._scene.redis.start()

    def _stall(self, proxy: TcpProxy) -> None:
        proxy.stall()
        time.sleep(self._chance.uniform(0.5, 3))
        proxy.resume()

    def _cut(self) -> None:
        self._scene.to_postgres.cut()
        self._scene.to_redis.cut()


class Outcome:
    """What PostgreSQL holds after all."""

    def __init__(self, database: str) -> None:
        with psycopg.connect(database, options=f"-c search_path={SCHEMA}") as link:
            self.runs: list[Run] = [decode_run(body) for (body,) in link.execute("SELECT body FROM runs")]
            finished = link.execute("SELECT wire FROM events WHERE name = 'inngest/function.finished'")
            self.finished = Counter(json.loads(wire)["data"]["run_id"] for (wire,) in finished)
            sent = link.execute("SELECT id, wire FROM events WHERE name LIKE 'load/%'")
            self.sent = {id: json.loads(wire)["data"].get("n") for id, wire in sent}
            self.left = {
                table: link.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # type: ignore[index]
                for table in ("jobs", "waits")
            }

    def of(self, function: str) -> list[Run]:
        return [run for run in self.runs if run.slug == f"load-{function}"]

    def numbers(self, function: str) -> Counter[Any]:
        """How many runs returned which number."""
        return Counter(None if run.output is None else json.loads(run.output) for run in self.of(function))


def live(scene: Scene) -> dict[str, int]:
    """What has not ended yet, by where it is; without what is at 0."""
    with psycopg.connect(scene.database, options=f"-c search_path={SCHEMA}") as link:
        found = {
            "runs": f"SELECT count(*) FROM runs WHERE status < {int(RunStatus.COMPLETED)}",
            "jobs": "SELECT count(*) FROM jobs",
            "waits": "SELECT count(*) FROM waits",
        }
        counts = {name: link.execute(sql).fetchone()[0] for name, sql in found.items()}  # type: ignore[index]
    for number, server in enumerate(scene.replicas):
        counters = server.call("GET", "/health").json()["counters"]
        counts[f"queue seen by {number}"] = counters.get("queue_jobs", -1)
    return {name: count for name, count in counts.items() if count}


def stuck(scene: Scene) -> str:
    """Runs that have not ended, with what is left of their jobs and waits; jobs that only Redis has."""
    sql = """
        SELECT r.id, r.status, r.body,
               (SELECT array_agg(j.id || ' due ' || j.due) FROM jobs j WHERE j.run_id = r.id),
               (SELECT array_agg(w.kind || ' ' || w.step_id) FROM waits w WHERE w.run_id = r.id)
        FROM runs r WHERE r.status < 300 ORDER BY r.id LIMIT 10"""
    with psycopg.connect(scene.database, options=f"-c search_path={SCHEMA}") as link:
        rows = link.execute(sql).fetchall()
        stored = {id for (id,) in link.execute("SELECT id FROM jobs")}
    lines = [
        f"{id} {status} {decode_run(body).slug} jobs {jobs} waits {waits}"
        for id, status, body, jobs, waits in rows
    ]
    with scene.redis.client() as client:
        leases = dict(client.zrange(f"{QUEUE}:leases", 0, -1, withscores=True))
        queued = client.hgetall(f"{QUEUE}:jobs")
    now = _now()
    for id, packed in sorted(queued.items()):
        if id.decode() in stored:
            continue
        fields = msgspec.msgpack.decode(packed, type=list[msgspec.Raw])  # some are no text
        due = msgspec.msgpack.decode(fields[1])
        leased = f"leased for {(leases[id] - now) / 1_000:.1f} s" if id in leases else "not leased"
        lines.append(f"only in Redis: {id.decode()}, due in {(due - now) / 1_000:.1f} s, {leased}")
    return "\n".join(lines)


def recovery_s(fault: Fault, runs: list[Run]) -> float | None:
    """How long after the fault the first run ended that was begun after it; for a kill, the last of those
    that were under way.
    """
    if fault.kind == "replica killed":
        under_way = [
            run.ended_at
            for run in runs
            if run.queued_at < fault.at < run.ended_at and run.slug not in ("load-waiting", "load-nap")
        ]
        return (max(under_way) - fault.at) / 1_000 if under_way else 0.0
    begun = [run.ended_at for run in runs if run.queued_at > fault.at and run.ended_at]
    return (min(begun) - fault.at) / 1_000 if begun else None


def report(load: Load, app: StormApp, outcome: Outcome, balancer: Balancer) -> dict[str, Any]:
    return {
        "events acknowledged": sum(len(load.acknowledged(function)) for function in MIX),
        "acknowledged at a later try": sum(sender.repeated for sender in load.senders),
        "in doubt": sum(len(load.doubtful(function)) for function in MIX),
        "refusals": dict(sum((sender.refusals for sender in load.senders), Counter())),
        "balancer": dict(balancer.failures),
        "runs": len(outcome.runs),
        "runs ended": sum(run.status.ended for run in outcome.runs),
        "failed": sum(run.status is RunStatus.FAILED for run in outcome.runs),
        "duplicates": sum(count > 1 for count in outcome.finished.values()),
        "steps executed": sum(app.steps.values()),
        "steps executed again": sum(count - 1 for count in app.steps.values()),
        "last calls made again": sum(count - 1 for count in app.ends.values()),
    }


def check(load: Load, app: StormApp, outcome: Outcome) -> None:
    """Nothing acknowledged is lost, nothing ended twice, nothing failed, nothing is left (design §3)."""
    assert Counter(run.status.name for run in outcome.runs) == {"COMPLETED": len(outcome.runs)}
    for function in MIX:
        found = outcome.numbers(function)
        assert {n: times for n, times in found.items() if times > 1} == {}, f"{function} ran twice"
        lost = load.acknowledged(function) - set(found)
        assert lost == set(), f"{function} lost events: {told_of(outcome, lost)}"
        assert set(found) - load.acknowledged(function) - load.doubtful(function) == set()
    assert outcome.numbers("child") == outcome.numbers("parent")
    told = {run.id for run in outcome.runs if run.slug != "load-finished"}
    assert outcome.finished == Counter(told)
    assert outcome.numbers("finished") == Counter(told)
    assert set(app.ends) == {run.id for run in outcome.runs}, "a run ended without its app"
    assert app.changed == []
    assert outcome.left == {"jobs": 0, "waits": 0}


def told_of(outcome: Outcome, numbers: set[int]) -> list[str]:
    """What became of the events that carry one of these numbers."""
    runs = {event_id: run for run in outcome.runs for event_id in run.event_ids}
    events = {number: event_id for event_id, number in outcome.sent.items()}
    found = [(n, events.get(n, "no event")) for n in sorted(numbers)[:5]]
    return [f"{n}: {event_id}: {runs.get(event_id, 'no run')}"[:800] for n, event_id in found]


def _now() -> int:
    return int(time.time() * 1_000)
