"""One transition onto the rows in memory: fences first, then its actions in order (design §3.2, §3.3)."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from inngest_fast.adapters.postgres.footprint import Footprint
from inngest_fast.adapters.postgres.live import KeyRow, Live, PlainRow, StepRow, TraceRow
from inngest_fast.adapters.postgres.lookups import KnownPaths, Place, path_row
from inngest_fast.adapters.postgres.rows import RunRow, job_row, key_digest, wait_row
from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import Run, RunStatus
from inngest_fast.domain.stored_form import encode_app, encode_function, encode_run, encode_step, encode_wires
from inngest_fast.domain.transitions import (
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
    PutTrace,
    RemoveApp,
    Transition,
    UpdateRun,
)
from inngest_fast.domain.waits import Wait, WaitKind


class _DroppedError(Exception):
    pass


class Applier:
    """Applies transitions one after the other."""

    def __init__(self, live: Live, footprint: Footprint, known: KnownPaths) -> None:
        flow = live.flow
        self._live = live
        self._footprint = footprint
        self._known = known
        self._now = 0
        self._committed = Committed()
        self._wires: dict[str, bytes] = {}  # of the events that this transition stores
        self._ended: list[str] = []  # runs to sweep once all actions are done
        self._made = False  # the transition made a run, a wait, or a job in place of a run
        self.doubtful = False  # a transition failed after it had made what may be there already
        self._handlers: dict[type, Callable[[Any], None]] = {
            PutEvent: self._put_event,
            CreateRun: self._create_run,
            UpdateRun: self._update_run,
            EndRun: self._end_run,
            PutStep: self._put_step,
            PutTrace: self._put_trace,
            AddJob: lambda action: self._add_job(action.job),
            MoveJob: self._move_job,
            DropJob: self._drop_job_action,
            AddWait: self._add_wait_action,
            ConsumeWait: self._consume_wait,
            DropWait: self._drop_wait_action,
            PutApp: self._put_app,
            PutFunction: self._put_function,
            RemoveApp: lambda action: self._live.apps.put(action.app_id, None),
            Admit: self._admit,
            PutRow: flow.put_row,
            ExtendRow: lambda action: flow.extend_row(action, self._now),
            DropRow: flow.drop_row,
            AppendEvent: flow.append_event,
            DropBatch: flow.drop_batch,
            PutCancellation: flow.put_cancellation,
            DropCancellation: flow.drop_cancellation,
        }

    def apply(self, transition: Transition, now: int) -> Committed | StoreError:
        """What the transition did. One that was dropped, or cannot be stored, leaves no trace."""
        self._now = now
        self._committed = committed = Committed()
        self._wires = {}
        self._ended = []
        self._made = False
        self._live.begin()
        try:
            self._consume(transition)
            for action in transition.actions:
                self._handlers[type(action)](action)
            for run_id in self._ended:
                self._sweep(run_id)
        except _DroppedError as drop:
            self._live.rollback()
            self.doubtful |= self._made
            return Committed(str(drop))
        except Exception as error:
            self._live.rollback()
            self.doubtful |= self._made
            return StoreError(f"cannot store a transition: {error}")
        return committed

    def _consume(self, transition: Transition) -> None:
        live, job = self._live, transition.job
        if job is not None:
            row = live.jobs.rows.get(job.id)
            if row is None or row.attempt != job.attempt:
                raise _DroppedError("job")
            live.jobs.drop(job.id)
        if transition.wait_id and not live.waits.drop(transition.wait_id):
            raise _DroppedError("wait")

    def _sweep(self, run_id: str) -> None:
        """Leaves nothing to do for a run that ended, be it from this very transition."""
        for job_id in self._live.jobs_of_run(run_id):
            self._drop_job(job_id)
        for wait_id in self._live.waits_of_run(run_id):
            self._drop_wait(wait_id)

    # Events and runs

    def _put_event(self, action: PutEvent) -> None:
        event = action.event
        if event.id not in self._live.events.rows:
            self._live.events.put(event.id, event)
            self._wires[event.id] = event.wire

    def _create_run(self, action: CreateRun) -> None:
        run, live = action.run, self._live
        if run.key and (holder := self._take_key(run, action.key_until)):
            self._committed.refused_runs[run.id] = holder
            for job in action.if_taken:
                self._add_job(replace(job, payload=holder.encode()))
                self._made = True
            return
        if run.id in live.runs.rows:
            raise ValueError(f"the run {run.id} is there already")
        ids = run.event_ids
        # Every later update of the row would carry the copy along: it is made only where it must be.
        stored = tuple(map(self._wires.get, ids)) == run.events
        row = RunRow(
            run.id,
            int(run.status),
            run.version,
            encode_run(run),
            run.function_id,
            ids[0] if ids else "",
            run.queued_at,
            b"" if stored else encode_wires(run.events),
            run.started_at,
            run.ended_at,
        )
        live.runs.put(run.id, row)
        self._made = True
        for id in ids[1:]:
            live.batched.put((id, run.id), (id, run.id))
        for job in action.jobs:
            self._add_job(job)
        for wait in action.waits:
            self._add_wait(wait)
        for flow_row in action.rows:
            live.flow.put(flow_row)

    def _take_key(self, run: Run, until: int) -> str:
        """Takes the run's key; "" if it was free, else the run that has it."""
        keys = self._live.keys
        key = (run.function_id, key_digest(run.key))
        held = keys.rows.get(key)
        if held is not None and held.until > self._now:
            return held.run_id
        keys.put(key, KeyRow(*key, run.id, until))
        return ""

    def _update_run(self, action: UpdateRun) -> None:
        self._put_run(action)

    def _end_run(self, action: EndRun) -> None:
        self._put_run(action)
        if action.run.branched:
            self._ended.append(action.run.id)

    def _put_run(self, action: UpdateRun | EndRun) -> None:
        run = action.run
        row = self._live.runs.rows.get(run.id)
        if row is None or row.version != action.after or row.status >= RunStatus.COMPLETED:
            raise _DroppedError("run")
        row = row._replace(
            status=int(run.status),
            version=run.version,
            body=encode_run(run),
            started_at=run.started_at,
            ended_at=run.ended_at,
        )
        self._live.runs.put(run.id, row)

    def _put_step(self, action: PutStep) -> None:
        key = (action.run_id, action.step.id)
        self._live.steps.put(key, StepRow(*key, encode_step(action.step)))

    def _put_trace(self, action: PutTrace) -> None:
        key = (action.run_id, action.key)
        self._live.traces.put(key, TraceRow(*key, action.body))

    # Jobs

    def _add_job(self, job: Job) -> None:
        if job.id not in self._live.jobs.rows:
            self._live.put_job(job_row(job))
            self._committed.jobs.append(job)

    def _move_job(self, action: MoveJob) -> None:
        self._live.put_job(job_row(action.job))
        self._forget_added(action.job.id)
        self._committed.jobs.append(action.job)

    def _drop_job_action(self, action: DropJob) -> None:
        self._drop_job(action.job_id)

    def _drop_job(self, job_id: str) -> None:
        if self._live.jobs.drop(job_id):
            self._forget_added(job_id)
            self._committed.dropped_jobs.append(job_id)

    def _forget_added(self, job_id: str) -> None:
        jobs = self._committed.jobs
        if jobs:
            self._committed.jobs = [job for job in jobs if job.id != job_id]

    # Waits

    def _add_wait(self, wait: Wait) -> None:
        live = self._live
        if wait.step_id and live.waits_for(wait.run_id, wait.step_id):
            self._committed.dropped_waits.append(wait.id)  # never live, whatever its sender announced
            return
        if wait.id in live.waits.rows:
            raise ValueError(f"the wait {wait.id} is there already")
        live.put_wait(wait_row(wait, self._numbers(self._footprint.places[wait.id])))
        self._made = True

    def _numbers(self, place: Place) -> list[int]:
        if place.paths:
            known = self._known.of(place.bucket)
            for path in place.paths:
                if path not in known and not self._live.take_path(path_row(place.bucket, path)):
                    return place.by_name()
        return place.numbers()

    def _add_wait_action(self, action: AddWait) -> None:
        wait = action.wait
        if wait.kind is WaitKind.SIGNAL and self._live.signal_taken(wait.key, wait.run_id):
            raise _DroppedError("signal")
        self._add_wait(wait)

    def _consume_wait(self, action: ConsumeWait) -> None:
        if self._live.waits.drop(action.wait_id):
            self._add_job(action.job)

    def _drop_wait_action(self, action: DropWait) -> None:
        self._drop_wait(action.wait_id)

    def _drop_wait(self, wait_id: int) -> None:
        if self._live.waits.drop(wait_id):
            self._committed.dropped_waits.append(wait_id)

    # Apps and functions

    def _put_app(self, action: PutApp) -> None:
        self._live.apps.put(action.app.id, PlainRow(action.app.id, "", encode_app(action.app)))

    def _put_function(self, action: PutFunction) -> None:
        function = action.function
        row = PlainRow(function.id, function.app_id, encode_function(function))
        self._live.functions.put(function.id, row)

    # Flow control

    def _admit(self, action: Admit) -> None:
        admission = action.admission
        rows = self._live.flow.live(admission.keys, self._now)
        for decided in admission.decide(rows):
            if not self._footprint.has(decided):
                raise ValueError(f"an admission came to what it had not announced: {decided}")
            self._handlers[type(decided)](decided)
            self._committed.admitted.append(decided)
