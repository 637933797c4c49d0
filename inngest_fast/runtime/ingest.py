"""Taking events in: durable before acknowledged (design §3.1)."""

import asyncio
from collections.abc import Sequence

from inngest_fast.domain.errors import OverloadedError
from inngest_fast.domain.events import Event
from inngest_fast.domain.transitions import Committed, CreateRun, PutEvent, Transition
from inngest_fast.runtime.committer import Committer
from inngest_fast.runtime.counters import Counters


MAX_PENDING_BYTES = 64 * 1024 * 1024


class Ingest:
    def __init__(self, committer: Committer, counters: Counters) -> None:
        self._committer = committer
        self._counters = counters
        self._pending_bytes = 0  # of events that are not yet stored

    async def accept(self, events: Sequence[Event]) -> list[list[str]]:
        """Each event is a transition with everything that it causes; returns when all are durable.

        The ids of the runs that each one started; of a repeated event those that it started at first.
        Raises StoreError or OverloadedError; then none of these is acknowledged, and they may be sent again.
        """
        self._committer.admit(len(events))
        size = sum(len(event.wire) for event in events)
        if self._pending_bytes and self._pending_bytes + size > MAX_PENDING_BYTES:
            self._counters.add("ingest_overloaded")
            raise OverloadedError("too much waits to be stored; try again shortly")
        self._pending_bytes += size
        try:
            return await self._store(events)
        finally:
            self._pending_bytes -= size

    async def _store(self, events: Sequence[Event]) -> list[list[str]]:
        if len(events) == 1:
            transition = Transition([PutEvent(events[0])])
            committed = await self._committer.commit(transition)
            self._counters.add("events")
            return [_started(transition, committed)]
        transitions = [Transition([PutEvent(event)]) for event in events]
        pending: list[asyncio.Future[Committed]] = []
        try:
            for transition in transitions:
                await self._committer.route(transition)
                pending.append(self._committer.hand_in(transition))
        finally:
            if pending:
                await asyncio.wait(pending)
                for future in pending:
                    _ = future.cancelled() or future.exception()  # the first error speaks for all
        self._counters.add("events", len(events))
        return [
            _started(transition, future.result())
            for transition, future in zip(transitions, pending, strict=True)
        ]


def _started(transition: Transition, committed: Committed) -> list[str]:
    refused = committed.refused_runs
    return [
        refused.get(action.run.id, action.run.id)
        for action in transition.actions
        if isinstance(action, CreateRun)
    ]
