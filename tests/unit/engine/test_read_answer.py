"""What a response means (sdk-protocol §3)."""

import pytest
from engine_builders import NOW, plain

from inngest_fast.engine.answer import Failure, Ops, Result, read_answer, unreachable

MIB = 1024 * 1024
SDK = {"x-inngest-sdk": "inngest-js:v4.18.1"}
NOT_SDK = "The response did not come from an Inngest SDK"
TOO_LARGE = "Your function's response body exceeds the maximum size limit"


def read(status, body=b"", sdk=True, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    given = {**(SDK if sdk else {}), **headers}
    before = dict(given)
    answer = read_answer(status, given, body, now_ms=NOW)
    assert given == before
    assert answer == read_answer(status, given, body, now_ms=NOW)
    return answer


def error(failure):
    assert isinstance(failure, Failure)
    return plain(failure.error)


# §3, row by row


@pytest.mark.parametrize("status", [200, 202, 203, 204, 205, 226, 299])
def test_a_2xx_of_an_sdk_is_the_result(status):
    assert read(status, b'{"b":1,"a":2}') == Result(b'{"a":2,"b":1}', None)


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b"null", b"null"),
        (b"", None),
        (b" \n", None),
        (b"0", b"0"),
        (b"1.0", b"1"),
        (b"false", b"false"),
        (b'"text"', b'"text"'),
        (b'""', b'""'),
        (b"[1, 2]", b"[1,2]"),
        (b'{"b": "\\u00e9", "a": 1e3}', '{"a":1000,"b":"é"}'.encode()),
        (b'"{\\"b\\":1,\\"a\\":\\"x\\"}"', b'{"a":"x","b":1}'),
        (b'" {\\"a\\":1}"', b'{"a":1}'),
        (b'"{\\"a\\":"', b'"{\\"a\\":"'),
        (b'"[1]"', b'"[1]"'),
        (b'"1"', b'"1"'),
        (b'"\\"{}\\""', b'"\\"{}\\""'),
        (b"hello", b'"hello"'),
        (b"<p>\n", b'"<p>\\n"'),
        (b"{broken", b'"{broken"'),
        (b"\xff", '"\ufffd"'.encode()),
    ],
)
def test_a_result_may_be_anything(body, data):
    assert read(200, body) == Result(data, None)


def test_a_206_is_ops():
    answer = read(206, b'[{"op":"StepRun","id":"a"}]', x_inngest_req_version="2")
    assert isinstance(answer, Ops)
    assert [op.id for op in answer.ops] == ["a"]
    assert (answer.version, answer.no_retry, answer.retry_at) == (2, False, None)


@pytest.mark.parametrize("body", [b"", b"  \n"])
def test_a_206_without_a_body_is_a_failure(body):
    failure = read(206, body, x_inngest_req_version="1")
    assert error(failure)["message"] == "no response data"
    assert failure.version == 1
    assert not failure.no_retry


@pytest.mark.parametrize(
    "body",
    [b"{", b"nonsense", b"null", b"1", b'"x"', b'[{"op":"StepRun","id":"a"}', b"[1]", b"[null]", b"{}"],
)
def test_a_206_that_is_no_ops_is_a_failure(body):
    failure = read(206, body)
    assert error(failure)["message"].startswith("error reading generator opcode response: ")
    assert not failure.no_retry
    assert failure.output is None


@pytest.mark.parametrize("status", [300, 301, 304, 399, 400, 404, 410, 429, 499, 500, 503, 599])
def test_any_other_status_of_an_sdk_is_a_failure(status):
    failure = read(status, b'{"message":"boom","name":"E","stack":"at x"}')
    assert error(failure) == {
        "error": f"invalid status code: {status}",
        "message": "boom",
        "name": "E",
        "stack": "at x",
    }
    assert failure.output == b'{"message":"boom","name":"E","stack":"at x"}'
    assert (failure.code, failure.no_retry, failure.retry_at) == ("", False, None)


@pytest.mark.parametrize("status", [200, 201, 204, 206, 299, 301, 399])
@pytest.mark.parametrize("body", [b"", b'{"a":1}', b'[{"op":"StepRun","id":"a"}]'])
def test_what_no_sdk_sent_is_a_failure(status, body):
    failure = read(status, body, sdk=False)
    assert failure.code == "not_sdk"
    assert error(failure)["message"] == NOT_SDK
    assert not failure.no_retry


@pytest.mark.parametrize("status", [400, 401, 404, 500, 502, 599])
def test_an_error_that_no_sdk_sent_is_told_with_what_was_sent(status):
    failure = read(status, b"<h1>oh \xff</h1>", sdk=False, content_type="text/html")
    told = error(failure)
    text = f"Your server returned HTTP {status} before the SDK responded."
    assert (told["error"], told["message"]) == (text, text)
    assert told["name"] == "Server returned a fatal error"
    assert told["stack"].startswith("No step output was produced before the request failed — ")
    assert told["stack"].endswith("\n\nUpstream response (text/html):\n<h1>oh \ufffd</h1>")
    assert (failure.code, failure.output, failure.no_retry) == ("not_sdk", None, False)


def test_of_an_upstream_body_8192_bytes_are_told():
    stack = error(read(500, b"a" * 8191 + "é".encode() + b"b" * 10, sdk=False))["stack"]
    assert stack.count("a" * 8191) == 1
    assert "b" * 10 not in stack
    assert "(no content type)" in stack


