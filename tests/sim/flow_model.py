"""What becomes of each event and each function that it starts (flow-control §1), told from the commits."""

import json
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from inngest_fast.domain.cancellations import Cancellation
from inngest_fast.domain.events import INVOKED, Event
from inngest_fast.domain.ids import ulid_time
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.runs import Run, RunStatus
from inngest_fast.domain.transitions import (
    Committed,
    EndRun,
    PutCancellation,
    PutEvent,
    PutFunction,
    Transition,
    UpdateRun,
)
from inngest_fast.domain.waits import WaitKind
from inngest_fast.engine.flow.fire import batch_of
from tests.fixtures.model_store import Snapshot
from tests.sim.batches import Batches
from tests.sim.controls import Data, Key, above, factor, run_key, step_keys, throttle_key
from tests.sim.debounces import Debounces
from tests.sim.flow_case import Case, NotSoError
from tests.sim.flow_rows import check_rows
from tests.sim.observed import Decided, Seen, observed
from tests.sim.programs import Program
from tests.sim.rates import Rates
from tests.sim.standing import Standings
from tests.sim.throttles import Throttles
from tests.sim.when import When

_LATE_MS = 10_000  # by which a run may be stored after it was made


@dataclass
class Made:
    """A run as it was made, and what it is counted in ever after."""

    slug: str
    data: Data
    step_keys: frozenset[Key]
    run_key: Key | None
    throttle: Key | None
    singleton: Key | None
    key: str  # its idempotency key
    at: float  # seconds of the loop


