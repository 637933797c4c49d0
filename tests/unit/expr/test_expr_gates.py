"""flow-control §2.6: what does not compile, where, and under which policy."""

import pytest
from expr_event import BOTH

from inngest_fast._native import expr


@pytest.mark.parametrize(
    ("source", "position"),
    [
        ("", 0),
        ("   // nothing", 13),
        ("event.data.x ==", 15),
        ("event.data.", 11),
        ("event..data", 6),
        ("a b", 2),
        ("(event", 6),
        ("event)", 5),
        ("[1", 2),
        ("{1}", 2),
        ("event.data.in", 11),
        ("event.data.?x", 11),
        ("event = 1", 6),
        ("event & 1", 6),
        ("1 ? 2", 5),
        ('"open', 0),
        ('"a\nb"', 0),
        (r'"\q"', 1),
        (r'"\ud800"', 3),
        (r'"\u12"', 3),
        (r'b"\u0041"', 2),
        ("9223372036854775808", 0),
        ("18446744073709551616u", 0),
        ("1e999", 0),
        ("12ab", 0),
        ("#", 0),
        ("$event", 0),
        ("while", 0),
        ("event.f(1,)", 10),
        ("has(event)", 0),
        ("has(1)", 0),
        ("has(event.a, event.b)", 0),
        ("[1].all(x)", 9),
        ("[1].all(x, y, z)", 4),
        ("[1].all(1, true)", 4),
        ("Message{a: 1}", 7),
    ],
)
def test_syntax_is_refused_with_its_position(source, position):
    with pytest.raises(expr.CompileError) as caught:
        expr.compile(source, check=False)
    assert (caught.value.position, bool(caught.value.message)) == (position, True)
    with pytest.raises(expr.CompileError):
        expr.compile(source, check=True)


@pytest.mark.parametrize(
    ("source", "position"),
    [
        ("other.x == 1", 0),
        ("event.data.x == async.data.x", 16),
        ("vars.x", 0),
        ("event.data.s.split(',')", 13),
        ("['a'].join(',')", 6),
        ("event.data.s.replace('a', 'b')", 13),
        ("event.data.s.lowerAscii()", 13),
        ("event.data.s.trim()", 13),
        ("math.greatest(1, 2)", 0),
        ("size()", 0),
        ("now(1)", 0),
        ("lowercase(event.data.s, 1)", 0),
        ("event.data.s.lowercase()", 13),
        ("contains(event.data.s, 'a')", 0),
        ('event.data.x || "lit"', 16),
        ("1 && event.data.x", 0),
        ("!size(event.data.s)", 0),
        ("null ? 1 : 2", 0),
        ("[] || true", 0),
        ("{} || true", 0),
    ],
)
def test_a_registration_checks_names_functions_and_types(source, position):
    with pytest.raises(expr.CompileError) as caught:
        expr.compile(source)
    assert not isinstance(caught.value, expr.PolicyError)
    assert caught.value.position == position
    assert expr.compile(source, check=False).source == source


@pytest.mark.parametrize(
    "source",
    [
        "event.data.a || event.data.b",
        "event.data.a ? 1 : 'x'",
        "!event.data.a && has(event.data.b)",
        "event.data.s.contains('a') || [1].exists(x, x == 1)",
        "event.data.vip ? 120 : 0",
        "event.data.function == 'f'",
    ],
)
def test_a_registration_accepts(source):
    assert expr.compile(source).source == source


def test_unchecked_names_are_missing_and_unchecked_functions_fail():
    assert expr.compile("other.x == null", check=False).evaluate(b"{}") is True
    assert expr.compile("async.x == null", check=False).evaluate(b"{}", b'{"x":1}') is True
    with pytest.raises(expr.EvaluationError, match="split"):
        expr.compile("'a'.split(',')", check=False).evaluate(b"{}")


def test_names_are_those_read():
    assert expr.compile("[1].all(x, x == event.a)").names() == {"event"}
    assert expr.compile("event.a == async.b", names=BOTH).names() == BOTH
    assert expr.compile("1 == 1").names() == frozenset()


@pytest.mark.parametrize(
    "source",
    [
        "event.data.id == async.data.id",
        "!(event.data.a != async.data.a) || async.data.n >= -1.5",
        "async.data.x in ['a', 'b'] && async.data.list[0] < 3",
        "async.data.ok ? int(async.data.a) == 1 : double(async.data.b) <= uint(async.data.c)",
        "async.data['x'] == null",
    ],
)
def test_the_restricted_policy_allows(source):
    assert expr.compile(source, names=BOTH, policy="restricted").source == source


