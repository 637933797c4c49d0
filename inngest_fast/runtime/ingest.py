"""Taking events in: durable before acknowledged (design §3.1)."""

import asyncio
from collections.abc import Sequence

from inngest_fast.domain.errors import OverloadedError, StoreError
from inngest_fast.domain.events import Accepted, Event
from inngest_fast.domain.transitions import Admit, Committed, CreateRun, PutEvent, Transition
from inngest_fast.runtime.committer import Committer
from inngest_fast.runtime.counters import Counters

ACCEPT_S = 10.0  # for which a sender is kept waiting
MAX_PENDING_BYTES = 64 * 1024 * 1024


class Ingest:
    def __init__(self, committer: Committer, counters: Counters, *, shared: bool = False) -> None:
        """`shared`: other servers write to the store, which is asked about each event."""
        self._committer = committer
        self._shared = shared
        self._counters = counters
        self._pending_bytes = 0  # of events that are not yet stored

    async def accept(self, events: Sequence[Event]) -> list[Accepted]:
        """Each event is a transition with everything that it causes; returns when all are durable.

        What each one did; of a repeated event the runs are those that it started at first.
        Raises StoreError or OverloadedError; then none of these is acknowledged, and they may be sent again.
        """
        self._committer.admit(len(events))
        size = sum(len(event.wire) for event in events)
        if self._pending_bytes and self._pending_bytes + size > MAX_PENDING_BYTES:
            self._counters.add("ingest_overloaded")
            raise OverloadedError("too much waits to be stored; try again shortly")
        self._pending_bytes += size
        try:
            async with asyncio.timeout(ACCEPT_S):
                return await self._store(events)
        except StoreError:
            self._counters.add("ingest_failed")
            raise
        except TimeoutError:
            self._counters.add("ingest_failed")
            raise StoreError(
                f"the store did not answer within {ACCEPT_S:g} s, and may yet store the events: "
                "sent again under the same ids they are taken once"
            ) from None
        finally:
            self._pending_bytes -= size

    async def _store(self, events: Sequence[Event]) -> list[Accepted]:
        if len(events) == 1:
            transition = Transition([PutEvent(events[0])])
            committed = await self._committer.commit(transition)
            self._counters.add("events")
            return [_accepted(transition, committed)]
        transitions = [Transition([PutEvent(event)]) for event in events]
        pending: list[asyncio.Future[Committed]] = []
        if self._shared:  # one round trip for all; those of one request do not meet each other's waits
            await asyncio.gather(*map(self._committer.route, transitions))
        for transition in transitions:
            if not self._shared:
                await self._committer.route(transition)
            future = self._committer.hand_in(transition)
            future.add_done_callback(_looked_at)
            pending.append(future)
        await asyncio.wait(pending)
        self._counters.add("events", len(events))
        return [
            _accepted(transition, future.result())
            for transition, future in zip(transitions, pending, strict=True)
        ]


def _looked_at(future: "asyncio.Future[Committed]") -> None:
    _ = future.cancelled() or future.exception()  # the first error speaks for all


def _accepted(transition: Transition, committed: Committed) -> Accepted:
    refused = committed.refused_runs
    run_ids = [
        refused.get(action.run.id, action.run.id)
        for action in (*transition.actions, *committed.admitted)
        if isinstance(action, CreateRun)
    ]
    matched = bool(run_ids) or any(isinstance(action, Admit) for action in transition.actions)
    return Accepted(run_ids, matched)
