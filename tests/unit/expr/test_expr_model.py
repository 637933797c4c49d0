"""The compiled dialect against the obvious model; residues and index keys against whole evaluation."""

from typing import Any

import expr_model as model
from expr_event import BOTH, wire
from hypothesis import given, settings
from hypothesis import strategies as st

from inngest_fast._native import expr

FIELDS = ("a", "b", "c")
words = st.sampled_from(["", "x", 'q"\\\n', "é", "1"])
numbers = st.sampled_from([0.0, 1.0, 2.5, -1.0])
scalars = st.none() | st.booleans() | numbers | words
values = (
    scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), scalars, max_size=2)
)
events = st.dictionaries(st.sampled_from(FIELDS), values, max_size=3)
whole_events = st.fixed_dictionaries(dict.fromkeys(FIELDS, values))

constants = st.tuples(st.just("value"), scalars | st.sampled_from([0, 1, 2]))
field = st.sampled_from(FIELDS)
steps = st.lists(field, min_size=1, max_size=1) | st.tuples(field, st.sampled_from(["a", 0, 1, 7])).map(list)
OPS = ["==", "==", "==", "!=", "<", "<=", ">", ">="]


def trees(paths: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    equality = st.tuples(st.just("cmp"), st.just("=="), paths, constants)
    field_paths = paths.filter(lambda path: isinstance(path[2][-1], str))

    def grow(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        some = st.lists(inner, min_size=2, max_size=3)
        return st.one_of(
            st.tuples(st.just("and"), some),
            st.tuples(st.just("or"), some),
            st.tuples(st.just("not"), inner),
            st.tuples(st.just("if"), inner, inner, inner),
            st.tuples(st.just("cmp"), st.sampled_from(OPS), inner, inner),
            st.tuples(
                st.just("in"), inner, inner | st.tuples(st.just("list"), st.lists(constants, max_size=3))
            ),
            st.tuples(st.just("add"), inner, inner),
            st.tuples(st.just("size"), inner),
            st.tuples(st.just("has"), field_paths),
            st.tuples(st.just("list"), st.lists(inner, max_size=2)),
        )

    return st.recursive(constants | paths | equality, grow, max_leaves=8)


def of_root(*roots: str) -> st.SearchStrategy[Any]:
    return st.tuples(st.just("path"), st.sampled_from(roots), steps)


@settings(max_examples=400)
@given(trees(of_root("event")), events)
def test_evaluation(tree, event):
    program = expr.compile(model.text(tree), check=False)
    try:
        expected = model.run(tree, event, {})
    except model.ModelError:
        expected = model.ModelError
    else:
        expected = False if model.is_missing(expected) else expected
    try:
        value = program.evaluate(wire(event))
    except expr.EvaluationError:
        value = model.ModelError
    assert (value, type(value)) == (expected, type(expected))
    assert program.matches(wire(event)) is (expected is True)


def touches(tree: Any, root: str) -> bool:
    if isinstance(tree, tuple) and tree[0] == "path":
        return tree[1] == root
    return isinstance(tree, tuple | list) and any(touches(part, root) for part in tree)


def has_missing_operand(tree: Any, event: Any) -> bool:
    """Whether the event misses a value that is compared with a later one: there a residue differs (§2.9)."""
    if not isinstance(tree, tuple | list):
        return False
    if isinstance(tree, tuple) and tree[0] == "cmp":
        for side in tree[2:]:
            if not touches(side, "async"):
                try:
                    if model.is_missing(model.run(side, event, {})):
                        return True
                except model.ModelError:
                    pass
            elif side[0] in ("and", "or", "if"):
                return True  # an operand that is left of it may be missing
    return any(has_missing_operand(part, event) for part in tree)


@settings(max_examples=400)
@given(trees(of_root("event", "async")), whole_events, st.lists(events, min_size=1, max_size=4))
def test_a_residue_decides_as_the_whole_does(tree, event, laters):
    program = expr.compile(model.text(tree), names=BOTH, check=False)
    left = program.interpolate(wire(event))
    rest = expr.compile(left, names=BOTH, check=False)
    assert "event" not in rest.names()
    assert rest.interpolate(b"{}") == left
    if not touches(tree, "async"):
        assert left in ("true", "false")
    if has_missing_operand(tree, event):
        return
    for later in laters:
        whole = program.matches(wire(event), wire(later))
        assert rest.matches(b"{}", wire(later)) is whole


@settings(max_examples=400)
@given(trees(of_root("async")), st.lists(events, min_size=1, max_size=6))
def test_whoever_matches_is_found_by_a_key(tree, laters):
    program = expr.compile(model.text(tree), names=BOTH, check=False)
    keys = program.index_keys()
    for later in laters:
        event = wire(later)
        if not program.matches(b"{}", event):
            continue
        assert any(key is None or (found(event, key[0]) == key[1]) for key in keys)


def found(event: bytes, path: tuple[str, ...]) -> object:
    value = expr.lookup(event, path)
    return None if value is expr.MISSING else value


def test_selective_conditions_do_have_keys():
    tree = ("and", [("cmp", "==", ("path", "async", ["a"]), ("value", "x")), ("path", "async", ["b"])])
    assert expr.compile(model.text(tree), names=BOTH).index_keys() == ((("a",), "x"),)
