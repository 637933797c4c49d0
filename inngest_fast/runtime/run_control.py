"""What is done to runs from outside."""

from typing import Literal

from inngest_fast.domain.apps import Function
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import ConsumeWait, Transition
from inngest_fast.engine.lifecycle import due
from inngest_fast.engine.routing.meeting import by_signal, signalled
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.pubsub import PubSub
from inngest_fast.runtime.committer import Committer
from inngest_fast.runtime.live_waits import LiveWaits
from inngest_fast.runtime.run_changes import RunChanges


class RunControl:
    def __init__(
        self,
        changes: RunChanges,
        committer: Committer,
        waits: LiveWaits,
        pubsub: PubSub,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._changes = changes
        self._committer = committer
        self._waits = waits
        self._pubsub = pubsub
        self._clock = clock
        self._entropy = entropy

    async def cancel(self, run_id: str) -> Literal["cancelled", "ended", "unknown"]:
        """Cancels a run, durable on return (flow-control §6.2). Raises StoreError."""
        did = False

        def decide(run: Run, function: Function) -> Transition | None:
            nonlocal did
            did = not run.status.ended
            return due.cancel(run, function, self._clock.now_ms(), self._entropy) if did else None

        if await self._changes.change(run_id, decide) is None:
            return "unknown"
        if did:
            self._pubsub.publish("run", run_id)
        return "cancelled" if did else "ended"

    async def signal(self, signal: str, data: bytes) -> str | None:
        """Resumes the run that waits for this signal; `data` is canonical JSON. Raises StoreError."""
        for wait in (await self._waits.find([by_signal(signal)])).waits:
            if wait.key != signal:
                continue
            job = signalled(wait, data, self._clock.now_ms())
            committed = await self._committer.commit(Transition([ConsumeWait(wait.id, job)]))
            if any(added.id == job.id for added in committed.jobs):
                return wait.run_id
        return None
