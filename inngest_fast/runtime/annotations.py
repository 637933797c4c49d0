"""What is noted on runs from outside: metadata, and spans of the apps' own tracing (http-api §§4.4, 4.5)."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

from inngest_fast.domain.errors import AnnotationRefusedError, StoreError
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import PutTrace, Transition
from inngest_fast.engine.otlp import Received
from inngest_fast.engine.trace import metadata, userland
from inngest_fast.engine.trace.metadata import Entry, Note, Place
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.store import Store
from inngest_fast.runtime.catalog_upkeep import CatalogUpkeep
from inngest_fast.runtime.committer import Committer

MAX_SPANS = 1_000  # of one run
MAX_SPAN_BYTES = 4 * 1024 * 1024
_RUNS_COUNTED = 1_024
_HASHED = 40  # hex digits

_Sizes = dict[str, int]  # by span id, in bytes


class Annotations:
    """Rows beside a run: neither its own row nor anything that it waits for is touched, ended or not."""

    def __init__(
        self, store: Store, upkeep: CatalogUpkeep, committer: Committer, clock: Clock, entropy: Entropy
    ) -> None:
        self._store = store
        self._upkeep = upkeep
        self._committer = committer
        self._clock = clock
        self._entropy = entropy
        self._spans: OrderedDict[str, _Sizes] = OrderedDict()  # of runs whose spans came last

    async def add_metadata(self, run_id: str, place: Place, entries: Sequence[Entry]) -> None:
        """Durable on return, all or nothing. Raises AnnotationRefusedError, StoreError."""
        run = await self._store.run(run_id)
        if run is None:
            raise AnnotationRefusedError(f"Unable to load function run: {run_id}", "unknown")
        if not place.usable:
            raise AnnotationRefusedError("Invalid metadata target", "invalid")
        now = self._clock.now_ms()
        scope, step_id = place.scope, hashed(run, place)
        rows = []
        for entry in entries:
            if not metadata.is_settable(entry.kind, entry.values) or not metadata.is_op(entry.op):
                raise AnnotationRefusedError("Invalid metadata", "invalid")
            note = Note(
                entry.kind,
                entry.op,
                entry.values,
                now,
                scope,
                step_id,
                attempt=place.step_attempt,
                span_id=place.span_id or "",
            )
            rows.append(metadata.row(note, self._entropy.ulid(now)))
        if not rows:
            raise AnnotationRefusedError("Invalid metadata", "invalid")
        if any(len(body) > metadata.MAX_NOTE for _, body in rows):
            raise AnnotationRefusedError("Metadata exceeds the limit of 64 KiB for one span", "too_large")
        known = await self._store.trace_rows(run_id, metadata.KEY_PREFIX)
        if sum(len(body) for _, body in (*known, *rows)) > metadata.MAX_PER_RUN:
            raise AnnotationRefusedError("Metadata exceeds the limit of 1 MiB for one run", "too_large")
        await self._committer.commit(Transition([PutTrace(run_id, key, body) for key, body in rows]))

    async def add_spans(self, spans: Sequence[Received]) -> int:
        """Keeps spans that name their run; how many were not kept. Durable on return. Raises StoreError."""
        by_run: dict[str, list[userland.Placed]] = {}
        for span in spans:
            placed = userland.place(span)
            if placed is not None:
                by_run.setdefault(placed.run_id, []).append(placed)
        kept = 0
        for run_id, placed_ones in by_run.items():
            kept += await self._keep(run_id, placed_ones)
        return len(spans) - kept

    async def _keep(self, run_id: str, spans: Sequence[userland.Placed]) -> int:
        sizes = await self._sizes(run_id)
        if sizes is None:
            return 0
        live = {id: await self._is_live(id) for id in {span.function_id for span in spans}}
        actions = {}
        used = sum(sizes.values())
        for span in spans:
            key, body = span.row
            before = sizes.get(key, 0)
            fits = used - before + len(body) <= MAX_SPAN_BYTES and (before or len(sizes) < MAX_SPANS)
            if live[span.function_id] and fits:
                used += len(body) - before
                sizes[key] = len(body)
                actions[key] = PutTrace(run_id, key, body)
        if actions:
            try:
                await self._committer.commit(Transition(list(actions.values())))
            except StoreError:
                self._spans.pop(run_id, None)
                raise
        return sum(span.row[0] in actions for span in spans)

    async def _sizes(self, run_id: str) -> _Sizes | None:
        """What is kept of a run already; None for an unknown one."""
        sizes = self._spans.get(run_id)
        if sizes is None:
            if await self._store.run(run_id) is None:
                return None
            rows = await self._store.trace_rows(run_id, userland.KEY_PREFIX)
            sizes = self._spans.setdefault(run_id, {key: len(body) for key, body in rows})
        self._spans.move_to_end(run_id)
        while len(self._spans) > _RUNS_COUNTED:
            self._spans.popitem(last=False)
        return sizes

    async def _is_live(self, function_id: str) -> bool:
        function = await self._upkeep.function(function_id)
        return function is not None and not function.archived_at


def hashed(run: Run, place: Place) -> str:
    """The step's id as the run has it; a target may name it as the app does."""
    id = place.step_id or ""
    if not id or id in run.steps or (len(id) == _HASHED and id.isalnum()):
        return id
    text = f"{id}:{place.step_index}" if place.step_index else id
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
