"""Stores, queues and servers with one fault each in their flow control: some seed must tell."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from inngest_fast.domain.flow import FlowRow, KeyValue
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import Run, RunStatus
from inngest_fast.domain.transitions import (
    Action,
    Committed,
    CreateRun,
    DropBatch,
    DropRow,
    ExtendRow,
    Transition,
)
from inngest_fast.engine.flow import admission, rate_limit
from inngest_fast.engine.flow.admission import Start
from inngest_fast.engine.flow.debounce import DebouncePush
from inngest_fast.engine.flow.fire import FiredBatch, FiredDebounce
from inngest_fast.engine.lifecycle import draft, schedule
from inngest_fast.engine.lifecycle.draft import Draft
from inngest_fast.runtime import boot
from inngest_fast.runtime.cancellations import Cancellations
from inngest_fast.runtime.queue_limits import QueueLimits
from tests.sim.conviction import Break, convicts
from tests.sim.disk import Disk
from tests.sim.watched_queue import WatchedQueue

pytestmark = pytest.mark.timeout(300)

_SEEDS = 3_000

# Stores


class NoRowLocks(Disk):
    """Transitions of one group decide on the rows as they were before it."""

    _at = -1
    _before: dict[str, FlowRow] = {}

    def _rows(self, keys: Sequence[str], now: int) -> dict[str, FlowRow]:
        if now != self._at:
            self._at, self._before = now, dict(self._tables["rows"])
        found = ((key, self._before.get(key)) for key in keys)
        return {key: row for key, row in found if row is not None and (not row.until or row.until > now)}


class DropsAnyRow(Disk):
    """Whoever holds it."""

    def _do(self, action: Action, now: int, committed: Committed, ended: list[str]) -> None:
        if isinstance(action, DropRow):
            self._set("rows", action.key, None)
        else:
            super()._do(action, now, committed, ended)


class KeepsRowsOfTheRefused(Disk):
    """A run that is refused takes its rows all the same."""

    def _create(self, action: CreateRun, now: int, committed: Committed) -> None:
        super()._create(action, now, committed)
        for row in action.rows:
            self._set("rows", row.key, row)


class ForgetsPayments(Disk):
    def _do(self, action: Action, now: int, committed: Committed, ended: list[str]) -> None:
        if not isinstance(action, ExtendRow):
            super()._do(action, now, committed, ended)


class ForgetsBatches(Disk):
    """Keeps every third event only."""

    n = 0

    def _set(self, name: str, key: Any, value: Any) -> None:
        self.n += name == "pending" and value is not None
        if name != "pending" or value is None or self.n % 3:
            super()._set(name, key, value)


@pytest.mark.parametrize(
    "store", [NoRowLocks, DropsAnyRow, KeepsRowsOfTheRefused, ForgetsPayments, ForgetsBatches]
)
def test_a_wrong_store_is_found(store: type[Disk]) -> None:
    assert convicts(_SEEDS, controlled=True, disk_type=store)


# Queues


def places_kept_by_the_dropped(patch: pytest.MonkeyPatch) -> None:
    """A job that is dropped while it is leased stays in its counters."""
    drop = WatchedQueue.drop

    def forgetful(self: WatchedQueue, job_id: str) -> None:
        if job_id in self._places.leased and self._places.jobs[job_id].counters:
            self._places.drop(job_id)
        else:
            drop(self, job_id)

    patch.setattr(WatchedQueue, "drop", forgetful)


def tokens_for_nothing(patch: pytest.MonkeyPatch) -> None:
    """Who is blocked by something else pays all the same."""
    lease = WatchedQueue.lease

    async def dear(self: WatchedQueue, n: int) -> list[Job]:
        jobs = await lease(self, n)
        now = self._clock.now_ms()
        for job in self._places.jobs.values():
            if job.throttle and self._places.obstacle(job, now, least=True) in ("key", "runs"):
                self._jobs.restore_throttles({job.throttle: now + 60_000}, now)
        return jobs

    patch.setattr(WatchedQueue, "lease", dear)


def arrivals_lost_at_boot(patch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: Any) -> None:
        pass

    patch.setattr(boot, "restore_throttles", nothing)


def untold_limits(patch: pytest.MonkeyPatch) -> None:
    """The queue goes by what functions said at first."""
    apply = QueueLimits.apply

    def once(self: QueueLimits) -> None:
        if not self._functions:
            apply(self)

    patch.setattr(QueueLimits, "apply", once)


# Servers


def early_debounces(patch: pytest.MonkeyPatch) -> None:
    """A debounce fires when it would have without the later events."""
    push = DebouncePush.push

    def early(self: DebouncePush, rows: Mapping[str, FlowRow]) -> list[Action]:
        return push(replace(self, now=self.now - (self.key in rows) * 500), rows)

    patch.setattr(DebouncePush, "push", early)


def first_events(patch: pytest.MonkeyPatch) -> None:
    """Of a debounce the first event starts the run."""
    push = DebouncePush.push

    def first(self: DebouncePush, rows: Mapping[str, FlowRow]) -> list[Action]:
        return [] if self.key in rows else push(self, rows)

    patch.setattr(DebouncePush, "push", first)


def batches_twice(patch: pytest.MonkeyPatch) -> None:
    """A batch that has fired is still there."""
    decide = FiredBatch.decide

    def again(self: FiredBatch, rows: Mapping[str, FlowRow]) -> Sequence[Action]:
        return [a for a in decide(self, rows) if not isinstance(a, DropRow | DropBatch)]

    patch.setattr(FiredBatch, "decide", again)


def unlocked_debounces(patch: pytest.MonkeyPatch) -> None:
    """A debounce starts its run with what was last when it was looked at."""
    decide = FiredDebounce.decide

    def hasty(self: FiredDebounce, rows: Mapping[str, FlowRow]) -> Sequence[Action]:
        found = decide(self, rows)
        return found if any(isinstance(a, DropRow) for a in found) or self.start is None else self._fire(rows)

    def fire(self: FiredDebounce, rows: Mapping[str, FlowRow]) -> Sequence[Action]:
        return [DropRow(self.key), *self.start.decide(rows)] if self.start is not None else []

    patch.setattr(FiredDebounce, "_fire", fire, raising=False)
    patch.setattr(FiredDebounce, "decide", hasty)


def running_runs_only(patch: pytest.MonkeyPatch) -> None:
    """Bulk cancellations miss runs that were not called yet."""
    cancel = Cancellations._cancel_page

    async def some(self: Cancellations, cancellation: Any, page: Sequence[Run]) -> int:
        return await cancel(self, cancellation, [run for run in page if run.status is not RunStatus.QUEUED])

    patch.setattr(Cancellations, "_cancel_page", some)


def everybody_cancelled(patch: pytest.MonkeyPatch) -> None:
    """Bulk cancellations do not ask what they are about."""

    async def meant(*_: Any) -> bool:
        return True

    patch.setattr(Cancellations, "_meant", meant)


def unpaid_starts(patch: pytest.MonkeyPatch) -> None:
    """That a start has paid is not in the store."""
    close = Draft.close

    def unpaid(self: Draft, **how: Any) -> Transition:
        transition = close(self, **how)
        transition.actions[:] = [a for a in transition.actions if not isinstance(a, ExtendRow)]
        return transition

    patch.setattr(Draft, "close", unpaid)


def one_key_for_all(patch: pytest.MonkeyPatch) -> None:
    """Only the first call of a run is counted in its keys."""
    run_job = draft.run_job

    def uncounted(run: Run, kind: Any, *arguments: Any) -> Job:
        job = run_job(run, kind, *arguments)
        return job if kind == "start" else replace(job, counters=())

    patch.setattr(draft, "run_job", uncounted)


def free_rates(patch: pytest.MonkeyPatch) -> None:
    """What passes a rate limit is not written down."""
    take = rate_limit.RateCheck.take

    def free(self: rate_limit.RateCheck, rows: Mapping[str, FlowRow]) -> tuple[bool, list[Any]]:
        return take(self, rows)[0], []

    patch.setattr(rate_limit.RateCheck, "take", free)


def nobody_gives_way(patch: pytest.MonkeyPatch) -> None:
    """A singleton's new run takes the place of the old one, which goes on."""
    decide = Start.decide

    def polite(self: Start, rows: Mapping[str, FlowRow]) -> Sequence[Action]:
        return [a for a in decide(self, rows) if getattr(getattr(a, "job", None), "kind", "") != "cancel"]

    patch.setattr(Start, "decide", polite)


