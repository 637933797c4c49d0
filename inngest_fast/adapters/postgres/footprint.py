"""Which rows a group of transitions may touch: what has to be read, and locked, before it is applied."""

from collections.abc import Iterable

from inngest_fast.adapters.postgres.lookups import KnownPaths, Place
from inngest_fast.adapters.postgres.rows import key_digest
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import (
    AddJob,
    AddWait,
    ConsumeWait,
    CreateRun,
    DropJob,
    DropWait,
    EndRun,
    MoveJob,
    PutEvent,
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
        self.events: set[str] = set()
        self.places: dict[int, Place] = {}  # of new waits
        self.buckets: set[int] = set()  # that may lack a path of a new wait
        for transition in transitions:
            if transition.job is not None:
                self.jobs.add(transition.job.id)
            if transition.wait_id:
                self.waits.add(transition.wait_id)
            for action in transition.actions:
                match action:
                    case PutEvent(event):
                        if careful:
                            self.events.add(event.id)
                    case CreateRun(run, jobs, waits):
                        self._create(run, jobs, waits)
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

    def _create(self, run: Run, jobs: Iterable[Job], waits: Iterable[Wait]) -> None:
        if run.key:
            self.keys.add((run.function_id, key_digest(run.key)))
        if self.careful:
            self.runs.add(run.id)
            self.jobs.update(job.id for job in jobs)
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
