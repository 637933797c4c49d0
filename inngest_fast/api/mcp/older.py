"""Tools from before REST v2, which some clients still call (http-api §8)."""

import asyncio
from typing import Any, Final

import msgspec

from inngest_fast.api.http import Request
from inngest_fast.api.mcp.parts import Arguments, Tool, ToolError, read, schema_of
from inngest_fast.api.rest_v2 import shapes
from inngest_fast.api.services import Services
from inngest_fast.domain.errors import InvalidEventError
from inngest_fast.domain.ids import Seed, is_ulid
from inngest_fast.domain.runs import Run
from inngest_fast.engine.intake import read_events

MOST_RUNS: Final = 50
LONGEST_WAIT_S: Final = 300

_TEXT: Final = {"type": "string"}
_OBJECT: Final = {"type": "object"}
_TIMEOUT: Final = {
    "type": "number",
    "minimum": 0,
    "maximum": LONGEST_WAIT_S,
    "default": 30,
    "description": "Seconds to wait at most.",
}
_SEND: Final = schema_of("name", name=_TEXT, data=_OBJECT, user=_OBJECT, eventIdSeed=_TEXT)
_STATUS: Final = schema_of("runId", runId=_TEXT)
_POLL: Final = schema_of(
    "runIds",
    runIds={"type": "array", "items": _TEXT, "maxItems": MOST_RUNS},
    timeout=_TIMEOUT,
    pollInterval={
        "type": "number",
        "minimum": 0,
        "maximum": 60_000,
        "default": 1_000,
        "description": "Not used: the end of a run wakes the call.",
    },
)
_INVOKE: Final = schema_of("functionId", functionId=_TEXT, data=_OBJECT, user=_OBJECT, timeout=_TIMEOUT)


class _Older:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def send(self, arguments: Arguments, _: Request) -> Any:
        asked = read(arguments, _SEND)
        services = self._services
        seed = Seed.read(asked.pop("eventIdSeed", ""))
        intake = read_events(
            msgspec.json.encode(asked), now_ms=services.clock.now_ms(), entropy=services.entropy, seed=seed
        )
        if intake.error:
            raise ToolError(intake.error)
        [accepted] = await services.ingest.accept(intake.events)
        return {"eventId": intake.events[0].id, "runIds": accepted.run_ids}

    async def status(self, arguments: Arguments, _: Request) -> Any:
        return self._shown(await self._run(read(arguments, _STATUS)["runId"], 0))

    async def poll(self, arguments: Arguments, _: Request) -> Any:
        """All runs; those that have not ended when time is up are told as they are then."""
        asked = read(arguments, _POLL)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + asked.get("timeout", 30)
        runs = [await self._run(id, max(deadline - loop.time(), 0)) for id in asked["runIds"]]
        pending = [run.id for run in runs if not run.status.ended]
        return {"runs": [self._shown(run) for run in runs], "pending": pending}

    async def invoke(self, arguments: Arguments, _: Request) -> Any:
        asked = read(arguments, _INVOKE)
        services = self._services
        function = services.catalog.target(asked["functionId"])
        if function is None:
            raise ToolError(f"there is no function {asked['functionId'][:64]!r}")
        data, user = (msgspec.json.encode(asked.get(name) or {}) for name in ("data", "user"))
        try:
            invoked = await services.runs.invoke(function, data, user=user)
        except InvalidEventError as error:
            raise ToolError(str(error)) from None
        if not invoked.run_id:
            raise ToolError(f"no run was started: {invoked.outcome.value}")
        return self._shown(await self._run(invoked.run_id, asked.get("timeout", 30)))

    async def _run(self, run_id: str, timeout: float) -> Run:
        run = await self._services.run_ends.wait(run_id, timeout) if is_ulid(run_id) else None
        if run is None:
            raise ToolError(f"there is no run {run_id[:64]!r}")
        return run

    def _shown(self, run: Run) -> dict[str, Any]:
        function = self._services.catalog.function(run.function_id)
        return {**shapes.run(run, function), **shapes.output(run, listed=False)}


def older_tools(services: Services) -> tuple[Tool, ...]:
    older = _Older(services)
    return (
        Tool("send_event", "Deprecated. Send an event; says which runs it started.", _SEND, older.send, True),
        Tool("get_run_status", "Deprecated: use get_run. Get a run.", _STATUS, older.status),
        Tool("poll_run_status", "Deprecated. Wait for runs to end.", _POLL, older.poll),
        Tool(
            "invoke_function_sync",
            "Deprecated: use invoke_function. Invoke a function, by slug, and wait for its run to end.",
            _INVOKE,
            older.invoke,
            True,
        ),
    )
