"""Several processes at once on one disk, one queue: each comes, stalls and goes on its own."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import copy_context
from dataclasses import replace
from typing import Any

from inngest_fast.domain.errors import QueueError, StoreError
from inngest_fast.domain.transitions import Committed, PutApp, PutFunction, RemoveApp, Transition
from inngest_fast.ports.app_client import AppRequest
from tests.sim import flow_rest, replica_rest, rest, sdk
from tests.sim.clock import SkewedClock
from tests.sim.disk import ProcessStore
from tests.sim.in_flight import check_call
from tests.sim.loop import PROCESS
from tests.sim.process import Process
from tests.sim.programs import Program, Send, Step, steps_of
from tests.sim.registration import registration
from tests.sim.replica_faults import ReplicaFaults
from tests.sim.replica_model import ReplicaModel
from tests.sim.replica_process import Neighbours, ReplicaProcess, Watch
from tests.sim.wait_search import DiskSearch
from tests.sim.world import STEP_MS, STORM_S, Patience, World

_REBUILT_WITHIN_S = 4.5  # after a loss; what only two rounds of the reconciler find takes longer
_HEARD_WITHIN_S = 15.0  # a server, of other limits
_TOLD_WITHIN_S = 60.0  # by the reconciler
_CAUSE_WITHIN_S = 20.0  # beside a lease: from a fault to a call that it causes to be made again


class ReplicaWorld(World, Watch):
    tests = "test_replicas_simulation.py"
    faults_type = ReplicaFaults
    senders_at_once = (3, 6, 12)
    faults: ReplicaFaults
    model: ReplicaModel

    def __init__(self, *arguments: Any, **how: Any) -> None:
        super().__init__(*arguments, **how)
        if self.faults.registered_late:
            slug = max(slug for slug, program in self.programs.items() if program.event.startswith("app/"))
            self.programs[slug] = replace(self.programs[slug], late=True)
        self.model.tables = self.disk.tables
        self.model.flow.latency_ms = None  # not before another server has found out
        self.near = Neighbours(self.loop, self.random, self.faults, copy_context(), self._places())
        self.replicas: list[ReplicaProcess | None] = [None] * self.faults.replicas
        self._clocks_agree = self._clocks_agree and not self.faults.skew_ms
        self.near.places.exact = self._clocks_agree
        self.near.places.informed = False
        self.near.places.told_all = self._told_all
        self.apps_version = 0
        self._faults_so_far = 0
        self._causes: list[float] = []  # times of faults for which calls may be made again
        self.executed_at: dict[tuple[str, str], float] = {}
        self.executed_again = 0
        self._downs = [asyncio.Event() for _ in self.replicas]
        self._since_of = [0] * self.faults.replicas
        self._names = 0
        self._faultless = not (self.faults.bad_calls or self.faults.empty_answers)
        self._racing = {slug for slug, program in self.programs.items() if sdk.races(program.body)}
        self._fails = {
            step.id: getattr(step, "fails", 0)
            for program in self.programs.values()
            for step in steps_of(program.body)
        }
        self.called_in_vain: dict[bool, int] = defaultdict(int)

    def _model(self) -> ReplicaModel:
        faults = self.faults
        error = faults.clock_steps * STEP_MS + 2 * faults.skew_ms
        return ReplicaModel(self.programs, error, self.loop.time, clocks_known=not faults.clock_steps)

    def _look(self) -> None:
        """Who is woken hears of it later."""

    def _has_place(self, job_id: str) -> None:
        """Calls in flight are within every limit; those of jobs that are another's by now do not count."""
        faults = self.faults
        if faults.failovers or faults.lost_jobs or (faults.stalls and faults.flushes):
            return
        since = self.model.flow.leased_at[job_id] - _HEARD_WITHIN_S
        others = [other for process in self.replicas for other in self._in_flight(process)]
        self.check(check_call, self.model.flow, job_id, others, since, self.model.must)

    def _in_flight(self, process: ReplicaProcess | None) -> Iterator[str]:
        if process is None or process.dead or self.loop.is_stalled(process):
            return
        for job_id in process.client.under_way:
            record = self.near.queue.records.get(job_id)
            lost = record is not None and record.owner is not None and record.owner[0] != process.name
            if job_id in process.queue._held and not lost and job_id in self.disk.tables["jobs"]:
                yield job_id

    async def _tale(self) -> None:
        keepers = [self.loop.create_task(self._keep(place)) for place in range(len(self.replicas))]
        for keeper in keepers:
            keeper.add_done_callback(lambda task: task.cancelled() or self.broken(task.exception()))
        await self._scene(self)
        patience = Patience(self)
        while unrest := list(replica_rest.unrest(self)):
            patience.must("; ".join(unrest))
            await asyncio.sleep(1.0 + self.random.random())  # in step with nothing
        for keeper in keepers:
            keeper.cancel()
        for place, process in enumerate(self.replicas):
            assert process is not None
            self._is_over(place, process)
        replica_rest.check_rest(self)
        rest.check_runs(self)
        replica_rest.check_crons(self)
        flow_rest.check_flow(self)
        order = self.near.queue._order
        flow_rest.check_places(order._fair, self.model.flow.counters, self.clock.now_ms(), self.model.must)
        for process in self.replicas:
            assert process is not None
            process.die()

    async def _storm(self, world: World) -> None:
        troubles = [self._stall(), self._flush(), self._fail_over(), self._register_late()]
        tasks = [self.loop.create_task(trouble) for trouble in troubles]
        await super()._storm(world)
        for task in tasks:
            await task

    def _registered(self) -> Iterable[Program]:
        late = self.faults.registered_late
        named = [slug for slug, program in self.programs.items() if program.event.startswith("app/")]
        return [p for p in self.programs.values() if not (late and p.slug == max(named))]

    # Processes

    def contact(self) -> Process | None:
        up = [process for process in self.replicas if process is not None and process.up]
        return self.random.choice(up) if up else None

    async def _keep(self, place: int) -> None:
        down = self._downs[place]
        while True:
            process = self.replicas[place] = self._make()
            down.clear()
            self._set_alarm()
            self.note("start", process.name)
            starting = process.do(process.start())
            await asyncio.wait((starting,))
            if process.up:
                self._since_of[place] = self.clock.now_ms()
                await down.wait()
                self._is_over(place, process)
            elif not starting.cancelled() and (error := starting.exception()) is not None:
                self.note("did not start", error)
                if not isinstance(error, StoreError | QueueError):
                    self.broken(error)
            if process.up:
                self.note("stop", process.name)
                self._is_fault()
                await asyncio.wait((process.do(process.leave()),))
            elif not process.dead:
                process.die()
            await asyncio.sleep(self.faults.delay(self.faults.downtime))

    def _make(self) -> ReplicaProcess:
        self._names += 1
        store = ProcessStore(self.disk, self.loop, self.faults, self.handed_in)
        skew = self.random.randint(-self.faults.skew_ms, self.faults.skew_ms) if self.faults.skew_ms else 0
        return ReplicaProcess(
            f"node-{self._names}",
            self.near,
            DiskSearch(self.disk, store, lambda: self.apps_version),
            self,
            clock=SkewedClock(self.clock, skew) if skew else self.clock,
            store=store,
            client=self.network.client(),
            settings=self.settings,
            cached=self.faults.cached,
        )

    def _is_over(self, place: int, process: ReplicaProcess) -> None:
        self._since = self._since_of[place]
        self._over(process)
        for name, n in process.queue.counters.items():
            self.counters[name] += n

    def _crash(self) -> None:
        found = [
            (place, process)
            for place, process in enumerate(self.replicas)
            if process is not None and not process.dead
        ]
        if not found or self._crashes_left <= 0:
            return
        self._crashes_left -= 1
        place, process = self.random.choice(found)
        self._is_fault()
        if not (process.up and self.faults.happens(self.faults.orderly)):
            self.note("crash", process.store.backlog, "commits under way in", process.name)
            process.die()
        self._downs[place].set()

    # What else goes wrong

    def _calamity(self, kind: str, *what: object, repeats: bool = True) -> None:
        self.note(kind, *what)
        self._is_fault(repeats=repeats)

    def _is_fault(self, *, repeats: bool = True) -> None:
        """From now on something is wrong; with `repeats` calls may be made again."""
        self._faults_so_far += 1
        if repeats:
            self._causes.append(self.loop.time())

    def _told_all(self) -> bool:
        """Whether no server died of late: what it had told nobody is found in time."""
        return not self._causes or self.loop.time() - self._causes[-1] > _TOLD_WITHIN_S

    async def _stall(self) -> None:
        for _ in range(self.faults.stalls):
            await asyncio.sleep(STORM_S / 2 * self.random.random())
            found = [process for process in self.replicas if process is not None and not process.dead]
            if not found or self.faults.calm:
                continue
            process = self.random.choice(found)
            self._calamity("stall", process.name)
            self.loop.stall(process)
            await asyncio.sleep(self.faults.lease_s * self.random.choice((0.5, 1.2, 1.2, 3.0)))
            if self.loop.is_stalled(process):
                self._calamity("go on", process.name)
                self.loop.resume(process)

    async def _flush(self) -> None:
        for _ in range(self.faults.flushes):
            await asyncio.sleep(STORM_S / 2 * self.random.random())
            if self.faults.calm:
                return
            # What a node is at work on it restores before others take it up.
            self._calamity("flush", len(self.near.queue.records), "jobs", repeats=False)
            self.near.queue.flush(
                {name for name, process in self.near.nodes.items() if not self.loop.is_stalled(process)}
            )
            if self.faults.flushes_told:
                for process in self.near.nodes.values():
                    self.loop.call_later(
                        self.faults.hint_way(), process.queue.told, "lost", context=process.context
                    )

    async def _fail_over(self) -> None:
        for _ in range(self.faults.failovers):
            await asyncio.sleep(STORM_S / 2 * self.random.random())
            if self.faults.calm:
                return
            undone = self.random.choice((0, 0, 1, 3, 6))
            self._calamity("failover", undone, "undone")
            queue = self.near.queue
            queue.reachable = False
            for process in list(self.near.nodes.values()):
                process.link.break_off(nothing_arrives=undone > 0)
            queue.undo(undone)
            await asyncio.sleep(self.random.choice((0.0, 0.5, 3.0)) * self.random.random())
            queue.reachable = True
            self._calamity("back")

    async def _lose_jobs(self) -> None:
        for _ in range(self.faults.lost_jobs):
            await asyncio.sleep(STORM_S / 4 * self.random.random())
            jobs = sorted(self.disk.tables["jobs"])
            if jobs:
                lost = self.random.choice(jobs)
                self._calamity("lost", lost)
                self.jobs_lost += 1
                self.near.queue.lose(lost)

    async def _register_late(self) -> None:
        """An app comes with a function; the process that another asks next knows it."""
        late = [program for program in self.programs.values() if program.late]
        if not late:
            return
        body = json.dumps(registration(late, "late")).encode()
        await asyncio.sleep(STORM_S / 3 * self.random.random() ** 2)
        while True:
            process = self.contact()
            said = None
            if process is not None:
                said = await self.senders.answer(process.do(process.assembly.apps.register(body)))
            if said is not None:
                break
            await asyncio.sleep(0.2)
        for program in late:
            self.note("registered", program.slug)
        for _ in range(self.random.choice((1, 3))):
            event = {"name": late[0].event, "data": {"n": 2}}
            await self.senders.post(json.dumps(event).encode(), resend=False)

    # Watching

    def told_lost(self, process: ReplicaProcess) -> None:
        if process.up and not self.faults.read_failures:
            jobs = dict(self.disk.tables["jobs"])
            faults = self._faults_so_far
            self.loop.call_later(
                _REBUILT_WITHIN_S, self._must_be_rebuilt, process, jobs, faults, context=self.near.outside
            )

    def _must_be_rebuilt(self, process: ReplicaProcess, jobs: dict[str, Any], faults: int) -> None:
        """Unless more went wrong meanwhile, what was to be done at a loss is in the queue again."""
        if not process.up or self._faults_so_far > faults or self.faults.read_failures:
            return
        here = self.near.queue.records
        lacks = [id for id, job in jobs.items() if self.disk.tables["jobs"].get(id) == job and id not in here]
        self.check(self.model.must, not lacks, "the queue was not filled again:", lacks)

    def _sent(self, request: AppRequest, under_way: Sequence[str]) -> None:
        super()._sent(request, () if not self.faults.harmless else under_way)
        process: Any = PROCESS.get(None)
        if request.method != "POST" or process is None:
            return
        step, job = process.leases[json.loads(request.body)["ctx"]["job_id"]]
        if self.model.over_before(job, step):
            self.called_in_vain[job.doubtful] += 1
            self.note("called in vain", process.name, job)
            told = job.doubtful or not (self.faults.stalls or self.faults.failovers)
            self.check(
                self.model.must, not told, "a call of the job", job, "which was over when it was leased"
            )

    async def send(self, run_id: str, step: Send) -> list[str]:
        try:
            return await super().send(run_id, step)
        except OSError:
            self._is_fault()
            raise

    def executed(self, run_id: str, step: Step) -> int:
        """A body that works again, or fails more often than it can, does so because of a fault."""
        before = super().executed(run_id, step)
        now = self.loop.time()
        first = self.executed_at.setdefault((run_id, step.id), now)
        again = before > self._fails[step.id] and step.id.partition("-")[0] not in self._racing
        if again:
            self.executed_again += 1
            since = first - self.faults.lease_s - _CAUSE_WITHIN_S
            why = not self._faultless or any(since <= at <= now for at in self._causes)
            self.check(
                self.model.must, why, "the step", step.id, "of", run_id, "is executed again for nothing"
            )
        return before

    def decided(self, transition: Transition, decide: Callable[[], Committed]) -> Committed:
        committed = super().decided(transition, decide)
        if committed.applied:
            actions = transition.actions
            self.apps_version += any(type(a) in (PutApp, PutFunction, RemoveApp) for a in actions)
        self.model.committed(transition, committed, self.loop.steps, self.loop.time())
        return committed
