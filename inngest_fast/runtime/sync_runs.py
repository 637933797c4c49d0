"""Runs of durable endpoints, which work by themselves and report (sdk-protocol §7.2)."""

from collections.abc import Mapping, Sequence
from typing import Final

from inngest_fast.domain.apps import Function
from inngest_fast.domain.errors import CheckpointRefusedError
from inngest_fast.domain.events import HTTP_REQUEST, Event, wire_form
from inngest_fast.domain.functions import MAX_RETRIES, FunctionConfig
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.ops import Op
from inngest_fast.domain.runs import Run
from inngest_fast.domain.syncs import EndpointRun
from inngest_fast.domain.transitions import PutEvent, Transition
from inngest_fast.domain.waits import Wait
from inngest_fast.engine.answer import Ops
from inngest_fast.engine.call.endpoint import Coding, read_request
from inngest_fast.engine.lifecycle import sync_run
from inngest_fast.engine.lifecycle.answered import signals
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.store import Store
from inngest_fast.runtime.app_sync import AppSync
from inngest_fast.runtime.committer import Committer
from inngest_fast.runtime.counters import Counters
from inngest_fast.runtime.live_waits import LiveWaits
from inngest_fast.runtime.run_changes import RunChanges
from inngest_fast.runtime.signal_holders import signal_holders

_VERSIONS: Final = frozenset((1, 2))


class SyncRuns:
    def __init__(
        self,
        *,
        apps: AppSync,
        changes: RunChanges,
        committer: Committer,
        waits: LiveWaits,
        store: Store,
        clock: Clock,
        entropy: Entropy,
        counters: Counters,
        retry_interval_ms: int,
    ) -> None:
        self._apps = apps
        self._changes = changes
        self._committer = committer
        self._waits = waits
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._counters = counters
        self._retry_interval_ms = retry_interval_ms

    async def begin(
        self,
        run_id: str,
        data: bytes,
        ops: Sequence[Op],
        *,
        version: int,
        retries: int,
        coding: Coding,
        sdk: str,
        idempotency: str,
    ) -> EndpointRun:
        """A run of an endpoint, with what it has done so far, durable on return. The same run may be begun
        again. `data` is that of its event, canonical JSON.

        Raises CheckpointRefusedError, StoreError.
        """
        try:
            asked = read_request(data)
        except ValueError as error:
            raise CheckpointRefusedError(f"Invalid event: {error}", "invalid") from None
        config = FunctionConfig(
            slug=asked.slug,
            name=asked.slug,
            url=f"{asked.domain}{asked.path}",
            retries=min(max(retries, 0), MAX_RETRIES),
            endpoint=coding,
        )
        function = await self._apps.endpoint(asked.domain, config, sdk)
        known = await self._store.run(run_id)
        if known is None:
            await self._create(function, run_id, data, version, idempotency)
        elif known.function_id != function.id:
            raise CheckpointRefusedError(f"run {run_id} exists", "exists")
        if ops:
            await self.report(run_id, ops)
        return EndpointRun(run_id, function.id, function.app_id)

    async def report(self, run_id: str, ops: Sequence[Op]) -> None:
        """Takes in what an endpoint has done; the run may go on by calls then. Durable on return.

        Raises CheckpointRefusedError, StoreError.
        """
        asked = signals(Ops(tuple(ops), None, no_retry=False, retry_at=None))
        while True:
            holders = await signal_holders(self._waits, asked, run_id, self._entropy)

            def decide(
                run: Run, function: Function, holders: Mapping[str, Sequence[Wait]] = holders
            ) -> Transition | None:
                if not function.config.endpoint:
                    raise CheckpointRefusedError(f"run {run_id} is none of an endpoint", "invalid")
                return sync_run.decide(
                    run,
                    function,
                    ops,
                    holders,
                    self._clock.now_ms(),
                    self._retry_interval_ms,
                    self._entropy,
                )

            committed = await self._changes.change(run_id, decide)
            if committed is None:
                raise CheckpointRefusedError(f"there is no run {run_id}", "unknown")
            if committed.reason != "signal":
                self._counters.add("checkpoints")
                return

    async def _create(
        self, function: Function, run_id: str, data: bytes, version: int, idempotency: str
    ) -> None:
        now = self._clock.now_ms()
        id = self._entropy.ulid(now)
        wire = wire_form(name=HTTP_REQUEST, id=id, ts=now, data=data)
        event = Event(id=id, name=HTTP_REQUEST, external_id=id, ts=now, received_at=now, wire=wire)
        key = f"request {idempotency}" if idempotency else f"run {run_id}"
        version = version if version in _VERSIONS else -1
        create = sync_run.begin(function, event, run_id, version, key, now)
        committed = await self._committer.commit(Transition([PutEvent(event, route=False), create]))
        holder = committed.refused_runs.get(run_id)
        if holder is not None and holder != run_id:
            raise CheckpointRefusedError(f"run {holder} exists for this request", "exists")
