"""What comes of requests that apps leave to the server: memos, and what models cost (sdk-protocol §2.2)."""

import json

import pytest
from engine_builders import NOW, plain

from inngest_fast.engine.gateway.outcome import responded, unanswered
from inngest_fast.engine.gateway.prices import estimated_cost
from inngest_fast.engine.gateway.request import Outbound

FETCH = Outbound("https://user:pw@api.test/x?key=hush", "GET", (), b"")
MIB = 1024 * 1024


def got(request=FETCH, status=200, headers=None, body=b"", took=7):
    return responded(request, status, headers or {}, body, now=NOW, took=took)


def asked(format, body=None, url="https://api.test/v1"):
    return Outbound(url, "POST", (), json.dumps(body or {}).encode(), format=format)


def test_a_response_is_the_data_of_the_step():
    headers = {"content-type": "text/plain", "content-encoding": "gzip", "content-length": "3", "x-a": "1, 2"}
    outcome = got(status=404, headers=headers, body="né".encode())
    assert not outcome.failed
    assert plain(outcome.memo) == {
        "data": {
            "url": FETCH.url,
            "headers": {"content-type": "text/plain", "x-a": "1, 2"},
            "body": "né",
            "status_code": 404,
        }
    }


def test_a_body_that_is_no_text_is_shown_as_far_as_it_is():
    assert plain(got(body=b"a\xffb").memo)["data"]["body"] == "a\ufffdb"


def test_a_response_too_large_for_a_step_is_final():
    outcome = got(body=b"x" * (4 * MIB))
    assert outcome.failed
    assert outcome.final
    assert plain(outcome.memo)["error"]["name"] == "GatewayError"


@pytest.mark.parametrize(
    ("fault", "final"),
    [("refused", False), ("timeout", False), ("protocol", False), ("forbidden", True), ("too_large", True)],
)
def test_without_a_response_it_has_failed(fault, final):
    outcome = unanswered(FETCH, fault, "no way")
    assert (outcome.failed, outcome.final) == (True, final)
    error = plain(outcome.memo)["error"]
    assert error["name"] == "GatewayError"
    assert error["message"] == "https://api.test gave no response: no way"


def test_a_models_answer_is_the_data_of_the_step():
    outcome = got(asked("openai-chat"), body=b'{"id": "r", "choices": []}')
    assert plain(outcome.memo) == {"data": {"id": "r", "choices": []}}


@pytest.mark.parametrize("status", [300, 400, 429, 500])
def test_a_model_that_refuses_has_failed(status):
    headers = {"retry-after": "90"}
    outcome = got(asked("anthropic"), status, headers, b'{"error":{"type":"busy"}}')
    assert (outcome.failed, outcome.final, outcome.retry_at) == (True, False, NOW + 90_000)
    assert plain(outcome.memo)["error"] == {
        "name": "AIGatewayError",
        "message": f"the model's API answered with HTTP {status}",
        "data": {"error": {"type": "busy"}},
        "stack": '{"error":{"type":"busy"}}',
    }


@pytest.mark.parametrize("status", [200, 502])
def test_a_model_that_answers_with_a_page_has_failed(status):
    error = plain(got(asked("openai-chat"), status, {}, b"<html>").memo)["error"]
    assert error["stack"] == "<html>"
    assert "data" not in error


