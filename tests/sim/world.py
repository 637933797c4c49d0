"""One simulation: a disk, processes that come and go on it, apps, senders, and everything that goes wrong."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import copy_context
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

from inngest_fast.domain.apps import App, Function
from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.functions import CancelOn, FunctionConfig, Timeouts, Trigger
from inngest_fast.domain.settings import Settings
from inngest_fast.domain.transitions import Committed, PutApp, PutFunction, Transition
from inngest_fast.ports.app_client import AppRequest, AppResponse
from tests.fixtures.virtual_loop import START_MS
from tests.sim import rest, sdk, story
from tests.sim.clock import Clock
from tests.sim.disk import Disk, ProcessStore
from tests.sim.faults import Faults
from tests.sim.generate import write_programs
from tests.sim.loop import SimLoop, run_simulated
from tests.sim.model import Model, Violation
from tests.sim.network import Network
from tests.sim.process import Process
from tests.sim.programs import Program, Send, Step
from tests.sim.senders import Senders

STORM_S = 40.0  # how long things go wrong and events come
CRON_STORM_S = 240.0
STEP_MS = 20_000  # by which the wall clock is set, at most
PATIENCE_S = 700.0  # within which all is at rest once nothing goes wrong any more

Scene = Callable[["World"], Any]


class World:
    """A seed chooses the programs, the faults and what is sent; a test may choose instead."""

    tests = "test_simulation.py"
    faults_type = Faults
    model_type = Model
    senders_at_once = (1, 3, 6)

    def __init__(
        self,
        seed: int,
        loop: SimLoop,
        *,
        disk_type: type[Disk] = Disk,
        programs: Mapping[str, Program] | None = None,
        scene: Scene | None = None,
    ) -> None:
        self.seed = seed
        self.loop = loop
        self.random = Random(seed)
        self.programs = write_programs(self.random) if programs is None else programs
        self.faults = self.faults_type(self.random, wild=scene is None)
        self._scene = scene or self._storm
        self.clock = Clock(loop)
        self.model = self.model_type(self.programs, self.faults.clock_steps * STEP_MS)
        self.settings = Settings(
            discovery=False,
            poll=False,
            poll_interval=1e7,
            retry_interval=self.random.choice((1.0, 1.0, 5.0)),
            queue_workers=self.random.choice((1, 3, 100)) if scene is None else 100,
        )
        self.trace: list[story.Entry] = []
        self.disk = _watched(disk_type, self)
        self.senders = Senders(self)
        self.network = Network(
            loop, copy_context(), self.random, self.faults, self._serve, self._sent, self._answered
        )
        self.executions: dict[tuple[str, str], int] = defaultdict(int)
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
        deadline = self.loop.time() + PATIENCE_S
        while not rest.at_rest(self, self.process):
            if self.loop.time() > deadline:
                raise Violation(f"not at rest in time; live: {sorted(self.model.live)}")
            await asyncio.sleep(2.0)
        keeper.cancel()
        process = self.process
        assert process is not None
        self._over(process)
        rest.check_rest(self, process)
        rest.check_runs(self)
        rest.check_executions(self)
        rest.check_crons(self, self.clock.now_ms())
        process.die()

    async def _storm(self, _: "World") -> None:
        lasts = CRON_STORM_S if "cron" in self.programs else STORM_S
        busy = [
            self.loop.create_task(self.senders.blunder(lasts / 2))
            for _ in range(self.random.choice(self.senders_at_once))
        ]
        busy += [self.loop.create_task(self._step_clock()), self.loop.create_task(self._lose_jobs())]
        await asyncio.sleep(lasts)
        self.faults.calm = True
        self._crashes_left = 0
        self.note("calm")
        _, waiting = await asyncio.wait(busy, timeout=PATIENCE_S)
        self.model.must(not waiting, "senders were never heard")
        for task in busy:
            await task

    def _register(self) -> None:
        app = App(id="app", name="app", url="http://app/api/inngest", created_at=1, updated_at=1)
        self.disk.decide(Transition([PutApp(app)]))
        for program in self._registered():
            function = Function(f"id-{program.slug}", "app", "app", program.slug, 1, _config(program), 1, 1)
            self.disk.decide(Transition([PutFunction(function)]))

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
            process = self.process = Process(
                self.loop,
                self.clock,
                self.random,
                store,
                self.network.client(),
                self.settings,
                self.faults.cached,
            )
            self._down.clear()
            self._set_alarm()
            self.note("start")
            starting = process.do(process.start())
            await asyncio.wait((starting,))
            if process.up:
                self._since = self.clock.now_ms()
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

    def _sent(self, request: AppRequest, under_way: Sequence[str]) -> None:
        if request.method == "POST":
            self.note("call", request)
            asked = json.loads(request.body)
            job_id = asked["ctx"]["job_id"]
            self.check(self.model.called, asked, job_id)
            twice = job_id in under_way and not self.jobs_lost
            self.check(self.model.must, not twice, "two calls at once of the job", job_id)

    def _answered(self, what: str, request: AppRequest, outcome: Any) -> None:
        self.note(what, request, outcome)
        if request.method != "POST":
            return
        ctx = json.loads(request.body)["ctx"]
        bad, final = True, False
        if isinstance(outcome, AppResponse):
            bad = outcome.status not in (200, 206) or outcome.body.endswith(b":")
            final = outcome.status >= 400 and outcome.headers.get("x-inngest-no-retry") == "true"
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
        committed = decide()
        self.note("commit", transition, committed)
        self.check(self.model.after, transition, before, committed, tables)
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

    def broken(self, why: BaseException | None) -> None:
        if self._violation is None:
            assert isinstance(why, Exception)
            self._violation = why
            self._violated.set()


def _config(program: Program) -> FunctionConfig:
    if program.cron:
        triggers = (Trigger(cron=program.cron),)
    else:
        expression = f"event.data.n > {program.above}" if program.above >= 0 else ""
        triggers = (Trigger(event=program.event, expression=expression),)
    return FunctionConfig(
        slug=program.slug,
        name=program.slug,
        url=f"http://app/api/inngest?fnId={program.slug}&stepId=step",
        retries=program.retries,
        triggers=triggers,
        cancel=(CancelOn(program.cancel, "event.data.n == async.data.n"),) if program.cancel else (),
        timeouts=Timeouts(program.start_s * 1_000 or None, program.finish_s * 1_000 or None),
    )


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
