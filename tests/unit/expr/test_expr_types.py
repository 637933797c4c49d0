"""flow-control §2.8: coercion, truth, text."""

import math

import pytest

from inngest_fast._native import expr


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("1 == 1.0", True),
        ("1u == 1.0", True),
        ("event.data.n == 1", True),
        ("event.data.n == 1u", True),
        ("2 < 2.5", True),
        ("event.data.two > 2u", True),
        ('"1" == 1', False),
        ('"1" != 1', True),
        ("true == 1", False),
        ("event.data.yes == true", True),
        ("event.data.yes == 1", False),
        ('"a" < "b"', True),
        ("false < true", True),
        ("[1, 2] == [1.0, 2u]", True),
        ("event.data.list == [1, 2, 3]", True),
        ("event.data.list == [1, 2]", False),
        ('event.data.map == {"other": 1, "k": "v"}', True),
        ('event.data.map == {"k": "v"}', False),
        ('type("") == string', True),
        ("type(event.ts) == double", True),
        ("type(now()) == google.protobuf.Timestamp", True),
        ("1 in [1.0]", True),
        ('"k" in event.data.map', True),
        ('"v" in event.data.map', False),
        ('"a" in event.data.tags', True),
        ('"c" in event.data.tags', False),
        ("event.data.list[0] == 1", True),
        ("event.data.list[event.data.n] == 2", True),
        ('event.data["s"] == "foo"', True),
        ('{"a": [1, {"b": 2}]}.a[1].b == 2', True),
    ],
)
def test_equality_and_order(evaluate, source, result):
    assert evaluate(source) is result


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("event.data.n + 1", "11"),
        ("event.data.s + 1", "foo1"),
        ("1 + event.data.s", "1foo"),
        ("event.data.two + event.data.s", "2.5foo"),
        ('"" + 9.1', "9.1"),
        ('"" + event.data.million', "1.234567e+06"),
        ('"" + event.ts', "1.7672256e+12"),
        ('"" + 100000.0', "100000"),
        ('"" + 1000000.0', "1e+06"),
        ('"" + 0.0001', "0.0001"),
        ('"" + 0.00001', "1e-05"),
        ('"" + -2.5', "-2.5"),
        ('"" + 0.0', "0"),
        ('"" + true', "true"),
        ("event.data.yes + 'x'", "truex"),
        ("event.data.n + event.data.two", 3.5),
        ("1 + 2", 3),
        ("'a' + 'b' + 'c'", "abc"),
        ("[1] + [2]", [1, 2]),
        ("event.data.n * 2.0", 2.0),
        ("int(event.data.million) % 2", 1),
        ("-7 / 2", -3),
        ("-7 % 2", -1),
        ("7 - 2 - 1", 4),
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("-(2)", -2),
        ("--2", 2),
        ("-9223372036854775808", -(1 << 63)),
        ("0xFF + 1", 256),
        ("1.0 / 0.0", math.inf),
    ],
)
def test_arithmetic(evaluate, source, result):
    value = evaluate(source)
    assert (value, type(value)) == (result, type(result))


@pytest.mark.parametrize(
    "source",
    [
        '"a" < 1',
        "event.data.s > event.data.n",
        "true < 1",
        "[1] < [2]",
        "event.data.n * 2",
        "event.data.n - 1",
        "event.data.n / 2",
        "event.data.n % 2",
        "event.data.n % 2.0",
        "1 / 0",
        "1 % 0",
        "9223372036854775807 + 1",
        "0u - 1u",
        "true + true",
        '"a" - "b"',
        "[1] + 1",
        "-true",
        "-null",
        '-"a"',
        "!1",
        "1 in 'a'",
        "1 in 5",
        "[1][true]",
        "[1][0.5]",
        '{"a": 1, "a": 2}',
        "{1.5: 2}",
    ],
)
def test_operands_that_do_not_fit(evaluate, matches, source):
    with pytest.raises(expr.EvaluationError) as caught:
        evaluate(source)
    assert caught.value.message
    assert matches(source) is False


FALSY = (
    "event.data.nope",
    "(1 / 0)",
    "null",
    "false",
    '""',
    "0",
    "0u",
    "0.0",
    "event.data.zero",
    "event.data.empty",
)
TRUTHY = ("true", "1", '"a"', "[]", "{}", "event.data.none", "event.data.user == null", "0.5", "[0]")


@pytest.mark.parametrize("value", FALSY)
def test_what_counts_as_false(evaluate, value):
    assert evaluate(f"{value} || 'other'") == "other"
    assert evaluate(f"{value} ? 1 : 2") == 2
    assert evaluate(f"'x' && ({value} || false)") is False


@pytest.mark.parametrize("value", TRUTHY)
def test_what_counts_as_true(evaluate, value):
    assert evaluate(f"{value} && 'other'") == "other"
    assert evaluate(f"{value} ? 1 : 2") == 1
    assert evaluate(f"{value} || 'other'") == evaluate(value)


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("0 || ''", ""),
        ("'' || 0", 0),
        ("1 && 2 && 3", 3),
        ("1 && 0 && 3", 0),
        ("null && 1", None),
        ("(1 / 0) && false", False),
        ("false && (1 / 0)", False),
        ("(1 / 0) || 5", 5),
        ("event.data.s || event.data.n", "foo"),
    ],
)
def test_and_and_or_give_operands(evaluate, source, result):
    value = evaluate(source)
    assert (value, type(value)) == (result, type(result))


@pytest.mark.parametrize("source", ["false || (1 / 0)", "true && (1 / 0)", "(1 / 0) && true"])
def test_an_error_that_nothing_outweighs(evaluate, source):
    with pytest.raises(expr.EvaluationError):
        evaluate(source)


@pytest.mark.parametrize(
    "source", ["1", '"true"', "event.data.s", "event.data.list", "null", "event.data.nope"]
)
def test_only_the_boolean_true_matches(matches, source):
    assert matches(source) is False
    assert matches("event.data.yes") is True
