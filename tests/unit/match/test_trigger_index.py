"""Functions by event name and wildcard (flow-control §2.1)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from inngest_fast._native.match import TriggerIndex

TABLE = {
    "app/user.created": ["app/user.created", "app/*", "app/user.*"],
    "api/v1/users": ["api/v1/users", "api/*", "api/v1/*"],
    "foo": ["foo"],
}
NEVER = [
    "*",
    "app*",
    "app/user*",
    "app/user.creat*",
    "*/user.created",
    "app/*.created",
    "f*",
    "fo.",
    "",
    "/*",
    ".*",
]


def patterns_of(name: str) -> set[str]:
    """Every trigger string that matches."""
    return {name} | {name[: i + 1] + "*" for i, c in enumerate(name) if c in "/."}


@pytest.mark.parametrize("name", TABLE)
def test_each_row_matches_its_patterns_and_no_other(name: str) -> None:
    index = TriggerIndex()
    for pattern in {pattern for row in TABLE.values() for pattern in row} | set(NEVER):
        index.insert(pattern, pattern)
    assert sorted(index.match(name)) == sorted(TABLE[name])


def test_a_name_that_looks_like_a_pattern_is_a_name() -> None:
    index = TriggerIndex()
    index.insert("app/*", "f")
    assert index.match("app/*") == ["f"]
    assert index.match("app/") == ["f"]
    assert index.match("app") == []


@pytest.mark.parametrize("name", ["", ".", "/", "//", "a..b", "./.", "é/ü.ö", "😀/😀", "a/" * 128])
def test_odd_names(name: str) -> None:
    index = TriggerIndex()
    for pattern in patterns_of(name):
        index.insert(pattern, pattern)
    index.insert("other/*", "other")
    assert set(index.match(name)) == patterns_of(name)


def test_first_inserted_first_whichever_pattern_matches() -> None:
    index = TriggerIndex()
    index.insert("a/b.c", "exact")
    index.insert("a/*", "wild")
    index.insert("a/b.*", "exact")
    index.insert("a/b.*", "wilder")
    assert index.match("a/b.c") == ["exact", "wild", "wilder"]
    assert index.match("a/b.d") == ["wild", "exact", "wilder"]


def test_the_first_of_an_ids_patterns_gives_its_place() -> None:
    index = TriggerIndex()
    index.insert("a/*", "f")
    index.insert("a/*", "g")
    index.insert("a/b", "f")
    assert index.match("a/b") == ["f", "g"]
    index.remove("a/*", "f")
    assert index.match("a/b") == ["g", "f"]


def test_an_empty_index_has_no_answer() -> None:
    index = TriggerIndex()
    assert index.match("a") == []
    assert index.remove("a", "f") is False


@pytest.mark.parametrize("bad", [None, 1, b"a"])
def test_names_are_text(bad: object) -> None:
    index = TriggerIndex()
    with pytest.raises(TypeError):
        index.match(bad)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        index.insert("a", bad)  # type: ignore[arg-type]
    assert index.match("a") == []


names = st.sampled_from(["a", "a/*", "a/b", "a/b.*", "a/b.c", "a/b.c/*", "a/b.c/d", "b/*", "b/c", "*", "."])
ids = st.sampled_from(["f", "g", "h"])


class Beside(RuleBasedStateMachine):
    """Beside a list of (pattern, id) in order of insertion, where repeats stand behind the first."""

    def __init__(self) -> None:
        super().__init__()
        self.index = TriggerIndex()
        self.inserted: list[tuple[str, str]] = []

    @rule(pattern=names, id=ids)
    def insert(self, pattern: str, id: str) -> None:
        self.index.insert(pattern, id)
        self.inserted.append((pattern, id))

    @rule(pattern=names, id=ids)
    def remove(self, pattern: str, id: str) -> None:
        known = (pattern, id) in self.inserted
        assert self.index.remove(pattern, id) is known
        if known:
            last = len(self.inserted) - 1 - self.inserted[::-1].index((pattern, id))
            del self.inserted[last]

    @rule(place=st.integers(0, 20))
    def remove_known(self, place: int) -> None:
        if place < len(self.inserted):
            self.remove(*self.inserted[place])

    @rule(name=names)
    def match(self, name: str) -> None:
        expected = [id for pattern, id in self.inserted if pattern in patterns_of(name)]
        assert self.index.match(name) == list(dict.fromkeys(expected))

    @invariant()
    def all_are_found(self) -> None:
        for pattern, id in self.inserted:
            assert id in self.index.match(pattern)


TestBeside = Beside.TestCase
TestBeside.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


@given(pattern=st.text("ab/.*", max_size=6), name=st.text("ab/.", max_size=6))
def test_a_pattern_is_a_name_or_ends_after_a_break(pattern: str, name: str) -> None:
    index = TriggerIndex()
    index.insert(pattern, "f")
    cut = pattern.endswith(("/*", ".*")) and name.startswith(pattern[:-1])
    assert bool(index.match(name)) == (pattern == name or cut)
