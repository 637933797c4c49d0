"""Checkpoints of calls that are still running (sdk-protocol §7.1)."""

from collections.abc import Sequence
from functools import partial

from inngest_fast.domain.apps import Function
from inngest_fast.domain.errors import CheckpointRefusedError
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.ops import Op
from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import Transition
from inngest_fast.engine.lifecycle import checkpoint
from inngest_fast.engine.lifecycle.dispatches import Dispatch
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.store import Store
from inngest_fast.runtime.counters import Counters
from inngest_fast.runtime.run_changes import RunChanges


class Checkpoints:
    """Fenced by the dispatch: every move of a run's job comes with a new version of the run. So a job that
    was read after the run is still as it was read when what was decided on that version is committed.
    """

    def __init__(
        self, changes: RunChanges, store: Store, clock: Clock, entropy: Entropy, counters: Counters
    ) -> None:
        self._changes = changes
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._counters = counters

    async def take(self, run_id: str, dispatch: Dispatch, ops: Sequence[Op], started_at: int) -> None:
        """Stores the steps, durable on return; those that are known already stay as they are.

        Raises CheckpointRefusedError, StoreError.
        """
        checkpoint.check(ops)
        while True:
            run = await self._changes.settled(run_id)
            if run is None:
                raise CheckpointRefusedError(f"there is no run {run_id}", "unknown")
            job = await self._store.job(dispatch.job_id)
            if run.status.ended or job is None or job.run_id != run_id or not dispatch.is_of(job):
                self._counters.add("checkpoints_stale")
                raise CheckpointRefusedError(f"this dispatch of run {run_id} is over", "stale")
            decision = _Decision(run.version)
            await self._changes.change(run_id, partial(self._decide, decision, job, ops, started_at))
            if decision.overtaken:
                continue
            if decision.conflict:
                self._counters.add("checkpoints_stale")
                raise CheckpointRefusedError(f"another call of run {run_id} has done this", "stale")
            self._counters.add("checkpoints")
            return

    def _decide(
        self,
        decision: "_Decision",
        job: Job,
        ops: Sequence[Op],
        started_at: int,
        run: Run,
        function: Function,
    ) -> Transition | None:
        decision.overtaken = run.version != decision.version
        if decision.overtaken:
            return None
        now = self._clock.now_ms()
        taken = checkpoint.decide(run, function, job, ops, started_at, now, self._entropy)
        decision.conflict = taken.conflict
        return taken.transition


class _Decision:
    """`overtaken`: the run had moved on from the version that its job was read for."""

    __slots__ = ("conflict", "overtaken", "version")

    def __init__(self, version: int) -> None:
        self.version = version
        self.overtaken = False
        self.conflict = False
