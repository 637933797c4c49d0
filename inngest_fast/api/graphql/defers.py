"""`RunDefer` and `RunDeferredFrom`: runs that a run asked for, and the one that asked (http-api §6.3)."""

from collections.abc import Sequence
from typing import Any

from inngest_fast.api.graphql.request import Asked, Info, Resolvers
from inngest_fast.api.graphql.runs import function_of
from inngest_fast.domain.defers import KEY_PREFIX, Defer, defers
from inngest_fast.domain.runs import Run


async def _of(context: Asked, run: Run) -> list[Defer]:
    if not run.defers:
        return []
    context.reading()
    rows = await context.store.trace_rows(run.id, KEY_PREFIX)
    return defers(run.id, run.ended_at, run.defers, rows)


async def _defers(run: Run, info: Info) -> list[Defer]:
    return await _of(info.context, run)


async def _parent(run: Run, info: Info) -> Run | None:
    return await info.context.runs.get(run.deferred_by) if run.deferred_by else None


async def _siblings(run: Run, info: Info) -> list[Defer]:
    parent = await _parent(run, info)
    found = await _of(info.context, parent) if parent is not None else []
    return [defer for defer in found if defer.event_id not in run.event_ids]


async def _run(defer: Defer, info: Info) -> Run | None:
    runs: Sequence[Run] = await info.context.runs_of.get(defer.event_id) if defer.event_id else ()
    return runs[0] if runs else None


async def _run_id(defer: Defer, info: Info) -> str | None:
    run = await _run(defer, info)
    return run.id if run is not None else None


async def _deferred_from(run: Run, info: Info) -> list[dict[str, Any]]:
    parent = await _parent(run, info)
    if parent is None:
        return []
    return [{"runID": parent.id, "function": function_of(parent, info), "run": parent}]


RESOLVERS: Resolvers = {
    "FunctionRunV2": {
        "defers": _defers,
        "siblingDefers": _siblings,
        "deferredFrom": _deferred_from,
        "isDeferred": lambda run, _: bool(run.deferred_by),
    },
    "RunDefer": {
        "hashedDeferID": lambda defer, _: defer.id,
        "userlandDeferID": lambda defer, _: defer.userland_id,
        "fnSlug": lambda defer, _: defer.fn_slug,
        "status": lambda defer, _: defer.status.value,
        "function": lambda defer, info: info.context.catalog.by_slug(defer.fn_slug),
        "runID": _run_id,
        "run": _run,
    },
}
