"""Mutations (http-api §6.6)."""

from functools import wraps
from typing import Any, Final
from uuid import UUID

import msgspec

from inngest_fast.api.graphql.request import Info, Resolver, Resolvers, failed
from inngest_fast.api.graphql.runs import run_of
from inngest_fast.domain.apps import App
from inngest_fast.domain.errors import InvalidEventError, RerunRefusedError, SyncRefusedError
from inngest_fast.domain.ids import is_ulid
from inngest_fast.domain.runs import Run, RunStatus
from inngest_fast.engine.intake import read_invocation

_REFUSALS: Final = {
    "unknown": "not found",
    "step_unknown": "error reconstructing input state: rerun step not found",
    "input_invalid": "input is not a valid JSON array",
}


async def create_app(_: object, info: Info, input: dict[str, str]) -> App:
    try:
        app = await info.context.services.app_edits.add(input["url"])
    except SyncRefusedError as error:
        raise failed(str(error)) from None
    if app.error:
        raise failed(app.error)
    return app


async def update_app(_: object, info: Info, input: dict[str, str]) -> App:
    id = _uuid(input["id"])
    try:
        app = await info.context.services.app_edits.move(id, input["url"])
    except SyncRefusedError as error:
        raise failed(str(error)) from None
    if app is None:
        raise failed("sql: no rows in result set")
    return app


async def delete_app(_: object, info: Info, id: str) -> str:
    await info.context.services.app_edits.remove(_uuid(id))
    return id


async def delete_app_by_name(_: object, info: Info, name: str) -> bool:
    named = [app.id for app in info.context.catalog.apps() if app.name == name]
    return any([await info.context.services.app_edits.remove(id) for id in named])


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise failed(f"invalid UUID: {text[:64]}") from None


async def invoke_function(_: object, info: Info, functionSlug: str, **asked: Any) -> bool:  # noqa: N803
    """Also of a slug that nobody has: then nothing comes of it."""
    services = info.context.services
    meta = asked.get("meta") or {}
    for name in meta:
        if name != "sessions":
            raise failed(f'event meta "{name}" is not supported')
    sent = {"data": asked.get("data") or {}, "user": asked.get("user") or {}, "meta": meta}
    function = services.catalog.by_slug(functionSlug)
    try:
        if function is not None:
            await services.runs.invoke(
                function,
                msgspec.json.encode(sent["data"]),
                user=msgspec.json.encode(sent["user"]),
                meta=msgspec.json.encode(meta) if meta else b"",
                debug_session_id=asked.get("debugSessionID") or "",
                debug_run_id=asked.get("debugRunID") or "",
            )
            return True
        event = read_invocation(
            msgspec.json.encode(sent),
            slug=functionSlug,
            now_ms=services.clock.now_ms(),
            entropy=services.entropy,
        )
    except InvalidEventError as error:
        raise failed(str(error)) from None
    await services.ingest.accept((event,))
    return True


async def cancel_run(_: object, info: Info, runID: str) -> Run:  # noqa: N803 its name on the wire
    context = info.context
    result = await context.services.runs.cancel(runID) if is_ulid(runID) else "unknown"
    if result == "unknown":
        raise failed("not found")
    run = await run_of(context, runID)
    if result == "ended" and run.status is not RunStatus.CANCELLED:
        raise failed("cannot cancel an ended run")
    return run


async def rerun(_: object, info: Info, runID: str, **asked: Any) -> str:  # noqa: N803 its name on the wire
    step = asked.get("fromStep") or {}
    input = step.get("input")
    if not is_ulid(runID):
        raise failed("not found")
    try:
        return await info.context.services.runs.rerun(
            runID,
            step.get("stepID") or "",
            input.encode() if input is not None else None,
            debug_session_id=asked.get("debugSessionID") or "",
            debug_run_id=asked.get("debugRunID") or "",
        )
    except RerunRefusedError as error:
        raise failed(_REFUSALS.get(error.code, str(error))) from None


def _anew(mutation: Resolver) -> Resolver:
    """A document may have several, one after the other: each begins with nothing that was read before."""

    @wraps(mutation)
    async def change(source: object, info: Info, **asked: Any) -> Any:
        info.context.forget()
        return await mutation(source, info, **asked)

    return change


RESOLVERS: Resolvers = {
    "Mutation": {
        "createApp": _anew(create_app),
        "updateApp": _anew(update_app),
        "deleteApp": _anew(delete_app),
        "deleteAppByName": _anew(delete_app_by_name),
        "invokeFunction": _anew(invoke_function),
        "cancelRun": _anew(cancel_run),
        "rerun": _anew(rerun),
    }
}
