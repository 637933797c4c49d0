"""Adds to a transition what its events start, resume and cancel (design §2)."""

from collections.abc import Sequence

from inngest_fast.domain.events import FINISHED, Event
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.transitions import AddWait, ConsumeWait, PutEvent, Transition
from inngest_fast.domain.waits import Wait, WaitKind
from inngest_fast.engine.flow.admission import Invoker, admit, may_refuse
from inngest_fast.engine.flow.refusal import not_found
from inngest_fast.engine.routing.meeting import by_event, by_invoke, meets, resumption
from inngest_fast.ports.clock import Clock
from inngest_fast.runtime.catalog import Catalog
from inngest_fast.runtime.catalog_upkeep import CatalogUpkeep
from inngest_fast.runtime.live_waits import LiveWaits


class Router:
    def __init__(
        self, catalog: Catalog, upkeep: CatalogUpkeep, waits: LiveWaits, clock: Clock, entropy: Entropy
    ) -> None:
        self._catalog = catalog
        self._upkeep = upkeep
        self._waits = waits
        self._clock = clock
        self._entropy = entropy

    async def expand(self, transition: Transition) -> None:
        """Appends the actions that the transition's events cause, and those of events that these cause.

        Raises StoreError.
        """
        actions = transition.actions
        place = 0
        while place < len(actions):
            action = actions[place]
            place += 1
            if isinstance(action, PutEvent) and action.route:
                await self._route(action.event, transition)

    async def _route(self, event: Event, transition: Transition) -> None:
        now = self._clock.now_ms()
        for wait in await self._met(event, transition, now):
            transition.actions.append(ConsumeWait(wait.id, resumption(wait, event, now)))
        if event.target:
            function = self._catalog.target(event.target)
            if function is not None:
                waits = await self._invoking(event, transition) if may_refuse(function) else ()
                invokers = [Invoker(event, wait, self._entropy.ulid(now)) for wait in waits]
                transition.actions.extend(admit(function, event, now, self._entropy, invokers))
            elif event.correlation_id:
                transition.actions.append(PutEvent(not_found(event, now, self._entropy)))
            return
        for function in self._catalog.triggers.starts(event, now):
            transition.actions.extend(admit(function, event, now, self._entropy))

    async def _met(self, event: Event, transition: Transition, now: int) -> Sequence[Wait]:
        asked = [by_event(event)]
        own: list[Wait] = []
        if event.correlation_id and event.name == FINISHED:
            asked.append(by_invoke(event.correlation_id))
            own = _invokes(transition)  # an unknown function fails within the transition that invokes it
        found = await self._waits.find(asked)
        await self._upkeep.catch_up(found.apps_version)
        return [wait for wait in (*found.waits, *own) if meets(wait, event, now)]

    async def _invoking(self, event: Event, transition: Transition) -> list[Wait]:
        """What waits for what becomes of this invocation."""
        id = event.correlation_id
        if not id:
            return []
        own = [wait for wait in _invokes(transition) if wait.key == id]
        return own or await self._waits.invoking(id)


def _invokes(transition: Transition) -> list[Wait]:
    """Waits for invoked functions that a transition is about to add."""
    return [
        action.wait
        for action in transition.actions
        if isinstance(action, AddWait) and action.wait.kind is WaitKind.INVOKE
    ]
