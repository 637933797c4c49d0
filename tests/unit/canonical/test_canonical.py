"""RFC 8785, rule by rule."""

import json
import struct
import time

import pytest
from canonical_model import model, number

from inngest_fast._native.canonical import MAX_DEPTH, CanonicalError, canonicalize, quote

# RFC 8785, appendix B: the bits of a double, and how it is written.
NUMBERS = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]

SPELLINGS = [
    ("-0", "0"),
    ("-0.0", "0"),
    ("0e999999999", "0"),
    ("1e-400", "0"),
    ("1.0", "1"),
    ("1E5", "100000"),
    ("1e+5", "100000"),
    ("100e-2", "1"),
    ("1e20", "100000000000000000000"),
    ("123456789012345", "123456789012345"),
    ("999999999999999", "999999999999999"),
    ("9007199254740993", "9007199254740992"),
    ("-9007199254740993", "-9007199254740992"),
    ("12345678901234567890123", "1.2345678901234568e+22"),
    ("0.1", "0.1"),
    ("1.10", "1.1"),
    ("4.50", "4.5"),
    ("2e-3", "0.002"),
    ("0.000000000000000000000000001", "1e-27"),
]


@pytest.mark.parametrize(("bits", "text"), NUMBERS)
def test_the_numbers_of_the_standard(bits: str, text: str) -> None:
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert number(value) == text
    for spelling in (repr(value), text, f"{value:.17e}"):
        assert canonicalize(spelling.encode()) == text.encode()


@pytest.mark.parametrize(("spelling", "text"), SPELLINGS)
def test_spellings_of_a_number(spelling: str, text: str) -> None:
    assert canonicalize(spelling.encode()) == text.encode()
    assert (
        canonicalize(f'{{"b":{spelling},"a":[{spelling}]}}'.encode())
        == f'{{"a":[{text}],"b":{text}}}'.encode()
    )


def test_the_example_of_the_standard() -> None:
    sent = rb"""
      {
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
      }"""
    written = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        r'"string":"€$\u000f\nA' + "'" + r'B\"\\\\\"/"}'
    )
    assert canonicalize(sent) == written.encode()


def test_keys_are_sorted_by_utf_16_units() -> None:
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    written = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    sent = json.dumps(dict.fromkeys(keys, 0)).encode()
    assert list(json.loads(canonicalize(sent))) == written
    assert canonicalize(sent) == model(sent)


