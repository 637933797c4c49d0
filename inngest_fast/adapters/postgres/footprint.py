"""Which rows a group of transitions may touch: what has to be read, and locked, before it is applied."""

from collections.abc import Iterable

from inngest_fast.adapters.postgres.lookups import KnownPaths, Place
from inngest_fast.adapters.postgres.rows import key_digest
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import (
    Action,
    AddJob,
    AddWait,
    Admit,
    ConsumeWait,
    CreateRun,
    DropJob,
    DropRow,
    DropWait,
    EndRun,
    ExtendRow,
    MoveJob,
    PutEvent,
    PutRow,
    PutStep,
    PutTrace,
    Transition,
    UpdateRun,
)
from inngest_fast.domain.waits import Wait, WaitKind
from inngest_fast.ports.wait_search import Entry


class Footprint:
    """Ids by table.

    What is made anew under an id that nobody else makes (events, runs, a run's first jobs and waits) is
    looked for only with `careful`: that it is there already is found out by its insertion.
    """

    def __init__(
        self, transitions: Iterable[Transition], *, entry: Entry, known: KnownPaths, careful: bool
    ) -> None:
        self.careful = careful
        self._entry = entry
        self._known = known
        self.runs: set[str] = set()
        self.jobs: set[str] = set()
        self.waits: set[int] = set()
        self.swept: set[str] = set()  # runs whose jobs and waits may all go
        self.waiting: set[tuple[str, str]] = set()  # (run, step) of new waits
        self.signals: set[str] = set()
        self.keys: set[tuple[str, bytes]] = set()
        self.rows: set[str] = set()  # keys of flow control
        self.events: set[str] = set()
        self.places: dict[int, Place] = {}  # of new waits
        self.buckets: set[int] = set()  # that may lack a path of a new wait
        for transition in transitions:
            if transition.job is not None:
                self.jobs.add(transition.job.id)
            if transition.wait_id:
                self.waits.add(transition.wait_id)
            self._include(transition.actions)

    def _include(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case PutStep() | PutTrace():
                    pass
                case PutEvent(event):
                    if self.careful:
                        self.events.add(event.id)
                case CreateRun(run, jobs, waits):
                    self._create(run, jobs, waits, action.if_taken)
                    self.rows.update(row.key for row in action.rows)
                case UpdateRun(run):
                    self.runs.add(run.id)
                case EndRun(run):
                    self.runs.add(run.id)
                    if run.branched:
                        self.swept.add(run.id)
                case AddJob(job) | MoveJob(job):
                    self.jobs.add(job.id)
                case DropJob(job_id):
                    self.jobs.add(job_id)
                case AddWait(wait):
                    self._place(wait)
                    self._look_for(wait)
                    if wait.kind is WaitKind.SIGNAL:
                        self.signals.add(wait.key)
                case ConsumeWait(wait_id, job):
                    self.waits.add(wait_id)
                    self.jobs.add(job.id)
                case DropWait(wait_id):
                    self.waits.add(wait_id)
                case Admit(admission):
                    self.rows.update(admission.keys)
                    self._include(admission.possible)
                case PutRow(row):
                    self.rows.add(row.key)
                case ExtendRow(key) | DropRow(key):
                    self.rows.add(key)

    def _create(self, run: Run, jobs: Iterable[Job], waits: Iterable[Wait], if_taken: Iterable[Job]) -> None:
        if run.key:
            self.keys.add((run.function_id, key_digest(run.key)))
        if self.careful:
            self.runs.add(run.id)
            self.jobs.update(job.id for job in (*jobs, *if_taken))
        for wait in waits:
            self._place(wait)
            if self.careful:
                self._look_for(wait)

    def _place(self, wait: Wait) -> None:
        place = self.places[wait.id] = Place(self._entry(wait))
        if place.paths and not place.paths.keys() <= self._known.of(place.bucket).keys():
            self.buckets.add(place.bucket)

    def _look_for(self, wait: Wait) -> None:
        if self.careful:
            self.waits.add(wait.id)
        if wait.step_id:
            self.waiting.add((wait.run_id, wait.step_id))

    def has(self, decided: Action) -> bool:
        """Whether what an admission decided touches nothing of others that is not here."""
        match decided:
            case CreateRun(run):
                return (
                    (not run.key or (run.function_id, key_digest(run.key)) in self.keys)
                    and all(wait.id in self.places for wait in decided.waits)
                    and all(row.key in self.rows for row in decided.rows)
                )
            case PutRow(row):
                return row.key in self.rows
            case ExtendRow(key) | DropRow(key):
                return key in self.rows
            case ConsumeWait(wait_id) | DropWait(wait_id):
                return wait_id in self.waits
            case AddWait(wait):
                return wait.id in self.places
            case DropJob(job_id):
                return job_id in self.jobs
            case UpdateRun() | EndRun() | Admit():
                return False
            case _:
                return True
