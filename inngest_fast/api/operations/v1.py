"""What of the other surfaces is for everybody: events, REST v1, and the probes (http-api §2.1, §4; api-v1).

Paths are whole, and `returns` names the schema of the whole body, "" for an empty one.
"""

from typing import Final

from inngest_fast.api.operations.parts import ULID_PATTERN, Field, Operation, Schema

_TEXT = {"type": "string"}
_OBJECT = {"type": "object"}

# What is out of its bounds is moved into them, so that any text will do.
_LIMIT = Field("limit", "query", {"type": ["integer", "string"]}, "How many items a page has at most.")
_CURSOR = Field(
    "cursor",
    "query",
    {"type": "string", "pattern": f"^$|{ULID_PATTERN}"},
    "The id of the last item of the page before.",
)
_EVENT = Field("id", "path", _TEXT, "The event's internal id.", required=True)
_RUN = Field("id", "path", _TEXT, "The run's id.", required=True)
_CANCELLATION = Field("id", "path", _TEXT, "The cancellation's id.", required=True)
_FUNCTION = Field("function", "path", _TEXT, "The function's uuid or slug.", required=True)

EVENT: Final[Schema] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "data": {"type": ["object", "null"]},
        "id": {"type": "string"},
        "ts": {"type": "integer", "minimum": 315532800000, "maximum": 4102444800000},
        "user": {"type": ["object", "null"]},
        "v": {"type": "string"},
    },
    "required": ["name"],
}
_TARGET: Final[Schema] = {
    "type": "object",
    "properties": {
        "step_id": {"type": ["string", "null"]},
        "step_index": {"type": ["integer", "null"]},
        "step_attempt": {"type": ["integer", "null"]},
        "span_id": {"type": ["string", "null"]},
    },
}
_METADATA: Final[Schema] = {
    "type": "object",
    "properties": {
        "target": _TARGET,
        "metadata": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "kind": {"type": "string"},
                    "op": {"type": "string", "enum": ["merge", "set", "delete", "add"]},
                    "values": _OBJECT,
                },
                "required": ["kind", "values"],
            },
        },
    },
    "required": ["metadata"],
}
_SIGNAL: Final[Schema] = {
    "type": "object",
    "properties": {"signal": {"type": "string", "minLength": 1}, "data": {}},
    "required": ["signal"],
}
_CANCELLING: Final[Schema] = {
    "type": "object",
    "properties": {
        "app_id": {"type": "string", "minLength": 1},
        "function_id": {"type": "string", "minLength": 1},
        "started_before": {"type": ["string", "integer"], "format": "date-time"},
        "started_after": {"type": ["string", "integer", "null"], "format": "date-time"},
        "if": {"type": ["string", "null"]},
        "id": {"type": "string", "pattern": ULID_PATTERN},
    },
    "required": ["app_id", "function_id", "started_before"],
}
_PAUSING: Final[Schema] = {"type": "object", "properties": {"cancel_running": {"type": "boolean"}}}

