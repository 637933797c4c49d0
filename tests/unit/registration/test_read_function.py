"""One function's config: what is read, what is refused, and with which words."""

import pytest

from inngest_fast.domain.errors import InvalidFunctionError
from inngest_fast.domain.functions import (
    Batch,
    CancelOn,
    Checkpoint,
    ConcurrencyLimit,
    Debounce,
    RateLimit,
    Singleton,
    Throttle,
    Timeouts,
    Trigger,
)
from inngest_fast.engine.registration import read_function

URL = "http://localhost:3000/api/inngest?fnId=f&stepId=step"
STEP = {"id": "step", "name": "step", "runtime": {"type": "http", "url": URL}}


def read(**changes):
    return read_function({"id": "f", "name": "F", "triggers": [], "steps": {"step": STEP}, **changes})


def refused(**changes):
    with pytest.raises(InvalidFunctionError) as caught:
        read(**changes)
    assert all(problem.startswith("function 'f': ") for problem in caught.value.problems)
    return caught.value


def the_problem(**changes):
    error = refused(**changes)
    assert len(error.problems) == 1, error.problems
    return error.problems[0].removeprefix("function 'f': ")


@pytest.mark.parametrize(
    ("changes", "name", "expected"),
    [
        ({}, "retries", 4),
        ({"retries": {"attempts": 3}}, "retries", 3),
        ({"retries": 3}, "retries", 3),
        ({"retries": {"attempts": 3}, "steps": {"s": {**STEP, "retries": {"attempts": 0}}}}, "retries", 0),
        ({"steps": {"s": {**STEP, "retries": {"attempts": 99}}}}, "retries", 20),
        ({"steps": {"s": {**STEP, "retries": {"attempts": -1}}}}, "retries", 0),
        ({"steps": {"s": {**STEP, "retries": {"attempts": None}}}, "retries": {}}, "retries", 4),
        ({"steps": {"s": {**STEP, "id": "other", "name": "N"}}}, "step_id", "other"),
        ({"steps": {"s": {**STEP, "id": None}}}, "step_id", "s"),
        ({"triggers": None}, "triggers", ()),
        ({"triggers": [{"event": "a/b", "expression": "", "cron": None}]}, "triggers", (Trigger(event="a/b"),)),
        (
            {"triggers": [{"cron": "TZ=UTC 0 3 * * *", "jitter": "30s"}]},
            "triggers",
            (Trigger(cron="TZ=UTC 0 3 * * *", jitter_ms=30_000),),
        ),
        ({"triggers": [{"event": "a"}] * 1 + [{"event": "b"}]}, "triggers", (Trigger("a"), Trigger("b"))),
        ({"triggers": [{"cron": "* * * * *", "jitter": ""}]}, "triggers", (Trigger(cron="* * * * *"),)),
        ({"cancel": [{"event": "c", "timeout": "1w"}]}, "cancel", (CancelOn(event="c", timeout="1w"),)),
        (
            {"cancel": [{"event": "c", "if": None, "timeout": "2026-11-23T09:17:11Z"}]},
            "cancel",
            (CancelOn(event="c", timeout="2026-11-23T09:17:11Z"),),
        ),
        ({"timeouts": {"start": "10s", "finish": "1d"}}, "timeouts", Timeouts(10_000, 86_400_000)),
        ({"timeouts": {"start": "0s", "finish": ""}}, "timeouts", Timeouts()),
        ({"timeouts": {"start": "1us"}}, "timeouts", Timeouts(start_ms=1)),
        ({"priority": {"run": ""}}, "priority", ""),
        ({"throttle": {"limit": 0, "period": "1m"}}, "throttle", Throttle(limit=1, period_s=60)),
        (
            {"throttle": {"limit": 3, "period": "1500ms", "burst": 2, "key": "anything"}},
            "throttle",
            Throttle(limit=3, period_s=1, burst=2, key="anything"),
        ),
        ({"throttle": {"limit": 3.0, "period": "1d"}}, "throttle", Throttle(limit=3, period_s=86_400)),
        ({"rateLimit": {"limit": 5, "period": "24h"}}, "rate_limit", RateLimit(limit=5, period_s=86_400)),
        ({"debounce": {"period": "1s"}}, "debounce", Debounce(period_s=1)),
        ({"debounce": {"period": "7d", "timeout": "8d"}}, "debounce", Debounce(604_800, timeout_s=691_200)),
        ({"debounce": {"period": "5s", "timeout": "10ms"}}, "debounce", Debounce(period_s=5, timeout_s=1)),
        ({"batchEvents": {"maxSize": 2, "timeout": "1s"}}, "batch", Batch(size=2, timeout_ms=1_000)),
        ({"batchEvents": {"maxSize": 5000, "timeout": "1m30s"}}, "batch", Batch(size=5000, timeout_ms=90_000)),
        ({"singleton": {"mode": "skip"}}, "singleton", Singleton(mode="skip")),
        ({"Singleton": {"mode": "Cancel", "key": "k +"}}, "singleton", Singleton(mode="cancel", key="k +")),
        ({"checkpoint": {"batch_steps": 3, "batch_interval": "1s", "max_runtime": 60_000_000_000}},
         "checkpoint", Checkpoint(3, 1_000, 60_000)),
        ({"checkpoint": True}, "checkpoint", None),
    ],
)  # fmt: skip
def test_what_is_read(changes, name, expected):
    assert getattr(read(**changes), name) == expected


