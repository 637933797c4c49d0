"""Ops that leave a request to the server, or defer a run, as SDKs write them."""

import json

import pytest
from engine_builders import NOW

from inngest_fast.engine.answer import read_answer

SDK = {"x-inngest-sdk": "inngest-js:v4.18.1"}
ID = "6b7f" * 10


def one(**op):
    body = json.dumps({"id": ID, "data": None, **op}).encode()
    return read_answer(206, SDK, body, now_ms=NOW).ops[0]


def test_a_request_as_typescript_writes_it():
    opts = {"url": "https://x.test/", "method": "POST", "headers": {"b": "c", "a": "b"}, "body": "hi"}
    op = one(op="Gateway", displayName="step.fetch: x.test", opts=opts, userland={"id": "s"})
    assert (op.url, op.method, op.headers, op.body) == (
        "https://x.test/",
        "POST",
        b'{"a":"b","b":"c"}',
        b'"hi"',
    )
    assert op.plans
    assert not op.lazy


@pytest.mark.parametrize("absent", [{}, {"headers": None, "body": None, "method": None, "auth_key": None}])
def test_what_a_request_does_not_say(absent):
    op = one(op="Gateway", opts={"url": "https://x.test/", **absent})
    assert (op.method, op.headers, op.body, op.auth_key, op.publish) == ("", None, None, "", None)


def test_a_model_as_it_is_asked():
    opts = {
        "type": "step.ai.infer",
        "url": "https://x.test/v1",
        "headers": {},
        "auth_key": "k",
        "format": "anthropic",
        "body": {"model": "m", "max_tokens": 1.0},
        "publish": {"channel": "c", "topic": "t"},
    }
    op = one(op="AIGateway", name="ask", opts=opts)
    assert (op.auth_key, op.format, op.body) == ("k", "anthropic", b'{"max_tokens":1,"model":"m"}')
    assert op.publish == b'{"channel":"c","topic":"t"}'


def test_a_defer_and_its_abort():
    opts = {"fn_slug": "shop-later", "input": {"n": 1}, "meta": {"sessions": {}}}
    op = one(op="DeferAdd", name="d", opts=opts, userland={"id": "mine"})
    assert (op.fn_slug, op.input, op.meta, op.userland_id) == (
        "shop-later",
        b'{"n":1}',
        b'{"sessions":{}}',
        "mine",
    )
    assert op.lazy
    abort = one(op="DeferAbort", opts={"target_hashed_id": "t", "fn_slug": "f", "id": "mine"})
    assert (abort.target_id, abort.lazy) == ("t", True)


def test_the_metadata_of_a_step():
    metadata = [{"kind": "userland.a", "scope": "step", "op": "set", "values": {"a": 1}}]
    assert json.loads(one(op="StepRun", metadata=metadata).metadata) == metadata
    assert one(op="StepRun", metadata=None).metadata is None
