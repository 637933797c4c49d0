"""Servers and stores with one fault each: some seed must tell. A fault that none sees is a hole in the model."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from inngest_fast.domain.runs import RunStatus
from inngest_fast.domain.transitions import (
    AddJob,
    Committed,
    ConsumeWait,
    CreateRun,
    DropJob,
    EndRun,
    PutEvent,
    Transition,
    UpdateRun,
)
from inngest_fast.engine.lifecycle import answered, fetched, finish
from inngest_fast.engine.lifecycle.draft import Draft
from inngest_fast.engine.routing.meeting import index_entry
from inngest_fast.runtime import assembly, committer
from inngest_fast.runtime.committer import Committer
from inngest_fast.runtime.live_waits import LiveWaits
from inngest_fast.runtime.run_changes import RunChanges
from tests.sim.conviction import Break, convicts
from tests.sim.disk import Disk, ProcessStore

pytestmark = pytest.mark.timeout(300)  # some faults take thousands of seeds to show

_SEEDS = 3_000

# Stores


class NoJobFence(Disk):
    """Takes a transition whose job is gone."""

    def _act(self, transition: Transition, now: int) -> Committed:
        job = transition.job
        if job is not None and self._tables["jobs"].get(job.id) is None:
            transition = Transition(transition.actions, None, transition.wait_id)
        return super()._act(transition, now)


class NoAttemptFence(Disk):
    """Looks for the job's id, not for its attempt."""

    def _act(self, transition: Transition, now: int) -> Committed:
        job = transition.job
        live = None if job is None else self._tables["jobs"].get(job.id)
        return super()._act(
            Transition(transition.actions, live or job, transition.wait_id),
            now,
        )


class NoRunFence(Disk):
    """Takes a decision that was made on an older state of its run."""

    def _update(self, run: Any) -> None:
        self._put_run(run)


class LosesJobs(Disk):
    """Forgets every 40th job that it is to add."""

    n = 0

    def _add_job(self, job: Any, committed: Committed) -> None:
        self.n += 1
        if self.n % 40:
            super()._add_job(job, committed)


class NoSweep(Disk):
    """Leaves what is left of a run that ended."""

    def _act(self, transition: Transition, now: int) -> Committed:
        actions = [UpdateRun(a.run, a.after) if type(a) is EndRun else a for a in transition.actions]
        return super()._act(Transition(actions, transition.job, transition.wait_id), now)


class NoKeys(Disk):
    """Does not look whether a key is taken."""

    def _create(self, action: CreateRun, now: int, committed: Committed) -> None:
        self._tables["keys"].clear()
        super()._create(action, now, committed)


class Splits(Disk):
    """Does not always do all of a transition."""

    n = 0

    def _act(self, transition: Transition, now: int) -> Committed:
        self.n += 1
        actions = transition.actions
        if not self.n % 25 and len(actions) > 1:
            actions = actions[:-1]
        return super()._act(Transition(actions, transition.job, transition.wait_id), now)


class KeepsWaits(Disk):
    """Resumes a run by a wait and leaves it, for the next event to resume the run again."""

    def _act(self, transition: Transition, now: int) -> Committed:
        actions = [
            AddJob(replace(a.job, id=f"{a.job.id}-{self.seen(a)}")) if type(a) is ConsumeWait else a
            for a in transition.actions
        ]
        return super()._act(Transition(actions, transition.job, transition.wait_id), now)

    @staticmethod
    def seen(action: ConsumeWait) -> int:
        return action.wait_id % 7


@pytest.mark.parametrize(
    "store", [NoJobFence, NoAttemptFence, NoRunFence, LosesJobs, NoSweep, NoKeys, Splits, KeepsWaits]
)
def test_a_wrong_store_is_found(store: type[Disk]) -> None:
    assert convicts(_SEEDS, controlled=False, disk_type=store)


# Servers


def early_answers(patch: pytest.MonkeyPatch) -> None:
    """Says that it is stored before it is."""

    def commit(self: ProcessStore, transition: Transition) -> "asyncio.Future[Committed]":
        commit_late(self, transition)
        now = self._loop.create_future()
        jobs = [job for a in transition.actions if type(a) is CreateRun for job in a.jobs]
        jobs += [a.job for a in transition.actions if type(a) is AddJob]
        now.set_result(Committed(jobs=jobs))
        return now

    commit_late = ProcessStore.commit
    patch.setattr(ProcessStore, "commit", commit)


def no_announce(patch: pytest.MonkeyPatch) -> None:
    """Waits can be found once they are known to be durable, and not before."""

    def settle(self: LiveWaits, waits: Any, *, stored: bool) -> None:
        if stored:
            for wait in waits:
                self._index.insert(wait.id, *index_entry(wait))

    patch.setattr(LiveWaits, "announce", lambda self, waits: None)
    patch.setattr(LiveWaits, "settle", settle)


