"""Function configs as they are stored, their ids, and the URLs they are called at."""

from uuid import UUID

import msgspec
import pytest

from inngest_fast.domain.app_urls import normalise_app_url, with_scheme
from inngest_fast.domain.functions import (
    Batch,
    CancelOn,
    Checkpoint,
    ConcurrencyLimit,
    Debounce,
    FunctionConfig,
    RateLimit,
    Singleton,
    Throttle,
    Timeouts,
    Trigger,
    app_id,
    function_id,
)

FULL = FunctionConfig(
    slug="shop-bill",
    name="Bill",
    url="http://localhost:3000/api/inngest?fnId=shop-bill&stepId=step",
    step_id="s",
    step_name="S",
    retries=0,
    triggers=(Trigger(event="a/b", expression="event.data.x == 1"), Trigger(cron="0 3 * * *", jitter_ms=5)),
    cancel=(CancelOn(event="a/c", expression="true", timeout="1h"),),
    timeouts=Timeouts(start_ms=10_000, finish_ms=20_000),
    priority="1",
    concurrency=(ConcurrencyLimit(limit=2, key="event.data.k", scope="env", kind="step"),),
    throttle=Throttle(limit=3, period_s=60, burst=2, key="event.data.u"),
    rate_limit=RateLimit(limit=1, period_s=60),
    debounce=Debounce(period_s=5, timeout_s=12),
    batch=Batch(size=5, timeout_ms=5_000),
    singleton=Singleton(mode="skip", key="event.data.k"),
    checkpoint=Checkpoint(batch_steps=3),
)


@pytest.mark.parametrize("config", [FULL, FunctionConfig(slug="a", name="A", url="http://h/")])
def test_a_config_survives_storing(config):
    assert msgspec.json.decode(msgspec.json.encode(config), type=FunctionConfig) == config


def test_defaults_are_not_stored():
    encoded = msgspec.json.encode(FunctionConfig(slug="a", name="A", url="http://h/"))
    assert msgspec.json.decode(encoded) == {"slug": "a", "name": "A", "url": "http://h/"}


def test_ids_are_stable_uuids():
    assert app_id("shop") == "90ebd230-e7a5-5565-907a-3d6bac7d241d"
    assert function_id("shop", "shop-bill") == "62b16cbb-4780-5aa5-8336-5e8b2a55eb2c"
    assert UUID(app_id("shop")).version == UUID(function_id("shop", "shop-bill")).version == 5


def test_ids_differ_by_app_and_by_function():
    ids = {app_id("a"), app_id("b"), function_id("a", "f"), function_id("a", "g"), function_id("b", "f")}
    assert len(ids) == 5


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("http://localhost:3000/api/inngest", "http://localhost:3000/api/inngest"),
        ("http://127.0.0.1:3000/api/inngest", "http://localhost:3000/api/inngest"),
        ("http://0.0.0.0:3000/x", "http://localhost:3000/x"),
        ("http://127.0.0.1/x", "http://127.0.0.1/x"),
        ("http://10.0.0.1:3000/x", "http://10.0.0.1:3000/x"),
        ("http://h/x?deployId=7", "http://h/x"),
        ("http://h/x?fnId=a-b&probe=trust&stepId=step&deployId=7", "http://h/x?fnId=a-b&stepId=step"),
        ("http://h/x?fnId=a%20b", "http://h/x?fnId=a%20b"),
        ("http://h/x?deployid=7", "http://h/x?deployid=7"),
        ("http://H.test:80/X", "http://h.test/X"),
        ("https://h.test:443/", "https://h.test/"),
        ("https://h.test:80/", "https://h.test:80/"),
        ("HTTPS://h.test", "https://h.test"),
        ("http://me:pw@h.test:80/", "http://me:pw@h.test/"),
        ("http://[::1]:3000/x", "http://[::1]:3000/x"),
        ("ws://connect?fnId=a", "ws://connect?fnId=a"),
    ],
)
def test_app_urls_have_one_spelling(url, normal):
    assert normalise_app_url(url) == normal
    assert normalise_app_url(normal) == normal


@pytest.mark.parametrize(
    "url",
    ["", "h:3000/x", "ftp://h/x", "http://", "http:///x", "http://h:99999/", "http://h:x/", "http://[::1/",
     "http://h/a b", "http://h/\r\nX: y", "http://h\t/", "/api/inngest"],
)  # fmt: skip
def test_what_is_no_app_url(url):
    with pytest.raises(ValueError, match="is no URL"):
        normalise_app_url(url)


def test_a_url_by_hand_may_leave_out_the_scheme():
    assert with_scheme("localhost:3000/api/inngest") == "http://localhost:3000/api/inngest"
    assert with_scheme("https://h/x") == "https://h/x"
