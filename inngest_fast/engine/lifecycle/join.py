"""An invocation whose event came before: its invoker gets what the run of the first comes to.

The reference server leaves it waiting for its timeout (flow-control §1).
"""

from inngest_fast.domain.apps import Function
from inngest_fast.domain.events import INVOKED, Event
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import Run, RunStatus
from inngest_fast.domain.transitions import PutEvent, Transition
from inngest_fast.engine.flow.refusal import refusal
from inngest_fast.engine.lifecycle import finish
from inngest_fast.engine.lifecycle.draft import Draft

MAX_JOINED = 1_000  # the run's own row names them all

SKIPPED = "invoked function was skipped: an earlier invocation under the same event id was"
TOO_MANY = "invoked function has too many invocations under this event id"


def join(run: Run, function: Function, job: Job, now: int, entropy: Entropy) -> Transition:
    """What a JOIN job does, given the run that has the key: tells the invoker, or has the run's end do so."""
    invoker = job.step_id
    if run.status is RunStatus.SKIPPED:
        return _refused(run, SKIPPED, job, now, entropy)
    if run.status.ended:
        return Transition([finish.finished_for(run, invoker, now, entropy)], job)
    if invoker in (run.correlation_id, *run.correlated):
        return Transition([], job)
    if len(run.correlated) >= MAX_JOINED:
        return _refused(run, TOO_MANY, job, now, entropy)
    draft = Draft(run, function, now, entropy, job)
    if run.correlation_id:
        draft.run.correlated = (*run.correlated, invoker)
    else:
        draft.run.correlation_id = invoker
    return draft.close()


def _refused(run: Run, message: str, job: Job, now: int, entropy: Entropy) -> Transition:
    id = run.event_ids[0]
    first = Event(id, INVOKED, id, now, now, run.events[0], target=run.slug)
    return Transition([PutEvent(refusal(first, job.step_id, message, entropy.ulid(now), now))], job)
