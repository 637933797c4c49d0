"""Steps that an app reports while its call is still running (sdk-protocol §7.1)."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from inngest_fast.domain.apps import Function
from inngest_fast.domain.errors import CheckpointRefusedError
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.ops import Op, Opcode
from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import Transition
from inngest_fast.engine import limits
from inngest_fast.engine.answer import Failure
from inngest_fast.engine.lifecycle import retry
from inngest_fast.engine.lifecycle.draft import Draft
from inngest_fast.engine.ops.defer import take_defers
from inngest_fast.engine.ops.finished import finish_step, memo_of

_DONE = frozenset((Opcode.STEP, Opcode.STEP_RUN))
_STALE = "StaleDispatchError"  # as SDKs call a refused checkpoint
_NOTED = frozenset((Opcode.NONE, Opcode.STEP_PLANNED, Opcode.DEFER_ADD, Opcode.DEFER_ABORT))


def check(ops: Sequence[Op]) -> None:
    """Raises CheckpointRefusedError for what a running call cannot report on the way."""
    if len(ops) > limits.MAX_STEPS:
        raise CheckpointRefusedError(f"a checkpoint may hold {limits.MAX_STEPS} steps", "invalid")
    for op in ops:
        if op.op in _DONE or op.op in _NOTED:
            continue
        if op.plans or op.op is Opcode.DISCOVERY_REQUEST:
            raise CheckpointRefusedError("cannot checkpoint async steps", "invalid")
        raise CheckpointRefusedError(f"cannot checkpoint opcode: {op.op.value}", "invalid")


class Taken(msgspec.Struct):
    """What is to be committed, if anything; `conflict`: and that the checkpoint is to be refused."""

    transition: Transition | None = None
    conflict: bool = False


def decide(
    run: Run, function: Function, job: Job, ops: Sequence[Op], started_at: int, now: int, entropy: Entropy
) -> Taken:
    """Gives the steps their memos, and schedules nothing: `job`, whose call goes on, stays as it is.

    `started_at`, in unix ms, is when the call began. A step that has another memo already was done by
    another call under the same name too, which this one must give way to. Raises CheckpointRefusedError
    when the run would outgrow its limits: the call's own answer will then end it.
    """
    if conflicts(run, ops):
        draft = Draft(run, function, now, entropy)
        draft.run.refused = (job.id, job.generation)
        return Taken(draft.close(), conflict=True)
    fresh = [op for op in ops if op.op in _DONE and op.id not in run.stack]
    if not fresh and not any(op.lazy for op in ops):
        return Taken()
    draft = Draft(run, function, now, entropy, job)
    started_at = min(max(started_at, run.queued_at), now)
    draft.started(started_at)
    draft.run.reported = (job.id, job.generation)
    if job.attempt:
        draft.run.checkpointed = (job.id, job.attempt)
    check_room(run, function, fresh)
    take_defers(draft, ops)
    for op in fresh:
        began_at = min(max(op.began_at, started_at), now)
        draft.job = replace(job, due=began_at)  # a step of a call that goes on waits for nothing
        finish_step(draft, op, began_at)
    # Nobody else tells its group: this call's own answer goes on from here.
    done = {op.id for op in fresh}
    draft.run.pending = tuple(id for id in draft.run.pending if id not in done)
    transition = draft.close()
    transition.job = None
    return Taken(transition)


def conflicts(run: Run, ops: Sequence[Op]) -> bool:
    """Whether a step comes with another result than it has."""
    for op in ops:
        step = run.steps.get(op.id) if op.op in _DONE else None
        if step is not None and step.memo is not None and step.memo != memo_of(op):
            return True
    return False


def dispatch_anew(draft: Draft, job: Job, *, delay: int = 0) -> None:
    """The same attempt again, under a new name: what still goes on under the old one is heard no more.

    `delay` in ms spares an app that does steps again which it was told of.
    """
    draft.run.checkpointed = (job.id, job.attempt + 1 - retry.counted(draft.run, job))
    draft.retry_job(draft.now + delay)


def superseded(run: Run, job: Job, failure: Failure) -> bool:
    """Whether a call failed since its checkpoint was refused in favour of another under the same name."""
    if run.refused != (job.id, job.generation) or not failure.no_retry:
        return False
    try:
        return msgspec.json.decode(failure.error, type=_Named).name == _STALE
    except msgspec.DecodeError:
        return False


class _Named(msgspec.Struct):
    name: str = ""


def check_room(run: Run, function: Function, ops: Sequence[Op]) -> None:
    """Raises CheckpointRefusedError if these steps would take a run over its limits (§9)."""
    most, largest = limits.max_steps(function), limits.max_state_size(function)
    if len(run.stack) + len({op.id for op in ops}) > most:
        raise CheckpointRefusedError(f"The function run exceeded the step limit of {most} steps.", "too_many")
    if run.state_size + sum(len(op.data or b"") for op in ops) > largest:
        raise CheckpointRefusedError(
            f"The function run exceeded the state size limit of {largest} bytes.", "too_large"
        )
