"""One transition onto the database: fences first, then its actions in order (design §3.2, §3.3)."""

import sqlite3
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from inngest_fast.adapters.sqlite import statements as sql
from inngest_fast.adapters.sqlite.flow import FlowTables
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import Run, RunStatus
from inngest_fast.domain.stored_form import (
    encode_app,
    encode_function,
    encode_job,
    encode_run,
    encode_step,
    encode_wait,
    encode_wires,
)
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


class LateDropError(Exception):
    """A fence failed after something was written: what the transition wrote is to be undone."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Applier:
    """Applies transitions on one connection, within the transaction that the caller has open."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._cursor = connection.cursor()
        self._execute = self._cursor.execute
        self._now = 0
        self._committed = Committed()
        self._wires: dict[str, bytes] = {}  # of the events that this transition stored
        self._ended: list[str] = []  # runs to sweep once all actions are done
        self.keys_taken = 0
        self.flow = flow = FlowTables(self._cursor)
        self._handlers: dict[type, Callable[[Any], None]] = {
            PutEvent: self._put_event,
            CreateRun: self._create_run,
            UpdateRun: self._update_run,
            EndRun: self._end_run,
            PutStep: self._put_step,
            PutTrace: self._put_trace,
            AddJob: self._add_job_action,
            MoveJob: self._move_job,
            DropJob: self._drop_job,
            AddWait: self._add_wait_action,
            ConsumeWait: self._consume_wait,
            DropWait: self._drop_wait,
            PutApp: self._put_app,
            PutFunction: self._put_function,
            RemoveApp: self._remove_app,
            Admit: self._admit,
            PutRow: flow.put_row,
            ExtendRow: lambda action: flow.extend_row(action, self._now),
            DropRow: flow.drop_row,
            AppendEvent: flow.append_event,
            DropBatch: flow.drop_batch,
            PutCancellation: flow.put_cancellation,
            DropCancellation: flow.drop_cancellation,
        }

    def apply(self, transition: Transition, now: int) -> Committed:
        """What the transition did, or why it was dropped without having written anything.

        Raises LateDropError for a fence that only its own actions could reach.
        """
        actions = transition.actions
        if (transition.job is not None or transition.wait_id) and (reason := self._consume(transition)):
            return Committed(reason)
        self._committed = Committed()
        self._now = now
        if self._wires:
            self._wires = {}
        if self._ended:
            self._ended = []
        handlers = self._handlers
        try:
            for action in actions:
                handlers[type(action)](action)
        except LateDropError as drop:
            alone = transition.job is None and not transition.wait_id
            if alone and action is actions[0] and type(action) is not Admit:
                return Committed(drop.reason)  # the fence itself was the first thing to be written
            raise
        if self._ended:
            self._sweep()
        return self._committed

    def sweep_keys(self, now: int, limit: int) -> None:
        """Deletes some keys that have expired."""
        self._execute(sql.SWEEP_KEYS, (now, limit))
        self.keys_taken = 0

    def _consume(self, transition: Transition) -> str:
        """Deletes the consumed job and wait if these and the run's version are as expected, else says why."""
        job, wait_id, actions = transition.job, transition.wait_id, transition.actions
        put: UpdateRun | EndRun | None = None
        if actions:
            first = actions[0]
            if type(first) is EndRun or type(first) is UpdateRun:
                put = first
        cursor = self._cursor
        if job is not None:
            if put is None:
                if wait_id:
                    cursor.execute(sql.CONSUME_JOB_AND_WAIT, (job.id, job.attempt, wait_id))
                else:
                    cursor.execute(sql.CONSUME_JOB, (job.id, job.attempt))
            elif wait_id:
                cursor.execute(
                    sql.CONSUME_JOB_AND_WAIT_OF_RUN,
                    (job.id, job.attempt, wait_id, put.run.id, put.after),
                )
            else:
                cursor.execute(sql.CONSUME_JOB_OF_RUN, (job.id, job.attempt, put.run.id, put.after))
            if not cursor.rowcount:
                return self._reason(job, wait_id)
            if wait_id:
                cursor.execute(sql.DROP_WAIT, (wait_id,))
            return ""
        if put is None:
            cursor.execute(sql.DROP_WAIT, (wait_id,))
        else:
            cursor.execute(sql.CONSUME_WAIT_OF_RUN, (wait_id, put.run.id, put.after))
        return "" if cursor.rowcount else self._reason(None, wait_id)

    def _reason(self, job: Job | None, wait_id: int) -> str:
        """The first fence that does not hold; nothing was written."""
        execute = self._execute
        if job is not None and execute(sql.JOB_LIVE, (job.id, job.attempt)).fetchone() is None:
            return "job"
        if wait_id and execute(sql.WAIT_LIVE, (wait_id,)).fetchone() is None:
            return "wait"
        return "run"

    def _sweep(self) -> None:
        """Leaves nothing to do for runs that ended, be it from this very transition."""
        committed = self._committed
        for run_id in self._ended:
            jobs = sorted(row[0] for row in self._execute(sql.SWEEP_JOBS, (run_id,)).fetchall())
            waits = sorted(row[0] for row in self._execute(sql.SWEEP_WAITS, (run_id,)).fetchall())
            committed.dropped_jobs += jobs
            committed.dropped_waits += waits
            if jobs and committed.jobs:
                committed.jobs = [job for job in committed.jobs if job.run_id != run_id]

    # Events and runs

    def _put_event(self, action: PutEvent) -> None:
        event = action.event
        self._execute(
            sql.PUT_EVENT,
            (
                event.id,
                event.name,
                event.external_id,
                event.ts,
                event.received_at,
                1 if event.repeatable else 0,
                event.correlation_id,
                event.target,
                event.wire,
            ),
        )
        if self._cursor.rowcount:
            self._wires[event.id] = event.wire

    def _create_run(self, action: CreateRun) -> None:
        run = action.run
        if run.key and (holder := self._take_key(run, action.key_until)):
            self._committed.refused_runs[run.id] = holder
            for job in action.if_taken:
                self._add_job(replace(job, payload=holder.encode()))
            return
        ids = run.event_ids
        # Every later update of the row would carry the copy along: it is made only where it must be.
        stored = tuple(map(self._wires.get, ids)) == run.events
        self._execute(
            sql.CREATE_RUN,
            (
                run.id,
                run.function_id,
                ids[0] if ids else "",
                int(run.status),
                run.version,
                run.queued_at,
                encode_run(run),
                None if stored else encode_wires(run.events),
                run.started_at,
                run.ended_at,
            ),
        )
        if len(ids) > 1:
            self._cursor.executemany(sql.BATCHED_EVENT, [(id, run.id) for id in ids[1:]])
        for job in action.jobs:
            self._add_job(job)
        for wait in action.waits:
            self._add_wait(wait)
        for row in action.rows:
            self.flow.put(row)

    def _take_key(self, run: Run, until: int) -> str:
        """Takes the run's key; "" if it was free, else the run that has it."""
        self._execute(sql.TAKE_KEY, (run.function_id, run.key, run.id, until, self._now))
        if self._cursor.rowcount:
            self.keys_taken += 1
            return ""
        holder: str = self._execute(sql.KEY_HOLDER, (run.function_id, run.key)).fetchone()[0]
        return holder

    def _update_run(self, action: UpdateRun) -> None:
        self._put_run(action)

    def _end_run(self, action: EndRun) -> None:
        self._put_run(action)
        if action.run.branched:
            self._ended.append(action.run.id)

    def _put_run(self, action: UpdateRun | EndRun) -> None:
        run = action.run
        body = encode_run(run)
        if run.status is RunStatus.RUNNING:
            self._execute(sql.UPDATE_RUNNING, (run.version, body, run.id, action.after))
            if self._cursor.rowcount:
                return
        values = (int(run.status), run.version, body, run.started_at, run.ended_at, run.id, action.after)
        self._execute(sql.UPDATE_RUN, values)
        if not self._cursor.rowcount:
            raise LateDropError("run")

    def _put_step(self, action: PutStep) -> None:
        step = action.step
        self._execute(sql.PUT_STEP, (action.run_id, step.id, encode_step(step)))

    def _put_trace(self, action: PutTrace) -> None:
        self._execute(sql.PUT_TRACE, (action.run_id, action.key, action.body))

    # Jobs

    def _add_job(self, job: Job) -> None:
        self._execute(sql.ADD_JOB, (job.id, job.run_id, job.attempt, job.due, encode_job(job)))
        if self._cursor.rowcount:
            self._committed.jobs.append(job)

    def _add_job_action(self, action: AddJob) -> None:
        self._add_job(action.job)

    def _move_job(self, action: MoveJob) -> None:
        job = action.job
        self._execute(sql.MOVE_JOB, (job.id, job.run_id, job.attempt, job.due, encode_job(job)))
        self._forget_added(job.id)
        self._committed.jobs.append(job)

    def _drop_job(self, action: DropJob) -> None:
        self._execute(sql.DROP_JOB, (action.job_id,))
        if self._cursor.rowcount:
            self._forget_added(action.job_id)
            self._committed.dropped_jobs.append(action.job_id)

    def _forget_added(self, job_id: str) -> None:
        jobs = self._committed.jobs
        if jobs:
            self._committed.jobs = [job for job in jobs if job.id != job_id]

    # Waits

    def _add_wait(self, wait: Wait) -> None:
        if wait.step_id and self._execute(sql.WAIT_OF_STEP, (wait.run_id, wait.step_id)).fetchone():
            self._committed.dropped_waits.append(wait.id)  # never live, whatever its sender announced
            return
        self._execute(
            sql.ADD_WAIT,
            (wait.id, wait.kind.value, wait.run_id, wait.step_id, wait.key, encode_wait(wait)),
        )

    def _add_wait_action(self, action: AddWait) -> None:
        wait = action.wait
        if (
            wait.kind is WaitKind.SIGNAL
            and self._execute(sql.SIGNAL_TAKEN, (wait.key, wait.run_id)).fetchone()
        ):
            raise LateDropError("signal")
        self._add_wait(wait)

    def _consume_wait(self, action: ConsumeWait) -> None:
        self._execute(sql.DROP_WAIT, (action.wait_id,))
        if self._cursor.rowcount:
            self._add_job(action.job)

    def _drop_wait(self, action: DropWait) -> None:
        self._execute(sql.DROP_WAIT, (action.wait_id,))
        if self._cursor.rowcount:
            self._committed.dropped_waits.append(action.wait_id)

    # Apps and functions

    def _put_app(self, action: PutApp) -> None:
        self._execute(sql.PUT_APP, (action.app.id, encode_app(action.app)))

    def _put_function(self, action: PutFunction) -> None:
        function = action.function
        self._execute(sql.PUT_FUNCTION, (function.id, function.app_id, encode_function(function)))

    def _remove_app(self, action: RemoveApp) -> None:
        self._execute(sql.REMOVE_APP, (action.app_id,))

    # Flow control

    def _admit(self, action: Admit) -> None:
        admission, handlers = action.admission, self._handlers
        for decided in admission.decide(self.flow.rows(admission.keys, self._now)):
            handlers[type(decided)](decided)
            self._committed.admitted.append(decided)
