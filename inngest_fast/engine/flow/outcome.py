"""What an invocation came to, once it is committed (flow-control §1)."""

from inngest_fast.domain.events import Event
from inngest_fast.domain.invocations import Invoked, InvokeOutcome
from inngest_fast.domain.transitions import Admit, Committed, CreateRun, PutRow, Transition
from inngest_fast.engine.flow.admission import Append, Start


def outcome(invocation: Event, transition: Transition, committed: Committed) -> Invoked:
    """Of the event that the transition began with, and that names its function."""
    id = invocation.id
    for action in (*transition.actions, *committed.admitted):
        if isinstance(action, CreateRun):
            run = action.run
            if run.id in committed.refused_runs:
                return Invoked(InvokeOutcome.DUPLICATE, id, committed.refused_runs[run.id])
            ended = run.status.ended
            return Invoked(InvokeOutcome.SKIPPED if ended else InvokeOutcome.STARTED, id, run.id)
    for action in transition.actions:
        if isinstance(action, Admit):
            return Invoked(_held_back(action, committed), id)
    return Invoked(InvokeOutcome.NOTHING, id)


def _held_back(admit: Admit, committed: Committed) -> InvokeOutcome:
    stage = admit.admission
    if isinstance(stage, Append):
        return InvokeOutcome.BATCHED
    assert isinstance(stage, Start)
    if stage.debounce is not None:
        key = stage.debounce.key
        passed = stage.rate is None or any(
            isinstance(each, PutRow) and each.row.key == key for each in committed.admitted
        )
        if passed:
            return InvokeOutcome.DEBOUNCED
    return InvokeOutcome.RATE_LIMITED
