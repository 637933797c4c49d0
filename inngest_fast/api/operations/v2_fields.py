"""Fields that operations of REST v2 share, and the bounds of their values."""

from typing import Final

from inngest_fast.api.operations.parts import ULID_PATTERN, Field

STATUSES: Final = ("QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "SKIPPED")
TIME_FIELDS: Final = ("queuedAt", "startedAt", "endedAt")
DEFAULT_PAGE: Final = 20
MAX_SCORES: Final = 100
MAX_SCORE_NAME: Final = 128
MAX_EVENT_NAME: Final = 512

TEXT = {"type": "string"}
FLAG = {"type": "boolean"}
ULID = {"type": "string", "pattern": ULID_PATTERN}
UUID = {"type": "string", "format": "uuid"}
TIME = {"type": "string", "format": "date-time"}
OBJECT = {"type": "object", "additionalProperties": True}


def limit_field(most: int) -> Field:
    return Field(
        "limit",
        "query",
        {"type": "integer", "minimum": 1, "maximum": most, "default": DEFAULT_PAGE},
        "How many items a page has at most.",
    )


CURSOR = Field("cursor", "query", TEXT, "`page.cursor` of the page before.")
UUID_CURSOR = Field("cursor", "query", UUID, "`page.cursor` of the page before.")
OUTPUT = Field("includeOutput", "query", FLAG, "Show what was returned, or what went wrong.")
APP = Field("appId", "path", TEXT, "The app: its name or its uuid.", required=True)
FUNCTION = Field(
    "functionId",
    "path",
    TEXT,
    "The function: its id within the app, its slug, or its uuid.",
    required=True,
)
RUN = Field("runId", "path", ULID, "The run.", required=True)
RUN_FILTER = (
    Field(
        "status",
        "query",
        {"type": "array", "items": {"type": "string", "enum": list(STATUSES)}},
        "Only runs of these statuses.",
    ),
    Field("from", "query", TIME, "Only runs whose `timeField` is not before that."),
    Field("until", "query", TIME, "Only runs whose `timeField` is not after that."),
    Field(
        "timeField",
        "query",
        {"type": "string", "enum": list(TIME_FIELDS), "default": "queuedAt"},
        "The time that `from`, `until` and the order are about.",
    ),
    Field(
        "order",
        "query",
        {"type": "string", "enum": ["asc", "desc"], "default": "desc"},
        "Oldest or newest first.",
    ),
    Field("isDeferred", "query", FLAG, "Only runs that another run deferred, or none of these."),
    OUTPUT,
    CURSOR,
    limit_field(100),
)
SCORES: Final = {
    "type": "array",
    "minItems": 1,
    "maxItems": MAX_SCORES,
    "items": {
        "type": "object",
        "properties": {
            "name": {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_SCORE_NAME,
                "pattern": "^[^']+$",
            },
            "value": {"type": ["number", "boolean"]},
            "stepId": {"type": "string", "description": "The step that is scored; without it the run is."},
            "experiment": {
                "type": "object",
                "properties": {"id": {"type": "string"}, "variant": {"type": "string"}},
                "required": ["id", "variant"],
                "additionalProperties": False,
            },
        },
        "required": ["name", "value"],
        "additionalProperties": False,
    },
}
