"""The values of flow-control keys, and names of what is kept by them (flow-control §2.6, §4.2)."""

import base64
import hashlib

import msgspec

from inngest_fast._native.expr import EvaluationError
from inngest_fast.domain.flow import SHOWN, KeyValue
from inngest_fast.engine.expressions import InvalidExpressionError, over_event

_encode = msgspec.json.Encoder(order="deterministic").encode


class NoValueError(Exception):
    """A key's expression fails on this event."""


def value_of(expression: str, event: bytes, now: int) -> object:
    """The value over an event's wire form; something missing gives False. Raises NoValueError."""
    try:
        return over_event(expression).evaluate(event, now_ms=now)
    except (InvalidExpressionError, EvaluationError) as error:
        raise NoValueError(str(error)) from None


def value_or_false(expression: str, event: bytes, now: int) -> object:
    """As `value_of`, for keys whose errors count as the value false."""
    try:
        return value_of(expression, event, now)
    except NoValueError:
        return False


def digest(*parts: object) -> str:
    """Twelve characters that stand for these values, of any length."""
    hashed = hashlib.blake2b(_encode(parts), digest_size=9).digest()
    return base64.urlsafe_b64encode(hashed).decode()


def rule(kind: str, expression: str) -> str:
    """Names a limit within its function. Two functions that write the same expression name the same rule."""
    return f"{kind}:{digest(expression)}" if expression else f"{kind}:"


def key_value(kind: str, expression: str, owner: str, event: bytes, now: int) -> KeyValue:
    """The counter of a limit for one event; without an expression there is one for each owner."""
    name = rule(kind, expression)
    if not expression:
        return KeyValue(name, f"{name}/{digest(owner)}")
    value = value_or_false(expression, event, now)
    plain = int(value) if isinstance(value, float) and value.is_integer() else value
    text = plain if isinstance(plain, str) else _encode(plain).decode()
    return KeyValue(name, f"{name}/{digest(owner, value)}", text[:SHOWN])


def row_key(kind: str, function_id: str, *parts: object) -> str:
    """The key of a row of a function about these values."""
    return f"{kind}:{function_id}:{digest(*parts)}" if parts else f"{kind}:{function_id}"
