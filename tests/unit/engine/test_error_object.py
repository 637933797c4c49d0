"""The error object that a user sees (sdk-protocol §3.2)."""

import json

import pytest
from engine_builders import plain

from inngest_fast._native.canonical import canonicalize
from inngest_fast.engine.answer.error_object import plain_error, standard_error, step_error

FALLBACK = "invalid status code: 500"
BOOM = {"name": "E", "message": "boom", "stack": "at x"}
TOLD = {**BOOM, "error": FALLBACK}
NOTHING = {"name": "Error", "message": FALLBACK, "error": FALLBACK}


def told(body):
    data = canonicalize(json.dumps(body).encode()) if not isinstance(body, bytes) else body
    return plain(standard_error(data, FALLBACK))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (BOOM, TOLD),
        ({**BOOM, "error": "mine"}, {**TOLD, "error": "mine"}),
        ({"message": "m"}, {**NOTHING, "message": "m"}),
        ({"name": "N"}, {**NOTHING, "name": "N"}),
        ({"error": "text"}, {**NOTHING, "error": "text"}),
        ({"error": BOOM}, TOLD),
        ({"body": BOOM}, TOLD),
        ({"error": json.dumps(BOOM)}, TOLD),
        ({"body": json.dumps(BOOM)}, TOLD),
        ({"error": json.dumps(BOOM), "body": {"message": "other"}}, TOLD),
        ({"error": "text", "body": BOOM}, TOLD),
        ({"error": [1], "body": BOOM}, TOLD),
        ({"error": None, "body": BOOM}, TOLD),
        ({**BOOM, "error": {"message": "inner"}}, TOLD),
        ({**BOOM, "cause": {"name": "C"}}, {**TOLD, "cause": {"name": "C"}}),
        ({**BOOM, "cause": "text"}, {**TOLD, "cause": "text"}),
        ({**BOOM, "cause": None}, TOLD),
        ({**BOOM, "stack": None}, {k: v for k, v in TOLD.items() if k != "stack"}),
        ({**BOOM, "stack": 1}, {k: v for k, v in TOLD.items() if k != "stack"}),
        ({"name": 1, "message": {"a": 1}}, NOTHING),
        ({"name": "", "message": ""}, NOTHING),
        ({"data": 1, "code": "x", "__serialized": True}, NOTHING),
        ({}, NOTHING),
        ([BOOM], NOTHING),
        ("text", NOTHING),
        (None, NOTHING),
        (b"", NOTHING),
    ],
)
def test_a_standard_error(body, expected):
    assert told(body) == expected


@pytest.mark.parametrize(("size", "read"), [(32 * 1024, True), (32 * 1024 + 1, False)])
def test_a_nested_error_has_at_most_32_kib(size, read):
    frame = len(canonicalize(json.dumps({"message": ""}).encode()))
    body = {"error": {"message": "m" * (size - frame)}}
    assert (told(body) != NOTHING) is read


@pytest.mark.parametrize("text", ["a", 'say "x"', "é\n"])
def test_a_text_as_an_error(text):
    assert plain(plain_error(text)) == {"name": "Error", "message": text, "error": text}


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (b"", None),
        (b"null", None),
        (b'{"message":"m","data":1}', b'{"message":"m","data":1}'),
        (b"{}", b"{}"),
        (b'"text"', b'{"message":"text","name":"Error"}'),
        (b"5", b'{"message":"5","name":"Error"}'),
        (b"[1]", b'{"message":"[1]","name":"Error"}'),
    ],
)
def test_the_error_of_a_step_is_an_object_and_kept_whole(given, stored):
    assert step_error(given) == stored
