"""A response within a response (sdk-protocol §3.3), and responses of any bytes."""

import json

import pytest
from engine_builders import NOW, plain
from hypothesis import given
from hypothesis import strategies as st

from inngest_fast._native.canonical import canonicalize
from inngest_fast.engine.answer import Failure, Ops, Result, read_answer

OUTER = {"x-inngest-sdk": "inngest-go:v0.15.1", "x-inngest-req-version": "2"}
OP = {"op": "StepRun", "id": "a", "data": "A"}


def read(envelope, **outer):
    body = envelope if isinstance(envelope, bytes) else json.dumps(envelope).encode()
    return read_answer(201, {**OUTER, **outer}, body, now_ms=NOW)


def message(failure):
    assert isinstance(failure, Failure)
    return plain(failure.error)["message"]


@pytest.mark.parametrize("body", [OP, [OP], json.dumps(OP), json.dumps([OP])])
@pytest.mark.parametrize("before", [b"", b" ", b"\n\n     \n"])
def test_ops_as_a_value_or_as_text(body, before):
    answer = read(before + json.dumps({"status": 206, "headers": {}, "body": body}).encode())
    assert isinstance(answer, Ops)
    assert [(op.id, op.data) for op in answer.ops] == [("a", b'"A"')]
    assert answer.version == 2


@pytest.mark.parametrize(
    ("body", "data"),
    [
        ('"{\\"a\\":1}"', b'{"a":1}'),
        ('{"a":1}', b'{"a":1}'),
        ('"null"', b"null"),
        ("null", b"null"),
        ('"\\"text\\""', b'"text"'),
        ('"text"', b'"text"'),
        ("[1]", b"[1]"),
        ("5", b"5"),
        ('""', None),
    ],
)
def test_a_result_as_a_value_or_as_text(body, data):
    assert read(b'{"status":200,"headers":{},"body":%s}' % body.encode()) == Result(data, 2)


def test_without_a_body_or_a_status():
    assert read({"status": 200}) == Result(None, 2)
    assert read({"body": {"a": 1}}) == Result(b'{"a":1}', 2)
    assert read(
        {"status": 200, "headers": None, "error": None, "retryAt": None, "noRetry": None, "body": 1}
    ) == (Result(b"1", 2))


def test_inner_headers_go_over_outer_ones():
    headers = {"X-Inngest-Req-Version": "1", "x-inngest-no-retry": "true", "Retry-After": "90"}
    answer = read({"status": 206, "headers": headers, "body": [OP]}, **{"x-inngest-no-retry": "false"})
    assert (answer.version, answer.no_retry, answer.retry_at) == (1, True, NOW + 90_000)


def test_the_inner_response_may_be_the_one_that_names_the_sdk():
    """An outer response without the header is not of an SDK, whatever is in it."""
    answer = read_answer(201, {}, b'{"status":200,"headers":{"x-inngest-sdk":"x"},"body":"1"}', now_ms=NOW)
    assert isinstance(answer, Failure)
    assert answer.code == "not_sdk"


@pytest.mark.parametrize("status", [400, 404, 500])
@pytest.mark.parametrize(
    "body", [{"name": "E", "message": "m", "stack": "s"}, '{"name":"E","message":"m","stack":"s"}']
)
def test_an_inner_failure(status, body):
    failure = read({"status": status, "headers": {"x-inngest-no-retry": "false"}, "body": body})
    assert plain(failure.error) == {
        "name": "E",
        "message": "m",
        "stack": "s",
        "error": f"invalid status code: {status}",
    }
    assert plain(failure.output) == {"name": "E", "message": "m", "stack": "s"}
    assert (failure.no_retry, failure.version) == (False, 2)


@pytest.mark.parametrize(
    ("retry_at", "no_retry", "due", "final"),
    [
        ("2026-11-23T09:15:42Z", None, NOW + 90_000, False),
        ("2026-11-23T09:15:42Z", False, NOW + 90_000, False),
        (None, True, None, True),
        (None, False, None, False),
    ],
)
def test_go_says_in_the_envelope_when_to_retry(retry_at, no_retry, due, final):
    for envelope in (
        {"status": 500, "body": {"message": "m"}},
        {"status": 206, "body": [OP]},
    ):
        answer = read({**envelope, "retryAt": retry_at, "noRetry": no_retry})
        assert (answer.retry_at, answer.no_retry) == (due, final)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("boom", {"error": "boom", "message": "invalid status code: 500", "name": "Error"}),
        (
            {"name": "E", "message": "m"},
            {"error": "invalid status code: 500", "message": "m", "name": "E"},
        ),
    ],
)
@pytest.mark.parametrize("status", [0, 200, 206, 500])
def test_an_error_in_the_envelope_is_a_failure(error, told, status):
    failure = read({"status": status, "headers": {}, "body": [OP], "error": error})
    assert isinstance(failure, Failure)
    assert plain(failure.error) == told
    assert not failure.no_retry


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b"[]",
        b"1",
        b"null",
        b'"text"',
        b'{"status":"206"}',
        b'{"status":206,"headers":[]}',
        b'{"status":200}{"status":200}',
        b'{"status":201,"body":"{}"}',
    ],
)
def test_what_is_no_envelope_is_a_failure(body):
    failure = read(body)
    assert message(failure).startswith("error parsing stream: ")
    assert (failure.no_retry, failure.version) == (False, 2)


def test_an_inner_body_is_as_bounded_as_any():
    step = {"op": "StepRun", "id": "a", "data": "x" * (4 * 1024 * 1024)}
    assert message(read({"status": 206, "body": json.dumps([step])})).endswith(
        "step output size is greater than the limit"
    )


# Any bytes

_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_members = [
    "op",
    "id",
    "data",
    "opts",
    "error",
    "name",
    "status",
    "headers",
    "body",
    "message",
    "stack",
    "cause",
]
_bodies = (
    st.binary(max_size=40)
    | _json.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(st.sampled_from(_members), _json, max_size=6).map(
        lambda value: json.dumps(value).encode()
    )
    | st.lists(
        st.fixed_dictionaries({"op": st.sampled_from(["StepRun", "Sleep", "nope"]), "id": _json}), max_size=2
    ).map(lambda value: json.dumps(value).encode())
)
_header = st.text(st.characters(codec="latin-1"), max_size=12) | st.sampled_from(
    ["true", "2", "90", "js:v1.0.0"]
)
_names = ["x-inngest-sdk", "x-inngest-req-version", "x-inngest-no-retry", "retry-after", "content-type"]


@given(
    status=st.sampled_from([200, 201, 204, 206, 302, 400, 404, 500]),
    headers=st.dictionaries(st.sampled_from(_names), _header),
    body=_bodies,
)
def test_any_response_means_something(status, headers, body):
    answer = read_answer(status, headers, body, now_ms=NOW)
    assert isinstance(answer, Ops | Result | Failure)
    if isinstance(answer, Failure):
        told = plain(answer.error)
        assert {"error", "message", "name"} <= set(told)
        for text in (answer.error, answer.output or b"{}"):
            assert canonicalize(text) == text
    elif isinstance(answer, Result):
        assert answer.data is None or canonicalize(answer.data) == answer.data
    else:
        for op in answer.ops:
            for text in (op.data, op.error, op.payload):
                assert text is None or canonicalize(text) == text
    retry_at = getattr(answer, "retry_at", None)
    assert retry_at is None or NOW + 1_000 <= retry_at <= NOW + 86_400_000
