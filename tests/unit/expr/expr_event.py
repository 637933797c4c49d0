"""The event that the tables are about."""

import json

BOTH = frozenset({"event", "async"})
NOW_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z

EVENT = {
    "name": "app/user.created",
    "id": "01",
    "ts": 1_767_225_600_000,
    "data": {
        "n": 1,
        "two": 2.5,
        "million": 1_234_567,
        "zero": 0,
        "s": "foo",
        "digits": "200",
        "empty": "",
        "yes": True,
        "no": False,
        "nil": None,
        "list": [1, 2, 3],
        "tags": ["a", "b"],
        "none": [],
        "map": {"k": "v", "other": 1},
        "quoted": 'a"b\\c\nd é 😀',
        "items": [{"price": 5, "name": "x"}, {"price": 20, "name": "y"}],
    },
}


def wire(value: object) -> bytes:
    return json.dumps(value).encode()