@pytest.mark.parametrize(
    ("value", "limits"),
    [
        (None, ()),
        (5, (ConcurrencyLimit(5),)),
        (5.0, (ConcurrencyLimit(5),)),
        (0, ()),
        (-1, ()),
        ([], ()),
        ({"limit": 5}, (ConcurrencyLimit(5),)),
        ({"limit": 5, "scope": "FN"}, (ConcurrencyLimit(5),)),
        ([{"limit": 5}], (ConcurrencyLimit(5),)),
        ([{"limit": 5}, {"limit": 0}], (ConcurrencyLimit(5),)),
        (
            {"step": [{"limit": 5}], "fn": [{"limit": 1}]},
            (ConcurrencyLimit(5), ConcurrencyLimit(1, kind="fn")),
        ),
        ({"fn": [{"limit": 1, "scope": "fn"}]}, (ConcurrencyLimit(1, kind="fn"),)),
        ({"Fn": {"Limit": 1}}, (ConcurrencyLimit(1, kind="fn"),)),
        ({"fn": [], "step": None}, ()),
        ({}, ()),
    ],
)
def test_concurrency_in_every_shape(value, limits):
    assert read(concurrency=value).concurrency == limits


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([{"limit": 1}] * 3, "There are more concurrency limits specified than the allowed max of: 2"),
        (
            {"step": [{"limit": 1}] * 3},
            "There are more concurrency limits specified than the allowed max of: 2",
        ),
        ({"fn": [{"limit": 1}] * 2}, "Only one function concurrency limit is allowed"),
        (
            {"fn": [{"limit": 0}]},
            "concurrency.fn[0].limit: a function concurrency limit must be greater than 0, got 0",
        ),
        ({"fn": [{}]}, "concurrency.fn[0].limit: a function concurrency limit must be greater than 0, got 0"),
        (
            {"limit": 0, "key": "event.data.k"},
            "concurrency.limit: a limit with a key must be greater than 0, got 0",
        ),
        ([{"limit": 1, "scope": "env"}], "concurrency[0].key: a limit with the scope env needs a key"),
        (
            [{"limit": 1, "scope": "account"}],
            "concurrency[0].key: a limit with the scope account needs a key",
        ),
        (
            {"fn": [{"limit": 1, "scope": "app"}]},
            "concurrency.fn[0].scope: one of fn, env and account, got 'app'",
        ),
        ("5", "concurrency: expected a whole number or an object, got text"),
        (2.5, "concurrency: expected a whole number or an object, got the number 2.5"),
        (True, "concurrency: expected a whole number or an object, got a boolean"),
        ([[1]], "concurrency[0]: expected a whole number or an object, got a list"),
        ([None], "concurrency[0]: expected a whole number or an object, got null"),
    ],
)
def test_refused_concurrency(value, problem):
    assert the_problem(concurrency=value) == problem
    assert refused(concurrency=value).code == "concurrency_limit_invalid"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": ""}, "name: every function needs a name"),
        ({"name": None}, "name: every function needs a name"),
        ({"name": 5}, "name: expected text, got the number 5"),
        ({"steps": None}, "steps: expected an object with exactly one step, got nothing"),
        ({"steps": []}, "steps: expected an object with exactly one step, got a list"),
        ({"steps": {}}, "steps: exactly one step is required, got 0"),
        ({"steps": {"a": STEP, "b": STEP}}, "steps: exactly one step is required, got 2"),
        ({"steps": {"a": 1}}, "steps.a: expected an object, got the number 1"),
        ({"steps": {"a": {**STEP, "name": ""}}}, "steps.a.name: every step needs a name"),
        ({"steps": {"a": {**STEP, "runtime": None}}}, "No SDK URL provided for function 'f'"),
        ({"steps": {"a": {**STEP, "runtime": {"url": ""}}}}, "No SDK URL provided for function 'f'"),
        ({"steps": {"a": {**STEP, "runtime": {"url": "ftp://h/x"}}}}, "Non-supported step schema: ftp"),
        ({"steps": {"a": {**STEP, "retries": {"attempts": "3"}}}},
         "steps.a.retries.attempts: expected a whole number of at most 2147483647, got text"),
        ({"retries": [1]}, "retries: expected an object, got a list"),
        ({"triggers": {}}, "triggers: expected a list, got an object"),
        ({"triggers": [None]}, "triggers[0]: expected an object, got null"),
        ({"triggers": [{"event": 5}]}, "triggers[0].event: expected text, got the number 5"),
        ({"triggers": [{}]}, "triggers[0]: a trigger has either an event or a cron, got neither"),
        ({"triggers": [{"event": ""}]}, "triggers[0]: a trigger has either an event or a cron, got neither"),
        ({"triggers": [{"event": "a", "cron": "* * * * *"}]},
         "triggers[0]: a trigger has either an event or a cron, got both"),
        ({"triggers": [{"event": f"e/{n}"} for n in range(11)]},
         "This function exceeds the max number of triggers: 10"),
        ({"triggers": [{"event": "a"}, {"event": "a"}]}, "triggers[1]: duplicate trigger 'a'"),
        ({"triggers": [{"cron": "* * * * *"}, {"cron": "* * * * *", "jitter": "1s"}]},
         "triggers[1]: duplicate trigger '* * * * *'"),
        ({"triggers": [{"cron": "* * * * *", "jitter": "999ms"}]}, "triggers[0].jitter: from 1s to 5m, got '999ms'"),
        ({"triggers": [{"cron": "* * * * *", "jitter": "5m1s"}]}, "triggers[0].jitter: from 1s to 5m, got '5m1s'"),
        ({"triggers": [{"cron": "* * * * *", "jitter": "-1s"}]}, "triggers[0].jitter: from 1s to 5m, got '-1s'"),
        ({"triggers": [{"cron": "* * * * *", "jitter": 5}]}, "triggers[0].jitter: expected text, got the number 5"),
        ({"cancel": [{"event": "c"}] * 6}, "This function exceeds the max number of cancellation events: 5"),
        ({"cancel": [{}]}, "cancel[0].event: a cancellation needs an event"),
        ({"cancel": [{"event": False}]}, "cancel[0].event: expected text, got a boolean"),
        ({"cancel": "c"}, "cancel: expected a list, got text"),
        ({"timeouts": {"start": "-1s"}}, "timeouts.start: must not be negative, got '-1s'"),
        ({"timeouts": {"finish": 60}}, "timeouts.finish: expected text, got the number 60"),
        ({"throttle": {"limit": -1, "period": "1m"}}, "throttle.limit: must not be negative, got -1"),
        ({"throttle": {"limit": 1, "period": "1m", "burst": -1}}, "throttle.burst: must not be negative, got -1"),
        ({"throttle": {"limit": 1}}, "throttle.period: period must be specified"),
        ({"throttle": {"limit": 1, "period": "999ms"}}, "throttle.period: must be at least 1s, got '999ms'"),
        ({"throttle": {"limit": 1, "period": "-1m"}}, "throttle.period: must be at least 1s, got '-1m'"),
        ({"throttle": {"limit": 10**12, "period": "1m"}},
         "throttle.limit: expected a whole number of at most 2147483647, got the number 1000000000000"),
        ({"throttle": [1]}, "throttle: expected an object, got a list"),
        ({"rateLimit": {"limit": 0, "period": "1m"}}, "rateLimit.limit: limit must be greater than 0"),
        ({"rateLimit": {"limit": 1}}, "rateLimit.period: period must be specified"),
        ({"rateLimit": {"limit": 1, "period": "24h0m1s"}}, "rateLimit.period: period must be less than 24h0m0s"),
        ({"rateLimit": {"limit": 1, "period": "1ms"}}, "rateLimit.period: must be at least 1s, got '1ms'"),
        ({"idempotency": {"key": "x"}}, "idempotency: expected text, got an object"),
        ({"debounce": {}}, "debounce.period: period must be specified"),
        ({"debounce": {"period": "500ms"}}, "The debounce period of '500ms' is less than the min of: 1s"),
        ({"debounce": {"period": "8d"}}, "The debounce period of '8d' is greater than the max of: 168h0m0s"),
        ({"debounce": {"period": "5s", "timeout": "-5s"}}, "debounce.timeout: must not be negative, got '-5s'"),
        ({"singleton": {}}, "singleton.mode: one of skip and cancel, got ''"),
        ({"singleton": {"mode": "both"}}, "singleton.mode: one of skip and cancel, got 'both'"),
        ({"singleton": "skip"}, "singleton: expected an object, got text"),
        ({"priority": {"run": 5}}, "priority.run: expected text, got the number 5"),
        ({"checkpoint": {"batch_steps": "x"}},
         "checkpoint.batch_steps: expected a whole number of at most 2147483647, got text"),
    ],
)  # fmt: skip
def test_what_is_refused(changes, problem):
    assert the_problem(**changes) == problem
    assert refused(**changes).code == "config_invalid"


