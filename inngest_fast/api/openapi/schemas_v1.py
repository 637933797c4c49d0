"""Schemas of what REST v1, `/e` and the probes answer with (http-api §2.1 and §4, api-v1)."""

from typing import Any, Final

from inngest_fast.api.openapi.schemas_v2 import ref
from inngest_fast.api.operations.parts import ULID_PATTERN, Schema

_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "integer"}
_TIME: Final = {"type": "string", "format": "date-time"}
_MAYBE_TIME: Final = {"type": ["string", "null"], "format": "date-time"}
_MAYBE_TEXT: Final = {"type": ["string", "null"]}
_ULID: Final = {"type": "string", "pattern": ULID_PATTERN}
_UUID: Final = {"type": "string", "format": "uuid"}

STATUSES: Final = {
    "addCancellationV1": "201",
    "removeCancellationV1": "204",
}  # of success, where it is not 200


def _object(*required: str, **properties: Any) -> Schema:
    """Others may join these: clients leave alone what they do not know."""
    return {
        "type": "object",
        "properties": {name.rstrip("_"): schema for name, schema in properties.items()},
        "required": list(required),
    }


def _list(name: str) -> Schema:
    return {"type": "array", "items": ref(name)}


def _data(schema: Schema) -> Schema:
    return _object("data", "metadata", data=schema, metadata=_object("fetched_at", fetched_at=_TIME))


SCHEMAS: Final[dict[str, Schema]] = {
    "Error": _object("error", "status", error=_TEXT, status=_NUMBER, data={}, code=_TEXT),
    "Ids": _object("ids", "status", ids={"type": "array", "items": _ULID}, status=_NUMBER),
    "IdsError": _object(
        "error", "status", ids={"type": "array", "items": _ULID}, status=_NUMBER, error=_TEXT, message=_TEXT
    ),
    "Probe": _object("status", status=_TEXT, reasons={"type": "object", "additionalProperties": _TEXT}),
    "ServerHealth": _object(
        "status",
        "version",
        "mode",
        "store",
        "queue",
        status={"type": "string", "enum": ["ok", "degraded"]},
        service=_TEXT,
        version=_TEXT,
        mode={"type": "string", "enum": ["dev", "start"]},
        store=_TEXT,
        queue=_TEXT,
        postgres=_TEXT,
        redis=_TEXT,
        memory_mb={"type": "number"},
        uptime_s={"type": "number"},
        backends={"type": "object"},
        counters={"type": "object", "additionalProperties": _NUMBER},
    ),
    "EventItem": _object(
        "internal_id",
        "id",
        "name",
        "data",
        "ts",
        "received_at",
        internal_id=_ULID,
        account_id=_UUID,
        environment_id=_UUID,
        source=_TEXT,
        source_id=_MAYBE_TEXT,
        received_at=_TIME,
        id=_TEXT,
        name=_TEXT,
        data={},
        ts=_NUMBER,
        user={},
        v=_TEXT,
        meta={},
    ),
    "RunItem": _object(
        "run_id",
        "run_started_at",
        "function_id",
        "status",
        "ended_at",
        run_id=_ULID,
        run_started_at=_TIME,
        function_id=_UUID,
        function_version=_NUMBER,
        environment_id=_UUID,
        event_id=_MAYBE_TEXT,
        status={
            "type": "string",
            "enum": ["Scheduled", "Running", "Completed", "Failed", "Cancelled", "Skipped"],
        },
        ended_at=_MAYBE_TIME,
        output={},
        cron=_TEXT,
        batch_id=_TEXT,
        original_run_id=_TEXT,
        skip_reason=_TEXT,
        skip_existing_run_id=_MAYBE_TEXT,
    ),
    "JobItem": _object(
        "JobID",
        "at",
        "kind",
        "attempt",
        JobID=_TEXT,
        at=_MAYBE_TIME,
        kind=_TEXT,
        attempt=_NUMBER,
        reason=_TEXT,
    ),
    "FunctionItem": _object(
        "internal_id",
        "id",
        "name",
        "config",
        internal_id=_UUID,
        env_id=_UUID,
        app_id=_UUID,
        id=_TEXT,
        name=_TEXT,
        config={"type": "object"},
        created_at=_MAYBE_TIME,
        archived_at=_TEXT,
        paused_at=_MAYBE_TIME,
        cancellation_id=_TEXT,
    ),
    "CancellationItem": _object(
        "id",
        "app_id",
        "function_id",
        "started_before",
        "cancelled",
        id=_ULID,
        environment_id=_UUID,
        app_id=_TEXT,
        function_id=_TEXT,
        function_internal_id=_UUID,
        started_after=_MAYBE_TIME,
        started_before=_MAYBE_TIME,
        if_=_MAYBE_TEXT,
        created_at=_MAYBE_TIME,
        done_at=_MAYBE_TIME,
        cancelled=_NUMBER,
    ),
    "EventV1": _data(ref("EventItem")),
    "EventsV1": _data(_list("EventItem")),
    "RunV1": _data(ref("RunItem")),
    "RunsV1": _data(_list("RunItem")),
    "JobsV1": _data(_list("JobItem")),
    "FunctionV1": _data(ref("FunctionItem")),
    "FunctionsV1": _list("FunctionItem"),
    "SignalV1": _data(_object("run_id", run_id=_ULID)),
    "CancellationV1": _data(ref("CancellationItem")),
    "CancellationsV1": _data(_list("CancellationItem")),
}
