"""Decisions on runs: one after the other for each run, on its newest state, made again if that was not so."""

import asyncio
from collections.abc import Callable

from inngest_fast.domain.apps import Function
from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import Committed, EndRun, Transition, UpdateRun
from inngest_fast.ports.store import Store
from inngest_fast.runtime.catalog import Catalog
from inngest_fast.runtime.catalog_upkeep import CatalogUpkeep
from inngest_fast.runtime.committer import Committer
from inngest_fast.runtime.counters import Counters
from inngest_fast.runtime.run_cache import LiveRun, RunCache

Decide = Callable[[Run, Function], Transition | None]


class RunChanges:
    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        upkeep: CatalogUpkeep,
        committer: Committer,
        cache: RunCache,
        counters: Counters,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._upkeep = upkeep
        self._committer = committer
        self._cache = cache
        self._counters = counters

    async def settled(self, run_id: str, since: int = 0) -> Run | None:
        """A run as it is committed, at least at version `since`: what an app is told must be durable.

        Raises StoreError.
        """
        while True:
            live = await self._live(run_id, since)
            if live is None:
                return None
            pending = live.pending
            if pending is None or pending.done():
                return live.run
            await asyncio.wait((pending,))

    async def change(self, run_id: str, decide: Decide, since: int = 0) -> Committed | None:
        """Commits what `decide` says of a run, at least at version `since`; None from it changes nothing.

        `decide` is called again when the run turned out to be elsewhere. None if there is no such run.
        Raises StoreError, with nothing committed.
        """
        current: LiveRun | None = None  # read from the store meanwhile, where others write to it too
        while True:
            live = await self._live(run_id, since)
            if live is None:
                return None
            function = self._catalog.function(live.run.function_id)
            if function is None:
                if await self._upkeep.function(live.run.function_id) is not None:
                    continue
                raise LookupError(f"run {run_id} is of the unknown function {live.run.function_id}")
            transition = decide(live.run, function)
            updated = None if transition is None else _updated(transition)
            if updated is None and self._upkeep.shared and live is not current:
                # Nothing fences it, and another server may have moved the run on.
                live.broken = True
                current = await self._live(run_id, since)
                since = 0  # what the store has is what there is
                continue
            if updated is None and live.pending is not None and not live.pending.done():
                # Nothing fences it against the state that it was decided on, which may yet come to nothing.
                await asyncio.wait((live.pending,))
                continue
            if transition is None:
                return Committed()
            if self._committer.emits(transition):
                await self._route(live, transition)
                if live.broken or _failed(live):
                    continue
            result = self._committer.hand_in(transition)
            if updated is not None:
                live.run = updated
                live.pending = result
                self._cache.resize(live)
            try:
                committed = await result
            except StoreError:
                live.broken = live.broken or updated is not None
                raise
            if committed.applied:
                if updated is not None and updated.status.ended:
                    self._counters.add(f"runs_{updated.status.name.lower()}")
                    self._cache.evict(run_id, live)
                return committed
            live.broken = live.broken or updated is not None
            if committed.reason != "run":
                return committed

    async def _live(self, run_id: str, since: int) -> LiveRun | None:
        while True:
            live = self._cache.get(run_id)
            if live is None:
                live = await self._read(run_id)
                if live is None:
                    return None
            elif live.run.version < since:
                live.broken = True  # another server has moved it on
            if live.broken or _failed(live):
                if live.pending is not None and not live.pending.done():
                    await asyncio.wait((live.pending,))
                self._cache.evict(run_id, live)
                continue
            if live.gate is None:
                return live
            await asyncio.wait((live.gate,))

    async def _read(self, run_id: str) -> LiveRun | None:
        while True:
            self._cache.begin_read(run_id)
            try:
                run = await self._store.run(run_id)
            finally:
                newest = self._cache.end_read(run_id)
            if run is None:
                return None
            live = self._cache.get(run_id)
            if live is not None and (live.undecided or live.run.version >= run.version):
                return live
            if run.version >= newest:
                return self._cache.put(run)

    async def _route(self, live: LiveRun, transition: Transition) -> None:
        gate = live.gate = asyncio.get_running_loop().create_future()
        try:
            await self._committer.route(transition)
        finally:
            live.gate = None
            gate.set_result(None)


def _updated(transition: Transition) -> Run | None:
    for action in transition.actions:
        if isinstance(action, UpdateRun | EndRun):
            return action.run
    return None


def _failed(live: LiveRun) -> bool:
    """Whether its last transition came to nothing."""
    pending = live.pending
    if pending is None or not pending.done():
        return False
    return pending.cancelled() or pending.exception() is not None or not pending.result().applied
