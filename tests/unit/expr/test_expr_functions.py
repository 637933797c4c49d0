"""flow-control §2.5: variables, macros, functions."""

import pytest

from inngest_fast._native import expr


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("event.name", "app/user.created"),
        ("event.ts", 1_767_225_600_000.0),
        ("event.user", {}),
        ("event.v == null", True),
        ("event.data.items[1].price", 20.0),
        ('event.data.items[1]["name"]', "y"),
        ("event.data.map", {"k": "v", "other": 1.0}),
        ("event.data.quoted", 'a"b\\c\nd é 😀'),
        ("event.data.s // the rest is comment", "foo"),
        ("// first\n event.data.s\n //last", "foo"),
    ],
)
def test_variables(evaluate, source, result):
    assert evaluate(source) == result


def test_the_whole_event_has_a_user(evaluate):
    assert evaluate("event")["user"] == {}


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("event.data.list.all(x, x > 0)", True),
        ("event.data.list.all(x, x > 1)", False),
        ("event.data.list.exists(x, x == 3)", True),
        ("event.data.list.exists(x, x == 4)", False),
        ("event.data.list.exists_one(x, x > 2)", True),
        ("event.data.list.exists_one(x, x > 1)", False),
        ("event.data.list.filter(x, x > 1)", [2.0, 3.0]),
        ("event.data.list.map(x, x * 2.0)", [2.0, 4.0, 6.0]),
        ("event.data.list.map(x, x > 1, x * 2.0)", [4.0, 6.0]),
        ("event.data.items.exists(i, i.price > 10 && i.name == 'y')", True),
        ("event.data.items.filter(i, has(i.price)).map(i, i.name)", ["x", "y"]),
        ("event.data.items.exists(i, has(i.nope))", False),
        ("event.data.map.all(k, k == 'k' || k == 'other')", True),
        ("[[1, 2], [3]].exists(x, x.exists(y, y == 3))", True),
        ("[[1, 2], [3]].map(x, x.map(y, y + size(x)))", [[3, 4], [4]]),
        ("[1].exists(event, event == 1)", True),
        ("[1].map(x, [2].map(x, x)[0] + x)", [3]),
        ("[].all(x, false)", True),
        ("[].exists(x, true)", False),
        ("[0, 1].exists(x, 1 / x == 1)", True),
        ("[0, 1].all(x, 1 / x == 2)", False),
    ],
)
def test_macros(evaluate, source, result):
    value = evaluate(source)
    assert (value, type(value)) == (result, type(result))


@pytest.mark.parametrize("source", ["5.all(x, true)", '"abc".exists(x, true)', "[0].all(x, 1 / x == 1)"])
def test_macros_over_what_is_no_list(evaluate, source):
    with pytest.raises(expr.EvaluationError):
        evaluate(source)


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ('"hello".contains("ell")', True),
        ('"hello".contains("elo")', False),
        ('"hello".startsWith("he")', True),
        ('"hello".endsWith("lo")', True),
        ('"hello".matches("l+o$")', True),
        ('matches("hello", "^l")', False),
        ('size("é😀")', 2),
        ('"abc".size()', 3),
        ("size(event.data.map)", 2),
        ('size(b"é")', 2),
        ("int(2.9)", 2),
        ("int(-2.9)", -2),
        ('int("12")', 12),
        ("int(5u)", 5),
        ('int(timestamp("1970-01-01T00:01:00Z"))', 60),
        ("uint(3)", 3),
        ('double("2.5")', 2.5),
        ("double(2)", 2.0),
        ("string(1.5)", "1.5"),
        ("string(12)", "12"),
        ("string(true)", "true"),
        ('string(b"a")', "a"),
        ('bytes("é")', "é".encode()),
        ('bool("true")', True),
        ("dyn(1)", 1),
        ("type(1.0) == double", True),
        ('lowercase("ÀB")', "àb"),
        ('uppercase("àb")', "ÀB"),
        ('uppercase("ßŉᾳǆ")', "ßŉᾼǄ"),
        ('lowercase("ΣΑΣİ")', "σασi"),
        ('b64decode("aGk=")', "hi"),
        ('b64decode("!")', ""),
        ('b64decode("/w==")', ""),
        ('json_parse("{\\"a\\": [1]}").a[0]', 1.0),
        ('json_parse("[1]")', {}),
        ('json_parse("{")', {}),
        ('timestamp("2026-01-02T03:04:05.5+01:00")', "2026-01-02T02:04:05.5Z"),
        ('timestamp("2026-01-02T00:00:00Z") > timestamp("2026-01-01T00:00:00Z")', True),
        ('duration("1h30m") == duration("90m")', True),
        ('duration("1.5s")', "1.5s"),
        ('duration("-1h0.1ms2ns")', "-3600.000100002s"),
        ('duration("0.123456789s")', "0.123456789s"),
        ('timestamp("2026-01-02T00:00:00Z") - timestamp("2026-01-01T00:00:00Z") == duration("24h")', True),
        ('timestamp("2026-01-02T00:00:00Z") + duration("-1s")', "2026-01-01T23:59:59Z"),
        ('timestamp("2026-03-04T05:06:07.089Z").getFullYear()', 2026),
        ('timestamp("2026-03-04T05:06:07.089Z").getMonth()', 2),
        ('timestamp("2026-03-04T05:06:07.089Z").getDate()', 4),
        ('timestamp("2026-03-04T05:06:07.089Z").getDayOfMonth()', 3),
        ('timestamp("2026-03-04T05:06:07.089Z").getDayOfWeek()', 3),
        ('timestamp("2026-03-04T05:06:07.089Z").getDayOfYear()', 62),
        ('timestamp("2026-03-04T05:06:07.089Z").getHours()', 5),
        ('timestamp("2026-03-04T05:06:07.089Z").getMinutes()', 6),
        ('timestamp("2026-03-04T05:06:07.089Z").getSeconds()', 7),
        ('timestamp("2026-03-04T05:06:07.089Z").getMilliseconds()', 89),
        ('timestamp("2026-07-01T00:00:00Z").getHours("Europe/Berlin")', 2),
        ('timestamp("2026-07-01T00:00:00Z").getDate("-02:30")', 30),
        ('duration("90m").getHours()', 1),
        ("now()", "2026-01-01T00:00:00Z"),
        ('now_plus("1w2d")', "2026-01-10T00:00:00Z"),
        ('now_minus("1d")', "2025-12-31T00:00:00Z"),
        ('date(int(event.ts)) < now_plus("1s")', True),
    ],
)
def test_functions(evaluate, source, result):
    value = evaluate(source)
    assert (value, type(value)) == (result, type(result))


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05.123456789-07:00", "2026-01-02T10:04:05.123456789Z"),
        ("2026-01-02T03:04:05", "2026-01-02T03:04:05Z"),
        ("2026-01-02", "2026-01-02T00:00:00Z"),
        ("Fri, 02 Jan 2026 03:04:05 GMT", "2026-01-02T03:04:05Z"),
        ("Fri, 02 Jan 2026 03:04:05 GMT+2", "2026-01-02T01:04:05Z"),
        ("02 Jan 26 03:04 UTC", "2026-01-02T03:04:00Z"),
        ("02 Jan 26 03:04 +0130", "2026-01-02T01:34:00Z"),
        ("Friday, 02-Jan-26 03:04:05 UTC", "2026-01-02T03:04:05Z"),
        ("Fri Jan 02 03:04:05 -0100 2026", "2026-01-02T04:04:05Z"),
        ("Fri Jan  2 03:04:05 UTC 2026", "2026-01-02T03:04:05Z"),
        ("Fri Jan  2 03:04:05 2026", "2026-01-02T03:04:05Z"),
        ("Jan  2 03:04:05", "0000-01-02T03:04:05Z"),
        ("Jan  2 03:04:05.678", "0000-01-02T03:04:05.678Z"),
    ],
)
def test_date_layouts(evaluate, text, instant):
    assert evaluate(f'date("{text}")') == instant


