"""Limits on what is done at once (flow-control §4)."""

from inngest_fast.domain.apps import Function
from inngest_fast.domain.flow import FunctionLimits, KeyValue
from inngest_fast.domain.functions import ConcurrencyLimit
from inngest_fast.domain.ids import ACCOUNT, ENVIRONMENT
from inngest_fast.engine.flow.keys import key_value, rule
from inngest_fast.engine.flow.throttle import rate

_OWNERS = {"env": ENVIRONMENT, "account": ACCOUNT}


def step_keys(function: Function, event: bytes, now: int) -> tuple[KeyValue, ...]:
    """What calls of a run with this first event are counted in. A limit without a key needs none."""
    keys = {}
    for limit in function.config.concurrency:
        if limit.kind == "step" and limit.key:
            key = key_value(_kind(limit), limit.key, _owner(function, limit), event, now)
            keys[key.counter] = key  # the same limit twice is one
    return tuple(keys.values())


def run_key(function: Function, event: bytes, now: int) -> KeyValue | None:
    """What a run with this first event is counted in from its start to its end."""
    for limit in function.config.concurrency:
        if limit.kind == "fn":
            return key_value(_kind(limit), limit.key, _owner(function, limit), event, now)
    return None


def limits_of(function: Function) -> FunctionLimits:
    """What binds a function's jobs now, also those of runs that were scheduled under an earlier config."""
    config = function.config
    calls = 0
    rules: dict[str, int] = {}
    for limit in config.concurrency:
        if limit.key or limit.kind == "fn":
            name = rule(_kind(limit), limit.key)
            rules[name] = min(limit.limit, rules.get(name, limit.limit))
        else:
            calls = min(limit.limit, calls or limit.limit)
    throttle = rate(config.throttle) if config.throttle is not None else None
    return FunctionLimits(calls=calls, rules=rules, throttle=throttle, paused=bool(function.paused_at))


def expression_of(function: Function, name: str) -> str:
    """The key expression of a rule in a function's config now; "" if it has none, or is gone."""
    config = function.config
    for limit in config.concurrency:
        if rule(_kind(limit), limit.key) == name:
            return limit.key
    throttle = config.throttle
    return throttle.key if throttle is not None and rate(throttle).rule == name else ""


def _kind(limit: ConcurrencyLimit) -> str:
    scope = limit.scope[0]
    return scope if limit.kind == "step" else f"r{scope}"


def _owner(function: Function, limit: ConcurrencyLimit) -> str:
    return _OWNERS.get(limit.scope, function.id)
