"""`/e/{key}` and `/invoke/{slug}` over HTTP."""

import msgspec
import pytest
from fake_services import NOW

SEED = {"X-Inngest-Event-Id-Seed": "1795425252211,AAECAwQFBgcICQ=="}


def test_one_event(dev):
    reply = dev("POST", "/e/anything", {"name": "shop/paid", "data": {"a": 1}})
    (event,) = dev.services.ingest.events
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.body == b'{"ids":["%s"],"status":200}' % event.id.encode()
    assert event.received_at == NOW


def test_ids_come_in_order_and_never_the_senders(dev):
    reply = dev("POST", "/e/k", [{"name": "a", "id": "x"}, {"name": "b"}])
    assert reply.json["ids"] == [event.id for event in dev.services.ingest.events]
    assert [event.external_id for event in dev.services.ingest.events] == ["x", reply.json["ids"][1]]


def test_the_good_ones_before_a_bad_one_are_accepted(dev):
    reply = dev("POST", "/e/k", [{"name": "good"}, {"data": {}}, {"name": "late"}])
    (event,) = dev.services.ingest.events
    assert event.name == "good"
    assert reply.status == 400
    assert reply.json == {"ids": [event.id], "status": 400, "error": "event name is empty"}


def test_nothing_to_accept(dev):
    assert dev("POST", "/e/k", b"[]").json == {"ids": [], "status": 200}
    empty = dev("POST", "/e/k", b"")
    assert empty.status == 400
    assert empty.json["ids"] == []


def test_a_seed_repeats_the_ids(dev):
    ids = ["01M83TYCVK000G40R40M30E20A", "01M83TYCVK000G40R40M30E20B"]
    for _ in range(2):
        assert dev("POST", "/e/k", [{"name": "a"}, {"name": "b"}], SEED).json["ids"] == ids
    invalid = dev("POST", "/e/k", [{"name": "a"}], {"x-inngest-event-id-seed": "nonsense"})
    assert invalid.status == 200
    assert invalid.json["ids"] != ids[:1]


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_the_content_type_does_not_matter(dev, content_type):
    assert dev("POST", "/e/k", {"name": "n"}, {"Content-Type": content_type}).status == 200


def test_an_invocation(dev):
    reply = dev("POST", "/invoke/demo-child", {"data": {"a": 1}}, SEED)
    (event,) = dev.services.ingest.events
    assert reply.json == {"id": "01M83TYCVK000G40R40M30E20A", "status": 200}
    assert (event.id, event.target, event.name) == (
        reply.json["id"],
        "demo-child",
        "inngest/function.invoked",
    )


@pytest.mark.parametrize(
    ("body", "text"),
    [(b"{", "Unable to read post data request"), (b'{"data":1}', "Invalid invocation event")],
)
def test_a_bad_invocation(dev, body, text):
    reply = dev("POST", "/invoke/demo-child", body)
    assert reply.status == 400
    assert reply.body == msgspec.json.encode({"error": text, "data": None, "status": 400})
    assert dev.services.ingest.events == []
