"""`/fn/register` and `/fn/remove`."""

import pytest
from fake_services import REFUSED

from inngest_fast.domain.errors import SyncRefusedError


def test_a_sync(dev):
    reply = dev("POST", "/fn/register?deployId=x", b'{"appName":"a"}', {"X-Inngest-Platform": "vercel"})
    assert reply.status == 200
    assert reply.body == b'{"ok":true,"modified":true,"sync_id":"sync","app_id":"app"}'
    assert dev.services.apps.calls == [("register", b'{"appName":"a"}', "vercel")]


@pytest.mark.parametrize(
    ("refusal", "body"),
    [
        (SyncRefusedError("App ID required"), b'{"error":"App ID required","data":null,"status":400}'),
        (
            REFUSED,
            b'{"code":"batch_size_invalid","error":"At least one function is invalid","data":null,"status":400}',
        ),
    ],
)
def test_a_refused_sync_says_no_detail(dev, refusal, body):
    dev.services.apps.refusal = refusal
    reply = dev("POST", "/fn/register", b"{}")
    assert reply.status == 400
    assert reply.body == body


def test_the_expected_kind_is_held_before_anything_else(dev, start):
    key = {"Authorization": "Bearer abc123def456"}
    for client, own, other in ((dev, "dev", "cloud"), (start, "cloud", "dev")):
        reply = client("POST", "/fn/register", b"{", {"X-Inngest-Expected-Server-Kind": other, **key})
        assert reply.status == 400
        assert reply.json == {"error": f"Expected server kind {own}, got {other}"}
        assert client.services.apps.calls == []
        assert (
            client("POST", "/fn/register", b"{}", {"X-Inngest-Expected-Server-Kind": own, **key}).status
            == 200
        )


def test_removal(dev):
    known = dev("DELETE", "/fn/remove?url=http%3A%2F%2Flocalhost%3A3000%2Fapi%2Finngest")
    assert (known.status, known.body) == (200, b"")
    for query, url in (("?url=http://x/y", "http://x/y"), ("", ""), ("?url=", "")):
        reply = dev("DELETE", f"/fn/remove{query}")
        assert reply.status == 404
        assert reply.json == {"error": f"App not found: {url}", "data": None, "status": 404}
