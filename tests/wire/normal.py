"""Answers with what differs from run to run put into words: ids, times, ports."""

import re
from typing import Any

_RULES = (
    (re.compile(r"\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b"), "<ulid>"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<host>"),
    (re.compile(r"\b[0-9a-f]{40}\b"), "<step>"),
)
_ZERO = "00000000-0000-0000-0000-000000000000"
_NEVER = "0001-01-01T00:00:00Z"
_EPOCH_MS = 1_600_000_000_000


def normal(value: Any) -> Any:
    """The same JSON value; integers that are times since 1970 become "<ms>"."""
    match value:
        case dict():
            return {normal(name): normal(each) for name, each in value.items()}
        case list():
            return [normal(each) for each in value]
        case str() if value not in (_ZERO, _NEVER):
            for pattern, word in _RULES:
                value = pattern.sub(word, value)
            return value
        case int() if value > _EPOCH_MS:
            return "<ms>"
    return value
