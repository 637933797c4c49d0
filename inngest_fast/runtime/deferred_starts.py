"""Debounces and batches whose time has come: each is a job, and the run that it starts is in its commit."""

from collections.abc import Mapping

from inngest_fast.domain.apps import Function
from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.events import Event
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.transitions import Transition
from inngest_fast.engine.flow import debounce
from inngest_fast.engine.flow.admission import Invoker, may_refuse
from inngest_fast.engine.flow.fire import batch_of, fire_batch, fire_debounce
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.store import Store
from inngest_fast.runtime.catalog_upkeep import CatalogUpkeep
from inngest_fast.runtime.committer import Committer
from inngest_fast.runtime.live_waits import LiveWaits
from inngest_fast.runtime.persistence import until_stored


class DeferredStarts:
    def __init__(
        self,
        store: Store,
        upkeep: CatalogUpkeep,
        committer: Committer,
        waits: LiveWaits,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._store = store
        self._upkeep = upkeep
        self._committer = committer
        self._waits = waits
        self._clock = clock
        self._entropy = entropy

    async def fire(self, job: Job) -> None:
        """A DEBOUNCE or BATCH job is due."""
        await until_stored(lambda: self._fire(job), self._entropy)

    async def _fire(self, job: Job) -> None:
        """Raises StoreError, with nothing committed."""
        function = await self._upkeep.function(job.function_id)
        transition = Transition([], job)
        if function is not None:
            decide = self._debounced if job.kind is JobKind.DEBOUNCE else self._batched
            transition = await decide(function, job)
        await self._committer.commit(transition)

    async def _debounced(self, function: Function, job: Job) -> Transition:
        found = await self._store.rows([job.payload.decode()])
        if not found:
            return Transition([], job)
        row, state = found[0], debounce.read(found[0])
        event = await self._store.event(state.event_id)
        if event is None:
            raise StoreError(f"the event of the debounce {row.key} is not in the store")
        invokers = await self._invokers(function, dict.fromkeys(state.correlated, event))
        return fire_debounce(function, job, row, event, self._clock.now_ms(), self._entropy, invokers)

    async def _batched(self, function: Function, job: Job) -> Transition:
        events = await self._store.batch(batch_of(job).batch)
        invocations = {event.correlation_id: event for event in events if event.correlation_id}
        invokers = await self._invokers(function, invocations)
        return fire_batch(function, job, events, self._clock.now_ms(), self._entropy, invokers)

    async def _invokers(self, function: Function, invocations: Mapping[str, Event]) -> list[Invoker]:
        """Who is to be told if no run starts: by correlation id, with the event that stands for the call."""
        if not may_refuse(function):
            return []
        return [
            Invoker(event, wait, self._entropy.ulid(self._clock.now_ms()))
            for id, event in invocations.items()
            for wait in await self._waits.invoking(id)
        ]
