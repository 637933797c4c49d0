"""flow-control §2.7, row by row."""

import pytest

from inngest_fast._native import expr

MISSING = (
    "event.data.nope",
    "event.nope.deeper.still",
    "event.data.nil.field",
    "event.data.s.field",
    "event.data.n.field",
    "event.data.list.field",
    'event.data["nope"]',
    "event.data.map[0]",
    "event.data.s[0]",
    "event.data.map[event.data.s]",
)


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("{} == 'x'", False),
        ("{} == 1", False),
        ("{} != 'x'", True),
        ("{} != 1", True),
        ("{} == null", True),
        ("{} != null", False),
        ("null == {}", True),
        ("null != {}", False),
        ("{} == event.data.nope2", False),
        ("{} != event.data.nope2", True),
        ("{} < 1", True),
        ("{} <= 1", True),
        ("{} < 'x'", True),
        ("{} > 1", False),
        ("{} >= 1", False),
        ("1 < {}", False),
        ("1 <= {}", False),
        ("1 > {}", True),
        ("1 >= {}", True),
        ("{}", False),
        ("!{}", False),
        ("{} == false", False),
        ("{} != true", True),
        ("size({})", 0),
        ("lowercase({})", False),
        ("{}.startsWith('a')", False),
        ("'a'.startsWith({})", False),
        ("string({})", False),
        ("b64decode({})", False),
        ("timestamp({})", False),
        ("int({}) == 200", False),
        ("{} + 1", 1),
        ("'a' + {}", "a"),
        ("{} + event.data.nope2", False),
        ("{} - 1", False),
        ("2 * {}", False),
        ("-{}", False),
        ("{}.all(x, true)", False),
        ("{}.exists(x, true)", False),
        ("1 in {}", False),
        ("{} in [1]", False),
        ("{} || event.data.s", "foo"),
        ("{} && event.data.s", False),
        ("{} ? 1 : 2", 2),
    ],
)
def test_missing(evaluate, missing, source, result):
    value = evaluate(source.replace("{}", missing))
    assert (value, type(value)) == (result, type(result))


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("has(event.data.nope)", False),
        ("!has(event.data.nope)", False),
        ("has(event.data.nope) == false", False),
        ("has(event.data.nope.deeper)", False),
        ("has(event.data.nil)", True),
        ("has(event.data.no)", True),
        ("!has(event.data.nil)", False),
        ("has(event.user)", True),
        ("event.user == {}", True),
        ("event.user.id == null", True),
        ("null == null", True),
        ("null != null", False),
        ("event.data.nil == null", True),
        ("event.data.nil != null", False),
        ("null == 1", False),
        ("null != 1", True),
        ("event.data.nil == false", False),
        ("null > 0", False),
        ("null >= 0", True),
        ("0 > null", False),
        ("0 <= null", True),
        ("null < -1", False),
        ('null < "foo"', True),
        ('"foo" > event.data.nil', True),
        ("size(null) == 0", False),
        ("size(null) > 0", False),
        ("0 < size(null)", False),
        ("event.data.list[7] == 1", False),
        ("event.data.list[7] != 1", False),
        ("event.data.list[7] < 1", False),
        ("event.data.list[7] >= 1", False),
        ("1 == event.data.list[7]", False),
        ("event.data.list[7] == null", False),
        ("event.data.list[event.data.million] != 1", False),
    ],
)
def test_null_has_and_elements_that_are_not_there(evaluate, source, result):
    assert evaluate(source) is result


@pytest.mark.parametrize(
    "source", ["null.exists(x, true)", '"a" in null', "!null", '!"str"', "!event.data.nil"]
)
def test_null_fails_where_it_has_no_meaning(evaluate, matches, source):
    with pytest.raises(expr.EvaluationError):
        evaluate(source)
    assert matches(source) is False


def test_missing_is_one_object():
    import copy
    import pickle

    assert not expr.MISSING
    assert copy.deepcopy(expr.MISSING) is expr.MISSING
    assert pickle.loads(pickle.dumps(expr.MISSING)) is expr.MISSING