def unpaused_starts(patch: pytest.MonkeyPatch) -> None:
    """A paused function's events start runs, which wait."""
    start_of = admission.start_of

    def unpaused(*arguments: Any, **how: Any) -> Start | None:
        start = start_of(*arguments, **how)
        return None if start is None else replace(start, paused=False)

    patch.setattr(admission, "start_of", unpaused)


def shared_values(patch: pytest.MonkeyPatch) -> None:
    """Live runs of a function are counted together, whatever their key."""
    run_key = schedule.run_key

    def together(*arguments: Any) -> KeyValue | None:
        found = run_key(*arguments)
        return found and replace(found, counter=f"{found.rule}/one")

    patch.setattr(schedule, "run_key", together)


@pytest.mark.parametrize(
    "fault",
    [
        places_kept_by_the_dropped,
        tokens_for_nothing,
        arrivals_lost_at_boot,
        untold_limits,
        early_debounces,
        first_events,
        batches_twice,
        unlocked_debounces,
        running_runs_only,
        everybody_cancelled,
        unpaid_starts,
        one_key_for_all,
        free_rates,
        nobody_gives_way,
        unpaused_starts,
        shared_values,
    ],
)
def test_a_wrong_server_or_queue_is_found(fault: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    fault(monkeypatch)
    assert convicts(_SEEDS, controlled=True)
