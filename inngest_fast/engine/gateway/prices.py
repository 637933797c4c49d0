"""What tokens cost, in USD for a million: list prices, without discounts for caches or batches."""

import re
from collections.abc import Mapping
from typing import Any

# (input, output)
_PRICES = {
    "gpt-3.5-turbo": (0.5, 1.5),
    "gpt-4": (30.0, 60.0),
    "gpt-4-turbo": (10.0, 30.0),
    "gpt-4o": (2.5, 10.0),
    "gpt-4o-mini": (0.15, 0.6),
    "gpt-4.1": (2.0, 8.0),
    "gpt-4.1-mini": (0.4, 1.6),
    "gpt-4.1-nano": (0.1, 0.4),
    "gpt-5": (1.25, 10.0),
    "gpt-5-mini": (0.25, 2.0),
    "gpt-5-nano": (0.05, 0.4),
    "o1": (15.0, 60.0),
    "o1-mini": (1.1, 4.4),
    "o3": (2.0, 8.0),
    "o3-mini": (1.1, 4.4),
    "o4-mini": (1.1, 4.4),
    "text-embedding-3-large": (0.13, 0.0),
    "text-embedding-3-small": (0.02, 0.0),
    "claude-3-haiku": (0.25, 1.25),
    "claude-3-sonnet": (3.0, 15.0),
    "claude-3-opus": (15.0, 75.0),
    "claude-3-5-haiku": (0.8, 4.0),
    "claude-3-5-sonnet": (3.0, 15.0),
    "claude-3-7-sonnet": (3.0, 15.0),
    "claude-haiku-4-5": (1.0, 5.0),
    "claude-sonnet-4": (3.0, 15.0),
    "claude-sonnet-4-5": (3.0, 15.0),
    "claude-opus-4": (15.0, 75.0),
    "claude-opus-4-1": (15.0, 75.0),
    "claude-opus-4-5": (5.0, 25.0),
    "gemini-1.5-flash": (0.075, 0.3),
    "gemini-1.5-pro": (1.25, 5.0),
    "gemini-2.0-flash": (0.1, 0.4),
    "gemini-2.0-flash-lite": (0.075, 0.3),
    "gemini-2.5-flash": (0.3, 2.5),
    "gemini-2.5-flash-lite": (0.1, 0.4),
    "gemini-2.5-pro": (1.25, 10.0),
    "deepseek-chat": (0.27, 1.1),
    "deepseek-reasoner": (0.55, 2.19),
    "grok-2": (2.0, 10.0),
    "grok-3": (3.0, 15.0),
    "grok-3-mini": (0.3, 0.5),
    "grok-4": (3.0, 15.0),
}
_MILLION = 1_000_000
# "us.anthropic.claude-…", "models/gemini-…": who serves it does not change what it is called.
_SERVED_BY = re.compile(r"^(?:models/|[a-z_-]+/|(?:[a-z]{2,6}\.)?(?:anthropic|openai|deepseek)\.)")
_EDITION = re.compile(r"(?:-latest|-\d{4}-\d{2}-\d{2}|-\d{8}|-\d{3,4})?(?:-v\d+)?(?::\d+)?$")


def estimated_cost(values: Mapping[str, Any]) -> float | None:
    """Of the tokens in the values of an `inngest.ai` entry; None for a model whose price is not known."""
    tokens = [values.get("input_tokens"), values.get("output_tokens")]
    if not any(isinstance(n, int | float) for n in tokens):
        return None
    for name in ("response_model", "request_model"):
        model = values.get(name)
        price = _PRICES.get(_plain(model)) if isinstance(model, str) else None
        if price is not None:
            pairs = zip(tokens, price, strict=True)
            cost = sum(n * rate for n, rate in pairs if isinstance(n, int | float))
            return round(cost / _MILLION, 12)
    return None


def _plain(model: str) -> str:
    """The name of a model without its server and edition."""
    return _EDITION.sub("", _SERVED_BY.sub("", model.lower()))
