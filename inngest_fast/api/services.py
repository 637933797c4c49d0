"""What the HTTP surfaces need of the running server."""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from inngest_fast.domain.apps import App, Function
from inngest_fast.domain.cancellations import Cancellation
from inngest_fast.domain.events import Accepted, Event
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.settings import Settings
from inngest_fast.domain.syncs import FunctionsReply, SyncReply
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


class RunControl(Protocol):
    """Acts on runs from outside."""

    async def cancel(self, run_id: str) -> Literal["cancelled", "ended", "unknown"]:
        """Cancels a run, durable on return (flow-control §6.2)."""
        ...

    async def signal(self, signal: str, data: bytes) -> str | None:
        """Resumes the run that waits for this signal; `data` is canonical JSON. Its id, or None."""
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

    def function(self, function_id: str) -> Function | None:
        """By id; archived ones too."""
        ...

    def by_slug(self, slug: str) -> Function | None:
        """The live one of that slug."""
        ...

    def target(self, text: str) -> Function | None:
        """The live one of that slug or id."""
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


class Services(msgspec.Struct, frozen=True):
    """Everything that a request handler may reach."""

    settings: Settings
    clock: Clock
    entropy: Entropy
    store: Store
    queue: Queue
    ingest: Ingest
    apps: AppSync
    runs: RunControl
    cancellations: Cancellations
    catalog: Catalog
    vitals: Vitals
