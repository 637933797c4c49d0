"""`Function` and its configuration (http-api §6.3)."""

from typing import Any

import msgspec

from inngest_fast.api.graphql.request import Info, Resolvers, failed
from inngest_fast.domain.apps import App, Function
from inngest_fast.domain.durations import MILLISECOND, SECOND, format_go
from inngest_fast.domain.functions import DEFAULT_RETRIES, ConcurrencyLimit, FunctionConfig, Trigger

_SCOPES = {"fn": "FUNCTION", "env": "ENVIRONMENT", "account": "ACCOUNT"}
_FAILURE_HANDLER = "-failure"  # what SDKs append to the id of a function (flow-control §2.3)


def functions(_: object, info: Info) -> list[Function]:
    return list(info.context.catalog.functions())


def function_by_slug(_: object, info: Info, query: dict[str, str]) -> Function:
    found = info.context.catalog.by_slug(query["functionSlug"])
    if found is None:
        raise failed("sql: no rows in result set")
    return found


def _failure_handler(function: Function, info: Info) -> Function | None:
    found = info.context.catalog.by_slug(function.slug + _FAILURE_HANDLER)
    return found if found is not None and found.app_id == function.app_id else None


def _concurrency(function: Function, _: Info) -> int:
    """The limit that a function has of its own; 0 for none."""
    limits = (each.limit for each in function.config.concurrency if each.scope == "fn" and not each.key)
    return next(limits, 0)


def _app(function: Function, info: Info) -> App:
    return info.context.app_of(function.app_id, function.app_name)


def _trigger(trigger: Trigger) -> dict[str, Any]:
    return {
        "type": "CRON" if trigger.cron else "EVENT",
        "value": trigger.cron or trigger.event,
        "condition": trigger.expression or None,
    }


def _limit(limit: ConcurrencyLimit) -> dict[str, Any]:
    return {
        "scope": _SCOPES[limit.scope],
        "limit": {"value": limit.limit, "isPlanLimit": False},
        "key": limit.key or None,
    }


def _seconds(value: int) -> str:
    return format_go(value * SECOND)


def _configuration(config: FunctionConfig) -> dict[str, Any]:
    batch, rate, debounce = config.batch, config.rate_limit, config.debounce
    throttle, singleton = config.throttle, config.singleton
    return {
        "cancellations": [
            {"event": each.event, "timeout": each.timeout or None, "condition": each.expression or None}
            for each in config.cancel
        ],
        "retries": {"value": config.retries, "isDefault": config.retries == DEFAULT_RETRIES},
        "priority": config.priority or None,
        "eventsBatch": batch
        and {
            "maxSize": batch.size,
            "timeout": format_go(batch.timeout_ms * MILLISECOND),
            "key": batch.key or None,
        },
        "concurrency": [_limit(each) for each in config.concurrency],
        "rateLimit": rate
        and {"limit": rate.limit, "period": _seconds(rate.period_s), "key": rate.key or None},
        "debounce": debounce and {"period": _seconds(debounce.period_s), "key": debounce.key or None},
        "throttle": throttle
        and {
            "burst": throttle.burst,
            "key": throttle.key or None,
            "limit": throttle.limit,
            "period": _seconds(throttle.period_s),
        },
        "singleton": singleton and {"mode": singleton.mode.upper(), "key": singleton.key or None},
    }


RESOLVERS: Resolvers = {
    "Query": {"functions": functions, "functionBySlug": function_by_slug},
    "Function": {
        "id": lambda function, _: function.id,
        "name": lambda function, _: function.config.name,
        "slug": lambda function, _: function.slug,
        "failureHandler": _failure_handler,
        "config": lambda function, _: msgspec.json.encode(function.config).decode(),
        "configuration": lambda function, _: _configuration(function.config),
        "concurrency": _concurrency,
        "triggers": lambda function, _: [_trigger(each) for each in function.config.triggers],
        "url": lambda function, _: function.config.url,
        "appID": lambda function, _: function.app_id,
        "app": _app,
    },
}
