"""What REST v2 shows of apps, functions and runs (http-api §5.4)."""

from typing import Any, Final

import msgspec

from inngest_fast.api.rest_v2.replies import instant, some
from inngest_fast.domain.apps import App, Function
from inngest_fast.domain.durations import MILLISECOND, SECOND, format_go
from inngest_fast.domain.functions import DEFAULT_RETRIES, ConcurrencyLimit, FunctionConfig, Trigger
from inngest_fast.domain.runs import Run

_SCOPES: Final = {"fn": "FUNCTION", "env": "ENVIRONMENT", "account": "ACCOUNT"}
# There is no plan, and no limit of one.
_NO_LIMIT: Final = {"limit": {"isPlanLimit": True, "value": -1}, "scope": "ACCOUNT"}
_shown_error = msgspec.json.Decoder(dict[str, msgspec.Raw])


def app(app: App, functions: int) -> dict[str, Any]:
    """A placeholder, which has no name yet, goes by its uuid."""
    language, _, version = app.sdk.partition(":")
    return some(
        id=app_ref(app),
        name=app.name,
        method="API" if app.source == "api" else "SERVE",
        createdAt=instant(app.created_at),
        functionCount=functions,
        latestSync=some(
            error=app.error,
            framework=app.framework,
            sdkLanguage=language,
            sdkVersion=version,
            url=app.url,
        ),
    )


def app_ref(app: App) -> str:
    return app.name or app.id


def bare(slug: str, app_name: str) -> str:
    """A function's id within its app."""
    return slug.removeprefix(f"{app_name}-") or slug


def function(function: Function) -> dict[str, Any]:
    id = bare(function.slug, function.app_name)
    return some(
        app={"id": function.app_name},
        configuration=_configuration(function.config),
        id=id,
        name=function.config.name,
        slug=id,
        triggers=[_trigger(each) for each in function.config.triggers],
    )


def _trigger(trigger: Trigger) -> dict[str, str]:
    kind = "CRON" if trigger.cron else "EVENT"
    return some(type=kind, value=trigger.cron or trigger.event, if_=trigger.expression)


def _configuration(config: FunctionConfig) -> dict[str, Any]:
    batch, rate, debounce = config.batch, config.rate_limit, config.debounce
    throttle, singleton = config.throttle, config.singleton
    return some(
        cancellations=[
            some(event=each.event, timeout=each.timeout, if_=each.expression) for each in config.cancel
        ],
        concurrency=[_limit(each) for each in config.concurrency] or [_NO_LIMIT],
        debounce=debounce and some(key=debounce.key, period=_seconds(debounce.period_s)),
        eventsBatch=batch
        and some(key=batch.key, maxSize=batch.size, timeout=format_go(batch.timeout_ms * MILLISECOND)),
        priority=config.priority,
        rateLimit=rate and some(key=rate.key, limit=rate.limit, period=_seconds(rate.period_s)),
        retries={"isDefault": config.retries == DEFAULT_RETRIES, "value": config.retries},
        singleton=singleton and some(key=singleton.key, mode=singleton.mode.upper()),
        throttle=throttle
        and some(
            burst=throttle.burst, key=throttle.key, limit=throttle.limit, period=_seconds(throttle.period_s)
        ),
    )


def _limit(limit: ConcurrencyLimit) -> dict[str, Any]:
    shown = some(key=limit.key, scope=_SCOPES[limit.scope])
    return {**shown, "limit": {"isPlanLimit": False, "value": limit.limit}}


def _seconds(value: int) -> str:
    return format_go(value * SECOND)


def run(run: Run, function: Function | None) -> dict[str, Any]:
    """Without its output. `function` is None if nobody knows it any more."""
    app_name = function.app_name if function else ""
    known = some(id=bare(run.slug, app_name), name=function.config.name if function else "")
    duration = run.ended_at - run.started_at if run.started_at and run.ended_at else 0
    return some(
        app={"id": app_name or run.app_id},
        durationMs=str(duration) if duration > 0 else "",
        endedAt=instant(run.ended_at),
        function=known,
        id=run.id,
        isDeferred=bool(run.deferred_by),
        originalRunId=run.original_run_id,
        queuedAt=instant(run.queued_at),
        startedAt=instant(run.started_at),
        status=run.status.name,
        trigger=some(
            batchId=run.batch_id,
            cronSchedule=run.cron,
            eventIds=run.event_ids,
            isBatch=bool(run.batch_id),
        ),
    )


def output(run: Run, *, listed: bool) -> dict[str, Any]:
    """`output` of a run that has ended with one; errors of a listed one are wrapped."""
    if run.error is not None:
        error = failure(run.error)
        return {"output": {"error": error} if listed else error}
    if run.status.ended and run.output is not None:
        return {"output": wrapped(run.output)}
    return {}


def failure(error: bytes) -> Any:
    """Message, name and stack of an error; all of what is no error object."""
    try:
        fields = _shown_error.decode(error)
    except msgspec.DecodeError:
        return {"message": error.decode("utf-8", "replace")}
    known = {name: fields[name] for name in ("message", "name", "stack") if name in fields}
    return {name: value for name, value in known.items() if bytes(value) != b"null"} or msgspec.Raw(error)


def wrapped(value: bytes) -> Any:
    """JSON as the value of a field that holds objects: others are put into one."""
    raw = msgspec.Raw(value)
    return raw if value.lstrip()[:1] == b"{" else {"data": raw}
