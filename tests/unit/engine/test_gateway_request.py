"""Requests that apps leave to the server, as they are planned (sdk-protocol §4.2)."""

import json

import pytest
from engine_builders import EDGE, answer, function, op, ops, run

from inngest_fast.domain.runs import RunStatus, StepStatus
from inngest_fast.engine.gateway.request import Publish, outbound, read

URL = "https://api.test/v1/chat"


def fetch(**fields):
    values = {"url": URL, "method": "GET", **fields}
    if "headers" in values:
        values["headers"] = json.dumps(values["headers"]).encode()
    return outbound(op("Gateway", "g", **values))


def infer(format, **fields):
    values = {"url": URL, "auth_key": "k", "body": b'{"model":"m"}', **fields}
    if "headers" in values:
        values["headers"] = json.dumps(values["headers"]).encode()
    return outbound(op("AIGateway", "g", format=format, **values))


def test_a_request_is_a_job_of_its_own():
    planned = answer(run(), EDGE, ops(op("Gateway", "g", url=URL, method="put", body=b'"hi"')))
    assert planned.added == [("gateway", "g-gateway", 0)]
    [job] = planned.named("job")
    assert job.step_id == "g"
    request = read(job.payload)
    assert (request.url, request.method, request.body) == (URL, "PUT", b"hi")
    assert planned.steps["g"].status is StepStatus.PLANNED
    assert planned.steps["g"].reserved


def test_what_an_app_keeps_secret_is_in_the_job_alone():
    planned = answer(run(), EDGE, ops(op("AIGateway", "g", url=URL, auth_key="hush", body=b"{}")))
    assert b"hush" in planned.named("job")[0].payload
    assert "hush" not in repr(planned.run)


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (None, b""),
        (b'"plain"', b"plain"),
        (b'"{\\"a\\":1}"', b'{"a":1}'),
        ('"é\\n"'.encode(), "é\n".encode()),
        (b'{"a":1}', b'{"a":1}'),
    ],
)
def test_a_body_is_sent_as_it_is_meant(body, sent):
    assert fetch(body=body).body == sent


def test_the_method_is_post_unless_it_is_said():
    assert fetch(method="").method == "POST"


def test_headers_about_the_connection_are_the_clients():
    given = {"A": "1", "b": ["2", "3"], "Host": "x", "content-length": "9", "n": 4, "none": None}
    assert fetch(headers=given).headers == (("A", "1"), ("b", "2, 3"), ("n", "4"))


def test_a_header_does_not_end_early():
    assert fetch(headers={"a": "b\r\nevil: 1"}).headers == (("a", "b  evil: 1"),)


@pytest.mark.parametrize(
    "found",
    [
        op("Gateway", "g"),
        op("Gateway", "g", url="file:///etc/passwd"),
        op("Gateway", "g", url="https://"),
        op("Gateway", "g", url=URL, method="CONNECT"),
        op("Gateway", "g", url=URL, method="GET / HTTP/1.1"),
        op("Gateway", "g", url=URL, headers=b'{"a b":"c"}'),
        op("Gateway", "g", url=URL, headers=b'{"a":{}}'),
        op("Gateway", "g", url=URL, body=b'"' + b"x" * 4 * 1024 * 1024 + b'"'),
        op("AIGateway", "g", url=URL),
        op("AIGateway", "g", url=URL, body=b'"text"'),
    ],
)
def test_what_cannot_be_requested_is_a_failed_attempt(found):
    failed = answer(run(), EDGE, ops(found))
    assert failed.moved.attempt == 1
    assert failed.run.steps == {}
    last = answer(run(), EDGE, ops(found), function=function(retries=0))
    assert last.run.status is RunStatus.FAILED


@pytest.mark.parametrize(
    ("format", "header"),
    [
        ("openai-chat", ("Authorization", "Bearer k")),
        ("openai-responses", ("Authorization", "Bearer k")),
        ("", ("Authorization", "Bearer k")),
        ("anthropic", ("x-api-key", "k")),
        ("bedrock", ("Authorization", "k")),
        ("azure-openai", ("api-key", "k")),
    ],
)
def test_a_model_knows_who_asks(format, header):
    request = infer(format)
    assert request.headers == (("Content-Type", "application/json"), header)
    assert (request.method, request.url) == ("POST", URL)


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        (URL, URL + "?key=a%2Fb"),
        (URL + "?x=1", URL + "?x=1&key=a%2Fb"),
        (URL + "?key=mine", URL + "?key=mine"),
    ],
)
def test_gemini_has_its_key_in_the_url(url, asked):
    assert infer("gemini", url=url, auth_key="a/b").url == asked


def test_what_the_app_says_itself_goes_first():
    headers = {"authorization": "mine", "content-type": "application/x"}
    assert infer("openai-chat", headers=headers).headers == tuple(headers.items())
    assert infer("openai-chat", auth_key="").headers == (("Content-Type", "application/json"),)


def test_where_the_response_is_published():
    assert fetch(publish=b'{"channel":"c","topic":"t"}').publish == Publish("c", "t")
    assert fetch(publish=b'{"channel":"c"}').publish is None
    assert fetch(publish=b'"c"').publish is None
