"""What the HTTP surfaces need of the running server."""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from inngest_fast.domain.apps import App, Function
from inngest_fast.domain.cancellations import Cancellation
from inngest_fast.domain.events import Accepted, Event
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.invocations import Invoked
from inngest_fast.domain.metrics import Family
from inngest_fast.domain.ops import Op
from inngest_fast.domain.runs import Run
from inngest_fast.domain.settings import Settings
from inngest_fast.domain.syncs import EndpointRun, FunctionsReply, SyncReply
from inngest_fast.domain.traces import Span, SpanOutput
from inngest_fast.engine.lifecycle.dispatches import Dispatch
from inngest_fast.engine.otlp import Received
from inngest_fast.engine.trace.metadata import Entry, Place
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.queue import Queue
from inngest_fast.ports.store import Store


class Ingest(Protocol):
    """Takes events in."""

    async def accept(self, events: Sequence[Event]) -> list[Accepted]:
        """Stores events with the runs and jobs that they cause; returns when that is durable.

        What each one did, in order. Raises StoreError or OverloadedError; then
        none of these events is acknowledged, and what was stored of them may be sent again.
        """
        ...


class AppSync(Protocol):
    """Takes registrations."""

    async def register(self, body: bytes, *, platform: str = "") -> SyncReply:
        """Raises SyncRefusedError with the wire text and code; the detail is kept with the app."""
        ...

    async def remove(self, url: str) -> bool:
        """Removes the app of that URL, in any spelling, and archives its functions. False: unknown."""
        ...

    async def add_functions(self, body: bytes) -> FunctionsReply:
        """Functions given one by one (api-v1). Raises SyncRefusedError for a body that is no such list."""
        ...

    async def pause(self, function_id: str, *, paused: bool) -> Function | None:
        """Holds a function's calls and skips what would start it, or lets go (flow-control §6.4).

        As it is then; None if there is no live one of that id. Raises StoreError.
        """
        ...

    async def limit(
        self, function_id: str, *, steps: int | None = None, state_size: int | None = None
    ) -> Function | None:
        """Sets the limits of the function's runs, in steps and bytes; 0 lifts one, None leaves it.

        As it was before; None if there is no live one of that id. Raises StoreError.
        """
        ...


class AppEdits(Protocol):
    """Changes apps by hand (http-api §6.6)."""

    async def add(self, url: str) -> App:
        """Has the app at a URL register; as it is then, with an `error` if that came to nothing.

        Raises SyncRefusedError for what is no URL, and StoreError.
        """
        ...

    async def move(self, app_id: str, url: str) -> App | None:
        """The app at another URL, where it is asked to register; None if unknown. Raises as `add`."""
        ...

    async def remove(self, app_id: str) -> bool:
        """Takes out an app, and archives its functions. False: unknown. Raises StoreError."""
        ...


class RunControl(Protocol):
    """Acts on runs from outside."""

    async def cancel(self, run_id: str) -> Literal["cancelled", "ended", "unknown"]:
        """Cancels a run, durable on return (flow-control §6.2)."""
        ...

    async def signal(self, signal: str, data: bytes) -> str | None:
        """Resumes the run that waits for this signal; `data` is canonical JSON. Its id, or None."""
        ...

    async def rerun(
        self,
        run_id: str,
        from_step: str = "",
        input: bytes | None = None,
        *,
        debug_session_id: str = "",
        debug_run_id: str = "",
    ) -> str:
        """Runs a run's events again, durable on return; the id of the new run.

        With `from_step`, the hashed id or the name of a step, what came before that step is taken over, and
        it runs again; with `input`, a JSON array, on these arguments. Raises RerunRefusedError, StoreError.
        """
        ...

    async def invoke(
        self,
        function: Function,
        data: bytes,
        *,
        user: bytes = b"{}",
        meta: bytes = b"",
        idempotency_key: str = "",
        debug_session_id: str = "",
        debug_run_id: str = "",
    ) -> Invoked:
        """Invokes a function, whatever its triggers; durable on return. `data`, `user` and `meta` are JSON
        objects. Raises InvalidEventError, StoreError, OverloadedError.
        """
        ...


class Checkpoints(Protocol):
    """Takes steps of calls that are still running (sdk-protocol §7.1)."""

    async def take(self, run_id: str, dispatch: Dispatch, ops: Sequence[Op], started_at: int) -> None:
        """Durable on return. `started_at`, unix ms, is when the call began. Raises CheckpointRefusedError,
        StoreError.
        """
        ...