def no_forget(patch: pytest.MonkeyPatch) -> None:
    """The index keeps waits that are gone."""
    patch.setattr(LiveWaits, "forget", lambda self, ids: None)


def no_waits_at_boot(patch: pytest.MonkeyPatch) -> None:
    async def load(self: LiveWaits, page: int) -> None:
        pass

    patch.setattr(LiveWaits, "load", load)


def no_queueing(patch: pytest.MonkeyPatch) -> None:
    """Only the reconciler ever sees jobs of runs that were started."""
    settle = Committer._settle

    def without(self: Committer, transition: Transition, committed: Committed, waits: Any) -> None:
        committed.jobs = [job for job in committed.jobs if not job.id.endswith(":start")]
        settle(self, transition, committed, waits)

    patch.setattr(Committer, "_settle", without)


def overwritten_memos(patch: pytest.MonkeyPatch) -> None:
    """The last write wins."""
    memoize = Draft.memoize

    def over(self: Draft, step: Any, memo: bytes, status: Any) -> bool:
        known = self.run.steps.get(step.id)
        if known is not None and known.memo is not None:
            self.put_step(replace(known, memo=memo))
            return True
        return memoize(self, step, memo, status)

    patch.setattr(Draft, "memoize", over)


def silent_ends(patch: pytest.MonkeyPatch) -> None:
    """A run that is cancelled tells nobody."""
    end = finish._end

    def silent(draft: Draft, status: RunStatus, output: Any, error: Any) -> None:
        end(draft, status, output, error)
        if status is RunStatus.CANCELLED:
            draft._actions[:] = [a for a in draft._actions if type(a) is not PutEvent]

    patch.setattr(finish, "_end", silent)


def no_discovery_after_failure(patch: pytest.MonkeyPatch) -> None:
    """Nothing follows a step that failed for good."""
    after = answered.after_step

    def forgetful(draft: Draft, step_id: str, *, race: bool = False, suffix: str = "") -> None:
        if suffix != "-failure":
            after(draft, step_id, race=race, suffix=suffix)

    patch.setattr(answered, "after_step", forgetful)


def no_discovery_after_request(patch: pytest.MonkeyPatch) -> None:
    """Nothing follows the response to a request that an app left to the server."""
    patch.setattr(fetched, "after_step", lambda *_, **__: None)


def unsettled_calls(patch: pytest.MonkeyPatch) -> None:
    """An app is told what is decided and not yet durable."""

    async def settled(self: RunChanges, run_id: str) -> Any:
        live = await self._live(run_id)
        return None if live is None else live.run

    patch.setattr(RunChanges, "settled", settled)


def timeouts_left_behind(patch: pytest.MonkeyPatch) -> None:
    """A wait that was met leaves its timeout, and its run's end sweeps nothing."""
    patch.setattr(Draft, "drop_job", lambda self, id: None)
    close = Draft.close

    def unbranched(self: Draft, **how: Any) -> Transition:
        self.run.branched = False
        return close(self, **how)

    patch.setattr(Draft, "close", unbranched)


def no_boot(patch: pytest.MonkeyPatch) -> None:
    """The next process does not take up the jobs of the last: the reconciler does, in time."""

    async def resume(store: Any, queue: Any, upkeep: Any, *_: Any) -> None:
        await upkeep.load()

    patch.setattr(assembly, "resume", resume)


def unrouted_ends(patch: pytest.MonkeyPatch) -> None:
    """The events of a run's end wake nobody."""
    patch.setattr(
        committer.Committer,
        "emits",
        staticmethod(
            lambda transition: (
                not any(type(a) is EndRun for a in transition.actions)
                and any(type(a) is PutEvent for a in transition.actions)
            )
        ),
    )


def unfenced_ends(patch: pytest.MonkeyPatch) -> None:
    """A job of a run that has ended drops another one beside itself."""
    decide = answered.decide

    def greedy(run: Any, function: Any, called: Any, entropy: Any) -> Transition:
        transition = decide(run, function, called, entropy)
        if len(run.steps) > 1:
            transition.actions.append(DropJob(f"{run.id}:{next(iter(run.steps))}-plan"))
        return transition

    patch.setattr(answered, "decide", greedy)


@pytest.mark.parametrize(
    "fault",
    [
        early_answers,
        no_announce,
        no_forget,
        no_waits_at_boot,
        no_queueing,
        overwritten_memos,
        silent_ends,
        no_discovery_after_failure,
        no_discovery_after_request,
        unsettled_calls,
        timeouts_left_behind,
        no_boot,
        unrouted_ends,
        unfenced_ends,
    ],
)
def test_a_wrong_server_is_found(fault: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    fault(monkeypatch)
    assert convicts(_SEEDS, controlled=False)
