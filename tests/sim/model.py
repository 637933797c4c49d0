"""What must be true of the store after every commit (design §3), told from the transitions alone."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inngest_fast.domain.events import CANCELLED, FAILED, FINISHED, Accepted, Event
from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.runs import VERSION_MARK_BITS, Run, RunStatus
from inngest_fast.domain.transitions import (
    AddJob,
    AddWait,
    Committed,
    CreateRun,
    EndRun,
    MoveJob,
    PutEvent,
    PutStep,
    Transition,
    UpdateRun,
)
from inngest_fast.domain.waits import Wait, WaitKind
from tests.fixtures.model_store import Snapshot
from tests.sim.flow_model import FlowModel
from tests.sim.observed import Decided
from tests.sim.programs import Program, WaitEvent, interpret, step_id, steps_of
from tests.sim.when import When

SILENT = (FINISHED, FAILED)
NEVER = 1 << 60


@dataclass
class RunRecord:
    """What is known of one run."""

    id: str
    program: Program
    event: Mapping[str, Any]
    event_id: str
    key: str
    memos: dict[str, bytes] = field(default_factory=dict)
    version: int = 0
    ended: Run | None = None
    finished_events: int = 0
    may_fail: bool = False  # its app said so, or did not answer as often as it was asked
    cancel_due: bool = False


class Violation(AssertionError):
    """Something that must never be so."""


class Model:
    """Sees every decided transition with the tables as they were, then as they are."""

    def __init__(
        self,
        programs: Mapping[str, Program],
        clock_error: int,
        time: Callable[[], float],
        *,
        clocks_known: bool = True,
    ) -> None:
        """`clocks_known`: wall times are never off by more than `clock_error`, and never set."""
        self._programs = programs
        self._clock_error = clock_error  # ms by which the wall clock may be set back
        self._clocks_known = clocks_known
        self.flow = FlowModel(programs, self.must, time)
        self.runs: dict[str, RunRecord] = {}
        self.live: set[str] = set()
        self.by_key: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.wait_since: dict[int, int] = {}  # the step of the loop at which a wait was handed in
        self.arrived: dict[str, int] = {}  # the same for the arrival of an event, by internal id
        self.memos_at: dict[str, int] = {}  # memos of its run when a job became live
        self.commits = 0

    def must(self, truth: object, *what: object) -> None:
        if not truth:
            raise Violation(" ".join(map(str, what)))

    # One transition

    def handed_in(self, transition: Transition, step: int) -> None:
        """From here on its waits count: an event that arrives later must not miss them."""
        for action in transition.actions:
            if type(action) is AddWait:
                self.wait_since.setdefault(action.wait.id, step)
            elif type(action) is CreateRun:
                for wait in action.waits:
                    self.wait_since.setdefault(wait.id, step)

    def _when(self, now: int) -> When:
        """About now, as servers and store have it."""
        error, time = self._clock_error, self.flow.time()
        return When(now - error, now + error, time, time, self._clocks_known)

    def before(self, transition: Transition, tables: Snapshot, now: int) -> "_Before":
        job = transition.job
        return _Before(
            now=now,
            job_live=job is not None
            and (live := tables["jobs"].get(job.id)) is not None
            and live.attempt == job.attempt,
            wait_live=transition.wait_id in tables["waits"],
            met=[
                (event, wait)
                for action in transition.actions
                if type(action) is PutEvent and action.route
                for event in (action.event,)
                for wait in tables["waits"].values()
                if self._must_meet(wait, event, now)
            ],
        )

    def after(
        self,
        transition: Transition,
        before: "_Before",
        committed: Committed,
        tables: Snapshot,
        admissions: Decided,
    ) -> None:
        self.commits += 1
        if committed.reason:
            return
        must = self.must
        self.flow.decided(transition, committed, admissions, tables, self._when(before.now))
        actions = [*transition.actions, *committed.admitted]
        if transition.job is not None:
            must(before.job_live, "a commit consumed a job that was not live:", transition.job)
            must(
                tables["jobs"].get(transition.job.id) != transition.job,
                "a consumed job is still there:",
                transition.job,
            )
        if transition.wait_id:
            must(before.wait_live, "a commit consumed a wait that was not live:", transition.wait_id)
        for event, wait in before.met:
            must(
                wait.id not in tables["waits"],
                "the event",
                event.name,
                event.id,
                "missed the live wait",
                wait,
            )
        touched: dict[str, None] = {}
        if transition.job is not None:
            touched[transition.job.run_id] = None
        ends = [a.run for a in transition.actions if type(a) is EndRun]
        for action in actions:
            kind = type(action)
            if kind is CreateRun:
                if action.run.id not in committed.refused_runs:
                    self._created(action.run)
                    touched[action.run.id] = None
            elif kind is UpdateRun or kind is EndRun:
                self._updated(action.run)
                touched[action.run.id] = None
            elif kind is PutStep:
                self._step(action)
            elif kind is PutEvent:
                self._event(action.event, ends)
            elif kind is AddWait:
                touched[action.wait.run_id] = None
                self._wait(action.wait, tables)
            elif kind is AddJob or kind is MoveJob:
                touched[action.job.run_id] = None
        for job in committed.jobs:
            touched[job.run_id] = None
            if job.run_id:
                self.memos_at[job.id] = len(self.runs[job.run_id].memos)
                must(job.run_id in self.live, "a job of a run that has ended:", job)
        for run in ends:
            silent = json.loads(run.events[0])["name"] in SILENT
            told = self.runs[run.id].finished_events
            wanted = 0 if silent else 1 + len(run.correlated)
            must(told == wanted, "the run", run.id, "ended with", told, "function.finished")
        for run_id in touched:
            if run_id:
                self._has_a_future(run_id, tables)

    def _has_a_future(self, run_id: str, tables: Snapshot) -> None:
        jobs = [job for job in tables["jobs"].values() if job.run_id == run_id]
        if run_id in self.live:
            self.must(jobs, "nothing will move the run", run_id)
        else:
            left = [job for job in jobs if job.kind is not JobKind.CANCEL]  # of one that gave way just then
            self.must(not left, "the run", run_id, "ended and left", left)
            waits = [wait for wait in tables["waits"].values() if wait.run_id == run_id]
            self.must(not waits, "the run", run_id, "ended and left", waits)

    def _created(self, run: Run) -> None:
        self.must(run.id not in self.runs, "the run", run.id, "was made twice")
        event = json.loads(run.events[0])
        record = RunRecord(run.id, self._programs[run.slug], event, run.event_ids[0], run.key)
        self.runs[run.id] = record
        if run.status.ended:
            record.ended = run
        else:
            self.live.add(run.id)
        if run.key:
            self.by_key[run.slug, run.key].append(run.id)
            made = self.by_key[run.slug, run.key]
            self.must(len(made) == 1, "the key", run.key, "of", run.slug, "started", made)

    def _updated(self, run: Run) -> None:
        record = self.runs[run.id]
        self.must(record.ended is None, "the run", run.id, "changed after its end")
        self.must(
            run.version >> VERSION_MARK_BITS == (record.version >> VERSION_MARK_BITS) + 1,
            "the run",
            run.id,
            "went from",
            record.version,
            "to",
            run,
        )
        record.version = run.version
        self.must(
            sorted(record.memos) == sorted(run.stack[: len(record.memos)]),
            "the stack of",
            run.id,
            "is",
            run.stack,
            "with the memos",
            list(record.memos),
        )
        if run.status.ended:
            record.ended = run
            self.live.discard(run.id)

    def _step(self, action: PutStep) -> None:
        record, step = self.runs[action.run_id], action.step
        known = record.memos.get(step.id)
        self.must(
            known is None, "the step", step.name, "of", action.run_id, "had a memo", known, "and got", step
        )
        if step.memo is not None:
            self.must(step.seq == len(record.memos), "the step", step, "is not next in the stack")
            record.memos[step.id] = step.memo

    def _wait(self, wait: Wait, tables: Snapshot) -> None:
        if wait.id in tables["waits"]:
            timeout = f"{wait.run_id}:{wait.step_id}-timeout"
            self.must(timeout in tables["jobs"], "the wait", wait, "has no timeout")

    def _event(self, event: Event, ends: list[Run]) -> None:
        if event.name == FINISHED:
            run_id = json.loads(event.wire)["data"]["run_id"]
            if run_id:
                self.must(run_id in [run.id for run in ends], "told the end of", run_id, "that did not end")
                self.runs[run_id].finished_events += 1
        elif event.name in (FAILED, CANCELLED):
            wanted = RunStatus.FAILED if event.name == FAILED else RunStatus.CANCELLED
            run_id = json.loads(event.wire)["data"]["run_id"]
            self.must(
                [(run.id, run.status) for run in ends] == [(run_id, wanted)],
                event.name,
                "was told of",
                run_id,
                "with the ends",
                [(run.id, run.status) for run in ends],
            )

    def _must_meet(self, wait: Wait, event: Event, now: int) -> bool:
        """Whether an event that is committed now must find this wait, asked for before it came."""
        if wait.expires_at <= max(now, event.received_at) + self._clock_error:
            return False
        if wait.kind is WaitKind.INVOKE:
            return event.name == FINISHED and event.correlation_id == wait.key
        if wait.kind is WaitKind.SIGNAL or event.name != wait.event:
            return False
        if self.wait_since.get(wait.id, NEVER) >= self.arrived.get(event.id, 0):
            return False
        record = self.runs[wait.run_id]
        if wait.kind is WaitKind.CANCEL:
            match = True
        else:
            match = next(
                s.match
                for s in steps_of(record.program.body)
                if isinstance(s, WaitEvent) and step_id(s.id) == wait.step_id
            )
        mine, theirs = record.event["data"], json.loads(event.wire)["data"]
        return not match or ("n" in mine and "n" in theirs and mine["n"] == theirs["n"])

    # Acknowledgements and calls

    def acknowledged(self, event: Event, did: Accepted, tables: Snapshot) -> None:
        """An event was answered with 200: it and all that it starts are durable now (design §3.1)."""
        must, outcomes = self.must, self.flow.outcomes[event.id]
        must(outcomes, "the event", event, "is not durable")
        wanted = [(sorted(filter(None, outcome.values())), bool(outcome)) for outcome in outcomes]
        must((sorted(did.run_ids), did.matched) in wanted, event, "did", wanted, "and was answered with", did)
        for run_id in did.run_ids:
            must(run_id in tables["runs"], "the run", run_id, "is not durable")
        if not event.repeatable:
            must(event.id in tables["events"], "the event", event, "is not durable")

    def signalled(self, run_id: str, tables: Snapshot) -> None:
        """A signal was said to have resumed a run: the job that does so is durable, or done."""
        record = self.runs[run_id]
        held = any(job.run_id == run_id and job.kind is JobKind.RESUME for job in tables["jobs"].values())
        got = any(b'"signal":' in memo for memo in record.memos.values())
        self.must(held or got or record.ended, "the signal to", run_id, "is not durable")

    def reported(
        self, transition: Transition, asked: Sequence[tuple[str, str, int]], tables: Snapshot
    ) -> None:
        """Steps get memos from who consumes a job, or from the running call of a job that is as it was."""
        for action in transition.actions:
            if transition.job is None and type(action) is PutStep and action.step.memo is not None:
                known = self.runs[action.run_id]
                heard = any(
                    run_id == action.run_id
                    and (job := tables["jobs"].get(job_id)) is not None
                    and job.generation == generation
                    for run_id, job_id, generation in asked
                )
                self.must(
                    heard or known.ended or self._outdated(transition, known),
                    "a call that was over was heard:",
                    action,
                )

    def _outdated(self, transition: Transition, record: RunRecord) -> bool:
        """Whether the transition rests on a state of the run that is over: it will be dropped."""
        return any(type(a) is UpdateRun and a.after != record.version for a in transition.actions)

    def checkpointed(self, run_id: str, job_id: str, step_ids: Sequence[str]) -> None:
        """Steps were acknowledged while their call went on: they are durable, and no later call lacks them."""
        record = self.runs[run_id]
        for id in step_ids:
            self.must(id in record.memos, "the step", id, "of", run_id, "was acknowledged and is not stored")
        if job_id in self.memos_at:
            self.memos_at[job_id] = max(self.memos_at[job_id], len(record.memos))

    def called(self, request: Mapping[str, Any], job_id: str) -> None:
        """A request left: it tells what is durable, and all that was so when its job was made."""
        ctx = request["ctx"]
        record = self.runs[ctx["run_id"]]
        for id, memo in request["steps"].items():
            known = record.memos.get(id)
            self.must(
                known is not None and json.loads(known) == memo,
                "the app was told",
                memo,
                "of step",
                id,
                "which has",
                known,
            )
        self.must(
            len(request["steps"]) >= self.memos_at[job_id],
            "the call of",
            job_id,
            "knows",
            len(request["steps"]),
            "memos of",
            self.memos_at[job_id],
        )

    # The end

    def final(self) -> None:
        """Every run ended, for a reason, and with what its program gives."""
        for record in self.runs.values():
            run = record.ended
            self.must(run is not None, "the run", record.id, "never ended")
            assert run is not None
            if run.status is RunStatus.COMPLETED:
                memos = {id: json.loads(memo) for id, memo in record.memos.items()}
                outcome = interpret(record.program.body, memos, run.stack, attempt=99)
                self.must(outcome.done, "the run", record.id, "completed with", outcome)
                self.must(
                    json.loads(run.output or b"null") == outcome.output,
                    "the run",
                    record.id,
                    "gave",
                    run.output,
                    "not",
                    outcome.output,
                )
            elif run.status is RunStatus.FAILED:
                self.must(record.may_fail, "the run", record.id, "failed for nothing:", run.error)
            elif run.status is RunStatus.CANCELLED:
                self.must(record.cancel_due, "the run", record.id, "was cancelled for nothing")


@dataclass
class _Before:
    now: int
    job_live: bool
    wait_live: bool
    met: list[tuple[Event, Wait]]
