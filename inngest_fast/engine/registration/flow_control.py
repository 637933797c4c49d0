"""Throttle, rate limit, debounce, batch, singleton and priority as functions configure them (§0 and §5)."""

from inngest_fast.domain.durations import (
    DAY,
    HOUR,
    MILLISECOND,
    SECOND,
    WEEK,
    format_go,
    parse_go,
)
from inngest_fast.domain.errors import InvalidDurationError
from inngest_fast.domain.functions import Batch, Debounce, RateLimit, Singleton, Throttle
from inngest_fast.engine.registration.expressions import checked, parsed
from inngest_fast.engine.registration.fields import Fields

_MIN_BATCH = 2
_MAX_RATE_LIMIT_PERIOD = DAY


def read_throttle(function: Fields) -> Throttle | None:
    fields = function.section("throttle")
    if fields is None:
        return None
    known = len(fields.problems.texts)
    limit, burst, key = fields.integer("limit"), fields.integer("burst"), fields.text("key")
    period = fields.duration("period")
    if limit < 0:
        fields.refuse("limit", f"must not be negative, got {limit}")
    if burst < 0:
        fields.refuse("burst", f"must not be negative, got {burst}")
    if len(fields.problems.texts) > known:
        return None
    if period is None:
        fields.refuse("period", "period must be specified")
        return None
    if period < SECOND:
        fields.refuse("period", f"must be at least 1s, got '{fields.text('period')}'")
        return None
    return Throttle(limit=limit or 1, period_s=period // SECOND, burst=burst, key=key)


def read_rate_limit(function: Fields) -> RateLimit | None:
    """The rate limit; a function's `idempotency` expression takes its place (flow-control §0, end)."""
    idempotency = function.text("idempotency")
    if idempotency:
        reason = checked(idempotency)
        if reason:
            function.refuse("idempotency", f"key is invalid: {reason}")
        return RateLimit(limit=1, period_s=24 * HOUR // SECOND, key=idempotency)
    fields = function.section("rateLimit")
    if fields is None:
        return None
    known = len(fields.problems.texts)
    limit, key, period = fields.integer("limit"), fields.text("key"), fields.duration("period")
    if len(fields.problems.texts) > known:
        return None
    if limit <= 0:
        fields.refuse("limit", "limit must be greater than 0")
    if period is None:
        fields.refuse("period", "period must be specified")
    elif period > _MAX_RATE_LIMIT_PERIOD:
        fields.refuse("period", f"period must be less than {format_go(_MAX_RATE_LIMIT_PERIOD)}")
    elif period < SECOND:
        fields.refuse("period", f"must be at least 1s, got '{fields.text('period')}'")
    reason = checked(key)
    if reason:
        fields.refuse("key", f"key is invalid: {reason}")
    return RateLimit(limit=limit, period_s=(period or 0) // SECOND, key=key)


def read_debounce(function: Fields) -> Debounce | None:
    fields = function.section("debounce")
    if fields is None:
        return None
    known = len(fields.problems.texts)
    key, period, timeout = fields.text("key"), fields.duration("period"), fields.duration("timeout")
    if len(fields.problems.texts) > known:
        return None
    shown = fields.text("period")
    if period is None:
        fields.refuse("period", "period must be specified")
    elif period < SECOND:
        fields.problems.add(f"The debounce period of '{shown}' is less than the min of: 1s")
    elif period > WEEK:
        fields.problems.add(f"The debounce period of '{shown}' is greater than the max of: {format_go(WEEK)}")
    if timeout is not None and timeout < 0:
        fields.refuse("timeout", f"must not be negative, got '{fields.text('timeout')}'")
    reason = checked(key)
    if reason:
        fields.refuse("key", f"key is invalid: {reason}")
    # a timeout below a second still bounds the delay
    timeout_s = max(timeout // SECOND, 1) if timeout else None
    return Debounce(period_s=(period or 0) // SECOND, key=key, timeout_s=timeout_s)


def read_batch(function: Fields) -> Batch | None:
    fields = function.section("batchEvents")
    if fields is None:
        return None
    size, timeout = fields.integer("maxSize"), fields.text("timeout")
    key, condition = fields.text("key"), fields.text("if")
    if size < _MIN_BATCH:
        fields.refuse("maxSize", "batch size cannot be smaller than 2", "batch_size_invalid")
    timeout_ns = 0
    try:
        timeout_ns = parse_go(timeout)
    except InvalidDurationError as error:
        fields.refuse("timeout", f"invalid batch timeout: {error}", "batch_timeout_invalid")
    else:
        if timeout_ns < SECOND:
            fields.refuse("timeout", "batch timeout should be more than 1s", "batch_timeout_invalid")
    reason = checked(key)
    if reason:
        fields.refuse("key", f"invalid batch key expression: {reason}", "batch_key_expression_invalid")
    reason = checked(condition)
    if reason:
        fields.refuse("if", f"invalid batch condition: {reason}", "batch_if_expression_invalid")
    return Batch(size=size, timeout_ms=timeout_ns // MILLISECOND, key=key, condition=condition)


def read_singleton(function: Fields) -> Singleton | None:
    fields = function.section("singleton")
    if fields is None:
        return None
    known = len(fields.problems.texts)
    mode, key = fields.text("mode").lower(), fields.text("key")
    if len(fields.problems.texts) > known:
        return None
    if mode == "skip":
        return Singleton(mode="skip", key=key)
    if mode == "cancel":
        return Singleton(mode="cancel", key=key)
    fields.refuse("mode", f"one of skip and cancel, got '{mode}'")
    return None


def read_priority(function: Fields) -> str:
    fields = function.section("priority")
    if fields is None:
        return ""
    run = fields.text("run")
    reason = parsed(run)
    if reason:
        fields.refuse("run", f"invalid priority expression: {reason}")
    return run