@pytest.mark.parametrize("status", [200, 201, 206, 404, 500])
@pytest.mark.parametrize("sdk", [True, False])
@pytest.mark.parametrize(("size", "fits"), [(8 * MIB, True), (8 * MIB + 1, False)])
def test_a_body_may_have_8_mib(status, sdk, size, fits):
    answer = read(status, b" " * size, sdk=sdk)
    too_large = isinstance(answer, Failure) and answer.code == "output_too_large"
    assert too_large is not fits
    if too_large:
        assert error(answer)["message"] == TOO_LARGE
        assert not answer.no_retry


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        ("refused", "unreachable", "Unable to reach SDK URL"),
        ("timeout", "unreachable", "error performing request: it took too long"),
        ("protocol", "unreachable", "error performing request: it took too long"),
        ("too_large", "output_too_large", TOO_LARGE),
    ],
)
def test_a_call_without_an_answer(fault, code, message):
    failure = unreachable(fault, "it took too long")
    assert error(failure) == {"error": message, "message": message, "name": "Error"}
    assert (failure.code, failure.output, failure.no_retry) == (code, None, False)


# Versions


@pytest.mark.parametrize(
    ("header", "version"),
    [
        ("1", 1),
        ("2", 2),
        (" 2 ", 2),
        ("0", 0),
        ("-1", -1),
        ("", None),
        ("x", None),
        ("1.5", None),
        ("-2", None),
        ("9" * 30, None),
        ("9" * 5_000, None),
    ],
)
@pytest.mark.parametrize(
    ("status", "body"), [(200, b"1"), (206, b"[]"), (206, b""), (400, b""), (500, b""), (201, b"")]
)
def test_the_version_of_an_answer(header, version, status, body):
    assert read(status, body, x_inngest_req_version=header).version == version


# No-retry


@pytest.mark.parametrize(
    ("header", "final"),
    [("true", True), (" TRUE ", True), ("false", False), ("1", False), ("yes", False), ("", False)],
)
@pytest.mark.parametrize("status", [206, 400, 404, 500])
def test_no_retry_counts_if_it_is_true(header, final, status):
    assert read(status, b"[]", x_inngest_no_retry=header).no_retry is final


@pytest.mark.parametrize("status", [200, 400, 500])
def test_with_no_retry_the_error_says_so(status):
    failure = read(status, b'{"message":"m"}', x_inngest_no_retry="true", x_inngest_req_version="2")
    assert error(failure) == {"error": "NonRetriableError", "message": "m", "name": "Error"}
    assert failure.no_retry
    assert failure.output == b'{"message":"m"}'
    assert failure.version == 2


def test_a_result_with_no_retry_false_is_a_result():
    assert read(200, b"1", x_inngest_no_retry="false") == Result(b"1", None)


@pytest.mark.parametrize(
    ("sdk", "final"),
    [
        ("js:v1.10.0", True),
        ("inngest-js:v1.9.9", True),
        ("js:v2.0.0", True),
        ("inngest-js:v2.4.0", True),
        ("js:v0.9.0", True),
        ("js:v1.10.1", False),
        ("js:v1.11.0", False),
        ("js:v2.4.1", False),
        ("js:v3.54.2", False),
        ("inngest-js:v4.18.1", False),
        ("inngest-py:v0.5.19", False),
        ("py:v1.0.0", False),
        ("go:v0.15.1", False),
        ("", False),
    ],
)
def test_a_4xx_of_an_old_typescript_sdk_is_final(sdk, final):
    assert read(404, x_inngest_sdk=sdk).no_retry is final
    assert read(500, x_inngest_sdk=sdk).no_retry is False
    assert read(404, x_inngest_sdk=sdk, x_inngest_no_retry="false").no_retry is False


# What SDKs send (§3.2)


@pytest.mark.parametrize(
    ("status", "body", "headers", "final", "told"),
    [
        (
            500,
            b'{"name":"Error","message":"bad","stack":"s","__serialized":true}',
            {"x_inngest_no_retry": "false"},
            False,
            {"name": "Error", "message": "bad", "stack": "s", "error": "invalid status code: 500"},
        ),
        (
            400,
            b'{"name":"TypeError","message":"bad","stack":"s","cause":{"name":"C"},"__serialized":true}',
            {"x_inngest_no_retry": "true"},
            True,
            {
                "name": "TypeError",
                "message": "bad",
                "stack": "s",
                "error": "NonRetriableError",
                "cause": {"name": "C"},
            },
        ),
        (
            500,
            b'{"code":"unknown","message":"bad","name":"ValueError","stack":"Traceback"}',
            {"x_inngest_no_retry": "true"},
            True,
            {"name": "ValueError", "message": "bad", "stack": "Traceback", "error": "NonRetriableError"},
        ),
        (
            500,
            b'{"message":"bad"}',
            {},
            False,
            {"name": "Error", "message": "bad", "error": "invalid status code: 500"},
        ),
        (
            500,
            b'{"error":"Could not find step \\"x\\"","requestedStep":"x","foundSteps":"","totalFoundSteps":0}',
            {"x_inngest_no_retry": "false"},
            False,
            {
                "name": "Error",
                "message": "invalid status code: 500",
                "error": 'Could not find step "x"',
            },
        ),
    ],
)
def test_errors_of_functions(status, body, headers, final, told):
    failure = read(status, body, **headers)
    assert error(failure) == told
    assert failure.no_retry is final


@pytest.mark.parametrize("retry_after", ["90", "2026-11-23T09:15:42Z", "2026-11-23T09:15:42.000Z"])
@pytest.mark.parametrize(
    ("status", "sdk"), [(206, True), (400, True), (500, True), (429, False), (503, False)]
)
def test_retry_after(retry_after, status, sdk):
    assert read(status, b"[]", sdk=sdk, retry_after=retry_after).retry_at == NOW + 90_000