@pytest.mark.parametrize(
    "changes",
    [
        {"triggers": [{"cron": "* * * * *", "jitter": "soon"}]},
        {"timeouts": {"start": "soon"}},
        {"throttle": {"limit": 1, "period": "soon"}},
        {"rateLimit": {"limit": 1, "period": "soon"}},
        {"debounce": {"period": "soon"}},
        {"debounce": {"period": "5s", "timeout": "soon"}},
        {"cancel": [{"event": "c", "timeout": "soon"}]},
        {"checkpoint": {"max_runtime": "soon"}},
    ],
)
def test_a_text_that_is_no_duration_is_named_with_its_field(changes):
    assert "'soon' is no duration" in the_problem(**changes)


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"triggers": [{"event": "e" * 256}]}, "event_name_invalid", "at most 255 characters, got 256"),
        ({"triggers": [{"cron": "* " * 128}]}, "schedule_invalid", "at most 255 characters, got 256"),
        ({"triggers": [{"cron": "@daily"}]}, "schedule_invalid", "'@daily' isn't a valid cron schedule"),
        ({"batchEvents": {"maxSize": 1, "timeout": "5s"}}, "batch_size_invalid", "batch size cannot be smaller than 2"),
        ({"batchEvents": {"timeout": "5s"}}, "batch_size_invalid", "batch size cannot be smaller than 2"),
        ({"batchEvents": {"maxSize": 5, "timeout": "1d"}}, "batch_timeout_invalid", "invalid batch timeout"),
        ({"batchEvents": {"maxSize": 5}}, "batch_timeout_invalid", "invalid batch timeout"),
        ({"batchEvents": {"maxSize": 5, "timeout": "999ms"}}, "batch_timeout_invalid",
         "batch timeout should be more than 1s"),
    ],
)  # fmt: skip
def test_problems_with_a_code_of_their_own(changes, code, text):
    assert refused(**changes).code == code
    assert text in the_problem(**changes)


