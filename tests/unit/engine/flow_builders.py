"""Rows as a store keeps them, and events that are admitted on them one after the other."""

from engine_builders import NOW, Counting, event, function

from inngest_fast._native.canonical import canonicalize
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.transitions import (
    AddJob,
    Admit,
    AppendEvent,
    CreateRun,
    DropBatch,
    DropRow,
    MoveJob,
    PutRow,
)
from inngest_fast.engine.flow import debounce
from inngest_fast.engine.flow.admission import admit
from inngest_fast.engine.flow.fire import batch_of, fire_batch, fire_debounce

STARTS = ("debounce", "batch")


class Door:
    """A function that events come to. Time is in ms from 0; rows, keys, jobs and batches are as in a store."""

    def __init__(self, fn=None, **config):
        self.function = fn or function(**config)
        self.entropy = Counting()
        self.rows = {}
        self.taken = {}  # idempotency key → run
        self.jobs = {}
        self.batches = {}
        self.events = {}
        self.runs = []  # CreateRuns that were stored
        self.fired = []
        self.actions = []  # of the last event or job

    def event(self, data="{}", at=0, **fields):
        id = self.entropy.ulid(NOW + at)
        fields.setdefault("ts", NOW + at)
        ts = fields.pop("ts")
        made = event("order/paid", canonicalize(data.encode()), id=id, received_at=ts, **fields)
        self.events[id] = made
        return made

    def send(self, data="{}", at=0, invokers=(), **fields):
        """The runs that an event starts at that time. What is due before happens first."""
        self.wait_until(at - 1)
        return self.take_in(self.event(data, at, **fields), at, invokers)

    def take_in(self, event, at=0, invokers=()):
        return self._commit(admit(self.function, event, NOW + at, self.entropy, invokers), at, None)

    def wait_until(self, at):
        """Fires what is due. All runs that were started so, each with its time."""
        while due := [job for job in self.jobs.values() if job.due <= NOW + at and job.kind in STARTS]:
            job = min(due, key=lambda job: (job.due, job.id))
            self.fired += [(job.due - NOW, run) for run in self.fire(job, job.due - NOW)]
        return self.fired

    def fire(self, job, at):
        now = NOW + at
        if job.kind == "debounce":
            row = self.rows.get(job.payload.decode())
            if row is None:
                del self.jobs[job.id]
                return []
            last = self.events[debounce.read(row).event_id]
            transition = fire_debounce(self.function, job, row, last, now, self.entropy)
        else:
            events = [self.events[id] for id in self.batches.get(batch_of(job).batch, ())]
            transition = fire_batch(self.function, job, events, now, self.entropy)
        del self.jobs[job.id]
        return self._commit(transition.actions, at, transition.job)

    def _commit(self, actions, at, job):
        started = []
        self.actions = []
        for action in actions:
            if isinstance(action, Admit):
                keys = action.admission.keys
                live = {
                    key: row
                    for key in keys
                    if (row := self.rows.get(key)) is not None and not 0 < row.until <= NOW + at
                }
                decided = action.admission.decide(live)
                assert decided == action.admission.decide(live), "a decision is not repeatable"
                written = {a.row.key for a in decided if isinstance(a, PutRow)}
                written |= {a.key for a in decided if isinstance(a, DropRow)}
                written |= {row.key for a in decided if isinstance(a, CreateRun) for row in a.rows}
                assert written <= set(keys), "it writes rows that are not locked"
                self.actions += decided
            else:
                self.actions.append(action)
        for action in self.actions:
            match action:
                case PutRow(row):
                    self.rows[row.key] = row
                case DropRow(key, holder):
                    if key in self.rows and self.rows[key].holder == holder:
                        del self.rows[key]
                case AddJob(added) | MoveJob(added):
                    self.jobs[added.id] = added
                case AppendEvent(batch_id, position, event_id):
                    assert position == len(self.batches.setdefault(batch_id, []))
                    self.batches[batch_id].append(event_id)
                case DropBatch(batch_id):
                    del self.batches[batch_id]
                case CreateRun(run):
                    if run.key and run.key in self.taken:
                        continue
                    if run.key:
                        self.taken[run.key] = run.id
                    self.rows.update({row.key: row for row in action.rows})
                    self.runs.append(action)
                    started.append(action)
                case _ if type(action).__name__ == "DropJob":
                    self.jobs.pop(action.job_id, None)
        return started

    def end(self, run):
        """As the last transition of a run does."""
        key = run.flow.singleton
        if key and self.rows.get(key, FlowRow("")).holder == run.id:
            del self.rows[key]


def statuses(created):
    return [each.run.status.name.lower() for each in created]
