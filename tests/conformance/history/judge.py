"""The simulation's model over a history that real servers left."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from inngest_fast.domain.transitions import Committed
from inngest_fast.ports.store import Store
from tests.conformance.history.recording import Acknowledged, Arrived, Called, Decided, Entry, MayFail
from tests.sim.disk import Disk, read_now
from tests.sim.model import Violation
from tests.sim.programs import Program
from tests.sim.replica_model import ReplicaModel


class Hour:
    """ports.clock.Clock: that of the entry which is looked at."""

    now = 0

    def now_ms(self) -> int:
        return self.now


class Judge:
    """Looks at each entry as the simulation does when it happens. The obvious store decides all again: what
    the real one said and what it holds must be the same.
    """

    def __init__(self, programs: Mapping[str, Program]) -> None:
        self._hour = Hour()
        self.model = ReplicaModel(programs, 0, lambda: self._hour.now / 1_000)
        self._disk = Disk(self._hour)
        self.model.tables = self._disk.tables
        self._cancelled: set[int] = set()  # the `n` of events that cancel
        self._cancels = {program.cancel for program in programs.values()} - {""}
        self._early: list[Called] = []  # calls that told more than was known to be decided

    def see(self, entries: Sequence[Entry]) -> None:
        """Raises Violation. The obvious store needs a running loop."""
        for step, entry in enumerate(entries, 1):
            try:
                self._see(entry, step)
            except Violation:
                raise
            except Exception as error:
                raise Violation(f"{entry} cannot be: {error!r}") from error

    def final(self) -> None:
        """All has ended, and nothing is left. Raises Violation."""
        for record in self.model.runs.values():
            n = record.event["data"].get("n")
            record.cancel_due = bool(record.program.cancel) and n in self._cancelled
        self.model.final()
        tables = self._disk.tables
        self.model.must(not self._early, "calls told what was never decided:", self._early)
        self.model.must(not tables["jobs"], "jobs are left:", tables["jobs"])
        self.model.must(not tables["waits"], "waits are left:", tables["waits"])

    async def compare(self, store: Store) -> None:
        """The real store holds what the obvious one does. Raises Violation."""
        must, disk = self.model.must, self._disk
        for what, real, wanted in (
            ("jobs", await store.jobs("", 10_000), await disk.jobs("", 10_000)),
            ("waits", await store.live_waits(0, 10_000), await disk.live_waits(0, 10_000)),
        ):
            must(real == wanted, "the store has the", what, real, "not", wanted)
        for run_id in disk.tables["runs"]:
            run, wanted_run = await store.run(run_id), read_now(disk.run(run_id))
            must(run == wanted_run, "the store has the run", run, "not", wanted_run)
        for event_id, wanted_event in disk.tables["events"].items():
            event = await store.event(event_id)
            must(event == wanted_event, "the store has the event", event, "not", wanted_event)

    def _see(self, entry: Entry, step: int) -> None:
        model, tables = self.model, self._disk.tables
        match entry:
            case Arrived(event):
                model.arrived[event.id] = step
                model.flow.arrived_at[event.id] = event.received_at / 1_000
                if event.name in self._cancels:
                    self._cancelled.add(msgspec.json.decode(event.wire)["data"]["n"])
            case Acknowledged(event, did):
                model.acknowledged(event, did, tables)
            case MayFail(run_id):
                model.runs[run_id].may_fail = True
            case Called():
                self._called(entry)
            case Decided():
                self._decided(entry, step)
                early, self._early = self._early, []
                for call in early:
                    model.called(call.request, call.request["ctx"]["job_id"])

    def _called(self, call: Called) -> None:
        """One that left while the store was deciding may know of the decision before we do."""
        try:
            self.model.called(call.request, call.request["ctx"]["job_id"])
        except (KeyError, Violation):
            if not call.between:
                raise
            self._early.append(call)

    def _decided(self, entry: Decided, step: int) -> None:
        model, tables = self.model, self._disk.tables
        transition, committed = entry.transition, entry.committed
        self._hour.now = entry.now
        before = model.before(transition, tables, entry.now)
        wanted = self._disk.decide(transition)
        model.after(transition, before, committed, tables, self._disk.admissions)
        model.must(_told(committed) == _told(wanted), "the store said", committed, "not", wanted, transition)
        job = transition.job
        if job is not None and committed.applied:
            model.must(entry.now >= job.due, "too early by", job.due - entry.now, "ms:", job)
        model.committed(transition, committed, step, entry.now / 1_000)


def _told(committed: Committed) -> dict[str, Any]:
    """In no order where there is none."""
    told = msgspec.structs.asdict(committed)
    told["jobs"] = {job.id: job for job in committed.jobs}
    told["dropped_jobs"] = sorted(committed.dropped_jobs)
    told["dropped_waits"] = sorted(committed.dropped_waits)
    return told
