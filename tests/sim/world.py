"""One simulation: a disk, processes that come and go on it, apps, senders, and everything that goes wrong."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import replace
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

from inngest_fast._native.canonical import canonicalize
from inngest_fast.domain.apps import App
from inngest_fast.domain.errors import CheckpointRefusedError, StoreError
from inngest_fast.domain.functions import app_id
from inngest_fast.domain.settings import Settings
from inngest_fast.domain.transitions import Committed, PutApp, Transition
from inngest_fast.engine.answer.opcodes import read_ops
from inngest_fast.engine.lifecycle.dispatches import read_dispatch
from inngest_fast.engine.registration import read_function
from inngest_fast.engine.registration.changes import put
from inngest_fast.ports.app_client import AppRequest, AppResponse
from tests.fixtures.virtual_loop import START_MS
from tests.sim import flow_rest, rest, sdk, story
from tests.sim.clock import Clock
from tests.sim.disk import Disk, ProcessStore, read_now
from tests.sim.faults import Faults
from tests.sim.generate import write_programs
from tests.sim.in_flight import check_call
from tests.sim.loop import SimLoop, run_simulated
from tests.sim.model import Model, Violation
from tests.sim.network import Network
from tests.sim.operators import Operators
from tests.sim.outbound import Elsewhere, with_requests
from tests.sim.places import Places
from tests.sim.process import Process
from tests.sim.programs import Program, Send, Step
from tests.sim.registration import URL, described
from tests.sim.senders import Senders

STORM_S = 40.0  # how long things go wrong and events come
CRON_STORM_S = 240.0
STEP_MS = 20_000  # by which the wall clock is set, at most
_LOOK_EACH = 5
PATIENCE_S = 700.0  # within which a run ends, or all is at rest, once nothing goes wrong any more

Scene = Callable[["World"], Any]


class World:
    """A seed chooses the programs, the faults and what is sent; a test may choose instead."""

    tests = "test_simulation.py"
    faults_type = Faults
    senders_at_once = (1, 3, 6)

    def __init__(
        self,
        seed: int,
        loop: SimLoop,
        *,
        disk_type: type[Disk] = Disk,
        programs: Mapping[str, Program] | None = None,
        scene: Scene | None = None,
        controlled: bool | None = None,
    ) -> None:
        """`controlled`: whether functions have flow control; by default in every second seed."""
        self.seed = seed
        self.loop = loop
        self.random = Random(seed)
        self.controlled = bool(seed % 2) if controlled is None else controlled
        self.programs = (
            write_programs(self.random, controlled=self.controlled) if programs is None else dict(programs)
        )
        if programs is None:
            own = Random(f"checkpoints of {seed}")
            self.programs = {
                slug: replace(program, checkpoints=program.version == 2 and own.random() < 0.5)
                for slug, program in self.programs.items()
            }
            if not self.controlled:  # whose requests would have places that no model knows of
                own = Random(f"requests of {seed}")
                self.programs = {slug: with_requests(each, own) for slug, each in self.programs.items()}
        self.faults = self.faults_type(self.random, wild=scene is None)
        self.elsewhere = Elsewhere(Random(f"elsewhere of {seed}"), self.faults)
        self._scene = scene or self._storm
        self.clock = Clock(loop)
        self.model = self._model()
        self.settings = Settings(
            discovery=False,
            poll=False,
            poll_interval=1e7,
            retry_interval=self.random.choice((1.0, 1.0, 5.0)),
            queue_workers=self.random.choice((3, 100, 100) if self.controlled else (1, 3, 100))
            if scene is None
            else 100,
        )
        self.trace: list[story.Entry] = []
        self.disk = _watched(disk_type, self)
        self.senders = Senders(self)
        self.operators = Operators(self)
        self.network = Network(
            loop, copy_context(), self.random, self.faults, self._serve, self._sent, self._answered
        )
        self.executions: dict[tuple[str, str], int] = defaultdict(int)
        self.checkpointing: list[tuple[str, str, int]] = []  # runs, jobs and generations of those under way
        self.counters: dict[str, int] = defaultdict(int)
        self.ups: list[tuple[int, int]] = []  # wall times between which a process was up
        self.jobs_lost = 0
        self.process: Process | None = None
        self._crashes_left = self.faults.crashes
        self._down = asyncio.Event()
        self._violation: Exception | None = None
        self._violated = asyncio.Event()
        self._since = 0
        self._clocks_agree = not self.faults.clock_steps
        self._moves = 0
        self.model.flow.latency_ms = self._latency_ms()
        if self.controlled:
            loop.before_time_moves = self._look

    def _model(self) -> Model:
        clocks_known = not self.faults.clock_steps
        return Model(
            self.programs, self.faults.clock_steps * STEP_MS, self.loop.time, clocks_known=clocks_known
        )

    def _latency_ms(self) -> int | None:
        """Within which something that is due is done for certain; None where nothing is certain."""
        faults = self.faults
        if not faults.harmless or faults.commit_failures or faults.read_failures or faults.clock_steps:
            return None
        return 20 + round(1_000 * (8 * faults.commit_delay + 12 * faults.read_delay))

    def _look(self) -> None:
        """Nothing is done before time moves on: at some of these moments we look."""
        self._moves += 1
        process = self.process
        if self._moves % _LOOK_EACH == 0 and process is not None and process.up and self._clocks_agree:
            queue = process.queue
            process.places.idle(self.clock.now_ms(), lambda id: read_now(queue.explain(id)))

    def note(self, *what: object) -> None:
        self.trace.append((self.loop.time(), self.loop.steps, *what))

    async def run(self) -> None:
        """Raises Violation, or what else went wrong."""
        self._register()
        tale = self.loop.create_task(self._tale())
        violated = self.loop.create_task(self._violated.wait())
        await asyncio.wait((tale, violated), return_when=asyncio.FIRST_COMPLETED)
        if self._violation is not None:
            raise self._violation
        await tale

    async def _tale(self) -> None:
        keeper = self.loop.create_task(self._keep_running())
        keeper.add_done_callback(lambda task: task.cancelled() or self.broken(task.exception()))
        await self._scene(self)
        patience = Patience(self)
        while not rest.at_rest(self, self.process):
            patience.must(f"live: {sorted(self.model.live)}")
            await asyncio.sleep(2.0)
        keeper.cancel()
        process = self.process
        assert process is not None
        self._over(process)
        rest.check_rest(self, process)
        rest.check_runs(self)
        rest.check_executions(self)
        flow_rest.check_flow(self)
        flow_rest.check_places(
            process.queue._jobs, self.model.flow.counters, self.clock.now_ms(), self.model.must
        )
        rest.check_crons(self, self.clock.now_ms())
        process.die()

    async def _storm(self, _: "World") -> None:
        lasts = CRON_STORM_S if "cron" in self.programs else STORM_S
        busy = [
            self.loop.create_task(self.senders.blunder(lasts / 2))
            for _ in range(self.random.choice(self.senders_at_once))
        ]
        busy += [self.loop.create_task(self._step_clock()), self.loop.create_task(self._lose_jobs())]
        if self.controlled:
            busy += [self.loop.create_task(self.operators.meddle(lasts / 2))]
        await asyncio.sleep(lasts)
        self.faults.calm = True
        self._crashes_left = 0
        self.note("calm")
        _, waiting = await asyncio.wait(busy, timeout=PATIENCE_S)
        self.model.must(not waiting, "senders were never heard")
        for task in busy:
            await task
        await self.operators.resume_all()

    def _register(self) -> None:
        app = App(id=app_id("app"), name="app", url=URL, created_at=1, updated_at=1)
        self.disk.decide(Transition([PutApp(app)]))
        for program in self._registered():
            config = read_function(described(program))
            function, *_ = put(app, config, None, self.clock.now_ms())  # crons are armed by who starts first
            self.disk.decide(Transition([function]))

    def _registered(self) -> Iterable[Program]:
        return self.programs.values()

    # Processes

    def contact(self) -> Process | None:
        """Who takes a request now."""
        process = self.process
        return process if process is not None and process.up else None

    async def _keep_running(self) -> None:
        while True:
            store = ProcessStore(self.disk, self.loop, self.faults, self.handed_in)
            self.model.flow.throttles.lost()
            self.model.flow.standings.applied(self.loop.time())
            process = self.process = Process(
                self.loop,
                self.clock,
                self.random,
                store,
                self.network.client(),
                self.settings,
                self.faults.cached,
                self._places(),
                self.elsewhere,
            )
            self._down.clear()
            self._set_alarm()
            self.note("start")
            starting = process.do(process.start())
            await asyncio.wait((starting,))
            if process.up:
                self._since = self.clock.now_ms()
                process.places.begun(self._since)
                await self._down.wait()
                self._over(process)
            elif not starting.cancelled() and (error := starting.exception()) is not None:
                self.note("did not start", error)
                if not isinstance(error, StoreError):
                    self.broken(error)
            if process.up:
                self.note("stop")
                await asyncio.wait((process.do(process.leave()),))
            elif not process.dead:
                process.die()
            await asyncio.sleep(self.faults.delay(self.faults.downtime))

    def _places(self) -> Places:
        """Of a new queue."""
        places = Places(self.model.flow, self.must, calls_per_app=self.settings.queue_workers)
        places.exact = self._clocks_agree
        return places

    def _over(self, process: Process) -> None:
        """Takes down what a process counted."""
        self.ups.append((self._since, self.clock.now_ms()))
        for name, n in process.assembly.counters.read().items():
            self.counters[name] += n
        self.model.must(not process.assembly.failed.is_set(), "a part of the server stopped")

    def _set_alarm(self) -> None:
        """Death comes at some step from now, and finds whatever is going on."""
        if self._crashes_left:
            self.loop.alarm_at = (
                self.loop.steps + 1 + int(self.faults.crash_after * self.random.random() ** 2)
            )
            self.loop.alarm = self._crash

    def _crash(self) -> None:
        process = self.process
        if process is None or self._crashes_left <= 0:
            return
        self._crashes_left -= 1
        if not (process.up and self.faults.happens(self.faults.orderly)):
            self.note("crash", process.store.backlog, "commits under way")
            process.die()
        self._down.set()

    # What else goes wrong

    async def _step_clock(self) -> None:
        for _ in range(self.faults.clock_steps):
            await asyncio.sleep(STORM_S / 3 * self.random.random())
            ms = self.random.randint(-STEP_MS, STEP_MS)
            self.note("clock", ms)
            self.clock.step(ms)

    async def _lose_jobs(self) -> None:
        for _ in range(self.faults.lost_jobs):
            await asyncio.sleep(STORM_S / 4 * self.random.random())
            jobs = sorted(self.disk.tables["jobs"])
            if jobs and self.process is not None:
                lost = self.random.choice(jobs)
                self.note("lost", lost)
                self.jobs_lost += 1
                self.process.queue.drop(lost)
                self.process.places.whole = False

    # The apps: sdk.Bodies, and what the network tells

    async def _serve(self, request: AppRequest) -> AppResponse:
        if request.method != "POST":
            return AppResponse(200, {}, b"{}")
        slug = parse_qs(urlsplit(request.url).query)["fnId"][0]
        self.note("served", request)
        if self.faults.happens(self.faults.empty_answers):
            version = str(self.programs[slug].version)
            return AppResponse(206, {"x-inngest-sdk": "js:v3", "x-inngest-req-version": version}, b"[]")
        return await sdk.answer(self.programs[slug], request.url, request.body, self)

    def executed(self, run_id: str, step: Step) -> int:
        before = self.executions[run_id, step.id]
        self.executions[run_id, step.id] += 1
        return before

    async def send(self, run_id: str, step: Send) -> list[str]:
        """Retries as SDKs do, with the ids of the first time."""
        body = json.dumps([{"name": step.event, "data": {"n": step.n}}]).encode()
        seed = sdk.event_seed(START_MS, f"{run_id} {step.id} {self.executions[run_id, step.id]}")
        for _ in range(5):
            acked = await self.senders.post(body, seed=seed, resend=False)
            if acked is not None:
                return acked
            await asyncio.sleep(0.1)
        raise OSError("the server does not answer")

    async def checkpoint(self, ctx: dict[str, Any], ops: list[sdk.Op]) -> int:
        """As an SDK does: tries again when it is not heard, and gives up at last."""
        for _ in range(3):
            process = self.contact()
            if process is not None:
                dispatch = read_dispatch(ctx["qi_id"])
                assert dispatch is not None
                read = read_ops(canonicalize(json.dumps(ops).encode()))
                run_id = ctx["run_id"]
                asked = process.do(
                    process.assembly.checkpoints.take(run_id, dispatch, read, self.clock.now_ms())
                )
                self.checkpointing.append((run_id, dispatch.job_id, ctx["generation_id"]))
                await asyncio.wait((asked,))
                self.checkpointing.remove((run_id, dispatch.job_id, ctx["generation_id"]))
                error = None if asked.cancelled() else asked.exception()
                if not asked.cancelled() and error is None:
                    self.note("checkpointed", run_id, ops)
                    self.check(self.model.checkpointed, run_id, dispatch.job_id, [op.id for op in read])
                    return 200
                self.note("checkpoint refused", run_id, error)
                if isinstance(error, CheckpointRefusedError):
                    return 409 if error.code == "stale" else 400
                if error is not None and not isinstance(error, StoreError):
                    self.broken(error)
            await asyncio.sleep(0.1)
        return 503

    def _sent(self, request: AppRequest, under_way: Sequence[str]) -> None:
        if request.method == "POST":
            self.note("call", request)
            asked = json.loads(request.body)
            job_id = asked["ctx"]["job_id"]
            self.check(self.model.called, asked, job_id)
            twice = job_id in under_way and not self.jobs_lost
            self.check(self.model.must, not twice, "two calls at once of the job", job_id)
            self._has_place(job_id)

    def _has_place(self, job_id: str) -> None:
        """A call that begins is of a leased job, and those in flight are within every limit."""
        process = self.process
        if process is None or self.jobs_lost:
            return
        self.must(job_id in process.places.leased, "a call of a job that has no place:", job_id)
        since = self.model.flow.leased_at[job_id]
        others = [id for id in process.client.under_way if id in self.disk.tables["jobs"]]
        self.check(check_call, self.model.flow, job_id, others, since, self.model.must)

    def _answered(self, what: str, request: AppRequest, outcome: Any) -> None:
        self.note(what, request, outcome)
        if request.method != "POST":
            return
        ctx = json.loads(request.body)["ctx"]
        bad, final = True, False
        if isinstance(outcome, AppResponse):
            bad = outcome.status not in (200, 206) or outcome.body.endswith(b":")
            final = outcome.status >= 400 and outcome.headers.get("x-inngest-no-retry") == "true"
        if isinstance(outcome, AppResponse) and b"StaleDispatchError" in outcome.body:
            return  # it gave way to another call, and the run lives on
        if final or (bad and ctx["attempt"] + 1 >= ctx["max_attempts"]):
            self.model.runs[ctx["run_id"]].may_fail = True

    # Checks

    def handed_in(self, transition: Transition) -> None:
        self.model.handed_in(transition, self.loop.steps)

    def decided(self, transition: Transition, decide: Callable[[], Committed]) -> Committed:
        if self._violation is not None:
            return decide()
        tables, now = self.disk.tables, self.clock.now_ms()
        before = self.model.before(transition, tables, now)
        self.check(self.model.reported, transition, self.checkpointing, tables)
        committed = decide()
        self.note("commit", transition, committed)
        self.check(self.model.after, transition, before, committed, tables, self.disk.admissions)
        job = transition.job
        if job is not None and committed.applied and self._clocks_agree:
            self.check(self.model.must, now >= job.due, "too early by", job.due - now, "ms:", job)
        return committed

    def check(self, what: Callable[..., None], *arguments: Any) -> None:
        """Ends the simulation if the check fails."""
        try:
            what(*arguments)
        except Exception as violation:
            self.broken(violation)

    def must(self, truth: object, *what: object) -> None:
        """Ends the simulation if it is not so; whoever asks goes on."""
        if not truth:
            self.broken(Violation(" ".join(map(str, what))))

    def broken(self, why: BaseException | None) -> None:
        if self._violation is None:
            assert isinstance(why, Exception)
            self._violation = why
            self._violated.set()


class Patience:
    """For as long as runs end one after the other: limits may let one at a time begin."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ended = 0
        self._deadline = 0.0

    def must(self, why: str) -> None:
        """Raises Violation when it is at its end."""
        now, runs = self._world.loop.time(), self._world.model.runs.values()
        ended = sum(record.ended is not None for record in runs if not record.program.cron)
        if ended > self._ended or not self._deadline:
            self._ended, self._deadline = ended, now + PATIENCE_S
        if now > self._deadline:
            raise Violation(f"not at rest in time: {why}")


