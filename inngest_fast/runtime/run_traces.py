"""Traces of runs, read when somebody looks: nothing of a tree is stored (http-api §6.5)."""

import msgspec

from inngest_fast.domain.runs import Run, StepStatus
from inngest_fast.domain.traces import ATTEMPTS, Attempt, InvokeInfo, Span, SpanOutput
from inngest_fast.engine.lifecycle.retry import max_attempts
from inngest_fast.engine.trace import legacy, output
from inngest_fast.engine.trace import preview as newer
from inngest_fast.engine.trace.known import Known, OutputPlace, read_output_id
from inngest_fast.engine.trace.metadata import fold
from inngest_fast.ports.store import RunQuery, Store
from inngest_fast.runtime.catalog import Catalog

_MAX_INVOKED = 1_000  # more invocations of one run are shown without the runs that they started

_read_attempt = msgspec.msgpack.Decoder(Attempt).decode


class RunTraces:
    def __init__(self, store: Store, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog

    async def tree(self, run_id: str, *, preview: bool = True) -> Span | None:
        """The root of a run's trace, in one of its two forms; None for an unknown run. Raises StoreError."""
        run = await self._store.run(run_id)
        return None if run is None else await self.tree_of(run, preview=preview)

    async def tree_of(self, run: Run, *, preview: bool = True) -> Span:
        """The same of a run that was read whole."""
        known = await self._known(run)
        return newer.tree(known) if preview else legacy.tree(known)

    async def output(self, output_id: str) -> SpanOutput | None:
        """What an `output_id` names; None if it is there no more. Raises ValueError for one that is none,
        StoreError.
        """
        place = read_output_id(output_id)
        if place.attempt:
            rows = await self._store.trace_rows(place.run, place.attempt)
            found = [_read_attempt(body) for key, body in rows if key == place.attempt]
            return output.of_attempt(found[0]) if found else None
        run = await self._store.run(place.run)
        if run is None:
            return None
        return _of_run(run, place)

    async def _known(self, run: Run) -> Known:
        rows = await self._store.trace_rows(run.id)
        function = self._catalog.function(run.function_id)
        return Known(
            run=run,
            attempts=[_read_attempt(body) for key, body in rows if key.startswith(ATTEMPTS)],
            jobs=[] if run.status.ended else await self._store.run_jobs(run.id),
            children=await self._children(run),
            max_attempts=max_attempts(function.config) if function is not None else 4,
            notes=fold(rows),
            rows=rows,
        )

    async def _children(self, run: Run) -> dict[str, str]:
        """The runs that it invoked, by the events that started them."""
        asked = [
            step.info.event_id
            for step in run.steps.values()
            if isinstance(step.info, InvokeInfo) and step.status is not StepStatus.ABANDONED
        ][:_MAX_INVOKED]
        if not asked:
            return {}
        found = await self._store.runs(RunQuery(_MAX_INVOKED, event_ids=tuple(asked)))
        return {event_id: child.id for child in found for event_id in child.event_ids}


def _of_run(run: Run, place: OutputPlace) -> SpanOutput | None:
    if not place.step:
        return output.of_run(run)
    step = run.steps.get(place.step)
    return None if step is None else output.of_step(step)
