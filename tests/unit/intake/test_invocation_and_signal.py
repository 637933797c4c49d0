"""Invocations and signals from outside."""

import json

import pytest

from inngest_fast.adapters.system.entropy import SystemEntropy
from inngest_fast.domain.errors import InvalidEventError
from inngest_fast.domain.ids import Seed
from inngest_fast.engine.intake import read_invocation, read_signal

NOW = 1_795_425_252_000


def invocation(body, seed=None):
    return read_invocation(body, slug="demo-child", now_ms=NOW, entropy=SystemEntropy(), seed=seed)


def test_an_invocation_names_its_target():
    event = invocation(b'{"data":{"z":1,"_inngest":{"fn_id":"other"}},"user":{"u":1},"name":"ignored"}')
    assert event.name == "inngest/function.invoked"
    assert event.target == "demo-child"
    assert event.correlation_id == ""
    assert not event.repeatable
    assert json.loads(event.wire) == {
        "name": "inngest/function.invoked",
        "id": event.id,
        "ts": NOW,
        "data": {"_inngest": {"fn_id": "demo-child"}, "z": 1},
        "user": {"u": 1},
    }


def test_an_invocation_may_have_an_id_and_a_seed():
    event = invocation(b'{"id":"mine","ts":1700000000000}', Seed.read("1795425252211,AAECAwQFBgcICQ=="))
    assert event.id == "01M83TYCVK000G40R40M30E20A"
    assert event.external_id == "mine"
    assert event.ts == 1_700_000_000_000
    assert event.repeatable


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 1_000, b'{"data":"\xff"}'])
def test_an_invocation_that_is_no_json(body):
    with pytest.raises(InvalidEventError, match=r"^Unable to read post data request$"):
        invocation(body)


@pytest.mark.parametrize(
    "body", [b"[]", b"null", b'{"data":1}', b'{"ts":1}', b'{"data":{"a":"%b"}}' % (b"x" * 3_145_728)]
)
def test_an_invocation_that_is_not_valid(body):
    with pytest.raises(InvalidEventError, match=r"^Invalid invocation event$"):
        invocation(body)


def test_a_signal():
    sent = read_signal(b'{"signal":"order-77","data":{"b":1.0,"a":null}}')
    assert (sent.signal, bytes(sent.data)) == ("order-77", b'{"a":null,"b":1}')
    assert bytes(read_signal(b'{"signal":"s"}').data) == b"null"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"signal":""}', b'{"signal":1}', b'{"signal":"s"', b'{"signal":"\xff"}']
)
def test_what_is_no_signal(body):
    with pytest.raises(InvalidEventError, match=r"^Invalid signal data$"):
        read_signal(body)
