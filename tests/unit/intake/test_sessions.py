"""The `meta` of an event."""

import json

import pytest

from inngest_fast.domain.errors import InvalidEventError
from inngest_fast.engine.intake.sessions import merged_meta


def merged(**meta):
    kept = merged_meta(json.dumps(meta).encode())
    return json.loads(kept)["sessions"] if kept else None


def the_text(**meta):
    with pytest.raises(InvalidEventError) as caught:
        merged(**meta)
    return str(caught.value)


def test_sessions_are_kept():
    assert merged(sessions={"b": 7, "a": "x"}) == {"a": "x", "b": 7}
    assert merged_meta(b'{"sessions":{"b":7,"a":"x"},"other":1}') == b'{"sessions":{"a":"x","b":7}}'


def test_nothing_is_kept_of_nothing():
    assert merged() is None
    assert merged(sessions={}) is None
    assert merged(sessions=None) is None
    assert merged(sessions={"a": None}) is None


def test_inherited_ones_come_below_and_fill_up_to_five_in_order_of_keys():
    inherited = dict.fromkeys("zyxwvu", "i")
    assert merged(sessions={"z": "m", "a": "m"}, propagated_sessions=inherited) == {
        "z": "m",
        "a": "m",
        "u": "i",
        "v": "i",
        "w": "i",
    }


def test_null_takes_an_inherited_one_out_and_null_for_all_takes_all():
    inherited = {"a": "i", "b": "i"}
    assert merged(propagated_sessions=inherited) == inherited
    assert merged(sessions={"a": None}, propagated_sessions=inherited) == {"b": "i"}
    assert merged(sessions=None, propagated_sessions=inherited) is None


def test_inherited_ones_that_are_not_valid_are_left_out():
    assert merged(propagated_sessions={"a": {}, "b": "", "c": None, "d": "x"}) == {"d": "x"}
    assert merged(propagated_sessions=[]) is None


@pytest.mark.parametrize("value", [{}, [], True, False])
def test_an_id_is_a_string_or_a_number(value):
    assert the_text(sessions={"b": value}) == 'event session "b" must be a string, number, or null'


def test_texts():
    assert the_text(sessions={"a": ""}) == 'event session "a" cannot have an empty ID'
    assert the_text(sessions={str(n): "x" for n in range(6)}) == (
        "event sessions can include at most 5 entries"
    )
    assert the_text(sessions=[]) == "event sessions must be an object"


def test_lengths_are_in_bytes():
    assert merged(sessions={"é" * 64: "é" * 256}) == {"é" * 64: "é" * 256}
    assert "must have 1 to 128 bytes" in the_text(sessions={"é" * 65: "x"})
    assert "must have 1 to 128 bytes" in the_text(sessions={"": "x"})
    assert the_text(sessions={"a": "é" * 257}) == 'event session "a" has an ID of more than 512 bytes'
