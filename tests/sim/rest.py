"""What must be so when nothing is left to do."""

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from inngest_fast.domain.jobs import JobKind
from tests.fixtures.virtual_loop import START_MS
from tests.sim import flow_rest, sdk
from tests.sim.disk import read_now
from tests.sim.process import Process
from tests.sim.programs import Invoke, WaitEvent, step_id, steps_of

if TYPE_CHECKING:
    from tests.sim.world import World

_MINUTE = 60_000
_LATE = 25_000  # a tick may be served so late where commits fail


def at_rest(world: "World", process: Process | None) -> bool:
    """Whether nothing is under way; crons stay."""
    return (
        process is not None
        and process.up
        and not world.model.live
        and not process.assembly.executor.in_flight
        and not process.store.backlog
        and not any(job.run_id for job in world.disk.tables["jobs"].values())
        and not flow_rest.deferred(world.disk.tables)
        and len(process.queue._jobs) == len(world.disk.tables["jobs"])
    )


def check_rest(world: "World", process: Process) -> None:
    """Memory is what the store says, and no safety net was needed but where something was made to be lost."""
    must, tables, counters = world.model.must, world.disk.tables, world.counters
    must(all(job_id in process.queue._jobs for job_id in tables["jobs"]), "the queue lacks jobs of the store")
    must(not tables["waits"], "waits are left:", tables["waits"])
    must(not len(process.index), "the index has", len(process.index), "waits that are none")
    must(not process.assembly.waits._uncommitted, "waits are uncommitted for ever")
    for id, live in process.assembly.cache._runs.items():
        stored = read_now(world.disk.run(id))
        must(live.run.version == stored.version, "a stale run is cached:", live.run, stored)
    must(not counters["reconciler_runs_repaired"], "runs had to be repaired")
    must(not counters["jobs_faulted"], "jobs failed inside the server")
    if not world.jobs_lost and not world.faults.read_failures:
        must(not counters["reconciler_jobs_rearmed"], "jobs had to be armed again")


def check_runs(world: "World") -> None:
    flow = world.model.flow
    for record in world.model.runs.values():
        program = record.program
        record.cancel_due = (
            record.id in world.senders.cancelled_runs
            or bool(program.start_s or program.finish_s)
            or (bool(program.cancel) and record.event["data"].get("n") in world.senders.cancelled_n)
            or record.id in flow.displaced
            or flow.cancelled_in_bulk(record.id)
        )
    world.model.final()


def check_executions(world: "World") -> None:
    """Where nothing went wrong on the way each body ran once for its result and once for each failure.

    Races are left out: the discovery that a racer causes and that of its group may be under way together.
    """
    if not world.faults.harmless:
        return
    racing = {slug for slug, program in world.programs.items() if sdk.races(program.body)}
    fails = {
        step.id: getattr(step, "fails", 0)
        for program in world.programs.values()
        for step in steps_of(program.body)
    }
    for (run_id, name), n in world.executions.items():
        once = n <= fails[name] + 1 or name.partition("-")[0] in racing
        world.model.must(once, "the step", name, "of", run_id, "was executed", n, "times")


def check_crons(world: "World", now: int) -> None:
    """Each tick at most once; exactly once if a process was up to see to it."""
    if "cron" not in world.programs:
        return
    must = world.model.must
    ticks: dict[str, int] = defaultdict(int)
    for record in world.model.runs.values():
        if record.program.cron:
            ticks[str(record.event["data"]["scheduledAt"])] += 1
    must(all(n == 1 for n in ticks.values()), "a tick ran twice:", dict(ticks))
    crons = [job for job in world.disk.tables["jobs"].values() if job.kind is JobKind.CRON]
    must(len(crons) == 1, "the cron has the jobs", crons)
    if world.faults.clock_steps:
        return
    due = sum(
        any(min(until, tick + _MINUTE) - max(since, tick) > _LATE for since, until in world.ups)
        for tick in range(START_MS - START_MS % _MINUTE + _MINUTE, now - _MINUTE, _MINUTE)
        if tick > world.ups[0][0]
    )
    must(len(ticks) >= due, "of", due, "ticks that were due", len(ticks), "ran:", sorted(ticks), world.ups)


def tally(world: "World") -> Counter[str]:
    """What happened, by name: whether the simulation simulates."""
    seen = Counter(world.counters)
    for entry in world.trace:
        what = entry[2]
        seen[what] += 1
        if what == "commit":
            seen["run with its key refused"] += bool(entry[4].refused_runs)
        elif what == "crash":
            seen["crash within commits"] += entry[3] > 0
    for record in world.model.runs.values():
        steps = {step_id(step.id): step for step in steps_of(record.program.body)}
        for id, memo in record.memos.items():
            step = steps[id]
            if isinstance(step, WaitEvent):
                seen["timed out" if memo == b"null" else "met"] += 1
            elif isinstance(step, Invoke):
                seen["invoked"] += memo.startswith(b'{"data"')
                seen["resumed by a child that failed"] += b'"thrown"' in memo
        if record.ended is not None:
            seen[record.ended.status.name] += 1
    return seen
