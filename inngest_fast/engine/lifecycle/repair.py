"""A run that nothing would ever move again (design §3.7)."""

from msgspec.structs import replace

from inngest_fast.domain.apps import Function
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.runs import Run, RunStatus, StepStatus
from inngest_fast.domain.transitions import DropWait, Transition
from inngest_fast.engine.lifecycle.draft import Draft


def repair(run: Run, function: Function, now: int, entropy: Entropy) -> Transition:
    """Asks the app anew what is next. For a run without jobs: whatever it has open, nothing would finish.

    Steps with a memo are not run again.
    """
    draft = Draft(run, function, now, entropy)
    draft.run.branched = True
    draft.run.pending = ()
    for step in run.steps.values():
        if step.reserved:
            draft.put_step(replace(step, status=StepStatus.ABANDONED))
            if step.wait_id:
                draft.act(DropWait(step.wait_id))
    kind = JobKind.START if run.status is RunStatus.QUEUED else JobKind.EDGE
    draft.schedule(kind, f"repair-{draft.run.version}", due=run.due_at)
    return draft.close()
