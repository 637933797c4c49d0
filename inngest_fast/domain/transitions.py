"""Transitions: what the engine decides, and what a store commits whole or not at all."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from inngest_fast.domain.apps import App, Function
from inngest_fast.domain.cancellations import Cancellation
from inngest_fast.domain.events import Event
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import Run, Step
from inngest_fast.domain.waits import Wait


class PutEvent(msgspec.Struct, frozen=True):
    """Stores an event; one that is stored already stays as it is.

    `route` asks for what it starts and resumes to be added to this same transition.
    """

    event: Event
    route: bool = True


class CreateRun(msgspec.Struct, frozen=True):
    """Stores a run with its first jobs and waits, unless its key is taken.

    A run with a `key` is created only if no run of its function took that key since
    `now - 24 h`; otherwise this action alone does nothing, and says so in the result. A run that is
    skipped has ended, and no jobs. If the key is taken, `if_taken` are stored in its place, with the id of
    the run that has it as their payload; nobody else makes their ids.
    """

    run: Run
    jobs: tuple[Job, ...]
    waits: tuple[Wait, ...] = ()
    key_until: int = 0
    rows: tuple[FlowRow, ...] = ()  # stored with it, in place of what is there under their keys
    if_taken: tuple[Job, ...] = ()


class UpdateRun(msgspec.Struct, frozen=True):
    """Stores the run's own row as given (not its steps).

    Applies only if the stored version is `after`, that of the state it was decided on, and the run has not
    ended; otherwise the whole transition is dropped with reason "run".
    """

    run: Run
    after: int


class EndRun(msgspec.Struct, frozen=True):
    """UpdateRun, and nothing of the run is left to do: its jobs and waits are deleted if `branched`."""

    run: Run
    after: int


class PutStep(msgspec.Struct, frozen=True):
    """Stores one step of a run, in place of an earlier report of the same id."""

    run_id: str
    step: Step


class PutTrace(msgspec.Struct, frozen=True):
    """Stores what a trace of the run shows beside its steps, in place of what is there under that key."""

    run_id: str
    key: str
    body: bytes


class AddJob(msgspec.Struct, frozen=True):
    """Stores a job; one with the same id that is live stays as it is."""

    job: Job


class MoveJob(msgspec.Struct, frozen=True):
    """Puts the consumed job back with a higher attempt, a new due time and payload."""

    job: Job


class DropJob(msgspec.Struct, frozen=True):
    """Deletes a job if it is live."""

    job_id: str


class AddWait(msgspec.Struct, frozen=True):
    """Stores a wait; one of the same run and step that is live stays as it is.

    A SIGNAL wait whose key a live wait has already drops the whole transition with reason "signal".
    """

    wait: Wait


class ConsumeWait(msgspec.Struct, frozen=True):
    """Deletes a wait and, only if it was there, stores the job. First come, first served."""

    wait_id: int
    job: Job


class DropWait(msgspec.Struct, frozen=True):
    """Deletes a wait if it is live."""

    wait_id: int


class PutApp(msgspec.Struct, frozen=True):
    """Stores an app in place of an earlier state of it."""

    app: App


class PutFunction(msgspec.Struct, frozen=True):
    """Stores a function in place of an earlier state of it (also to archive it)."""

    function: Function


class RemoveApp(msgspec.Struct, frozen=True):
    """Deletes an app's row. Its functions are archived by their own actions."""

    app_id: str


class Admission(Protocol):
    """A decision on rows that others decide on too: it is made within the commit, while they are locked.

    It is pure, may be made again, and on any thread.
    """

    @property
    def keys(self) -> Sequence[str]:
        """Of the rows that it reads, and of all that its actions write."""
        ...

    @property
    def possible(self) -> Sequence["Action"]:
        """Every action it may come to that touches what others may have made: runs with keys, waits, jobs
        that are dropped.

        Jobs and pending events that are made under ids that nobody else makes need not be among them.
        """
        ...

    def decide(self, rows: Mapping[str, FlowRow]) -> Sequence["Action"]:
        """What is to be done, given those of the rows that there are. No Admit, UpdateRun or EndRun."""
        ...


class Admit(msgspec.Struct, frozen=True):
    """Does what `admission` decides, and says what that was in the result."""

    admission: Admission


class PutRow(msgspec.Struct, frozen=True):
    """Stores a row in place of what is there under its key."""

    row: FlowRow


class DropRow(msgspec.Struct, frozen=True):
    """Deletes a row if it has that holder."""

    key: str
    holder: str = ""


class ExtendRow(msgspec.Struct, frozen=True):
    """Makes sure that a row is there and lasts until then at least; nothing else of it changes."""

    key: str
    until: int


class AppendEvent(msgspec.Struct, frozen=True):
    """Keeps an event, which is stored, for a batch; `position` orders it there."""

    batch_id: str
    position: int
    event_id: str


class DropBatch(msgspec.Struct, frozen=True):
    """Forgets which events a batch has."""

    batch_id: str


class PutCancellation(msgspec.Struct, frozen=True):
    """Stores a bulk cancellation in place of an earlier state of it."""

    cancellation: Cancellation


class DropCancellation(msgspec.Struct, frozen=True):
    """Deletes a bulk cancellation if it is there."""

    id: str


Action = (
    PutEvent
    | CreateRun
    | UpdateRun
    | EndRun
    | PutStep
    | PutTrace
    | AddJob
    | MoveJob
    | DropJob
    | AddWait
    | ConsumeWait
    | DropWait
    | PutApp
    | PutFunction
    | RemoveApp
    | Admit
    | PutRow
    | DropRow
    | ExtendRow
    | AppendEvent
    | DropBatch
    | PutCancellation
    | DropCancellation
)


class Transition(msgspec.Struct):
    """A list of actions, committed together, in order.

    With `job`, that job must be live at that very attempt: it is deleted (or put back by MoveJob);
    if not, all of it is dropped with reason "job". With `wait_id`, that wait must be live: it is
    deleted; if not, all is dropped with reason "wait".
    """

    actions: list[Action]
    job: Job | None = None
    wait_id: int = 0


class Committed(msgspec.Struct):
    """What a commit did. Dropped transitions changed nothing and have a `reason`."""

    reason: str = ""  # "", "job", "run", "wait" or "signal"
    jobs: list[Job] = []  # live now because of this commit: to be queued
    dropped_jobs: list[str] = []  # deleted, other than the consumed one
    dropped_waits: list[int] = []
    refused_runs: dict[str, str] = {}  # run id asked for → id of the run that has its key
    admitted: list[Action] = []  # what admissions decided, in order

    @property
    def applied(self) -> bool:
        return not self.reason
