"""Concurrency limits, in every shape that SDKs send them (flow-control §0 and §4.2)."""

from typing import Literal

from inngest_fast.domain.functions import ConcurrencyLimit
from inngest_fast.engine.registration.expressions import parsed
from inngest_fast.engine.registration.fields import Fields, kind_of, whole_number

_MAX_STEP_LIMITS = 2
_CODE = "concurrency_limit_invalid"

Kind = Literal["step", "fn"]


def read_concurrency(function: Fields) -> tuple[ConcurrencyLimit, ...]:
    """The limits that bind; an unkeyed step limit of zero or less means none and is left out."""
    value = function.get("concurrency")
    if value is None:
        return ()
    if isinstance(value, dict):
        split = Fields(value, function.problems, function.path_of("concurrency"))
        if split.get("fn") is not None or split.get("step") is not None:
            step = _read_list(split, "step", "step")
            run = _read_list(split, "fn", "fn")
            return tuple(step + run)
    return tuple(_read_list(function, "concurrency", "step"))


def _read_list(owner: Fields, name: str, kind: Kind) -> list[ConcurrencyLimit]:
    value = owner.get(name)
    if value is None:
        return []
    several = isinstance(value, list)
    entries = value if isinstance(value, list) else [value]
    if kind == "step" and len(entries) > _MAX_STEP_LIMITS:
        text = f"There are more concurrency limits specified than the allowed max of: {_MAX_STEP_LIMITS}"
        owner.problems.add(text, _CODE)
        return []
    if kind == "fn" and len(entries) > 1:
        owner.problems.add("Only one function concurrency limit is allowed", _CODE)
        return []
    limits = []
    for index, entry in enumerate(entries):
        limit = _read_limit(owner, f"{name}[{index}]" if several else name, entry, kind)
        if limit is not None:
            limits.append(limit)
    return limits


def _read_limit(owner: Fields, name: str, entry: object, kind: Kind) -> ConcurrencyLimit | None:
    number = whole_number(entry)
    if number is not None:
        fields = Fields({"limit": number}, owner.problems, owner.path_of(name))
    elif isinstance(entry, dict):
        fields = Fields(entry, owner.problems, owner.path_of(name))
    else:
        owner.refuse(name, f"expected a whole number or an object, got {kind_of(entry)}", _CODE)
        return None
    known = len(owner.problems.texts)
    limit, key, scope = fields.integer("limit"), fields.text("key"), fields.text("scope").lower() or "fn"
    if len(owner.problems.texts) > known:
        return None
    if scope not in ("fn", "env", "account"):
        fields.refuse("scope", f"one of fn, env and account, got '{scope}'", _CODE)
        return None
    if scope != "fn" and not key:
        fields.refuse("key", f"a limit with the scope {scope} needs a key", _CODE)
        return None
    if kind == "fn" and limit <= 0:
        fields.refuse("limit", f"a function concurrency limit must be greater than 0, got {limit}", _CODE)
        return None
    if key and limit <= 0:
        fields.refuse("limit", f"a limit with a key must be greater than 0, got {limit}", _CODE)
        return None
    reason = parsed(key)
    if reason:
        fields.refuse("key", f"invalid concurrency key: {reason}")
    if limit <= 0:
        return None
    return ConcurrencyLimit(limit=limit, key=key, scope=scope, kind=kind)  # type: ignore[arg-type]
