"""Adds to a transition what its events start, resume and cancel (design §2)."""

from collections.abc import Sequence

from inngest_fast.domain.events import FINISHED, Event
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.transitions import AddWait, ConsumeWait, PutEvent, Transition
from inngest_fast.domain.waits import Wait, WaitKind
from inngest_fast.engine.lifecycle.schedule import schedule_run
from inngest_fast.engine.routing.meeting import by_event, by_invoke, meets, resumption
from inngest_fast.engine.routing.unknown_target import not_found
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
                transition.actions.append(schedule_run(function, event, now, self._entropy))
            elif event.correlation_id:
                transition.actions.append(PutEvent(not_found(event, now, self._entropy)))
            return
        for function in self._catalog.triggers.starts(event, now):
            transition.actions.append(schedule_run(function, event, now, self._entropy))

    async def _met(self, event: Event, transition: Transition, now: int) -> Sequence[Wait]:
        asked = [by_event(event)]
        own: list[Wait] = []
        if event.correlation_id and event.name == FINISHED:
            asked.append(by_invoke(event.correlation_id))
            # An unknown function fails within the transition that invokes it.
            own = [
                a.wait
                for a in transition.actions
                if isinstance(a, AddWait) and a.wait.kind is WaitKind.INVOKE
            ]
        found = await self._waits.find(asked)
        await self._upkeep.catch_up(found.apps_version)
        return [wait for wait in (*found.waits, *own) if meets(wait, event, now)]
