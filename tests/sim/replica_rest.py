"""What must be so when nothing is left to do in any of several processes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.sim import flow_rest, rest
from tests.sim.disk import read_now
from tests.sim.replica_model import as_it_was

if TYPE_CHECKING:
    from tests.sim.replica_world import ReplicaWorld

_TOLD_WITHIN_S = 1.5  # the queue, of a commit


def unrest(world: "ReplicaWorld") -> Iterator[str]:
    """What is still under way; crons stay."""
    jobs, records = world.disk.tables["jobs"], world.near.queue.records
    if world.model.live:
        yield f"live runs {sorted(world.model.live)}"
    if left := [job for job in jobs.values() if job.run_id] + flow_rest.deferred(world.disk.tables):
        yield f"jobs {left}"
    if records.keys() != jobs.keys():
        yield f"the queue lacks {sorted(jobs.keys() - records.keys())}, has {sorted(records.keys() - jobs.keys())}"
    if leased := [record for record in records.values() if record.owner is not None]:
        yield f"leased {leased}"
    for process in world.replicas:
        if process is None or not process.up or world.loop.is_stalled(process):
            yield "a process is not up"
            continue
        for what, busy in (
            ("calls", process.assembly.executor.in_flight),
            ("commits", process.store.backlog),
            ("hints", process.queue.busy),
        ):
            if busy:
                yield f"{what} of {process.name}"


def check_rest(world: "ReplicaWorld") -> None:
    """Memory is what the store says, and no safety net was needed but where something was made to be lost."""
    must, tables, counters = world.model.must, world.disk.tables, world.counters
    for id, record in world.near.queue.records.items():
        job = tables["jobs"][id]
        must(
            (record.job.attempt, record.job.due) == (job.attempt, job.due),
            "the queue has",
            record,
            "not",
            job,
        )
    must(not tables["waits"], "waits are left:", tables["waits"])
    for process in world.replicas:
        assert process is not None
        must(not len(process.index), "the index has", len(process.index), "waits that are none")
        must(not process.assembly.waits._uncommitted, "waits are uncommitted for ever")
        must(not process.queue._held, "leases are held for ever:", process.queue._held)
        for id, live in process.assembly.cache._runs.items():
            stored = read_now(world.disk.run(id))
            must(
                live.broken or live.run.version <= stored.version, "a run is cached that never was:", live.run
            )
            must(not live.undecided, "a run is undecided for ever:", live.run)
    must(not counters["reconciler_runs_repaired"], "runs had to be repaired")
    must(not counters["jobs_faulted"], "jobs failed inside the server")
    if world.faults.harmless and not world.faults.read_failures:
        for at, job in world.near.queue.doubted:
            late = at - world.model.live_since[as_it_was(job)]
            must(late < _TOLD_WITHIN_S, "had to be armed again:", job)


def check_crons(world: "ReplicaWorld") -> None:
    """Each tick at most once; all of them where nothing keeps a process from its work for a minute."""
    faults = world.faults
    if faults.stalls or faults.flushes or faults.failovers or faults.lost_jobs or faults.lease_s > 5:
        world.ups[:] = [(until, until) for _, until in world.ups]
    rest.check_crons(world, world.clock.now_ms())
