"""What a commit did for an event and a function, told by its actions."""

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import (
    Action,
    AddJob,
    AppendEvent,
    Committed,
    ConsumeWait,
    CreateRun,
    PutRow,
    Transition,
)
from inngest_fast.engine.flow.admission import Append, Start
from inngest_fast.engine.flow.fire import FiredBatch, FiredDebounce

Decided = Sequence[tuple[object, Sequence[Action]]]  # admissions, and what each came to
Whom = tuple[str, str]  # an event, a function's slug


@dataclass
class Seen:
    """`rows` are those that were written, by kind."""

    runs: list[Run] = field(default_factory=list)
    appended: list[AppendEvent] = field(default_factory=list)
    rows: dict[str, FlowRow] = field(default_factory=dict)
    cancels: list[str] = field(default_factory=list)  # runs
    refused: bool = False  # whoever invoked was told

    @classmethod
    def of(cls, actions: Sequence[Action], refused: Container[str]) -> "Seen":
        """`refused` are runs whose key was taken."""
        seen = cls()
        for action in actions:
            match action:
                case CreateRun(run):
                    seen.runs.append(run)
                    jobs = action.jobs if run.id not in refused else ()
                    seen.cancels += [job.run_id for job in jobs if job.kind is JobKind.CANCEL]
                case AppendEvent():
                    seen.appended.append(action)
                case PutRow(row):
                    seen.rows[row.key.partition(":")[0]] = row
                case AddJob(job) if job.kind is JobKind.CANCEL:
                    seen.cancels.append(job.run_id)
                case ConsumeWait():
                    seen.refused = True
        return seen


def observed(transition: Transition, committed: Committed, decided: Decided) -> dict[Whom, Seen]:
    """By event and function; what waited before has the event ""."""
    refused = committed.refused_runs
    found: dict[Whom, Seen] = {}
    for action in transition.actions:
        if isinstance(action, CreateRun):
            found[_whom(transition, action.run)] = Seen.of([action], refused)
    for admission, actions in decided:
        match admission:
            case Append(batch):
                found[batch.event.id, batch.function.slug] = Seen.of(actions, refused)
            case Start() if admission.create is not None:
                found[_whom(transition, admission.create.run)] = Seen.of(actions, refused)
            case Start() if admission.debounce is not None:
                push = admission.debounce
                found[push.event.id, push.function.slug] = Seen.of(actions, refused)
            case FiredDebounce() | FiredBatch() if admission.start is not None:
                assert admission.start.create is not None
                found["", admission.start.create.run.slug] = Seen.of(actions, refused)
    return found


def _whom(transition: Transition, run: Run) -> Whom:
    job = transition.job
    waited = job is not None and job.kind in (JobKind.DEBOUNCE, JobKind.BATCH)
    return "" if waited else run.event_ids[0], run.slug
