"""Debug sessions: pairs of ids that runs carry (http-api §6.2, §6.6). Nothing else is kept of one."""

from collections.abc import Callable
from typing import Any, Final

from inngest_fast.api.graphql.request import Asked, Info, Resolvers, known
from inngest_fast.api.graphql.traces import Node, tree
from inngest_fast.domain.runs import Run
from inngest_fast.ports.store import RunQuery

_LOOKED_AT: Final = 400  # newest runs of the function: older sessions are over
_SHOWN: Final = 20


def create(_: object, info: Info, **_asked: Any) -> dict[str, str]:
    services = info.context.services
    now = services.clock.now_ms()
    return {"debugSessionID": services.entropy.ulid(now), "debugRunID": services.entropy.ulid(now)}


async def debug_run(_: object, info: Info, query: dict[str, Any]) -> dict[str, Any] | None:
    id = query.get("debugRunID") or None
    runs = await _runs(info.context, query["functionSlug"], lambda run: run.debug_run_id == id)
    traces: list[Node] = [await tree(info.context, run, preview=True) for run in runs]
    return {"debugTraces": traces} if traces else None


async def debug_session(_: object, info: Info, query: dict[str, Any]) -> dict[str, Any] | None:
    id = query.get("debugSessionID") or None
    runs = await _runs(info.context, query["functionSlug"], lambda run: run.debug_session_id == id)
    return {"debugRuns": runs} if runs else None


async def _runs(context: Asked, slug: str, wanted: Callable[[Run], bool]) -> list[Run]:
    function = context.catalog.by_slug(slug)
    if function is None:
        return []
    context.reading()
    found = await context.store.runs(RunQuery(limit=_LOOKED_AT, function_ids=(function.id,)))
    return [run for run in found if wanted(run)][:_SHOWN]


RESOLVERS: Resolvers = {
    "Query": {"debugRun": debug_run, "debugSession": debug_session},
    "Mutation": {"createDebugSession": create},
    "DebugSessionRun": {
        "status": lambda run, _: run.status.name,
        "queuedAt": lambda run, _: run.queued_at,
        "startedAt": lambda run, _: known(run.started_at),
        "endedAt": lambda run, _: known(run.ended_at),
        "debugRunID": lambda run, _: run.debug_run_id or None,
        "tags": lambda *_: None,
        "versions": lambda *_: None,
    },
}