@pytest.mark.parametrize(
    ("number", "instant"),
    [
        (946_684_800, "2000-01-01T00:00:00Z"),
        (1_767_225_600, "2026-01-01T00:00:00Z"),
        (1_767_225_600_000, "2026-01-01T00:00:00Z"),
        (1_767_225_600_000_000_000, "2026-01-01T00:00:00Z"),
    ],
)
def test_date_of_integers(evaluate, number, instant):
    assert evaluate(f"date({number})") == instant


@pytest.mark.parametrize(
    "source",
    [
        "date(event.ts)",
        "date(946684799)",
        "date(event.data.nope)",
        'date("tomorrow")',
        'date("2026-02-30")',
        'date("Fri, 02 Jan 2026 25:00:00 GMT")',
        'timestamp("2026-01-02")',
        'duration("1d")',
        'now_plus("soon")',
        "now_plus(1)",
        '"a".matches("(")',
        '"a".contains(1)',
        "lowercase(1)",
        "b64decode(1)",
        'int("1.5")',
        'int("")',
        "int(1e19)",
        "int(true)",
        "uint(-1)",
        'double("x")',
        "double(null)",
        "string([1])",
        "string(null)",
        "size(1)",
        'bool("maybe")',
        'timestamp("2026-07-01T00:00:00Z").getHours("Mars/Olympus")',
        'timestamp("2026-07-01T00:00:00Z").getHours("../../etc/passwd")',
        'duration("1h").getFullYear()',
        'timestamp("9999-12-31T23:59:59Z") + duration("1s")',
    ],
)
def test_functions_that_fail(evaluate, source):
    with pytest.raises(expr.EvaluationError):
        evaluate(source)


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        (r'"a\"b"', 'a"b'),
        (r"'a\'b'", "a'b"),
        (r'"a\nb\t\r\\"', "a\nb\t\r\\"),
        (r'"\x41\u00e9\U0001F600\101\?\`\a\b\f\v"', "Aé😀A?`\a\b\f\v"),
        (r'r"a\nb"', r"a\nb"),
        (r"R'\'", "\\"),
        ('"""a "quoted"\nline"""', 'a "quoted"\nline'),
        ("'''it's'''", "it's"),
        (r'b"\xff\101é"', b"\xffA\xc3\xa9"),
        (r'rb"\x"', b"\\x"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.5E-1", 0.15),
        ("0x1Fu", 31),
        ("-0.0", -0.0),
        ("[1, 2,]", [1, 2]),
        ('{"a": 1, 2: "b", true: null,}', {"a": 1, 2: "b", True: None}),
    ],
)
def test_literals(evaluate, literal, value):
    read = evaluate(literal)
    assert (read, type(read)) == (value, type(value))
