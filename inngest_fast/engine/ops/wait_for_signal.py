"""WaitForSignal (sdk-protocol §8.3)."""

from collections.abc import Mapping, Sequence

from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.ops import Op
from inngest_fast.domain.traces import SignalWaitInfo
from inngest_fast.domain.transitions import ConsumeWait
from inngest_fast.domain.waits import Wait, WaitKind
from inngest_fast.engine import limits
from inngest_fast.engine.lifecycle.draft import Draft
from inngest_fast.engine.lifecycle.errors import AttemptError, RunFatalError
from inngest_fast.engine.ops.waiting import expiry, resume_job, wait_for


def wait_for_signal(draft: Draft, op: Op, holders: Mapping[str, Sequence[Wait]], *, parallel: bool) -> None:
    """`holders` are the live waits of others for the signals of this answer, by signal: of one run, but
    perhaps of several steps.
    """
    signal = op.signal or op.name
    if not signal:
        raise AttemptError(f"step {op.display_name!r} waits for a signal without naming it")
    expires = expiry(op, draft.now, limits.DEFAULT_WAIT)
    held = holders.get(signal, ())
    if held and op.conflict != "replace":
        raise RunFatalError(
            "InngestErrSignalConflict", "Signal conflict; signal wait already exists for another run"
        )
    for holder in held:
        draft.act(_supersede(holder))
    info = SignalWaitInfo(signal, expires)
    wait_for(draft, op, WaitKind.SIGNAL, expires, parallel=parallel, key=signal, info=info)


def _supersede(holder: Wait) -> ConsumeWait:
    """Takes the signal away from a waiting step, which then waits in vain until its timeout."""
    return ConsumeWait(
        holder.id,
        Job(
            id=f"{holder.run_id}:{resume_job(holder.step_id)}",
            kind=JobKind.RESUME,
            app_id=holder.app_id,
            function_id=holder.function_id,
            due=holder.expires_at,
            score=holder.expires_at,
            run_id=holder.run_id,
            step_id=holder.step_id,
            payload=b"null",
        ),
    )
