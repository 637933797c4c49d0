"""What must be so of flow control when nothing is left to do."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from inngest_fast._native.score import FairQueue
from inngest_fast.adapters.memory.queue import described
from inngest_fast.domain.flow import rule_of
from inngest_fast.domain.jobs import Job, JobKind
from tests.fixtures.model_store import Snapshot

if TYPE_CHECKING:
    from tests.sim.world import World

_DEFERRED = frozenset((JobKind.DEBOUNCE, JobKind.BATCH, JobKind.CANCELLATION))
_LASTING = frozenset(("rate", "charged", "appended", "throttle"))  # rows that say something for a while


def deferred(tables: Snapshot) -> list[Job]:
    """Jobs of no run that are not for ever."""
    return [job for job in tables["jobs"].values() if job.kind in _DEFERRED]


def check_flow(world: "World") -> None:
    """Everything that was accepted has become something, and nothing is held for ever."""
    must, flow, tables = world.model.must, world.model.flow, world.disk.tables
    must(not flow.debounces.open, "debounces never fired:", flow.debounces.open)
    must(not flow.batches.filling, "batches never fired:", flow.batches.filling)
    must(not flow.holders, "singletons are held by the dead:", flow.holders)
    must(not tables["pending"], "events wait for no batch:", tables["pending"])
    left = [row for row in tables["rows"].values() if row.key.partition(":")[0] not in _LASTING]
    must(not left, "rows are left:", left)
    for cancellation in flow.cancellations.values():
        must(cancellation.done_at, "it goes on for ever:", cancellation)


def check_places(queue: FairQueue[Job], counters: set[str], now: int, must: Callable[..., None]) -> None:
    """Every counter of a queue that is at rest has room for one."""
    for partition, (_, _, leased) in queue.depth().items():
        must(not leased, leased, "are leased for ever of", partition)
    queue.limit_function("probe", now, rules=dict.fromkeys(map(rule_of, counters), 1))
    for counter in sorted(counters):
        for of_runs in (False, True):
            where = {"run_counter": counter} if of_runs else {"counters": (counter,)}
            probe = Job("probe", JobKind.START, "probe", "probe", now, 0, run_id="probe", **where)  # type: ignore[arg-type]
            queue.add(*described(probe, now))
            must(probe in queue.lease(99, now), "somebody is in the counter for ever:", counter)
            queue.done("probe")