@pytest.mark.parametrize("n", [2, 31, 32, 33, 34, 500])
@pytest.mark.parametrize("prefix", ["", "é", "\\n"], ids=["plain", "accent", "escape"])
def test_any_number_of_keys_is_sorted(n: int, prefix: str) -> None:
    members = [f'"{prefix}{(7919 * i) % n}":{i}' for i in range(n)]
    sent = ("{" + ", ".join(members + members[: n // 2]) + "}").encode()
    assert canonicalize(sent) == model(sent)


def test_a_key_that_begins_another_comes_first() -> None:
    assert (
        canonicalize(b'{"ab":1,"a":2,"":3,"a\\u0000":4,"a\\"":5}')
        == b'{"":3,"a":2,"a\\u0000":4,"a\\"":5,"ab":1}'
    )


@pytest.mark.parametrize(
    ("sent", "written"),
    [
        ('{"a":1,"a":2}', '{"a":2}'),
        ('{"a":1,"b":0,"a":2}', '{"a":2,"b":0}'),
        ('{"a":1,"\\u0061":2}', '{"a":2}'),
        ('{"\\ud83d\\ude00":1,"😀":2}', '{"😀":2}'),
        ('{"\\ud800":1,"\\udfff":2,"\\ufffd":3}', '{"\ufffd":3}'),
        ('{"a":{"x":1},"a":[{"y":2,"y":{}}]}', '{"a":[{"y":{}}]}'),
        ('{"":1,"":2}', '{"":2}'),
    ],
)
def test_of_repeated_keys_the_last_counts(sent: str, written: str) -> None:
    assert canonicalize(sent.encode()) == written.encode()


@pytest.mark.parametrize(
    ("sent", "written"),
    [
        (r"\u0000\u001f", r"\u0000\u001f"),
        (r"\u0008\u0009\u000a\u000c\u000d", r"\b\t\n\f\r"),
        (r"\u001F\u00Ff\u20AC", r"\u001f" + "ÿ€"),
        (r"\/\u002f/", "///"),
        (r"\"\\\u0022\u005c", r"\"\\\"\\"),
        (r"\u007f\u0080\u07ff\u0800\uffff", "\x7f\x80\u07ff\u0800\uffff"),
        (r"\u2028\u2029", "\u2028\u2029"),
        (r"\ud83d\ude00", "😀"),
        (r"\uD83D\uDE00", "😀"),
        (r"\ud800\udc00\udbff\udfff", "\U00010000\U0010ffff"),
        (r"\ud83d", "\ufffd"),
        (r"\ude00", "\ufffd"),
        (r"\ude00\ud83d", "\ufffd\ufffd"),
        (r"\ud83d\ud83d\ude00", "\ufffd😀"),
        (r"\ud83dx\ude00", "\ufffdx\ufffd"),
        (r"\ud83d\n", "\ufffd\\n"),
        (r"\ud83d\u0041", "\ufffdA"),
        ("\x7f\u2028😀é", "\x7f\u2028😀é"),
    ],
)
def test_strings(sent: str, written: str) -> None:
    assert canonicalize(f'"{sent}"'.encode()) == f'"{written}"'.encode()
    assert canonicalize(f'{{"{sent}":0}}'.encode()) == f'{{"{written}":0}}'.encode()


def test_blanks_go() -> None:
    assert canonicalize(b' \t\r\n{ "b" : [ ] ,\n"a"\t:\r[ 1 , { } ] } \n') == b'{"a":[1,{}],"b":[]}'


@pytest.mark.parametrize("text", ["null", "true", "false", "0", '""', "[]", "{}", '{"a":1,"b":[1.5,"é"]}'])
def test_what_is_canonical_is_returned_itself(text: str) -> None:
    data = text.encode()
    assert canonicalize(data) is data


@pytest.mark.parametrize("bad", ["{}", bytearray(b"{}"), memoryview(b"{}"), None, 1])
def test_bytes_only(bad: object) -> None:
    with pytest.raises(TypeError):
        canonicalize(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["", "a", 'a"b\\c', "\x00\x1f\x7f", "é€😀", "/", "\u2028", "\ud800", "\ud83d\ude00"]
)
def test_quote_is_how_a_string_is_written(text: str) -> None:
    assert quote(text) == canonicalize(json.dumps(text).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"[" + b"1," * 500_000 + b"1]",
        b'{"b":"' + b"x" * 4_000_000 + b'","a":1}',
        b"{" + b",".join(b'"%d":%d' % (i * 7919 % 100_003, i) for i in range(100_000)) + b"}",
        b"[" + b"1e20," * 100_000 + b"1e20]",
        b'"' + b"\\u00e9\\n" * 200_000 + b'"',
        b"9" * 300 + b"." + b"9" * 1_000_000,
    ],
    ids=["array", "string", "object", "growing numbers", "escapes", "long number"],
)
def test_huge_inputs(data: bytes) -> None:
    start = time.perf_counter()
    out = canonicalize(data)
    # Quadratic work on any of them would take minutes.
    assert time.perf_counter() - start < 3
    assert out == model(data)
    assert canonicalize(out) is out


def test_an_object_out_of_order_at_each_level() -> None:
    filler = b"x" * 1_000_000
    data = b'{"b":1,"a":' * MAX_DEPTH + b'"' + filler + b'"' + b"}" * MAX_DEPTH
    assert canonicalize(data) == b'{"a":' * MAX_DEPTH + b'"' + filler + b'"' + b',"b":1}' * MAX_DEPTH


def test_a_long_refusal_is_refused_as_fast() -> None:
    start = time.perf_counter()
    with pytest.raises(CanonicalError):
        canonicalize(b"9" * 2_000_000)
    assert time.perf_counter() - start < 3
