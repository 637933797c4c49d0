"""What a model's response tells of itself, as the metadata of kind `inngest.ai` (connect-realtime §3.5)."""

import re
from typing import Any

import msgspec

from inngest_fast.engine.gateway.request import ANTHROPIC, BEDROCK, GEMINI, Outbound

_PROVIDERS = {ANTHROPIC: "anthropic", GEMINI: "gcp.gemini", BEDROCK: "aws.bedrock", "grok": "x_ai"}
_MODEL_IN_URL = re.compile(r"/models?/([^/:?]+)")
_PARAMETERS = ("temperature", "top_p", "max_tokens", "frequency_penalty", "presence_penalty", "seed")

# Where each format has a number: the first path that leads to one counts.
_TOKENS = {
    "input_tokens": (
        "usage.prompt_tokens",
        "usage.input_tokens",
        "usage.inputTokens",
        "usageMetadata.promptTokenCount",
    ),
    "output_tokens": (
        "usage.completion_tokens",
        "usage.output_tokens",
        "usage.outputTokens",
        "usageMetadata.candidatesTokenCount",
    ),
    "total_tokens": ("usage.total_tokens", "usage.totalTokens", "usageMetadata.totalTokenCount"),
    "cache_read_tokens": (
        "usage.prompt_tokens_details.cached_tokens",
        "usage.input_tokens_details.cached_tokens",
        "usage.cache_read_input_tokens",
        "usage.cacheReadInputTokens",
        "usageMetadata.cachedContentTokenCount",
    ),
    "cache_creation_tokens": ("usage.cache_creation_input_tokens", "usage.cacheWriteInputTokens"),
    "reasoning_tokens": (
        "usage.completion_tokens_details.reasoning_tokens",
        "usage.output_tokens_details.reasoning_tokens",
        "usageMetadata.thoughtsTokenCount",
    ),
}


def usage_of(request: Outbound, response: bytes) -> dict[str, Any]:
    """`response` is JSON. What it does not tell is absent."""
    answer, asked = msgspec.json.decode(response), msgspec.json.decode(request.body)
    if not isinstance(answer, dict):
        answer = {}
    in_url = _MODEL_IN_URL.search(request.url)
    found: dict[str, Any] = {
        "operation_name": "chat",
        "provider": _PROVIDERS.get(request.format, "openai"),
        "request_model": _text(asked.get("model")) or (in_url[1] if in_url else ""),
        "response_model": _text(answer.get("model")) or _text(answer.get("modelVersion")),
        "response_id": _text(answer.get("id")) or _text(answer.get("responseId")),
        "finish_reasons": _finish_reasons(answer),
    }
    for name, paths in _TOKENS.items():
        found[name] = next((n for path in paths if (n := _number(answer, path)) is not None), None)
    for name in _PARAMETERS:
        found[name] = _number(asked, name)
    return {name: value for name, value in found.items() if value not in (None, "", [])}


def _finish_reasons(answer: dict[str, Any]) -> list[str]:
    reasons = [answer.get("stop_reason"), answer.get("stopReason")]
    for list_name, name in (("choices", "finish_reason"), ("candidates", "finishReason")):
        items = answer.get(list_name)
        if isinstance(items, list):
            reasons += [item.get(name) for item in items if isinstance(item, dict)]
    return [reason for reason in reasons if isinstance(reason, str)]


def _number(value: Any, path: str) -> int | float | None:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
