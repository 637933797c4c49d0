"""Schemas of what REST v2 answers with (http-api §5.4). What is zero is left out, so little is required."""

from typing import Any, Final

from inngest_fast.api.operations.parts import ULID_PATTERN, Schema
from inngest_fast.api.operations.v2_fields import STATUSES

_TEXT: Final = {"type": "string"}
_FLAG: Final = {"type": "boolean"}
_COUNT: Final = {"type": "integer", "minimum": 0}
_TIME: Final = {"type": "string", "format": "date-time"}
_ULID: Final = {"type": "string", "pattern": ULID_PATTERN}
_MS: Final = {"type": "string", "pattern": "^[0-9]+$", "description": "Milliseconds."}
_JSON: Final = {"type": "object", "description": 'What is no object is `{"data": …}`.'}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(*required: str, **properties: Any) -> Schema:
    found: Schema = {
        "type": "object",
        "properties": {name.rstrip("_"): schema for name, schema in properties.items()},
        "additionalProperties": False,
    }
    if required:
        found["required"] = list(required)
    return found


def _list(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def envelope(name: str, *, listed: bool) -> Schema:
    """Of one, or of a page of them: an empty page has no `data`."""
    if not listed:
        return _object("data", "metadata", data=ref(name), metadata=ref("ResponseMetadata"))
    return _object(
        "metadata", "page", data=_list(ref(name)), metadata=ref("ResponseMetadata"), page=ref("Page")
    )


SCHEMAS: Final[dict[str, Schema]] = {
    "Errors": _object(
        "errors", errors={**_list(_object("code", "message", code=_TEXT, message=_TEXT)), "minItems": 1}
    ),
    "ResponseMetadata": _object(
        "fetchedAt", fetchedAt=_TIME, timeRange=_object(**{"from": _TIME, "until": _TIME})
    ),
    "Page": _object("limit", cursor=_TEXT, hasMore=_FLAG, limit=_COUNT),
    "Health": _object("status", status={"type": "string", "enum": ["ok"]}),
    "Account": _object("id", id=_TEXT, name=_TEXT, email=_TEXT),
    "Environment": _object("id", id=_TEXT, name=_TEXT, type=_TEXT),
    "Key": _object("id", id=_TEXT, name=_TEXT, environment=_TEXT, key=_TEXT),
    "App": _object(
        "id",
        "method",
        id=_TEXT,
        name=_TEXT,
        method={"type": "string", "enum": ["SERVE", "CONNECT", "API"]},
        createdAt=_TIME,
        functionCount=_COUNT,
        latestSync=_object(error=_TEXT, framework=_TEXT, sdkLanguage=_TEXT, sdkVersion=_TEXT, url=_TEXT),
    ),
    "Function": _object(
        "app",
        "configuration",
        "id",
        "slug",
        app=_object("id", id=_TEXT),
        configuration=_object(
            "concurrency",
            "retries",
            cancellations=_list(_object("event", event=_TEXT, timeout=_TEXT, if_=_TEXT)),
            concurrency=_list(
                _object(
                    "limit",
                    "scope",
                    key=_TEXT,
                    limit=_object("isPlanLimit", "value", isPlanLimit=_FLAG, value={"type": "integer"}),
                    scope={"type": "string", "enum": ["FUNCTION", "ENVIRONMENT", "ACCOUNT"]},
                )
            ),
            debounce=_object("period", key=_TEXT, period=_TEXT),
            eventsBatch=_object("maxSize", key=_TEXT, maxSize=_COUNT, timeout=_TEXT),
            priority=_TEXT,
            rateLimit=_object("limit", "period", key=_TEXT, limit=_COUNT, period=_TEXT),
            retries=_object("isDefault", "value", isDefault=_FLAG, value=_COUNT),
            singleton=_object("mode", key=_TEXT, mode={"type": "string", "enum": ["SKIP", "CANCEL"]}),
            throttle=_object("limit", "period", burst=_COUNT, key=_TEXT, limit=_COUNT, period=_TEXT),
        ),
        id=_TEXT,
        name=_TEXT,
        slug=_TEXT,
        triggers=_list(
            _object(
                "type", "value", type={"type": "string", "enum": ["EVENT", "CRON"]}, value=_TEXT, if_=_TEXT
            )
        ),
    ),
    "Run": _object(
        "app",
        "function",
        "id",
        "queuedAt",
        "status",
        app=_object("id", id=_TEXT),
        durationMs=_MS,
        endedAt=_TIME,
        function=_object("id", id=_TEXT, name=_TEXT),
        id=_ULID,
        isDeferred=_FLAG,
        originalRunId=_ULID,
        output=_JSON,
        queuedAt=_TIME,
        startedAt=_TIME,
        status={"type": "string", "enum": list(STATUSES)},
        trigger=_object(batchId=_TEXT, cronSchedule=_TEXT, eventIds=_list(_ULID), isBatch=_FLAG),
    ),
    "Trace": _object("runId", "rootSpan", runId=_ULID, rootSpan=ref("Span")),
    "Span": _object(
        "id",
        "name",
        "status",
        id=_TEXT,
        name=_TEXT,
        status={"type": "string", "enum": [*STATUSES[:2], "WAITING", *STATUSES[2:]]},
        stepOp=_TEXT,
        stepId=_TEXT,
        durationMs=_MS,
        queuedAt=_TIME,
        startedAt=_TIME,
        endedAt=_TIME,
        input={},
        output=_JSON,
        metadata=_list(
            _object(
                "kind",
                "scope",
                kind=_TEXT,
                scope=_TEXT,
                updatedAt=_TIME,
                values={"type": "object", "additionalProperties": _TEXT},
            )
        ),
        children=_list(ref("Span")),
    ),
    "RunId": _object("runId", runId=_ULID),
    "EventId": _object("eventId", eventId=_ULID),
    "Scored": _object("count", count=_COUNT),
}
