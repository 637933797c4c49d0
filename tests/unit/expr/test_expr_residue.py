"""flow-control §2.9: what is left of an expression once the event is known."""

import json

import pytest
from expr_event import BOTH, NOW_MS, wire
from hypothesis import given
from hypothesis import strategies as st

from inngest_fast._native import expr

ASYNC = frozenset({"async"})


@pytest.mark.parametrize(
    ("source", "left"),
    [
        # values
        ("event.data.n == async.data.n", "async.data.n == 1.0"),
        ("async.data.n == event.data.n", "async.data.n == 1.0"),
        ("async.ts > event.ts", "async.ts > 1.7672256e+12"),
        ("event.data.million < async.x", "1.234567e+06 < async.x"),
        ("event.data.s == async.data.s", 'async.data.s == "foo"'),
        ("event.data.yes == async.data.b", "async.data.b == true"),
        ("event.data.nil == async.data.x", "async.data.x == null"),
        ("async.data.x in event.data.list", "async.data.x in [1.0, 2.0, 3.0]"),
        ("async.data.x in event.data.tags", 'async.data.x in ["a", "b"]'),
        ("async.data.x == event.data.map", 'async.data.x == {"k": "v", "other": 1.0}'),
        ("event.data.quoted == async.x", 'async.x == "a\\"b\\\\c\\nd é 😀"'),
        ("async.data[event.data.s] == 1", "async.data.foo == 1"),
        ('async.data["a b"] == event.data.s', 'async.data["a b"] == "foo"'),
        ("async.data.list[event.data.n] == 1", "async.data.list[1] == 1"),
        ("-event.data.n == async.x", "async.x == -1.0"),
        ("async.x == event.data.n / 0.0", 'async.x == double("+Inf")'),
        ("date(int(event.ts)) < now()", 'timestamp("2026-01-01T00:00:00Z") < now()'),
        ("event.data.list.exists(x, x == async.x)", "[1.0, 2.0, 3.0].exists(x, x == async.x)"),
        ("async.l.exists(x, x == event.data.n)", "async.l.exists(x, x == 1.0)"),
        ("async.l.map(event, event)[0] == event.data.s", 'async.l.map(event, event)[0] == "foo"'),
        ("(async.a || async.b) && async.c", "(async.a || async.b) && async.c"),
        ("!(async.a == event.data.n)", "!(async.a == 1.0)"),
        ("(async.a + event.data.s) * 2 < 3", '(async.a + "foo") * 2 < 3'),
        # decided
        ("event.data.n == 1", "true"),
        ("event.data.n == 2", "false"),
        ("event.data.n", "false"),
        ("event.data.n < event.data.s", "false"),
        ("event.data.n == 1 && async.x == 2", "async.x == 2"),
        ("async.x == 2 && event.data.n == 1", "async.x == 2"),
        ("event.data.n == 2 && async.x == 2", "false"),
        ("async.x == 2 && event.data.n == 2", "false"),
        ("async.x == 2 && event.data.nope", "false"),
        ("event.data.n == 1 || async.x == 2", "true"),
        ("async.x == 2 || event.data.n == 1", "true"),
        ("event.data.n == 2 || async.x == 2", "async.x == 2"),
        ("async.x == 2 || event.data.n == 2", "async.x == 2"),
        ("event.data.n < event.data.s || async.x == 2", "async.x == 2"),
        ("event.data.n < event.data.s && async.x == 2", "false"),
        ("event.data.yes ? async.x == 1 : async.x == 2", "async.x == 1"),
        ("event.data.no ? async.x == 1 : async.x == 2", "async.x == 2"),
        ("async.x in event.data.none", "false"),
        ("async.x in event.data.nope", "false"),
        ("has(event.data.s) && async.x == 1", "async.x == 1"),
        ("has(event.data.nope) && async.x == 1", "false"),
        # a truthy value that is not `true` decides an alternative, but is no match
        ("event.data.s || async.x == 1", "false"),
        ("async.x == 1 && event.data.s", 'async.x == 1 && "foo"'),
        ("async.x && event.data.yes", "async.x && true"),
        # missing values
        ("event.data.nope == async.x", "async.x == null"),
        ("event.data.nope != async.x", "async.x != null"),
        ("async.x == event.data.nope", "false"),
        ("async.x != event.data.nope", "true"),
        ("event.data.nope < async.x", "{}.missing < async.x"),
        ("event.data.list[9] == async.x", "async.x == [][0]"),
    ],
)
def test_residues(residue, source, left):
    assert residue(source) == left
    assert expr.compile(left, names=ASYNC, check=False).interpolate(b"{}") == left


def test_an_error_within_a_negation_stays_an_error(residue):
    left = residue("!(event.data.n < event.data.s || async.x == 1)")
    program = expr.compile(left, names=ASYNC)
    assert program.matches(b"{}", b'{"x":2}') is True
    left = residue("!(event.data.n < event.data.s && async.x == 1)")
    program = expr.compile(left, names=ASYNC, check=False)
    assert program.matches(b"{}", b'{"x":2}') is True
    assert program.matches(b"{}", b'{"x":1}') is False


def test_the_clock_is_read_when_the_residue_is_evaluated(residue):
    left = residue('async.x == 1 && now() > date(int(event.ts)) + duration("1h")')
    program = expr.compile(left, names=ASYNC)
    assert program.matches(b"{}", b'{"x":1}', now_ms=NOW_MS) is False
    assert program.matches(b"{}", b'{"x":1}', now_ms=NOW_MS + 3_600_001) is True


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_any_value_survives_the_way_through_a_residue(value):
    program = expr.compile("async.x == event.x", names=BOTH)
    left = expr.compile(program.interpolate(wire({"x": value})), names=ASYNC)
    assert left.matches(b"{}", wire({"x": value})) is True
    assert left.matches(b"{}", json.dumps({"x": value}, ensure_ascii=False).encode("utf-8", "replace")) in (
        True,
        False,
    )
    assert left.matches(b"{}", wire({"x": [value]})) is False


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def test_a_residue_keeps_to_the_limits(residue):
    source = "async.x == event.x"
    left = residue(source, {"x": nested(expr.MAX_DEPTH - 3)})
    assert expr.compile(left, names=ASYNC).matches(b"{}", wire({"x": nested(expr.MAX_DEPTH - 3)}))
    for value in (nested(expr.MAX_DEPTH), [1] * expr.MAX_LENGTH, "x" * (1 << 20)):
        with pytest.raises(expr.EvaluationError):
            residue(source, {"x": value})
    long_text = "\\" * 50_000
    left = residue(source, {"x": long_text})
    assert expr.compile(left, names=ASYNC).matches(b"{}", wire({"x": long_text}))


@pytest.mark.parametrize("depth", range(expr.MAX_DEPTH - 8, expr.MAX_DEPTH + 2))
@pytest.mark.parametrize(
    "source",
    ["async.x == event.x", "async.x == [event.y, event.x]", "!(size(async.x) in (event.x + async.z))"],
)
def test_a_residue_that_is_given_compiles(source, depth):
    for leaf in (1, -1.5, True):
        value = json.loads(json.dumps(nested(depth)).replace("1", json.dumps(leaf)))
        try:
            left = expr.compile(source, names=BOTH, check=False).interpolate(wire({"x": value}))
        except expr.EvaluationError:
            assert depth > expr.MAX_DEPTH - 8
        else:
            assert expr.compile(left, names=ASYNC).source == left


def test_broken_events_decide_for_no_match():
    program = expr.compile("event.a == async.a", names=BOTH)
    assert program.interpolate(b"{") == "false"