@pytest.mark.parametrize(
    ("format", "url", "request_body", "response", "usage"),
    [
        (
            "openai-chat",
            "https://api.test/v1",
            {"model": "gpt-4o-mini", "temperature": 0.5, "max_tokens": 9},
            {
                "id": "c1",
                "model": "gpt-4o-mini-2024-07-18",
                "choices": [{"finish_reason": "stop"}],
                "usage": {
                    "prompt_tokens": 10,
                    "completion_tokens": 20,
                    "total_tokens": 30,
                    "prompt_tokens_details": {"cached_tokens": 4},
                    "completion_tokens_details": {"reasoning_tokens": 5},
                },
            },
            {
                "provider": "openai",
                "request_model": "gpt-4o-mini",
                "response_model": "gpt-4o-mini-2024-07-18",
                "response_id": "c1",
                "finish_reasons": ["stop"],
                "input_tokens": 10,
                "output_tokens": 20,
                "total_tokens": 30,
                "cache_read_tokens": 4,
                "reasoning_tokens": 5,
                "temperature": 0.5,
                "max_tokens": 9,
            },
        ),
        (
            "anthropic",
            "https://api.test/v1",
            {"model": "claude-3-5-haiku-latest"},
            {
                "id": "m1",
                "model": "claude-3-5-haiku-20241022",
                "stop_reason": "tool_use",
                "content": [{"type": "tool_use", "name": "look", "input": {}}],
                "usage": {"input_tokens": 3, "output_tokens": 4, "cache_creation_input_tokens": 1},
            },
            {
                "provider": "anthropic",
                "request_model": "claude-3-5-haiku-latest",
                "response_model": "claude-3-5-haiku-20241022",
                "response_id": "m1",
                "finish_reasons": ["tool_use"],
                "input_tokens": 3,
                "output_tokens": 4,
                "cache_creation_tokens": 1,
            },
        ),
        (
            "gemini",
            "https://api.test/v1beta/models/gemini-2.0-flash:generateContent?key=k",
            {"contents": []},
            {
                "modelVersion": "gemini-2.0-flash-001",
                "candidates": [{"finishReason": "STOP"}],
                "usageMetadata": {
                    "promptTokenCount": 5,
                    "candidatesTokenCount": 6,
                    "totalTokenCount": 11,
                    "thoughtsTokenCount": 2,
                },
            },
            {
                "provider": "gcp.gemini",
                "request_model": "gemini-2.0-flash",
                "response_model": "gemini-2.0-flash-001",
                "finish_reasons": ["STOP"],
                "input_tokens": 5,
                "output_tokens": 6,
                "total_tokens": 11,
                "reasoning_tokens": 2,
            },
        ),
        (
            "bedrock",
            "https://bedrock.test/model/anthropic.claude-3-haiku-20240307-v1:0/converse",
            {"messages": []},
            {"stopReason": "end_turn", "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}},
            {
                "provider": "aws.bedrock",
                "request_model": "anthropic.claude-3-haiku-20240307-v1",
                "finish_reasons": ["end_turn"],
                "input_tokens": 1,
                "output_tokens": 2,
                "total_tokens": 3,
            },
        ),
    ],
)
def test_what_a_model_tells_of_itself(format, url, request_body, response, usage):
    outcome = got(asked(format, request_body, url), body=json.dumps(response).encode())
    assert outcome.usage == {"operation_name": "chat", "latency_ms": 7, **usage}
    assert estimated_cost(outcome.usage) > 0


@pytest.mark.parametrize("body", [b"null", b"[]", b'{"usage":"x","choices":{},"model":7}'])
def test_an_answer_may_tell_nothing(body):
    assert got(asked("openai-chat"), body=body).usage == {
        "operation_name": "chat",
        "provider": "openai",
        "latency_ms": 7,
    }


@pytest.mark.parametrize(
    ("model", "cost"),
    [
        ("gpt-4o", 12.5),
        ("gpt-4o-2024-08-06", 12.5),
        ("gpt-4o-mini", 0.75),
        ("models/gemini-2.0-flash-001", 0.5),
        ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", 18.0),
        ("claude-opus-4-5-20251101", 30.0),
        ("gpt-4o-audio-preview", None),
        ("nobody-knows", None),
    ],
)
def test_the_cost_of_a_million_tokens_each_way(model, cost):
    tokens = {"input_tokens": 1_000_000, "output_tokens": 1_000_000}
    assert estimated_cost({"response_model": model, **tokens}) == cost
    assert estimated_cost({"response_model": "nobody-knows", "request_model": model, **tokens}) == cost
    assert estimated_cost({"response_model": model}) is None
