"""Under which equalities a residue is found, and what an event shows of itself (flow-control §7.3)."""

import pytest
from expr_event import wire

from inngest_fast._native import expr

ASYNC = frozenset({"async"})
X = ("data", "x")
Y = ("data", "y")


def typed(keys):
    return [key and (key[0], key[1], type(key[1])) for key in keys]


@pytest.mark.parametrize(
    ("source", "keys"),
    [
        ('async.data.x == "a"', [(X, "a")]),
        ('"a" == async.data.x', [(X, "a")]),
        ('async.data["x"] == "a"', [(X, "a")]),
        ("async.data.x == 1", [(X, 1.0)]),
        ("async.data.x == 1u", [(X, 1.0)]),
        ("async.data.x == 1.5", [(X, 1.5)]),
        ("async.data.x == true", [(X, True)]),
        ("async.data.x == null", [(X, None)]),
        ('async.data.x == "a\\n"', [(X, "a\n")]),
        ('async.data.x == ""', [(X, "")]),
        ("async.name == 'n'", [(("name",), "n")]),
        ("async.data.x in ['a', 1, null, 'a']", [(X, "a"), (X, 1.0), (X, None)]),
        ("async.data.x in [1, true]", [(X, 1.0), (X, True)]),
        ("async.data.x == 1 && async.data.y == 2", [(X, 1.0)]),
        ("async.data.x > 1 && async.data.y == 2", [(Y, 2.0)]),
        ("async.data.x == 1 || async.data.y == 2", [(X, 1.0), (Y, 2.0)]),
        ("async.data.x == 1 || async.data.x == 1", [(X, 1.0)]),
        ("async.data.x == 1 || async.data.y > 2", [(X, 1.0), None]),
        ("(async.data.x == 1 || async.data.x == 2) && async.data.y == 3", [(Y, 3.0)]),
        ("(async.data.x == 1 || async.data.y > 2) && async.data.y == 3", [(Y, 3.0)]),
        ("async.data.z ? async.data.x == 1 : async.data.y == 2", [(X, 1.0), (Y, 2.0)]),
        ("async.data.x == 1 ? async.data.z > 1 : async.data.y == 2", [(X, 1.0), (Y, 2.0)]),
        ("async.data.x == 1 && false", []),
        ("false", []),
        ("false || async.data.x == 1", [(X, 1.0)]),
        ("async.data.x in []", []),
        # nothing to look up
        ("true", [None]),
        ("async.data.x != 'a'", [None]),
        ("async.data.x > 1", [None]),
        ("!(async.data.x == 1)", [None]),
        ("async.data.x", [None]),
        ("async.data.x == async.data.y", [None]),
        ("async.data.x[0] == 1", [None]),
        ("async == 1", [None]),
        ("async.data.x == [1]", [None]),
        ("async.data.x == b'a'", [None]),
        ("size(async.data.x) == 1", [None]),
        ("1 in async.data.x", [None]),
        ("event.data.x == 1", [None]),
        ("(async.data.x == 1) == false", [None]),
    ],
)
def test_keys(source, keys):
    program = expr.compile(source, names=frozenset({"event", "async"}), check=False)
    assert typed(program.index_keys()) == typed(keys)


def test_many_alternatives_are_not_worth_a_lookup_each():
    some = " || ".join(f"async.data.x == {i}" for i in range(20))
    many = " || ".join(f"async.data.x == {i}" for i in range(200))
    assert len(expr.compile(some, names=ASYNC).index_keys()) == 20
    assert expr.compile(many, names=ASYNC).index_keys() == (None,)
    assert expr.compile(f"async.data.x in {list(range(200))}", names=ASYNC).index_keys() == (None,)
    assert expr.compile(f"({many}) && async.data.y == 1", names=ASYNC).index_keys() == ((Y, 1.0),)


@pytest.mark.parametrize(
    ("event", "path", "value"),
    [
        (b'{"data":{"x":"a"}}', X, "a"),
        (b' { "data" : { "y" : [ {} ] , "x" : "a" } } ', X, "a"),
        (b'{"data":{"x":1}}', X, 1.0),
        (b'{"data":{"x":-1.5e3}}', X, -1500.0),
        (b'{"data":{"x":12345678901234567890}}', X, 12345678901234567890.0),
        (b'{"data":{"x":0.1}}', X, 0.1),
        (b'{"data":{"x":true}}', X, True),
        (b'{"data":{"x":false}}', X, False),
        (b'{"data":{"x":null}}', X, None),
        (b'{"data":{"x":{}}}', X, expr.MISSING),
        (b'{"data":{"x":[]}}', X, expr.MISSING),
        (b'{"data":{"y":1}}', X, expr.MISSING),
        (b'{"data":{}}', X, expr.MISSING),
        (b'{"data":null}', X, expr.MISSING),
        (b'{"data":"x"}', X, expr.MISSING),
        (b'{"data":[1]}', ("data", "0"), expr.MISSING),
        (b"{}", X, expr.MISSING),
        (b"1", X, expr.MISSING),
        (b'{"a":{"data":{"x":1}}}', X, expr.MISSING),
        (b'{"data":{"x":1,"x":2}}', X, 2.0),
        (b'{"data":{"x":1},"data":{}}', X, expr.MISSING),
        (b'{"data":{"\\u0078":"\\u00e9\\ud83d\\ude00\\n\\/"}}', X, "é😀\n/"),
        (b'{"data":{"x":"\\ud800"}}', X, "\ufffd"),
        ('{"data":{"é":"ü"}}'.encode(), ("data", "é"), "ü"),
        (b'{"":{"":7}}', ("", ""), 7.0),
        (b'{"data":{"x":1e999}}', X, expr.MISSING),
        (b'{"data":{"x":"}\\"{"},"x":1}', ("x",), 1.0),
        (b"", X, expr.MISSING),
        (b'{"data":', X, expr.MISSING),
        (b"\xff", X, expr.MISSING),
        (b"{}", ("\ud800",), expr.MISSING),
    ],
)
def test_lookup(event, path, value):
    found = expr.lookup(event, path)
    assert (found, type(found)) == (value, type(value))


def test_lookup_decodes_only_what_it_gives():
    assert expr.lookup(b'{"data":{"w":"\\q","x":1,"y":tru}}', X) == 1.0
    assert expr.lookup(wire({"data": {"x": 5, "deep": eval("[" * 50 + "]" * 50)}}), X) == 5.0
