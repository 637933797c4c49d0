"""What is done to runs from outside."""

from typing import Literal

from inngest_fast.domain.apps import Function
from inngest_fast.domain.errors import RerunRefusedError
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.invocations import Invoked
from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import ConsumeWait, PutEvent, Transition
from inngest_fast.engine.flow.outcome import outcome
from inngest_fast.engine.intake import invocation_of
from inngest_fast.engine.lifecycle import due
from inngest_fast.engine.lifecycle.rerun import Origin, rerun
from inngest_fast.engine.routing.meeting import by_signal, signalled
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.pubsub import PubSub
from inngest_fast.ports.store import Store
from inngest_fast.runtime.catalog_upkeep import CatalogUpkeep
from inngest_fast.runtime.committer import Committer
from inngest_fast.runtime.live_waits import LiveWaits
from inngest_fast.runtime.run_changes import RunChanges


class RunControl:
    def __init__(
        self,
        store: Store,
        upkeep: CatalogUpkeep,
        changes: RunChanges,
        committer: Committer,
        waits: LiveWaits,
        pubsub: PubSub,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._store = store
        self._upkeep = upkeep
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

    async def rerun(
        self,
        run_id: str,
        from_step: str = "",
        input: bytes | None = None,
        *,
        debug_session_id: str = "",
        debug_run_id: str = "",
    ) -> str:
        """Runs a run's events again, durable on return; the id of the new run (http-api §5.2, §6.6).

        Raises RerunRefusedError, StoreError.
        """
        run = await self._store.run(run_id)
        if run is None:
            raise RerunRefusedError("Run not found", "unknown")
        function = await self._upkeep.function(run.function_id)
        if function is None:
            raise RerunRefusedError("Function not found", "function_unknown")
        origin = Origin(run, from_step, input, debug_session_id, debug_run_id)
        transition, new_id = rerun(origin, function, self._clock.now_ms(), self._entropy)
        await self._committer.commit(transition)
        return new_id

    async def invoke(
        self,
        function: Function,
        data: bytes,
        *,
        user: bytes = b"{}",
        meta: bytes = b"",
        idempotency_key: str = "",
        debug_session_id: str = "",
        debug_run_id: str = "",
    ) -> Invoked:
        """Invokes a function, whatever its triggers; durable on return (http-api §5.2).

        Raises InvalidEventError, StoreError, OverloadedError.
        """
        self._committer.admit(1)
        event = invocation_of(
            data,
            slug=function.slug,
            now_ms=self._clock.now_ms(),
            entropy=self._entropy,
            user=user,
            meta=meta,
            id=idempotency_key,
            marks={"debug_session_id": debug_session_id, "debug_run_id": debug_run_id},
        )
        transition = Transition([PutEvent(event)])
        return outcome(event, transition, await self._committer.commit(transition))