class FlowModel:
    def __init__(
        self, programs: Mapping[str, Program], must: Callable[..., None], time: Callable[[], float]
    ) -> None:
        self.time = time
        self._programs = programs
        self._must = must
        self.standings = Standings()
        self.throttles = Throttles(must)
        self.rates = Rates()
        self.debounces = Debounces()
        self.batches = Batches()
        self.holders: dict[Key, str] = {}  # runs, by singleton
        self.keys: dict[tuple[str, str], str] = {}  # idempotency keys of a function: the run that took it
        self.made: dict[str, Made] = {}
        self.outcomes: defaultdict[str, list[dict[str, str]]] = defaultdict(
            list
        )  # of events: runs by function
        self.displaced: dict[str, float] = {}  # runs that gave way, and when
        self.cancellations: dict[str, Cancellation] = {}
        self.live: dict[str, None] = {}
        self._running: set[str] = set()
        self._tables: Snapshot = {}
        self.counters: set[str] = set()  # that jobs were ever in
        self.latency_ms: int | None = None  # within which all that is due is done; None: things go wrong
        self.arrived_at: dict[str, float] = {}  # events, seconds of the loop
        self._leases = 0
        self.leases: dict[str, int] = {}  # which lease of all that of a job was
        self.leased_at: dict[str, float] = {}  # jobs that are worked on
        self.stale_s = (
            0.0  # for which a server may go by an old function when nothing tells it of the new one
        )
        self.seen: defaultdict[str, int] = defaultdict(int)

    def decided(
        self, transition: Transition, committed: Committed, admissions: Decided, tables: Snapshot, when: When
    ) -> None:
        """`when` is from the making of what the transition is about to its commit."""
        self._tables = tables
        for action in transition.actions:
            match action:
                case PutFunction(function):
                    self.standings.put(function, when.ended)
                case UpdateRun() | EndRun():
                    self._updated(action.run, transition.job)
                case PutCancellation(cancellation):
                    self._cancellation(cancellation, transition.job, when)
        found = observed(transition, committed, admissions)
        job = transition.job
        for action in transition.actions:
            if isinstance(action, PutEvent) and action.route:
                self._event(action.event, job, found, committed, tables, when)
        if job is not None and job.kind in (JobKind.DEBOUNCE, JobKind.BATCH):
            slug = self.standings.slug(job.function_id)
            seen = found.pop(("", slug), None)
            if seen is not None and seen.runs:
                self._fired(job, slug, seen, committed, tables, when)
        self._must(not found, "nobody asked for", found)
        check_rows([*transition.actions, *committed.admitted], tables, when.last, self._must)

    # Events

    def starts(self, event: Event) -> list[str]:
        """The functions that it is about, whether or not they are registered."""
        if event.name == INVOKED:
            return [event.target] if event.target in self._programs else []
        n = json.loads(event.wire)["data"].get("n", -1)
        return [
            s for s, p in self._programs.items() if p.event == event.name and (p.above < 0 or n > p.above)
        ]

    def _event(
        self,
        event: Event,
        job: Job | None,
        found: dict[tuple[str, str], Seen],
        committed: Committed,
        tables: Snapshot,
        when: When,
    ) -> None:
        outcome: dict[str, str] = {}
        unsure: set[str] = set()
        ticks = self.standings.slug(job.function_id) if job is not None and job.kind is JobKind.CRON else ""
        when = self._since(event, job, when)
        for slug in [ticks] if ticks else self.starts(event):
            seen = found.pop((event.id, slug), None) or Seen()
            run_id = self._admitted(event, slug, seen, committed, when, tick=bool(ticks))
            if run_id is not None:
                outcome[slug] = run_id
                self._answered(event, slug, run_id, seen, tables)
                if not run_id and self.standings.absent(slug, when.began):  # or it was not known yet
                    unsure.add(slug)
        self.outcomes[event.id].append(outcome)
        if unsure:
            known = {slug: run_id for slug, run_id in outcome.items() if slug not in unsure}
            self.outcomes[event.id].append(known)

    def _since(self, event: Event, job: Job | None, when: When) -> When:
        """From its arrival, or the making of whatever caused it, on."""
        error = when.last - when.first
        began = self.arrived_at.get(event.id)
        if began is None:
            began = self.leased_at.get(job.id, -1.0) if job is not None else -1.0
            if when.known:  # a call may take long
                began = max(began, when.ended - (when.last - event.received_at + error) / 1_000)
        if job is not None and job.kind is JobKind.CRON:
            began -= self.stale_s
        return When(event.received_at - error, when.last, began, when.ended, when.known)

    def _admitted(
        self, event: Event, slug: str, seen: Seen, committed: Committed, when: When, *, tick: bool
    ) -> str | None:
        """The run that an event has now; "" for none, None where the function was not known."""
        key = event.external_id if event.repeatable else ""
        if tick:
            key = f"cron {event.external_id}"
        reasons = []
        for standing in reversed(self.standings.between(slug, when.began, when.ended)):
            if seen.runs and seen.runs[0].function_version != standing.version:
                continue
            case = Case(self, slug, standing, json.loads(event.wire)["data"], seen, committed, when)
            try:
                return case.event(event, key, tick=tick)
            except NotSoError as reason:
                reasons.append(reason)
        if not (seen.runs or seen.appended or seen.rows) and self.standings.absent(slug, when.began):
            return None
        self._must(False, "the event", event.id, event.name, "of", slug, "became", seen, "but", *reasons)
        return None

    def _answered(self, event: Event, slug: str, run_id: str, seen: Seen, tables: Snapshot) -> None:
        """Whoever invoked what starts nothing is told."""
        if event.name != INVOKED or self.waits_on(slug, event.id):
            return
        made = [run for run in seen.runs if run.id == run_id]
        if not made or made[0].status.ended:
            self._told([event.correlation_id], slug, tables)

    def _told(self, invokers: Sequence[str], slug: str, tables: Snapshot) -> None:
        """Those that wait for what comes to nothing wait no more."""
        waiting = [
            wait for wait in tables["waits"].values() if wait.kind is WaitKind.INVOKE and wait.key in invokers
        ]
        self._must(not waiting, "nobody will tell", waiting, "of the invocation of", slug)

    def waits_on(self, slug: str, event_id: str) -> bool:
        """Whether an event is in an open debounce or batch."""
        return any(
            key[0] == slug and event_id in known.events for key, known in self.debounces.open.items()
        ) or any(batch.key[0] == slug and event_id in batch.events for batch in self.batches.filling.values())

    # What has waited

    def _fired(
        self, job: Job, slug: str, seen: Seen, committed: Committed, tables: Snapshot, when: When
    ) -> None:
        must, run = self._must, seen.runs[0]
        if job.kind is JobKind.DEBOUNCE:
            known = self.debounces.fired(slug, run.event_ids[0])
            must(known is not None, "a debounce of", slug, "fired with", run.event_ids)
            assert known is not None
            must(len(run.event_ids) == 1, "a debounce started a run with", run.event_ids)
            due, invokers = known.due, list(known.invokers)
        else:
            batch_id = batch_of(job).batch
            batch = self.batches.fired(batch_id)
            must(batch is not None, "the batch", batch_id, "fired again")
            assert batch is not None
            must(list(run.event_ids) == batch.events, "the batch", batch.events, "started", run.event_ids)
            must(run.batch_id == batch_id, "the batch", batch_id, "started a run of", run.batch_id)
            due = (0, batch.full_at) if batch.full_at else batch.due
            invokers = batch.invokers
        if when.known:
            must(when.last >= due[0], job.kind, "fired", due[0] - when.last, "ms too early:", job)
            if self.latency_ms is not None:
                late = when.last - due[1]
                must(late <= self.latency_ms, job.kind, "fired", late, "ms late:", job)
        told = [id for id in (run.correlation_id, *run.correlated) if id]
        must(sorted(told) == sorted(set(invokers)), "it ends for", told, "of", invokers)
        began = max(self.leased_at.get(job.id, 0.0) - self.stale_s, 0.0)
        reasons = []
        for standing in self.standings.between(slug, began, when.ended):
            if run.function_version != standing.version:
                continue
            data = json.loads(run.events[0])["data"]
            try:
                Case(self, slug, standing, data, seen, committed, when).waited()
                if run.status.ended:
                    self._told(invokers, slug, tables)
                return
            except NotSoError as reason:
                reasons.append(reason)
        must(False, job.kind, "of", slug, "became", seen, "but", *reasons)

    # Runs

    def displace(self, displaced: Sequence[str], when: When) -> None:
        """These are to be cancelled."""
        for run_id in displaced:
            self.displaced[run_id] = when.ended
            self.seen["displaced"] += 1

    def created(self, run: Run, case: Case, singleton: Key | None) -> None:
        slug, data, controls = case.slug, case.data, case.standing.controls
        self.made[run.id] = Made(
            slug,
            data,
            step_keys(slug, controls, data),
            run_key(slug, controls, data),
            throttle_key(slug, controls, data),
            singleton,
            run.key,
            case.when.ended,
        )
        if run.key:
            self.keys[slug, run.key] = run.id
        if run.status.ended:
            return
        self.live[run.id] = None
        queued_at = run.queued_at - factor(controls, data) * 1_000
        self._must(run.score == queued_at, "the score of", run, "is not", queued_at)
        if singleton is not None:
            self.holders[singleton] = run.id

    def _updated(self, run: Run, job: Job | None) -> None:
        if job is not None and job.kind is JobKind.START:
            self.throttles.committed(job.id)
        if run.status is RunStatus.RUNNING:
            self._running.add(run.id)
        if run.status.ended:
            self._ended(run)

    def leased(self, job_id: str) -> None:
        self._leases += 1
        self.leases[job_id] = self._leases
        self.leased_at[job_id] = self.time()

    def begun(self, leased: Iterable[Job], known: Container[str] | None) -> list[str]:
        """The live runs that were called, and not for nothing: a call that died with its server is made again.

        With `known` jobs only those that no other job will move.
        """
        jobs = self._tables["jobs"].values()
        first = {job.run_id for job in leased if job.kind is JobKind.START}
        running = self._running.difference(job.run_id for job in jobs if job.entering)
        if known is not None:
            running.difference_update(job.run_id for job in jobs if job.under_way and job.id not in known)
        return [run_id for run_id in self.live if run_id in first or run_id in running]

    def _ended(self, run: Run) -> None:
        self.live.pop(run.id, None)
        self._running.discard(run.id)
        made = self.made.get(run.id)
        if made is None:
            return
        if made.singleton is not None and self.holders.get(made.singleton) == run.id:
            del self.holders[made.singleton]

    # Cancellations

    def meant(self, cancellation: Cancellation, run_id: str) -> bool:
        """Whether a bulk cancellation is about a run."""
        made = self.made[run_id]
        return (
            made.slug == self.standings.slug(cancellation.function_id)
            and cancellation.started_after <= ulid_time(run_id) <= cancellation.started_before
            and above(cancellation.expression, made.data)
        )

    def cancelled_in_bulk(self, run_id: str) -> bool:
        return any(self.meant(cancellation, run_id) for cancellation in self.cancellations.values())

    def _cancellation(self, cancellation: Cancellation, job: Job | None, when: When) -> None:
        self.cancellations[cancellation.id] = cancellation
        if cancellation.done_at and when.known and job is not None:
            walked = self.leased_at[job.id]
            self._must(
                cancellation.done_at > cancellation.started_before + _LATE_MS, "too soon:", cancellation
            )
            left = [id for id in self.live if self.made[id].at < walked and self.meant(cancellation, id)]
            self._must(not left, cancellation, "is done and left", left)
