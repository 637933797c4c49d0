"""Reads the value of an option, whether text (flag, environment) or what a config file held."""

import math
import re
from typing import Any

from inngest_fast.cli.options import Kind, Option
from inngest_fast.log import level_name

_TRUE = frozenset(("1", "t", "true", "y", "yes", "on"))
_FALSE = frozenset(("0", "f", "false", "n", "no", "off"))
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d)")
_DURATION = re.compile(rf"(?:{_DURATION_PART.pattern})+")
_EXPECTED = {
    Kind.TEXT: "text",
    Kind.LIST: "a list of texts",
    Kind.SWITCH: "true or false",
    Kind.NUMBER: "a number",
    Kind.DURATION: 'a number or a duration such as "30s"',
    Kind.LEVEL: "one of trace, debug, info, notice, warn, error, emergency",
    Kind.FEATURES: '"name=true,other=false"',
}


def read(option: Option, raw: object) -> Any:
    """The value of `option` as `Settings` holds it, before `negates`.

    Raises ValueError("expected …, got …"), which shows no value of a secret option.
    """
    value = _READERS[option.kind](raw, option)
    if value is not None:
        return value
    got = f"a {type(raw).__name__}" if option.secret else repr(raw)
    hint = " (put it in quotes)" if option.kind in (Kind.TEXT, Kind.LIST) else ""
    expected = _EXPECTED.get(option.kind) or f"{', '.join(option.choices[:-1])} or {option.choices[-1]}"
    raise ValueError(f"expected {expected}, got {got}{hint}")


def _text(raw: object, _: Option) -> str | None:
    return raw if isinstance(raw, str) else None


def _list(raw: object, _: Option) -> tuple[str, ...] | None:
    parts: list[str] = []
    for item in raw if isinstance(raw, list | tuple) else [raw]:
        if not isinstance(item, str):
            return None
        parts += filter(None, map(str.strip, item.split(",")))
    return tuple(parts)


def _switch(raw: object, _: Option) -> bool | None:
    if isinstance(raw, bool):
        return raw
    text = raw.strip().lower() if isinstance(raw, str) else ""
    return True if text in _TRUE else False if text in _FALSE else None


def _number(raw: object, _: Option) -> int | None:
    if isinstance(raw, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", raw):
        return int(raw)
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else None


def _duration(raw: object, option: Option) -> float | None:
    if isinstance(raw, str):
        text = raw.strip()
        if _DURATION.fullmatch(text):
            return sum(float(amount) * _UNITS[unit] for amount, unit in _DURATION_PART.findall(text))
        if not re.fullmatch(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)", text):
            return None
        raw = float(text)
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        return None
    return raw * option.unit


def _level(raw: object, _: Option) -> str | None:
    return (level_name(raw) or None) if isinstance(raw, str) else None


def _features(raw: object, option: Option) -> tuple[tuple[str, bool], ...] | None:
    if not isinstance(raw, str):
        return None
    pairs: dict[str, bool] = {}
    for part in filter(None, map(str.strip, raw.split(","))):
        name, _, text = part.partition("=")
        value = _switch(text, option)
        if not name.strip() or value is None:
            return None
        pairs[name.strip()] = value
    return tuple(pairs.items())


def _choice(raw: object, option: Option) -> str | None:
    if isinstance(raw, bool):
        raw = "yes" if raw else "no"  # what YAML makes of these words
    text = raw.strip().lower() if isinstance(raw, str) else ""
    return text if text in option.choices else None


_READERS = {
    Kind.TEXT: _text,
    Kind.LIST: _list,
    Kind.SWITCH: _switch,
    Kind.NUMBER: _number,
    Kind.DURATION: _duration,
    Kind.LEVEL: _level,
    Kind.FEATURES: _features,
    Kind.CHOICE: _choice,
}