@pytest.mark.parametrize(
    "source",
    [
        "has(async.data.x)",
        "async.data.l.all(x, x)",
        "async.data.l.exists(x, x)",
        "async.data.l.exists_one(x, x)",
        "async.data.l.map(x, x)",
        "async.data.l.filter(x, x)",
        "async.data.x + 1 == 2",
        "async.data.x - 1 == 2",
        "async.data.x * 1 == 2",
        "async.data.x / 1 == 2",
        "async.data.x % 1 == 2",
        "-async.data.x == 2",
        "size(async.data.x) > 1",
        "async.data.x.size() > 1",
        "async.data.x.contains('a')",
        "async.data.x.startsWith('a')",
        "async.data.x.endsWith('a')",
        "async.data.x.matches('a')",
        "lowercase(async.data.x) == 'a'",
        "date(async.data.x) > now()",
        "now() == null",
        "duration('1s') == null",
        "timestamp('x') == null",
        "string(async.data.x) == 'a'",
        "type(async.data.x) == null",
        "async.data.x == string",
        "bytes(async.data.x) == null",
        "json_parse(async.data.x) == null",
        "unheard_of(async.data.x)",
    ],
)
def test_the_restricted_policy_refuses(source):
    with pytest.raises(expr.PolicyError) as caught:
        expr.compile(source, names=BOTH, policy="restricted")
    assert 0 <= caught.value.position < len(source)


def test_errors_tell_where():
    with pytest.raises(expr.CompileError) as caught:
        expr.compile("event.data.x + oops")
    assert str(caught.value) == f"{caught.value.message} (at offset 15)"
    error = expr.EvaluationError("it failed")
    assert (str(error), error.position) == ("it failed", -1)


def test_the_source_is_bounded():
    longest = "1" + " " * (expr.MAX_LENGTH - 1)
    assert expr.compile(longest).evaluate(b"{}") == 1
    with pytest.raises(expr.CompileError):
        expr.compile(longest + " ")
    text = "x" * (2 * expr.MAX_LENGTH)
    assert expr.compile(f'"{text}"').evaluate(b"{}") == text
    with pytest.raises(expr.CompileError):
        expr.compile('"' + "x" * (1 << 20) + '"')


@pytest.mark.parametrize(
    "nest",
    [
        lambda depth: "[" * depth + "event" + "]" * depth,
        lambda depth: "!" * depth + "event",
        lambda depth: "-" * depth + "event",
        lambda depth: "size(" * depth + "event" + ")" * depth,
        lambda depth: "true ? 1 : " * depth + "event",
        lambda depth: "event == (" * depth + "event" + ")" * depth,
        lambda depth: "event[" * depth + "event" + "]" * depth,
        lambda depth: "[event].map(x, " * depth + "event" + ")" * depth,
        lambda depth: '{"a": ' * depth + "event" + "}" * depth,
        lambda depth: "[event][0]" + ".a" * depth,
        lambda depth: "event" + ".a" * depth,
    ],
)
def test_nesting_is_bounded(nest):
    assert expr.compile(nest(40)).source
    for depth in (expr.MAX_DEPTH + 1, 1000):
        with pytest.raises(expr.CompileError, match="levels|steps"):
            expr.compile(nest(depth))


@pytest.mark.parametrize(
    "source",
    [
        "event.l.exists(x, event.l.exists(y, event.l.exists(z, x + y + z < 0)))",
        "['ab']" + ".map(x, x + x)" * 90,
        "[1]" + ".map(x, [x, x])" * 90,
        "[1]" + ".map(x, [x, x])" * 90 + " == [1]" + ".map(x, [x, x])" * 90,
        "event.l.all(x, event.l.all(y, date('2026-01-01').getHours('Europe/Berlin') == 1))",
        "event.l.all(x, event.l.all(y, string(x) != '-' + string(y)))",
        # errors of other kinds are outweighed, this one is not
        "event.l.exists(x, event.l.exists(y, event.l.exists(z, x + y + z < 0))) || true",
    ],
)
def test_the_work_of_an_evaluation_is_bounded(source):
    event = b'{"l":[' + b",".join(b"%d" % i for i in range(1000)) + b"]}"
    program = expr.compile(source)
    with pytest.raises(expr.EvaluationError, match="budget"):
        program.evaluate(event)
    assert program.matches(event) is False
    with pytest.raises(expr.EvaluationError, match="budget"):
        program.interpolate(event)


def test_arguments_of_the_wrong_kind():
    with pytest.raises(ValueError):
        expr.compile("1", policy="none")
    with pytest.raises(expr.CompileError):
        expr.compile('"\ud800"')
    with pytest.raises(TypeError):
        expr.Program()
