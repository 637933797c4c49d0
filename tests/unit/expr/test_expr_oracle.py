"""Where the dialect is plain CEL, another CEL implementation gives the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inngest_fast._native import expr

cel = pytest.importorskip("cel_expr_python.cel")

# Plain values only: the dialect's ideas of missing, null and truth are its own.
numbers = st.integers(-3, 3).map(str) | st.sampled_from(["1.5", "-0.5", "2.0", "1e3"])
integers = st.integers(-5, 5).map(str)
texts = st.sampled_from(['""', '"a"', "'ab'", r'"\u00e9\n"', r"r'\d'", '"1"', '"""x"y"""'])
lists = st.lists(integers, max_size=3).map(lambda items: f"[{', '.join(items)}]")
COMPARISONS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])


def infix(left: Any, ops: Any, right: Any) -> Any:
    return st.tuples(left, ops, right).map(" ".join).map("({})".format)


sums = st.recursive(integers, lambda inner: infix(inner, st.sampled_from("+-*/%"), inner), max_leaves=4)
chains = st.lists(integers, min_size=2, max_size=4).flatmap(
    lambda items: st.lists(st.sampled_from("+-*/%"), min_size=len(items) - 1, max_size=len(items) - 1).map(
        lambda ops: " ".join(part for pair in zip(items, [*ops, ""], strict=True) for part in pair).strip()
    )
)
tests = (
    infix(numbers, COMPARISONS, numbers)
    | infix(texts, COMPARISONS, texts)
    | infix(integers, st.just("in"), lists)
    | infix(lists, st.sampled_from(["==", "!="]), lists)
    | st.tuples(texts, st.sampled_from(["contains", "startsWith", "endsWith", "matches"]), texts).map(
        lambda parts: f"{parts[0]}.{parts[1]}({parts[2]})"
    )
    | st.tuples(lists, st.sampled_from(["all", "exists", "exists_one"]), COMPARISONS, integers).map(
        lambda parts: f"{parts[0]}.{parts[1]}(x, 6 / x {parts[2]} {parts[3]})"
    )
)
logic = st.recursive(
    tests | st.sampled_from(["true", "false"]),
    lambda inner: (
        infix(inner, st.sampled_from(["&&", "||"]), inner)
        | inner.map("!({})".format)
        | st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} ? {parts[1]} : {parts[2]})")
    ),
    max_leaves=4,
)
others = (
    st.tuples(lists, st.sampled_from(["map(x, x * 2)", "filter(x, x > 0)", "map(x, x > 0, x)"])).map(".".join)
    | texts.map("size({})".format)
    | texts.map("bytes({})".format)
    | st.tuples(st.sampled_from(["int", "uint", "double"]), numbers).map(
        lambda parts: f"{parts[0]}({parts[1]})"
    )
    | st.tuples(st.sampled_from(["int", "double", "bool"]), texts).map(
        lambda parts: f"{parts[0]}({parts[1]})"
    )
    | infix(texts, st.just("+"), texts)
    | infix(lists, st.just("+"), lists)
)
instants = st.datetimes().map(lambda moment: moment.isoformat(timespec="milliseconds") + "Z")
spans = st.tuples(st.integers(-99, 99), st.sampled_from(["h", "m", "s", "ms"])).map(
    lambda parts: f"{parts[0]}{parts[1]}"
)
zones = st.sampled_from(["", '"Europe/Berlin"', '"America/New_York"', '"-03:30"', '"05:45"', '"UTC"'])
FIELDS = "getFullYear getMonth getDate getDayOfMonth getDayOfWeek getDayOfYear getHours getMinutes getSeconds getMilliseconds"
calendar = (
    st.tuples(instants, st.sampled_from(FIELDS.split()), zones).map(
        lambda parts: f'timestamp("{parts[0]}").{parts[1]}({parts[2]})'
    )
    | st.tuples(spans, st.sampled_from(FIELDS.split()[-4:-1])).map(
        lambda parts: f'duration("{parts[0]}").{parts[1]}()'
    )
    | st.tuples(instants, spans, instants).map(
        lambda parts: f'timestamp("{parts[0]}") + duration("{parts[1]}") > timestamp("{parts[2]}")'
    )
)

FAILED = object()


def ours(source: str) -> object:
    try:
        return expr.compile(source, check=False).evaluate(b"{}")
    except expr.ExpressionError:
        return FAILED


def theirs(source: str) -> object:
    value = cel.NewEnv(variables={}).compile(source, disable_check=True).eval(data={})
    if value.type() == cel.Type.ERROR:
        return FAILED
    plain = value.plain_value()
    return bytes(plain) if isinstance(plain, bytearray) else plain


@given(sums | chains | others)
def test_values(source):
    value, expected = ours(source), theirs(source)
    assert (value, type(value)) == (expected, type(expected))


@given(calendar)
def test_dates(source):
    value, expected = ours(source), theirs(source)
    assert (value, type(value)) == (expected, type(expected))


@given(tests)
def test_conditions(source):
    assert ours(source) is theirs(source)


@given(logic)
def test_logic(source):
    expected = theirs(source)
    # Where CEL gives up the dialect may still decide: it takes an error for false.
    assert expected is FAILED or ours(source) is expected
