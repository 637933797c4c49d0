"""One function of a sync, read and checked as a whole (sdk-protocol §1.3, flow-control §0)."""

from inngest_fast.domain.app_urls import normalise_app_url
from inngest_fast.domain.durations import MILLISECOND, parse_timeout
from inngest_fast.domain.errors import InvalidDurationError, InvalidFunctionError
from inngest_fast.domain.functions import (
    DEFAULT_RETRIES,
    MAX_RETRIES,
    CancelOn,
    Checkpoint,
    FunctionConfig,
    Timeouts,
)
from inngest_fast.engine.registration.concurrency import read_concurrency
from inngest_fast.engine.registration.expressions import restricted
from inngest_fast.engine.registration.fields import Fields, Problems, kind_of, whole_number
from inngest_fast.engine.registration.flow_control import (
    read_batch,
    read_debounce,
    read_priority,
    read_rate_limit,
    read_singleton,
    read_throttle,
)
from inngest_fast.engine.registration.triggers import read_triggers

_MAX_CANCELLATIONS = 5
_SCHEMES = frozenset({"http", "https", "ws", "wss"})


def read_function(
    value: object,
    *,
    where: str = "function",
    short_form: bool = False,
    generated_id: str = "",
) -> FunctionConfig:
    """The normalised config of one decoded function object.

    `where` names a function that has no id in the problem texts. With `short_form` the function may leave
    out `steps` and give its runtime URL as `url`, and `generated_id` stands in for a missing id (api-v1).
    Raises InvalidFunctionError with every problem found and the first specific wire code.
    """
    if not isinstance(value, dict):
        raise InvalidFunctionError([f"{where}: expected an object, got {kind_of(value)}"])
    raw = Fields(value, Problems(where))
    slug = raw.text("id") or generated_id
    problems = Problems(f"function '{slug}'" if slug else where)
    problems.texts.extend(raw.problems.texts)
    function = Fields(value, problems)
    if not slug and not problems.texts:
        function.refuse("id", "every function needs an id")
    name = function.required_text("name", "every function needs a name")
    if short_form and function.get("steps") is None:
        step_id = step_name = "step"
        url, retries = _read_url(function, "url", slug), None
    else:
        step_id, step_name, url, retries = _read_step(function, slug)
    if retries is None:
        retries = _read_retries(function)
    config = FunctionConfig(
        slug=slug,
        name=name,
        url=url,
        step_id=step_id,
        step_name=step_name,
        retries=DEFAULT_RETRIES if retries is None else min(max(retries, 0), MAX_RETRIES),
        triggers=read_triggers(function),
        cancel=_read_cancel(function),
        timeouts=_read_timeouts(function),
        priority=read_priority(function),
        concurrency=read_concurrency(function),
        throttle=read_throttle(function),
        rate_limit=read_rate_limit(function),
        debounce=read_debounce(function),
        batch=read_batch(function),
        singleton=read_singleton(function),
        checkpoint=_read_checkpoint(function),
    )
    _refuse_combinations(config, problems)
    if problems.texts:
        raise InvalidFunctionError(problems.texts, problems.code or InvalidFunctionError.code)
    return config


def _refuse_combinations(config: FunctionConfig, problems: Problems) -> None:
    if config.batch is None:
        return
    for name, configured in (
        ("cancelOn", bool(config.cancel)),
        ("debounce", config.debounce is not None),
        ("singleton", config.singleton is not None),
        ("priority.run", bool(config.priority)),
    ):
        if configured:
            problems.add(f"batchEvents cannot be combined with {name}", "combo_unsupported")


def _read_step(function: Fields, slug: str) -> tuple[str, str, str, int | None]:
    """Id, name, URL and retries of the only step."""
    value = function.get("steps")
    if not isinstance(value, dict):
        found = "nothing" if value is None else kind_of(value)
        function.refuse("steps", f"expected an object with exactly one step, got {found}")
        return "", "", "", None
    if len(value) != 1:
        function.refuse("steps", f"exactly one step is required, got {len(value)}")
        return "", "", "", None
    key, entry = next(iter(value.items()))
    if not isinstance(entry, dict):
        function.refuse(f"steps.{key}", f"expected an object, got {kind_of(entry)}")
        return "", "", "", None
    step = Fields(entry, function.problems, f"steps.{key}")
    name = step.required_text("name", "every step needs a name")
    runtime = step.section("runtime") or Fields({}, function.problems, step.path_of("runtime"))
    return step.text("id") or key, name, _read_url(runtime, "url", slug), _read_retries(step)


def _read_url(owner: Fields, name: str, slug: str) -> str:
    url = owner.text(name)
    if not url:
        owner.problems.add(f"No SDK URL provided for function '{slug}'")
        return ""
    scheme = url.partition(":")[0].lower()
    if "://" in url and scheme not in _SCHEMES:
        owner.problems.add(f"Non-supported step schema: {scheme}")
        return ""
    try:
        return normalise_app_url(url)
    except ValueError as error:
        owner.refuse(name, str(error))
        return ""


def _read_retries(owner: Fields) -> int | None:
    value = owner.get("retries")
    if value is None:
        return None
    number = whole_number(value)
    if number is not None:
        return number
    fields = owner.section("retries")
    if fields is None or fields.get("attempts") is None:
        return None
    return fields.integer("attempts")


def _read_timeouts(function: Fields) -> Timeouts:
    fields = function.section("timeouts")
    if fields is None:
        return Timeouts()
    return Timeouts(start_ms=_read_timeout(fields, "start"), finish_ms=_read_timeout(fields, "finish"))


def _read_timeout(fields: Fields, name: str) -> int | None:
    """Milliseconds, rounded up; zero means that there is none."""
    ns = fields.duration(name)
    if ns is not None and ns < 0:
        fields.refuse(name, f"must not be negative, got '{fields.text(name)}'")
    return -(-ns // MILLISECOND) if ns else None


def _read_cancel(function: Fields) -> tuple[CancelOn, ...]:
    entries = function.objects("cancel")
    if len(entries) > _MAX_CANCELLATIONS:
        function.problems.add(
            f"This function exceeds the max number of cancellation events: {_MAX_CANCELLATIONS}",
        )
        return ()
    cancel = []
    for entry in entries:
        event = entry.required_text("event", "a cancellation needs an event")
        expression, timeout = entry.text("if"), entry.text("timeout")
        reason = restricted(expression)
        if reason:
            entry.refuse("if", f"invalid cancellation expression on '{event}': {reason}")
        if timeout:
            try:
                parse_timeout(timeout, 0)
            except InvalidDurationError as error:
                entry.refuse("timeout", str(error))
        cancel.append(CancelOn(event=event, expression=expression, timeout=timeout))
    return tuple(cancel)


def _read_checkpoint(function: Fields) -> Checkpoint | None:
    if isinstance(function.get("checkpoint"), bool):
        return None
    fields = function.section("checkpoint")
    if fields is None:
        return None
    return Checkpoint(
        batch_steps=fields.integer("batch_steps"),
        batch_interval_ms=_read_span(fields, "batch_interval"),
        max_runtime_ms=_read_span(fields, "max_runtime"),
    )


def _read_span(fields: Fields, name: str) -> int:
    """Milliseconds of a duration that may also be a number of nanoseconds."""
    value = fields.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return value // MILLISECOND if abs(value) < 2**63 else 0
    return (fields.duration(name) or 0) // MILLISECOND
