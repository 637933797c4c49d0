"""Domain values for the suite, as the engine makes them, by small numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from inngest_fast.domain.apps import App, Function
from inngest_fast.domain.cancellations import Cancellation
from inngest_fast.domain.events import Event, wire_form
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.functions import Batch, FunctionConfig, Trigger
from inngest_fast.domain.ids import ulid
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.runs import Run, RunStatus, Step, StepStatus
from inngest_fast.domain.transitions import (
    Action,
    AddJob,
    Admit,
    AppendEvent,
    CreateRun,
    EndRun,
    PutCancellation,
    PutEvent,
    PutRow,
    Transition,
    UpdateRun,
)
from inngest_fast.domain.waits import Wait, WaitKind

NOW = 1_700_000_000_000
DAY = 86_400_000


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def now_ms(self) -> int:
        return self.now


def event_id(n: int) -> str:
    return ulid(NOW + n, b"E" * 10)


def run_id(n: int) -> str:
    return ulid(NOW + n, b"R" * 10)


def event(n: int, name: str = "app/thing.done", **fields: Any) -> Event:
    id = event_id(n)
    fields = {"external_id": id, "ts": NOW + n, "received_at": NOW + n, **fields}
    wire = wire_form(name=name, id=fields["external_id"], ts=fields["ts"], data=b'{"n":%d}' % n)
    return Event(**{"id": id, "name": name, "wire": wire, **fields})


def job(n: int, name: str = "start", **fields: Any) -> Job:
    return Job(
        **{
            "id": f"{run_id(n)}:{name}",
            "kind": JobKind.START,
            "app_id": "app",
            "function_id": "fn-1",
            "due": NOW + n,
            "score": NOW + n,
            "run_id": run_id(n),
            **fields,
        }
    )


def run(n: int, **fields: Any) -> Run:
    trigger = event(n)
    return Run(
        **{
            "id": run_id(n),
            "app_id": "app",
            "function_id": "fn-1",
            "slug": "app-fn-1",
            "event_ids": (trigger.id,),
            "events": (trigger.wire,),
            "queued_at": NOW + n,
            "score": NOW + n,
            **fields,
        }
    )


def step(n: int, **fields: Any) -> Step:
    return Step(
        **{
            "id": f"step-{n}",
            "op": "StepRun",
            "name": f"step {n}",
            "status": StepStatus.COMPLETED,
            "queued_at": NOW + n,
            "memo": b'{"data":%d}' % n,
            "seq": n,
            **fields,
        }
    )


def wait(n: int, of_run: int, **fields: Any) -> Wait:
    return Wait(
        **{
            "id": n,
            "kind": WaitKind.EVENT,
            "run_id": run_id(of_run),
            "step_id": f"step-{n}",
            "app_id": "app",
            "function_id": "fn-1",
            "created_at": NOW,
            "expires_at": NOW + DAY,
            "event": "app/answer",
            "expression": "async.data.n == 1",
            "score": NOW,
            **fields,
        }
    )


def signal(n: int, of_run: int, key: str) -> Wait:
    return wait(n, of_run, kind=WaitKind.SIGNAL, event="", expression="", key=key)


def app(n: int, **fields: Any) -> App:
    return App(
        **{
            "id": f"app-{n}",
            "name": f"app {n}",
            "url": f"http://localhost:{3000 + n}/api/inngest",
            "created_at": NOW,
            "updated_at": NOW,
            **fields,
        }
    )


def function(n: int, **fields: Any) -> Function:
    config = FunctionConfig(
        slug=f"app-fn-{n}",
        name=f"Function {n}",
        url="http://localhost:3000/api/inngest",
        triggers=(Trigger(event="app/thing.done", expression="event.data.n > 1"), Trigger(cron="0 * * * *")),
        batch=Batch(size=10, timeout_ms=5_000, key="event.data.k"),
    )
    return Function(
        **{
            "id": f"fn-{n}",
            "app_id": "app-1",
            "app_name": "app 1",
            "slug": config.slug,
            "version": 1,
            "config": config,
            "created_at": NOW,
            "updated_at": NOW,
            **fields,
        }
    )


def cancellation(n: int, **fields: Any) -> Cancellation:
    return Cancellation(
        **{
            "id": ulid(NOW + n, b"C" * 10),
            "app_id": "app-1",
            "function_id": "fn-1",
            "started_after": NOW,
            "started_before": NOW + n,
            **fields,
        }
    )


def of_flow_control() -> list[Action]:
    """Something in each of its tables."""
    pending = AppendEvent("batch", 0, event_id(1))
    return [PutRow(FlowRow("kind:1")), pending, PutCancellation(cancellation(1))]


class Counting(msgspec.Struct, frozen=True):
    """An admission that counts in a row, and adds a job under the number that it came to.

    Without `jobs` nothing but the row tells two from each other.
    """

    key: str
    jobs: bool = True
    possible: tuple[Action, ...] = ()

    @property
    def keys(self) -> Sequence[str]:
        return (self.key,)

    def decide(self, rows: Mapping[str, FlowRow]) -> Sequence[Action]:
        count = int(rows[self.key].body) + 1 if self.key in rows else 1
        row = PutRow(FlowRow(self.key, body=b"%d" % count))
        return (row, AddJob(counted(self.key, count))) if self.jobs else (row,)


def counted(key: str, count: int) -> Job:
    return job(0, id=f"{key} {count:06}", run_id="")


def counting(key: str, *, jobs: bool = True) -> Transition:
    return Transition([Admit(Counting(key, jobs))])


class Choosing(msgspec.Struct, frozen=True):
    """An admission that does one thing if it finds its first row, else another. `seen`: what it was given."""

    keys: tuple[str, ...]
    found: tuple[Action, ...] = ()
    missed: tuple[Action, ...] = ()
    seen: list[dict[str, FlowRow]] = []

    @property
    def possible(self) -> Sequence[Action]:
        return (*self.found, *self.missed)

    def decide(self, rows: Mapping[str, FlowRow]) -> Sequence[Action]:
        self.seen.append(dict(rows))
        return self.found if self.keys[0] in rows else self.missed


def started(n: int, *more: Action, **fields: Any) -> Transition:
    """An event, the run it starts, and the run's first job."""
    return Transition([PutEvent(event(n)), CreateRun(run(n, **fields), (job(n),)), *more])


def next_version(of: Run, **fields: Any) -> Run:
    """The run as its next transition leaves it."""
    later = of.working_copy()
    later.version += 1
    for name, value in fields.items():
        setattr(later, name, value)
    return later


def updated(of: Run, **fields: Any) -> UpdateRun:
    return UpdateRun(next_version(of, **fields), of.version)


def ended(of: Run, status: RunStatus = RunStatus.COMPLETED, **fields: Any) -> EndRun:
    return EndRun(next_version(of, status=status, ended_at=NOW + 99, output=b'"done"', **fields), of.version)
