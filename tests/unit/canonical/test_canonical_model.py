"""Any JSON beside a model, and any bytes at all."""

import json
from typing import Any

from canonical_model import model, number
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inngest_fast._native.canonical import CanonicalError, canonicalize, quote

# Surrogates too: JSON can spell them.
any_text = st.text(st.characters(codec=None, exclude_categories=[]), max_size=8)
keys = st.one_of(st.text('ab"\\\n\x00é😀\ufb33', max_size=3), any_text)
numbers = st.one_of(st.integers(-(10**25), 10**25), st.floats(allow_nan=False, allow_infinity=False))


class Members:
    """An object as written: keys in any order, and repeated."""

    def __init__(self, members: list[tuple[str, Any]]) -> None:
        self.members = members

    def __repr__(self) -> str:
        return f"Members({self.members!r})"


values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, any_text),
    lambda inner: st.one_of(
        st.lists(inner, max_size=6), st.lists(st.tuples(keys, inner), max_size=8).map(Members)
    ),
    max_leaves=25,
)


def written(value: Any, blank: str, raw: bool) -> str:
    """JSON text, in one of the ways that there are."""
    if isinstance(value, Members):
        inner = (
            f"{written(key, '', raw)}{blank}:{blank}{written(v, blank, raw)}" for key, v in value.members
        )
        return "{" + blank + f"{blank},{blank}".join(inner) + blank + "}"
    if isinstance(value, list):
        return "[" + blank + f"{blank},{blank}".join(written(v, blank, raw) for v in value) + blank + "]"
    if isinstance(value, str) and raw:
        return '"' + "".join(json.dumps(c, ensure_ascii="\ud800" <= c <= "\udfff")[1:-1] for c in value) + '"'
    return json.dumps(value)


@settings(max_examples=500, deadline=None)
@given(value=values, blank=st.sampled_from(["", " ", "\n\t\r "]), raw=st.booleans())
def test_beside_the_model(value: Any, blank: str, raw: bool) -> None:
    data = written(value, blank, raw).encode()
    out = canonicalize(data)
    assert out == model(data)
    assert canonicalize(out) is out


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_shortest(value: float) -> None:
    out = canonicalize(repr(value).encode())
    assert out == number(value).encode()
    assert float(out) == value


@given(any_text)
def test_quote(text: str) -> None:
    assert quote(text) == canonicalize(json.dumps(text).encode())


def same_verdict(data: bytes) -> None:
    """Refused by one as by the other, the model taking any depth that it can."""
    try:
        expected = model(data)
    except (ValueError, RecursionError):
        expected = None
    try:
        out = canonicalize(data)
    except CanonicalError as error:
        refused = error
    else:
        assert out == expected
        assert canonicalize(out) is out
        return
    assert expected is None
    assert 0 <= refused.position <= len(data)
    assert str(refused).endswith(f" at offset {refused.position}")


@settings(max_examples=1_000, deadline=None)
@given(data=st.binary(max_size=40))
@example(b"\xef\xbb\xbf{}")
@example(b"NaN")
@example(b"-Infinity")
@example(b'"\xed\xa0\x80"')
@example(b"\x0c1")
def test_random_bytes(data: bytes) -> None:
    same_verdict(data)


tokens = st.sampled_from(
    [
        *(
            b"{",
            b"}",
            b"[",
            b"]",
            b",",
            b":",
            b'"',
            b'"a"',
            b'"a":',
            b"\\",
            b"\\u",
            b"d83d",
            b"\\ude00",
            b"\\n",
            b"/",
        ),
        *(
            b"0",
            b"1",
            b"-",
            b".",
            b"e",
            b"E+",
            b"1e400",
            b"true",
            b"fals",
            b"null",
            b" ",
            b"\n",
            b"\x00",
            b"\xc3",
        ),
        *(b"\xa9", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80", b"\xff"),
    ]
)


@settings(max_examples=1_000, deadline=None)
@given(data=st.lists(tokens, max_size=12).map(b"".join))
def test_random_tokens(data: bytes) -> None:
    same_verdict(data)


@settings(max_examples=300, deadline=None)
@given(value=values, data=st.data())
def test_broken_json(value: Any, data: st.DataObject) -> None:
    whole = written(value, "", True).encode()
    at = data.draw(st.integers(0, len(whole)))
    kind = data.draw(st.sampled_from(["cut", "put", "take"]))
    if kind == "cut":
        broken = whole[:at]
    elif kind == "put":
        broken = whole[:at] + data.draw(st.binary(min_size=1, max_size=2)) + whole[at:]
    else:
        broken = whole[:at] + whole[at + 1 :]
    same_verdict(broken)
