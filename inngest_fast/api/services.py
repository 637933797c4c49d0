"""What the HTTP surfaces need of the running server."""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from inngest_fast.domain.apps import App, Function
from inngest_fast.domain.events import Event
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.settings import Settings
from inngest_fast.domain.syncs import FunctionsReply, SyncReply
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.queue import JobPlace, Queue
from inngest_fast.ports.store import Store


class Ingest(Protocol):
    """Takes events in."""

    async def accept(self, events: Sequence[Event]) -> list[list[str]]:
        """Stores events with the runs and jobs that they cause; returns when that is durable.

        The ids of the runs that each one started, in order. Raises StoreError or OverloadedError; then
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


class RunControl(Protocol):
    """Acts on runs from outside."""

    async def cancel(self, run_id: str) -> Literal["cancelled", "ended", "unknown"]:
        """Cancels a run, durable on return (flow-control §6.2)."""
        ...

    async def signal(self, signal: str, data: bytes) -> str | None:
        """Resumes the run that waits for this signal; `data` is canonical JSON. Its id, or None."""
        ...

    def why_waiting(self, job: Job, place: JobPlace | None) -> str:
        """One sentence on what a live job waits for, given its place in the queue."""
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
    catalog: Catalog
    vitals: Vitals
