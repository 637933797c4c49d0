"""`/metrics` as text, read back by a strict reader."""

import pytest

from inngest_fast.api.metrics import CONTENT_TYPE, exposition
from inngest_fast.domain.metrics import Distribution, Family, Sample
from tests.fixtures.prometheus_text import parse


def test_every_kind_is_read_back():
    spread = Distribution((0.1, 1.0), (3, 0, 2), 7.25)
    scraped = parse(
        exposition(
            [
                Family("a_total", "counter", "A.", [Sample(2**53), Sample(0.5, (("x", "1"),))]),
                Family("b", "gauge", "B.", [Sample(-1.25)]),
                Family("c_seconds", "histogram", "C.", [Sample(spread, (("fn", "f"),))]),
                Family("d", "gauge", "D, of which there are none.", []),
            ]
        )
    )
    assert scraped.kinds == {"a_total": "counter", "b": "gauge", "c_seconds": "histogram", "d": "gauge"}
    assert scraped.value("a_total") == 2**53
    assert scraped.value("a_total", x="1") == 0.5
    assert scraped.value("b") == -1.25
    assert [scraped.value("c_seconds_bucket", fn="f", le=le) for le in ("0.1", "1", "+Inf")] == [3, 3, 5]
    assert scraped.value("c_seconds_sum", fn="f") == 7.25
    assert scraped.value("c_seconds_count", fn="f") == 5


@pytest.mark.parametrize("text", ['say "a"', "back\\slash", "two\nlines", "\\n", "é,{}=", ""])
def test_any_text_may_be_a_label_or_a_help(text):
    scraped = parse(exposition([Family("a", "gauge", f"x{text}", [Sample(1, (("l", text), ("m", "z")))])]))
    assert scraped.value("a", l=text, m="z") == 1
    assert scraped.helps["a"] == f"x{text}"


def test_the_route(dev):
    dev.services.metrics.families = [Family("a", "gauge", "A.", [Sample(1)])]
    reply = dev("GET", "/metrics")
    assert reply.status == 200
    assert reply.headers["content-type"] == CONTENT_TYPE
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert parse(reply.body.decode()).value("a") == 1


def test_events_that_are_none_are_counted(dev):
    dev("POST", "/e/k", {"data": {}})
    dev("POST", "/e/k", {"name": "good"})
    assert dev.services.metrics.refusals == ["invalid"]