V1: Final = (
    Operation(
        "postEvents",
        "POST",
        "/e/{key}",
        "Send events",
        "Ids",
        (
            Field(
                "key",
                "path",
                {"type": "string", "minLength": 1},
                "An event key; any in `dev`.",
                required=True,
            ),
        ),
        "One event, or an array of them: those before a bad one are accepted.",
        writes=True,
        body={"oneOf": [EVENT, {"type": "array", "items": EVENT, "minItems": 1, "maxItems": 5000}]},
        tag="Events",
    ),
    Operation("getHealth", "GET", "/health", "Tell how the server is", "ServerHealth", tag="Server"),
    Operation("getLivez", "GET", "/livez", "Tell whether the process serves", "Probe", tag="Server"),
    Operation("getReadyz", "GET", "/readyz", "Tell whether requests are welcome", "Probe", tag="Server"),
    Operation(
        "listEventsV1",
        "GET",
        "/v1/events",
        "List events",
        "EventsV1",
        (
            _LIMIT,
            _CURSOR,
            Field("name", "query", _TEXT, "Only events of this name."),
            Field("received_after", "query", _TEXT, "An RFC 3339 time; without it the last hour."),
            Field("received_before", "query", _TEXT, "An RFC 3339 time."),
        ),
        tag="REST v1",
    ),
    Operation(
        "getEventV1",
        "GET",
        "/v1/events/{id}",
        "Get an event",
        "EventV1",
        (_EVENT,),
        refusals=(404,),
        tag="REST v1",
    ),
    Operation(
        "getEventRunsV1",
        "GET",
        "/v1/events/{id}/runs",
        "List the runs of an event",
        "RunsV1",
        (_EVENT,),
        tag="REST v1",
    ),
    Operation(
        "getRunV1", "GET", "/v1/runs/{id}", "Get a run", "RunV1", (_RUN,), refusals=(404,), tag="REST v1"
    ),
    Operation(
        "cancelRunV1",
        "DELETE",
        "/v1/runs/{id}",
        "Cancel a run",
        "",
        (_RUN,),
        "Ended ones stay as they are.",
        writes=True,
        refusals=(404,),
        tag="REST v1",
    ),
    Operation(
        "getJobsV1",
        "GET",
        "/v1/runs/{id}/jobs",
        "List the live jobs of a run",
        "JobsV1",
        (_RUN,),
        tag="REST v1",
    ),
    Operation(
        "addMetadataV1",
        "POST",
        "/v1/runs/{id}/metadata",
        "Note metadata on a run or a step",
        "",
        (_RUN,),
        writes=True,
        refusals=(404, 413),
        body=_METADATA,
        tag="REST v1",
    ),
    Operation(
        "sendSignalV1",
        "POST",
        "/v1/signals",
        "Send a signal",
        "SignalV1",
        writes=True,
        refusals=(404,),
        body=_SIGNAL,
        tag="REST v1",
    ),
    Operation(
        "listFunctionsV1",
        "GET",
        "/v1/apps/{name}/functions",
        "List the functions of an app",
        "FunctionsV1",
        (Field("name", "path", _TEXT, "The app's name.", required=True),),
        tag="REST v1",
    ),
    Operation(
        "addCancellationV1",
        "POST",
        "/v1/cancellations",
        "Cancel runs in bulk",
        "CancellationV1",
        writes=True,
        refusals=(404, 409),
        body=_CANCELLING,
        tag="REST v1",
    ),
    Operation(
        "listCancellationsV1",
        "GET",
        "/v1/cancellations",
        "List bulk cancellations",
        "CancellationsV1",
        (_LIMIT, _CURSOR),
        tag="REST v1",
    ),
    Operation(
        "getCancellationV1",
        "GET",
        "/v1/cancellations/{id}",
        "Get a bulk cancellation",
        "CancellationV1",
        (_CANCELLATION,),
        refusals=(404,),
        tag="REST v1",
    ),
    Operation(
        "removeCancellationV1",
        "DELETE",
        "/v1/cancellations/{id}",
        "Stop a bulk cancellation",
        "",
        (_CANCELLATION,),
        writes=True,
        refusals=(404,),
        tag="REST v1",
    ),
    Operation(
        "pauseFunctionV1",
        "POST",
        "/v1/functions/{function}/pause",
        "Pause a function",
        "FunctionV1",
        (_FUNCTION,),
        writes=True,
        refusals=(404,),
        body=_PAUSING,
        tag="REST v1",
    ),
    Operation(
        "resumeFunctionV1",
        "POST",
        "/v1/functions/{function}/resume",
        "Resume a function",
        "FunctionV1",
        (_FUNCTION,),
        writes=True,
        refusals=(404,),
        tag="REST v1",
    ),
)
OPEN: Final = frozenset(("getHealth", "getLivez", "getReadyz"))  # to callers without a credential