class Traces(Protocol):
    """What runs did, as trees of spans."""

    async def tree(self, run_id: str, *, preview: bool = True) -> Span | None:
        """The root of a run's trace, in one of its two forms (http-api §6.5); None for an unknown run.
        Raises StoreError.
        """
        ...

    async def tree_of(self, run: Run, *, preview: bool = True) -> Span:
        """The same of a run that was read whole."""
        ...

    async def output(self, output_id: str) -> SpanOutput | None:
        """What a span's `output_id` names; None if it is there no more. Raises ValueError for what is none,
        StoreError.
        """
        ...


class SyncRuns(Protocol):
    """Takes what durable endpoints report (sdk-protocol §7.2)."""

    async def begin(
        self,
        run_id: str,
        data: bytes,
        ops: Sequence[Op],
        *,
        version: int,
        retries: int,
        coding: Literal["text", "base64"],
        sdk: str,
        idempotency: str,
    ) -> EndpointRun:
        """A run, with what has been done so far; durable on return. The same run may be begun again.

        `data` is that of its event, as canonical JSON. Raises CheckpointRefusedError, StoreError.
        """
        ...

    async def report(self, run_id: str, ops: Sequence[Op]) -> None:
        """Durable on return. Raises CheckpointRefusedError, StoreError."""
        ...


class RunEnds(Protocol):
    async def wait(self, run_id: str, timeout: float) -> Run | None:
        """The run as it is when it has ended, or after so many seconds; None if there is none.

        Raises OverloadedError, StoreError.
        """
        ...


class Annotations(Protocol):
    """Notes on runs from outside, ended or not."""

    async def add_metadata(self, run_id: str, place: Place, entries: Sequence[Entry]) -> None:
        """Durable on return, all or nothing (http-api §4.4). An empty place is the run. Raises
        AnnotationRefusedError with the wire text, StoreError.
        """
        ...

    async def add_spans(self, spans: Sequence[Received]) -> int:
        """Keeps spans that name their run; how many were not kept. Durable on return. Raises StoreError."""
        ...


class Cancellations(Protocol):
    """Cancels runs in bulk (flow-control §6.3)."""

    async def add(
        self,
        function: Function,
        *,
        started_after: int = 0,
        started_before: int,
        expression: str = "",
        id: str = "",
    ) -> Cancellation:
        """Durable on return, and under way. With an `id`, a ULID, that was given before: the one that there
        is, whatever is asked for now. Raises InvalidExpressionError, StoreError.
        """
        ...

    async def remove(self, id: str) -> bool:
        """Whether there was one; what it has cancelled stays so. Raises StoreError."""
        ...


class Catalog(Protocol):
    """The apps and functions of this moment, in memory."""

    def apps(self) -> Sequence[App]: ...

    def app(self, app_id: str) -> App | None: ...

    def functions(self) -> Sequence[Function]:
        """Live ones, by app and slug."""
        ...

    def all_functions(self) -> Sequence[Function]:
        """Every function that there ever was, in any order; archived ones may still have runs."""
        ...

    def function(self, function_id: str) -> Function | None:
        """By id; archived ones too."""
        ...

    def by_slug(self, slug: str) -> Function | None:
        """The live one of that slug."""
        ...

    def target(self, text: str) -> Function | None:
        """The live one of that slug or id."""
        ...


class CleanSlate(Protocol):
    """Forgets everything but apps and functions (http-api §3.5)."""

    async def wipe(self) -> None:
        """Raises StoreError."""
        ...


class Vitals(Protocol):
    """How the server is."""

    draining: bool  # it stops, and takes the requests of those who have not noticed

    @property
    def unready(self) -> dict[str, str]:
        """Why requests had better go elsewhere now, one reason per dependency; empty when all is well."""
        ...

    def memory_mb(self) -> float:
        """Resident memory of the server's processes."""
        ...

    def uptime_s(self) -> float: ...

    async def counters(self) -> dict[str, int]:
        """Everything that is counted: ingest, runs, calls, commits, repairs."""
        ...


class Metrics(Protocol):
    """What the server measures."""

    async def read(self) -> list[Family]: ...

    def refused(self, reason: Literal["invalid"]) -> None:
        """Counts a request whose events were not, or not all, taken in."""
        ...


class Services(msgspec.Struct, frozen=True):
    """Everything that a request handler may reach."""

    settings: Settings
    clock: Clock
    entropy: Entropy
    store: Store
    queue: Queue
    ingest: Ingest
    apps: AppSync
    app_edits: AppEdits
    runs: RunControl
    checkpoints: Checkpoints
    sync_runs: SyncRuns
    run_ends: RunEnds
    traces: Traces
    cancellations: Cancellations
    annotations: Annotations
    catalog: Catalog
    vitals: Vitals
    metrics: Metrics
    clean_slate: CleanSlate | None = None  # in test mode only
