"""Which functions an event starts, and what an invocation of none gets (flow-control §2, sdk-protocol §8.1)."""

import pytest
from engine_builders import NOW, Counting, event, function, plain
from msgspec.structs import replace

from inngest_fast.domain.functions import Trigger
from inngest_fast.engine.flow.refusal import not_found
from inngest_fast.engine.routing.triggers import Triggers


def named(id, *triggers, **fields):
    return replace(function(triggers=triggers), id=id, **fields)


def index(*functions):
    triggers = Triggers()
    for each in functions:
        triggers.put(each)
    return triggers


def started(triggers, name="app/user.created", data=b"{}"):
    return sorted(each.id for each in triggers.starts(event(name, data), NOW))


@pytest.mark.parametrize(
    ("pattern", "name", "starts"),
    [
        ("app/user.created", "app/user.created", True),
        ("app/*", "app/user.created", True),
        ("app/user.*", "app/user.created", True),
        ("api/*", "api/v1/users", True),
        ("api/v1/*", "api/v1/users", True),
        ("foo", "foo", True),
        ("foo/*", "foo/", True),
        ("inngest/*", "inngest/function.failed", True),
        ("foo/*", "foo", False),
        ("foo/*", "bar/1", False),
        ("app/us*", "app/user.created", False),
        ("*", "foo", False),
        ("app/user", "app/user.created", False),
        ("app/user.created", "app/user", False),
        ("App/user.created", "app/user.created", False),
    ],
)
def test_an_event_starts_functions_by_its_name(pattern, name, starts):
    assert started(index(named("f", Trigger(event=pattern))), name) == (["f"] if starts else [])


@pytest.mark.parametrize(
    ("expression", "starts"),
    [
        ("event.data.total > 5", True),
        ("event.data.total > 9", False),
        ('event.data.id == "o1"', True),
        ("event.data.total", False),
        ("event.data.total +", False),
        ("date(event.ts) > now()", False),
    ],
)
def test_an_expression_must_be_true(expression, starts):
    triggers = index(named("f", Trigger(event="a", expression=expression)))
    assert started(triggers, "a", b'{"id":"o1","total":7}') == (["f"] if starts else [])


def test_a_function_is_started_once_whatever_matches():
    f = named(
        "f",
        Trigger(event="app/*"),
        Trigger(event="app/user.*"),
        Trigger(event="app/user.created"),
        Trigger(event="app/user.created", expression="event.data.x +"),
    )
    assert started(index(f)) == ["f"]


def test_the_next_trigger_counts_where_one_fails():
    f = named(
        "f",
        Trigger(event="a", expression="date(event.ts) > now()"),
        Trigger(event="a", expression="event.data.x == 1"),
    )
    assert started(index(f), "a", b'{"x":1}') == ["f"]
    assert started(index(f), "a", b'{"x":2}') == []


def test_an_expression_counts_for_its_own_name_only():
    f = named("f", Trigger(event="a", expression="event.data.x == 1"), Trigger(event="b"))
    assert started(index(f), "a", b'{"x":2}') == []
    assert started(index(f), "b", b'{"x":2}') == ["f"]


def test_functions_do_not_disturb_each_other():
    triggers = index(
        named("f", Trigger(event="a", expression="event.data.x +")), named("g", Trigger(event="a"))
    )
    assert started(triggers, "a") == ["g"]


@pytest.mark.parametrize(
    "gone",
    [
        named("f"),
        named("f", Trigger(event="b")),
        named("f", Trigger(cron="* * * * *")),
        named("f", Trigger(event="app/user.created"), archived_at=1),
    ],
)
def test_a_new_state_of_a_function_takes_the_place_of_the_old(gone):
    triggers = index(named("f", Trigger(event="app/user.created"), Trigger(event="app/*")), named("g"))
    assert started(triggers) == ["f"]
    triggers.put(gone)
    assert started(triggers) == []


def test_a_removed_function_is_not_started():
    triggers = index(named("f", Trigger(event="app/*")), named("g", Trigger(event="app/*")))
    triggers.remove("f")
    triggers.remove("f")
    triggers.remove("unknown")
    assert started(triggers) == ["g"]


# Invocations of nothing


def test_an_invocation_of_an_unknown_function_is_told_as_failed():
    invocation = event(
        "inngest/function.invoked", b'{"a":1}', correlation_id="01PARENT.s", target='shop-"gone'
    )
    told = not_found(invocation, NOW, Counting())
    assert told == not_found(invocation, NOW, Counting())
    message = 'could not find function with ID: shop-"gone'
    wire = plain(told.wire)
    assert wire == {
        "name": "inngest/function.finished",
        "id": told.id,
        "ts": NOW,
        "user": {},
        "data": {
            "_inngest": {"status": "Failed"},
            "correlation_id": "01PARENT.s",
            "error": {"name": "Error", "message": message, "error": message},
            "event": plain(invocation.wire),
            "events": [plain(invocation.wire)],
            "function_id": 'shop-"gone',
            "run_id": "",
        },
    }
    assert told.correlation_id == "01PARENT.s"
    assert told.target == ""
