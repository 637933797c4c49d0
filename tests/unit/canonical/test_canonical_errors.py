"""What is refused, why, and where."""

import pytest

from inngest_fast._native.canonical import MAX_DEPTH, CanonicalError, canonicalize

END = "unexpected end of JSON"
IN_STRING = "unexpected end of JSON in a string"
UNEXPECTED = "unexpected character"
NUMBER = "invalid number"
ESCAPE = "invalid escape"
UTF_8 = "invalid UTF-8"
RANGE = "number out of range"

REFUSED = [
    (b"", END, 0),
    (b"  ", END, 2),
    (b"[", END, 1),
    (b"[1", END, 2),
    (b"[1,", END, 3),
    (b'{"a":', END, 5),
    (b'{"a":1', END, 6),
    (b'"abc', IN_STRING, 4),
    (b'"abc\\', IN_STRING, 4),
    (b"{} {}", "unexpected data after the value", 3),
    (b"1 2", "unexpected data after the value", 2),
    (b"[1 2]", "expected ',' or ']'", 3),
    (b"[1}", "expected ',' or ']'", 2),
    (b"[,]", UNEXPECTED, 1),
    (b"[1,]", UNEXPECTED, 3),
    (b"{1:2}", "expected a key", 1),
    (b"{", "expected a key", 1),
    (b'{"a":1,}', "expected a key", 7),
    (b"{,}", "expected a key", 1),
    (b'{"a" 1}', "expected ':'", 5),
    (b'{"a"', "expected ':'", 4),
    (b'{"a":1 "b"', "expected ',' or '}'", 7),
    (b'{"a":1]', "expected ',' or '}'", 6),
    (b"nul", UNEXPECTED, 0),
    (b"[tru]", UNEXPECTED, 1),
    (b"True", UNEXPECTED, 0),
    (b"NaN", UNEXPECTED, 0),
    (b"Infinity", UNEXPECTED, 0),
    (b"'a'", UNEXPECTED, 0),
    (b"\x00", UNEXPECTED, 0),
    (b"\xef\xbb\xbf{}", UNEXPECTED, 0),
    (b"+1", UNEXPECTED, 0),
    (b".5", UNEXPECTED, 0),
    (b"-", NUMBER, 1),
    (b"-x", NUMBER, 1),
    (b"[-]", NUMBER, 2),
    (b"1.", NUMBER, 2),
    (b"1.e5", NUMBER, 2),
    (b"1e", NUMBER, 2),
    (b"1e+", NUMBER, 3),
    (b"01", NUMBER, 1),
    (b"-01", NUMBER, 2),
    (b"[1,00]", NUMBER, 4),
    (b"1e400", RANGE, 5),
    (b"[1, -1e400]", RANGE, 10),
    (b'{"a":1' + b"0" * 400 + b"}", RANGE, 406),
    (b'"a\nb"', "control character in a string", 2),
    (b'"\x00"', "control character in a string", 1),
    (b'"a\\x"', ESCAPE, 2),
    (b'"\\u12"', ESCAPE, 1),
    (b'"\\u12G4"', ESCAPE, 1),
    (b'"\\u 123"', ESCAPE, 1),
    (b'"\\ud83d\\u12"', ESCAPE, 7),
    (b'"\\', IN_STRING, 1),
    (b'"a\xff"', UTF_8, 2),
    (b'"\x80"', UTF_8, 1),
    (b'"\xc0\x80"', UTF_8, 1),
    (b'"\xc3"', UTF_8, 1),
    (b'"\xe2\x82"', UTF_8, 1),
    (b'"\xe0\x80\x80"', UTF_8, 1),
    (b'"\xed\xa0\x80"', UTF_8, 1),
    (b'"\xf0\x80\x80\x80"', UTF_8, 1),
    (b'"\xf4\x90\x80\x80"', UTF_8, 1),
    (b'"\xf5\x80\x80\x80"', UTF_8, 1),
    (b'"\xf0\x9f\x98', UTF_8, 1),
]


@pytest.mark.parametrize(("data", "message", "position"), REFUSED, ids=[repr(row[0])[:30] for row in REFUSED])
def test_each_error_and_its_offset(data: bytes, message: str, position: int) -> None:
    with pytest.raises(CanonicalError) as caught:
        canonicalize(data)
    assert str(caught.value) == f"{message} at offset {position}"
    assert caught.value.position == position
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("data", [row[0] for row in REFUSED if b'"' not in row[0] and row[0].strip()])
def test_offsets_count_from_the_beginning(data: bytes) -> None:
    """What stands before a mistake moves it by so many bytes."""
    with pytest.raises(CanonicalError) as alone:
        canonicalize(data)
    with pytest.raises(CanonicalError) as behind:
        canonicalize('["é", '.encode() + data)
    if str(alone.value).startswith("unexpected data"):
        return  # one value there, two without a comma here
    assert behind.value.position == alone.value.position + 7


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_depth(opening: bytes) -> None:
    levels = opening.count(b"[") + opening.count(b"{")
    closing = opening.replace(b'"a":', b"")[::-1].translate(bytes.maketrans(b"[{", b"]}"))
    times = MAX_DEPTH // levels
    whole = opening * times + b"1" + closing * times
    assert canonicalize(whole) is whole
    with pytest.raises(CanonicalError) as caught:
        canonicalize(opening * times + b"[" + b"1" + b"]" + closing * times)
    assert caught.value.position == len(opening) * times
    assert str(caught.value) == f"nested deeper than {MAX_DEPTH} levels at offset {caught.value.position}"


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"":'])
def test_depth_without_end_is_refused_too(opening: bytes) -> None:
    with pytest.raises(CanonicalError):
        canonicalize(opening * 1_000_000)
