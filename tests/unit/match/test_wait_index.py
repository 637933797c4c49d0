"""Waits by event name and equality keys."""

import json
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from inngest_fast._native.match import WaitIndex
from inngest_fast.ports.wait_index import Key

ID = ("data", "id")
OTHER = ("data", "other")
APART = [None, True, False, 0.0, 1.0, "", "1", "1.0", "true", "null", "\0true", "\0false", 0.1, -1.0, "é"]

Lookup = Callable[[tuple[str, ...]], object]


def at(values: dict[tuple[str, ...], object]) -> Lookup:
    return values.get


@pytest.mark.parametrize("place", range(len(APART)), ids=lambda place: repr(APART[place]))
def test_values_of_different_kinds_are_told_apart(place: int) -> None:
    index = WaitIndex()
    for n, constant in enumerate(APART):
        index.insert(n, "e", [(ID, constant)])  # type: ignore[list-item]
    assert index.candidates("e", at({ID: APART[place]})) == [place]


def test_the_kinds_are_told_apart_in_removal_too() -> None:
    index = WaitIndex()
    index.insert(1, "e", [(ID, True)])
    index.insert(2, "e", [(ID, 1.0)])
    index.remove(1)
    assert index.candidates("e", at({ID: 1.0})) == [2]
    assert index.candidates("e", at({ID: True})) == []


@pytest.mark.parametrize(("constant", "value"), [(1.0, 1), (0.0, -0.0), (2.0**53, 2**53), (None, None)])
def test_equal_numbers_are_found_however_they_are_given(constant: float | None, value: object) -> None:
    index = WaitIndex()
    index.insert(1, "e", [(ID, constant)])
    assert index.candidates("e", at({ID: value})) == [1]


def test_none_as_a_key_is_always_looked_at_and_no_keys_never() -> None:
    index = WaitIndex()
    index.insert(1, "e", [None])
    index.insert(2, "e", [])
    index.insert(3, "e", [(ID, "x"), None])
    assert index.candidates("e", at({ID: "y"})) == [1, 3]
    assert len(index) == 3
    assert all(index.remove(n) for n in (1, 2, 3))
    assert len(index) == 0


def test_a_wait_is_there_once_by_its_number() -> None:
    index = WaitIndex()
    index.insert(1, "e", [(ID, "x"), (OTHER, "x"), (ID, "x")])
    assert index.candidates("e", at({ID: "x", OTHER: "x"})) == [1]
    index.insert(1, "f", [(ID, "y")])
    assert index.candidates("e", at({ID: "x", OTHER: "x"})) == []
    assert index.candidates("f", at({ID: "y"})) == [1]
    assert len(index) == 1
    assert index.remove(1) is True
    assert index.remove(1) is False


def test_event_names_are_exact() -> None:
    index = WaitIndex()
    index.insert(1, "app/*", [None])
    assert index.candidates("app/x", at({})) == []


constants = st.sampled_from([None, True, False, 0.0, 1.0, "1", "a"])
paths = st.sampled_from([ID, OTHER, ("ts",)])
keys = st.lists(st.one_of(st.none(), st.tuples(paths, constants), st.tuples(paths, constants)), max_size=3)
events = st.sampled_from(["e", "f"])
waits = st.integers(0, 9)


class Beside(RuleBasedStateMachine):
    """Beside a dictionary of what was inserted, searched through."""

    def __init__(self) -> None:
        super().__init__()
        self.index = WaitIndex()
        self.waits: dict[int, tuple[str, list[Key | None]]] = {}

    @rule(wait=waits, event=events, keys=keys)
    def insert(self, wait: int, event: str, keys: list[Key | None]) -> None:
        self.index.insert(wait, event, keys)
        self.waits[wait] = (event, keys)

    @rule(wait=waits)
    def remove(self, wait: int) -> None:
        assert self.index.remove(wait) is (self.waits.pop(wait, None) is not None)

    @rule(event=events, values=st.dictionaries(paths, constants))
    def candidates(self, event: str, values: dict[tuple[str, ...], object]) -> None:
        asked: list[tuple[str, ...]] = []

        def lookup(path: tuple[str, ...]) -> object:
            asked.append(path)
            return values.get(path)

        expected = [
            wait
            for wait, (name, keys) in sorted(self.waits.items())
            if name == event and any(self.meets(key, values) for key in keys)
        ]
        assert self.index.candidates(event, lookup) == expected
        assert len(self.index) == len(self.waits)
        of_waits = {
            key[0]
            for name, keys in self.waits.values()
            if name == event and None not in keys
            for key in keys
            if key
        }
        assert sorted(asked) == sorted(of_waits)

    @staticmethod
    def meets(key: Key | None, values: dict[tuple[str, ...], object]) -> bool:
        # JSON tells apart what Python thinks equal.
        return key is None or json.dumps(values.get(key[0])) == json.dumps(key[1])


TestBeside = Beside.TestCase
TestBeside.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