@pytest.mark.parametrize(
    ("other", "name"),
    [
        ({"cancel": [{"event": "c"}]}, "cancelOn"),
        ({"debounce": {"period": "5s"}}, "debounce"),
        ({"singleton": {"mode": "skip"}}, "singleton"),
    ],
)
def test_batches_go_with_few_other_things(other, name):
    batch = {"maxSize": 5, "timeout": "5s"}
    assert the_problem(batchEvents=batch, **other) == f"batchEvents cannot be combined with {name}"
    assert refused(batchEvents=batch, **other).code == "combo_unsupported"


def test_every_problem_of_a_function_is_told():
    error = refused(
        name="", retries=[], triggers=[{}], throttle=1, batchEvents={"maxSize": 1, "timeout": "1s"}
    )
    assert len(error.problems) == 5
    assert error.code == "batch_size_invalid"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("f", "functions[2]: expected an object, got text"),
        ({"name": "F", "steps": {"step": STEP}}, "functions[2]: id: every function needs an id"),
        (
            {"id": 5, "name": "F", "steps": {"step": STEP}},
            "functions[2]: id: expected text, got the number 5",
        ),
    ],
)
def test_a_function_without_an_id_is_named_by_its_place(value, problem):
    with pytest.raises(InvalidFunctionError) as caught:
        read_function(value, where="functions[2]")
    assert caught.value.problems == [problem]


