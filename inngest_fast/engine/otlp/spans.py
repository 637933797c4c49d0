"""One span as it was sent, whatever its encoding."""

from typing import Any, Final

import msgspec

KINDS: Final = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
MAX_SPANS: Final = 10_000  # of one request
MAX_DEPTH: Final = 16  # of an attribute's value


class InvalidPayloadError(ValueError):
    """A body that is no ExportTraceServiceRequest."""


class Received(msgspec.Struct, frozen=True):
    """Ids are hex, times unix ns, attributes JSON values. `parent_id` is "" for a root."""

    trace_id: str
    span_id: str
    name: str
    start: int
    end: int
    parent_id: str = ""
    kind: str = KINDS[0]
    status: int = 0  # 0 unset, 1 ok, 2 error
    attributes: dict[str, Any] = {}
    resource: dict[str, Any] = {}
    scope_name: str = ""
    scope_version: str = ""


def kind_name(number: int) -> str:
    return KINDS[number] if 0 <= number < len(KINDS) else KINDS[0]
