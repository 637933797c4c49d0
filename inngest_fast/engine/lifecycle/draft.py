"""A transition of one run while it is being decided."""

import msgspec
from msgspec.structs import replace

from inngest_fast.domain.apps import Function
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import CALLS, Job, JobKind
from inngest_fast.domain.runs import VERSION_MARK_BITS, Run, RunStatus, Step, StepStatus, next_version
from inngest_fast.domain.traces import Attempt, Response, attempt_key
from inngest_fast.domain.transitions import (
    Action,
    AddJob,
    DropJob,
    DropRow,
    EndRun,
    MoveJob,
    PutStep,
    PutTrace,
    Transition,
    UpdateRun,
)
from inngest_fast.engine import limits
from inngest_fast.engine.flow.throttle import PAID_FOR_MS, paid

_encode = msgspec.msgpack.Encoder().encode


class Draft:
    """A working copy of a run and the actions decided so far. `close` makes the transition of them.

    The run given in is not changed, so that a decision can be dropped and made again.
    """

    __slots__ = (
        "_actions",
        "_after",
        "_moved",
        "called_at",
        "entropy",
        "function",
        "job",
        "now",
        "response",
        "run",
    )

    def __init__(
        self, run: Run, function: Function, now: int, entropy: Entropy, job: Job | None = None
    ) -> None:
        self.run = run.working_copy()
        self.run.version = next_version(run.version, entropy.below(1 << VERSION_MARK_BITS))
        self.function = function
        self.now = now
        self.entropy = entropy
        self.job = job
        self.called_at = 0  # when the call began that is answered here; 0: none is
        self.response: Response | None = None
        self._after = run.version
        self._actions: list[Action] = []
        self._moved = False

    @property
    def moved(self) -> bool:
        """Whether the consumed job was put back."""
        return self._moved

    def act(self, action: Action) -> None:
        self._actions.append(action)

    @property
    def group(self) -> str:
        """The consumed job, within its run."""
        return self.job.within_run if self.job is not None else ""

    def attempt(self, *, output: bytes | None = None, error: bytes | None = None) -> Attempt:
        """The call that is answered here, as a trace shows it."""
        job = self.job
        assert job is not None
        return Attempt(
            group=self.group,
            number=job.attempt,
            queued_at=min(job.due, self.called_at),
            started_at=self.called_at,
            ended_at=self.now,
            output=output,
            error=error,
            response=self.response,
        )

    def put_attempt(self, attempt: Attempt) -> None:
        """Keeps an attempt that finished nothing."""
        key = attempt_key(attempt)
        self._actions.append(PutTrace(self.run.id, key, _encode(attempt)))

    def put_step(self, step: Step) -> None:
        """Records a report of a step that has no memo yet."""
        self.run.steps[step.id] = step
        self._actions.append(PutStep(self.run.id, step))

    def memoize(self, step: Step, memo: bytes, status: StepStatus) -> bool:
        """Gives a step its memo. False, and no change, if it has one: the first write wins (design §3.4)."""
        run = self.run
        known = run.steps.get(step.id)
        if known is not None and known.memo is not None:
            return False
        self.put_step(replace(step, memo=memo, status=status, seq=len(run.stack), ended_at=self.now))
        run.stack = (*run.stack, step.id)
        if step.id == run.from_step:
            run.from_input = None
        run.state_size += len(memo)
        return True

    def schedule(
        self,
        kind: JobKind,
        id: str,
        *,
        due: int = 0,
        step_id: str = "",
        payload: bytes = b"",
    ) -> None:
        """Adds a job of this run; `id` comes after the run's own, 0 as `due` means now."""
        run = self.run
        due = max(due, self.now)
        score = queue_score(run, due, self.now)
        self._actions.append(AddJob(run_job(run, kind, id, due, score, step_id, payload)))

    def drop_job(self, id: str) -> None:
        self._actions.append(DropJob(f"{self.run.id}:{id}"))

    def retry_job(self, due: int) -> None:
        """Puts the consumed job back for its next attempt."""
        job = self.job
        assert job is not None
        self._moved = True
        pays_again = due > self.now + PAID_FOR_MS
        self._actions.append(
            MoveJob(
                replace(
                    job,
                    attempt=job.attempt + 1,
                    throttle=job.throttle if pays_again else "",
                    arrival=0,
                    doubtful=False,
                    generation=job.generation + 1,
                    since=self.run.version,
                    due=due,
                    score=queue_score(self.run, due, self.now),
                )
            )
        )

    def started(self, at: int) -> None:
        """Notes the run's first call."""
        run = self.run
        if run.status is RunStatus.QUEUED:
            run.status = RunStatus.RUNNING
            run.started_at = at

    def close(self, *, wait_id: int = 0) -> Transition:
        run, job = self.run, self.job
        actions = self._actions
        if job is not None and job.arrival:
            actions.append(paid(job))
        if not run.status.ended:
            return Transition([UpdateRun(run, self._after), *actions], job, wait_id)
        if run.flow.singleton:
            actions.append(DropRow(run.flow.singleton, run.id))
        return Transition([EndRun(run, self._after), *actions], job, wait_id)


def run_job(
    run: Run, kind: JobKind, id: str, due: int, score: int, step_id: str = "", payload: bytes = b""
) -> Job:
    """A job of a run, with all that limits it; `id` comes after the run's own."""
    flow = run.flow
    return Job(
        id=f"{run.id}:{id}",
        kind=kind,
        app_id=run.app_id,
        function_id=run.function_id,
        due=due,
        score=score,
        run_id=run.id,
        step_id=step_id,
        payload=payload,
        since=run.version,
        counters=tuple([key.counter for key in flow.keys]) if kind in CALLS and flow.keys else (),
        run_counter=flow.run.counter if flow.run is not None else "",
        throttle=flow.throttle.counter if kind is JobKind.START and flow.throttle is not None else "",
    )


def queue_score(run: Run, due: int, now: int) -> int:
    """Lower goes first: due jobs by the age of their run, later ones by their time (flow-control §8.1)."""
    return run.score if due <= now + limits.READY_SOON else due
