"""A run that nothing would ever move again (design §3.7)."""

from inngest_fast.domain.apps import Function
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.runs import Run, RunStatus
from inngest_fast.domain.transitions import Transition
from inngest_fast.engine.lifecycle.draft import Draft


def repair(run: Run, function: Function, now: int, entropy: Entropy) -> Transition:
    """Asks the app anew what is next. Safe at any time: steps with a memo are not run again."""
    draft = Draft(run, function, now, entropy)
    draft.run.branched = True
    kind = JobKind.START if run.status is RunStatus.QUEUED else JobKind.EDGE
    draft.schedule(kind, f"repair-{draft.run.version}", due=run.due_at)
    return draft.close()