def _watched(disk_type: type[Disk], world: World) -> Disk:
    class Watched(disk_type):  # type: ignore[misc, valid-type]
        def decide(self, transition: Transition) -> Committed:
            return world.decided(transition, lambda: super(Watched, self).decide(transition))

    return Watched(world.clock)


def simulate(seed: int, *, world_type: type[World] = World, **how: Any) -> World:
    """Runs one seed. AssertionError, with the whole story, when something was not as it must be."""
    world: World | None = None

    async def main(loop: SimLoop) -> None:
        nonlocal world
        world = world_type(seed, loop, **how)
        await world.run()

    try:
        run_simulated(main)
    except Exception as error:
        assert world is not None
        raise AssertionError(_report(world, error)) from error
    assert world is not None
    return world


def _report(world: World, error: Exception) -> str:
    what = f"seed {world.seed}: {type(error).__name__}: {error}"
    return "\n".join(
        (
            what,
            "",
            *map(str, world.programs.values()),
            f"faults: {world.faults!r}",
            f"retry interval {world.settings.retry_interval} s, {world.settings.queue_workers} workers",
            "",
            *story.lines(world.trace),
            "",
            f"again: SIM_FIRST_SEED={world.seed} SIM_SEEDS=1 python -m pytest tests/sim/{world.tests} -k seeds",
            what,
        )
    )
