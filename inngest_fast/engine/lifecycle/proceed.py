"""What follows a finished step: a discovery call now, or later when its group is done (sdk-protocol §4.4)."""

import hashlib

from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.runs import Run
from inngest_fast.engine.lifecycle.draft import Draft


def after_step(draft: Draft, step_id: str, *, race: bool = False, suffix: str = "") -> None:
    """Asks the app what is next once this step has a memo.

    Requests of version 1 do so after every step. From version 2 on a step of a group that others of are
    open waits for them, unless it is in a race. A step of no group never waits: nobody would wake it.
    """
    run = draft.run
    member = step_id in run.pending
    if member:
        run.pending = tuple(id for id in run.pending if id != step_id)
    if 0 <= run.request_version <= 1:
        _discover(draft, step_id, step_id + suffix)
        return
    if not run.pending:
        # A race has discoveries in flight beside this one, and an open step runs or will: a call that ran
        # what it finds would run it a second time.
        if not race and not any(step.reserved for step in run.steps.values()):
            run.force_plan = False
        if member and not race:
            _discover(draft, step_id, f"{run.group}-discover")
        else:
            _discover(draft, step_id, step_id + suffix)
    elif race or not member:
        _discover(draft, step_id, step_id + suffix)


def open_group(run: Run, ids: list[str]) -> None:
    """Makes these open steps the run's current group, in place of an earlier one."""
    run.pending = tuple(ids)
    text = "\0".join((run.id, *sorted(ids)))
    run.group = hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def rediscover(draft: Draft, id: str, delay: int) -> None:
    """A discovery that no step asked for; `delay` in ms spares an app that says nothing."""
    _discover(draft, "", id, due=draft.now + delay)


def _discover(draft: Draft, parent: str, id: str, due: int = 0) -> None:
    draft.schedule(JobKind.EDGE, id, due=due, step_id=parent)
