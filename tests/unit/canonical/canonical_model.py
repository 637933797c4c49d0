"""Canonical JSON (RFC 8785) by way of Python values, slowly."""

import json
import math
from decimal import Decimal
from typing import Any


def number(value: float) -> str:
    """As ECMAScript's Number::toString: by the digits and where the point is."""
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    k, n = len(text), len(text) + exponent
    if k <= n <= 21:
        out = text + "0" * (n - k)
    elif 0 < n <= 21:
        out = text[:n] + "." + text[n:]
    elif -6 < n <= 0:
        out = "0." + "0" * -n + text
    else:
        out = text[0] + ("." + text[1:] if k > 1 else "") + f"e{n - 1:+}"
    return "-" * sign + out


def string(text: str) -> str:
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return json.dumps(whole, ensure_ascii=False)


def canonical(value: Any) -> str:
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
        return "{" + ",".join(f"{string(key)}:{canonical(inner)}" for key, inner in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, str):
        return string(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return number(float(value))


def refuse(constant: str) -> Any:
    raise ValueError(constant)


def finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def whole_key(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Keys as they are written: half of a pair is U+FFFD, and of what is then the same the last counts."""
    return {json.loads(string(key)): value for key, value in pairs}


def model(data: bytes) -> bytes:
    """ValueError, and RecursionError, for what is no JSON."""
    text = data.decode("utf-8", "strict")
    value = json.loads(
        text, parse_constant=refuse, parse_float=finite, parse_int=finite, object_pairs_hook=whole_key
    )
    return canonical(value).encode()