def test_the_short_form():
    value = {"name": "F", "triggers": [{"event": "a"}], "url": "http://127.0.0.1:3000/x", "retries": 1}
    config = read_function(value, short_form=True, generated_id="generated")
    assert (config.slug, config.url, config.retries) == ("generated", "http://localhost:3000/x", 1)
    assert read_function({**value, "id": "f"}, short_form=True, generated_id="generated").slug == "f"
    with pytest.raises(InvalidFunctionError, match="exactly one step"):
        read_function({**value, "id": "f"})


def test_the_short_form_still_takes_steps():
    value = {"id": "f", "name": "F", "steps": {"step": STEP}}
    assert read_function(value, short_form=True).url == URL


def test_idempotency_replaces_the_rate_limit():
    pytest.importorskip("inngest_fast._native.expr")
    config = read(idempotency="event.data.id", rateLimit={"limit": 5, "period": "1m"})
    assert config.rate_limit == RateLimit(limit=1, period_s=86_400, key="event.data.id")


def test_expressions_that_compile():
    pytest.importorskip("inngest_fast._native.expr")
    config = read(
        triggers=[{"event": "a", "expression": "event.data.total > 0"}],
        cancel=[{"event": "c", "if": "event.data.id == async.data.id"}],
        concurrency=[{"limit": 1, "key": "event.data.k", "scope": "env"}],
        rateLimit={"limit": 1, "period": "1m", "key": "event.data.k"},
        debounce={"period": "5s", "key": "event.data.k"},
        priority={"run": "event.data.vip ? 120 : 0"},
    )
    assert config.triggers[0].expression == "event.data.total > 0"
    assert config.cancel[0].expression == "event.data.id == async.data.id"
    assert config.concurrency == (ConcurrencyLimit(1, key="event.data.k", scope="env"),)
    assert config.priority == "event.data.vip ? 120 : 0"


@pytest.mark.parametrize(
    ("changes", "text", "code"),
    [
        ({"triggers": [{"event": "a", "expression": "event.data.x =="}]}, "invalid trigger expression on 'a': ", ""),
        ({"triggers": [{"event": "a", "expression": "other.x == 1"}]}, "invalid trigger expression on 'a': ", ""),
        ({"cancel": [{"event": "c", "if": "size(async.data.x) > 1"}]}, "cancel[0].if: ", ""),
        ({"cancel": [{"event": "c", "if": "has(async.data.x)"}]}, "cancel[0].if: ", ""),
        ({"idempotency": "event.data.x =="}, "idempotency: key is invalid: ", ""),
        ({"rateLimit": {"limit": 1, "period": "1m", "key": "a b"}}, "rateLimit.key: key is invalid: ", ""),
        ({"debounce": {"period": "5s", "key": "a b"}}, "debounce.key: key is invalid: ", ""),
        ({"concurrency": {"limit": 1, "key": "a b"}}, "concurrency.key: invalid concurrency key: ", ""),
        ({"priority": {"run": "a b"}}, "priority.run: invalid priority expression: ", ""),
        ({"batchEvents": {"maxSize": 5, "timeout": "5s", "key": "a b"}},
         "batchEvents.key: invalid batch key expression: ", "batch_key_expression_invalid"),
        ({"batchEvents": {"maxSize": 5, "timeout": "5s", "if": "a b"}},
         "batchEvents.if: invalid batch condition: ", "batch_if_expression_invalid"),
    ],
)  # fmt: skip
def test_expressions_that_do_not_compile(changes, text, code):
    pytest.importorskip("inngest_fast._native.expr")
    assert text in the_problem(**changes)
    assert refused(**changes).code == (code or "config_invalid")


def test_batches_cannot_have_a_priority():
    pytest.importorskip("inngest_fast._native.expr")
    batch = {"maxSize": 5, "timeout": "5s"}
    assert (
        the_problem(batchEvents=batch, priority={"run": "1"})
        == "batchEvents cannot be combined with priority.run"
    )


@pytest.mark.parametrize("changes", [{"throttle": {"limit": 1, "period": "1m", "key": "a b"}},
                                     {"singleton": {"mode": "skip", "key": "a b"}}])  # fmt: skip
def test_some_keys_are_not_checked(changes):
    read(**changes)
