"""Runs and their steps."""

import enum
from copy import copy

import msgspec

from inngest_fast.domain.defers import DeferMark
from inngest_fast.domain.flow import NO_FLOW, RunFlow
from inngest_fast.domain.ids import ENVIRONMENT
from inngest_fast.domain.trace_context import TraceContext
from inngest_fast.domain.traces import Attempt, Response, StepInfo

VERSION_MARK_BITS = 32


def next_version(version: int, mark: int) -> int:
    """The version of the state that follows; `mark` is random, below 2**VERSION_MARK_BITS."""
    return ((version >> VERSION_MARK_BITS) + 1) << VERSION_MARK_BITS | mark


class RunStatus(enum.IntEnum):
    """Codes as operators meet them in a database (http-api §1.2)."""

    QUEUED = 100
    RUNNING = 200
    COMPLETED = 300
    FAILED = 400
    CANCELLED = 500
    SKIPPED = 600

    @property
    def ended(self) -> bool:
        return self >= RunStatus.COMPLETED


class SkipReason(enum.StrEnum):
    """Why a run was recorded and not done (flow-control §1)."""

    NONE = ""
    FUNCTION_PAUSED = "FunctionPaused"
    SINGLETON = "Singleton"


class StepStatus(enum.StrEnum):
    PLANNED = "planned"
    SLEEPING = "sleeping"
    WAITING = "waiting"
    RETRYING = "retrying"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    ABANDONED = "abandoned"  # its call came back without it: open, but nothing will finish it


RESERVED = frozenset((StepStatus.PLANNED, StepStatus.SLEEPING, StepStatus.WAITING))


class Step(msgspec.Struct, frozen=True):
    """One step of a run as last reported. It is open until it has a memo, which is written once.

    `memo` is canonical JSON (sdk-protocol §2.2); `seq` its place in the stack, -1 while open.
    """

    id: str
    op: str
    name: str
    status: StepStatus
    queued_at: int
    memo: bytes | None = None
    seq: int = -1
    attempts: int = 0
    started_at: int = 0
    ended_at: int = 0
    race: bool = False  # a discovery follows it, whatever else of its group is open
    parallel: bool = False  # it was reported in one group with others
    wait_id: int = 0
    group: str = ""  # the job, within the run, whose call reported it last
    last_queued_at: int = 0  # of its last attempt, where it had several
    last_started_at: int = 0
    response: Response | None = None  # to its last attempt
    info: StepInfo | None = None

    @property
    def reserved(self) -> bool:
        """Whether a job or a wait will finish it, so that a repeated report changes nothing."""
        return self.memo is None and self.status in RESERVED


class Run(msgspec.Struct):
    """A run and everything that a call request needs.

    `version` names its state: a count of transitions, then a random mark that sets it apart from what another
    replica decided at the same time. Of two committed states the later one has the higher version.
    """

    id: str
    app_id: str
    function_id: str
    slug: str
    event_ids: tuple[str, ...]  # internal ids of the triggering events
    events: tuple[bytes, ...]  # their wire forms
    queued_at: int
    env: str = ENVIRONMENT
    status: RunStatus = RunStatus.QUEUED
    function_version: int = 1
    started_at: int = 0
    ended_at: int = 0
    due_at: int = 0  # when it may first run: `ts` of an event in the future
    version: int = 0
    request_version: int = -1
    force_plan: bool = False  # calls carry disable_immediate_execution
    branched: bool = False  # it had more than one job or any wait: ending it sweeps them
    pending: tuple[str, ...] = ()  # open steps of the current parallel group (sdk-protocol §4.4)
    group: str = ""  # its coalesce key
    state_size: int = 0
    score: int = 0  # queue order of its jobs: creation minus priority, ms
    cron: str = ""
    correlation_id: str = ""
    correlated: tuple[str, ...] = ()  # further invokers: a batch may have several
    key: str = ""  # idempotency key, "" when nothing can repeat it
    flow: RunFlow = NO_FLOW
    skip_reason: SkipReason = SkipReason.NONE
    skipped_for: str = ""  # the run that holds the singleton
    batch_id: str = ""
    defers: tuple[DeferMark, ...] = ()  # what it asked to start once it has ended, in order
    deferred_by: str = ""  # the run that asked for this one
    metadata_size: int = 0  # bytes of the metadata that came with its steps
    original_run_id: str = ""  # the run that it repeats
    from_step: str = ""  # of that one, the step that it begins with
    from_input: bytes | None = None  # the arguments of that step until it has a memo, a JSON array
    debug_session_id: str = ""
    debug_run_id: str = ""
    caller: TraceContext | None = None  # the trace that its event was sent in
    output: bytes | None = None
    error: bytes | None = None
    last_call: Attempt | None = None  # the one that ended it
    checkpointed: tuple[str, int] = ("", 0)  # a job, and the attempt that its retries count from since
    by_itself: bool = False  # a durable endpoint works on it and reports: no call is made (sdk-protocol §7.2)
    reported: tuple[str, int] = ("", 0)  # the job, and its generation, whose call was the last to checkpoint
    refused: tuple[str, int] = ("", 0)  # a job and its generation: what they reported was not what others had
    steps: dict[str, Step] = {}
    stack: tuple[str, ...] = ()

    def working_copy(self) -> "Run":
        """A copy to decide on; the original stays what the store holds until the commit."""
        other = copy(self)
        other.steps = dict(self.steps)
        return other
