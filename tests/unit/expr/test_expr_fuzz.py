"""Whatever comes in, nothing but the module's own errors comes out."""

import json

import pytest
from expr_event import BOTH
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inngest_fast._native import expr

TOKENS = r"""
event event.a async.a async .b [ ] ( ) { } , : ? ! - + * / % == != < <= > >= && || in true false null 1 1.5 2u 0x1F
'a' "b" r'\' b'x' '''t''' has( size( int( x .all(x, .exists(x, .map(x, .filter(x, date( now() string( timestamp(
duration( .matches( .contains( .getHours( json_parse( b64decode( // . 9223372036854775807 1e308 type( .0 e9 '('
google.protobuf.Duration '2026-01-02T03:04:05Z' 'GMTAB+1' '-23:59' '1h' '\ud83d' '2026-01-01' '\u00e9'
"""
PIECES = TOKENS.split()
sources = (
    st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join)
    | st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
    | st.lists(st.sampled_from(PIECES), max_size=14).map("\n".join)
    | st.text(max_size=40)
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab") | st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)
FRAGMENTS = [
    b'{"a":',
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b"\\",
    b"\\u12",
    b",",
    b":",
    b"1",
    b"-",
    b".5",
    b"e9",
    b"tru",
    b" ",
]
events = (
    json_values.map(lambda value: json.dumps({"a": value}).encode())
    | st.binary(max_size=30)
    | st.lists(st.sampled_from(FRAGMENTS), max_size=12).map(b"".join)
)


@settings(max_examples=600)
@given(sources, events, events, st.integers(-(10**15), 10**15))
@example("date('02 Jan 26 03:04 GMTAB+1') != null", b"{}", b"{}", 0)
@example("now_plus('99999999h')", b"{}", b"{}", 10**30)
@example("event.a.b == async.a", b'{"a":"\\ud83d', b'{"a"', 0)
def test_sources_and_events(source, event, later, now_ms):
    for check in (True, False):
        for policy in ("full", "restricted"):
            position = 0
            try:
                expr.compile(source, names=BOTH, check=check, policy=policy)
            except expr.CompileError as error:
                position = error.position
            assert 0 <= position <= len(source)
    try:
        program = expr.compile(source, names=BOTH, check=False)
    except expr.CompileError:
        return
    message = "-"
    try:
        program.evaluate(event, later, now_ms=now_ms)
    except expr.EvaluationError as error:
        message = error.message
    assert message
    assert program.matches(event, later, now_ms=now_ms) in (True, False)
    try:
        left = program.interpolate(event, now_ms=now_ms)
    except expr.EvaluationError:
        return
    rest = expr.compile(left, names=BOTH, check=False)
    assert "event" not in rest.names()
    assert rest.matches(event, later, now_ms=now_ms) in (True, False)
    assert isinstance(rest.index_keys(), tuple)


@given(events, st.lists(st.sampled_from("ab") | st.text(), max_size=3).map(tuple))
def test_lookup(event, path):
    value = expr.lookup(event, path)
    assert value is expr.MISSING or value is None or isinstance(value, bool | float | str)


@given(json_values)
def test_events_are_read_as_json_reads_them(value):
    text = json.dumps({"skipped": value, "\\": [value], "a": value, "b": value})
    plain = json.loads(text, parse_int=float, parse_constant=lambda _: None)
    if "NaN" in text or "Infinity" in text:
        return  # no JSON
    read = expr.compile("event.a", check=False).evaluate(text.encode())
    assert json.dumps(read) == json.dumps(plain["a"]).encode("utf-16", "surrogatepass").decode(
        "utf-16", "replace"
    )


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_events_nested_without_end(opening):
    event = b'{"deep":' + opening * 100_000 + b',"a":1}'
    for source in (
        "event.deep == 1",
        "event.a == 1",
        "event == event",
        "has(event.deep)",
        "size(event.deep) > 0",
    ):
        assert expr.compile(source).matches(event) is False
    assert expr.lookup(event, ("a",)) is expr.MISSING
    closed = b'{"deep":' + b"[" * 10_000 + b"]" * 10_000 + b',"a":1}'
    assert expr.compile("event.a == 1 && has(event.deep)").matches(closed) is True
    assert expr.compile("event.deep == event.deep").matches(closed) is False
    assert expr.lookup(closed, ("a",)) == 1.0
