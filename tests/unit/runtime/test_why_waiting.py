"""What a live job waits for, in one sentence and in fields."""

import pytest

from inngest_fast.domain.apps import Function
from inngest_fast.domain.flow import RunFlow
from inngest_fast.domain.functions import ConcurrencyLimit, FunctionConfig, Throttle
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.runs import Run
from inngest_fast.engine.flow.concurrency import run_key, step_keys
from inngest_fast.engine.flow.throttle import throttle_key
from inngest_fast.ports.queue import JobPlace
from inngest_fast.runtime.why_waiting import Waiting, why_waiting

NOW = 1_795_425_252_250
LATER = NOW + 7_750  # 2026-11-23T09:14:20Z
EVENT = b'{"data":{"customer":"ada","region":"north"},"name":"order/paid"}'


def function(**config):
    return Function(
        id="f",
        app_id="a",
        app_name="shop",
        slug="shop-ship",
        version=1,
        config=FunctionConfig(slug="shop-ship", name="ship", url="http://localhost", **config),
        created_at=NOW,
        updated_at=NOW,
    )


KEYED = function(
    concurrency=(
        ConcurrencyLimit(limit=2, key="event.data.customer"),
        ConcurrencyLimit(limit=9, key="event.data.region", scope="account"),
        ConcurrencyLimit(limit=3, key="event.data.customer", kind="fn"),
    ),
    throttle=Throttle(limit=1, period_s=5, key="event.data.region"),
)
PLAIN = function(concurrency=(ConcurrencyLimit(limit=3, kind="fn"),), throttle=Throttle(limit=1, period_s=5))


def frozen(fn):
    return RunFlow(
        keys=step_keys(fn, EVENT, NOW), run=run_key(fn, EVENT, NOW), throttle=throttle_key(fn, EVENT, NOW)
    )


def run(fn):
    return Run("r", "a", "f", "shop-ship", ("e",), (EVENT,), NOW, flow=frozen(fn))


def job(kind=JobKind.START, **fields):
    return Job("r:start", kind, "a", "f", NOW, NOW, run_id="r", **fields)


def ready(blocked_by="", **fields):
    return JobPlace("ready", NOW, NOW, 2, blocked_by, **fields)


AHEAD = "2 ahead of it"


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (None, Waiting("not queued; it will be queued again within seconds", due=NOW)),
        (
            JobPlace("leased", NOW, NOW, 0),
            Waiting("being worked on", state="leased", due=NOW),
        ),
        (
            ready(),
            Waiting(f"ready, {AHEAD}", state="ready", due=NOW, position=2),
        ),
        (
            ready("paused"),
            Waiting(
                f"its function is paused, {AHEAD}", state="ready", due=NOW, position=2, limited_by="paused"
            ),
        ),
        (
            ready("app", limit=100, in_use=100),
            Waiting(
                f"its app is at its limit: 100 of 100 calls at once, {AHEAD}",
                state="ready",
                due=NOW,
                position=2,
                limited_by="app",
                limit=100,
                in_use=100,
            ),
        ),
        (
            ready("function", limit=5, in_use=6),
            Waiting(
                f"its function is at its limit: 6 of 5 calls at once, {AHEAD}",
                state="ready",
                due=NOW,
                position=2,
                limited_by="function",
                limit=5,
                in_use=6,
            ),
        ),
    ],
)
def test_what_needs_no_key(place, expected):
    assert why_waiting(job(), place, run(KEYED), KEYED) == expected


@pytest.mark.parametrize(
    ("kind", "attempt", "reason"),
    [
        (JobKind.START, 0, "due at 2026-11-23T09:14:20Z"),
        (JobKind.EDGE, 0, "due at 2026-11-23T09:14:20Z"),
        (JobKind.PLAN, 3, "attempt 4 is due at 2026-11-23T09:14:20Z"),
        (JobKind.SLEEP, 0, "sleeping until 2026-11-23T09:14:20Z"),
        (
            JobKind.WAIT_TIMEOUT,
            0,
            "waiting for an event, a signal or an invoked function until 2026-11-23T09:14:20Z",
        ),
        (JobKind.START_TIMEOUT, 0, "its timeouts.start runs until 2026-11-23T09:14:20Z"),
        (JobKind.FINISH_TIMEOUT, 2, "its timeouts.finish runs until 2026-11-23T09:14:20Z"),
        (JobKind.CRON, 0, "waiting for the next tick until 2026-11-23T09:14:20Z"),
        (JobKind.DEBOUNCE, 0, "waiting for its events to stop until 2026-11-23T09:14:20Z"),
        (JobKind.BATCH, 0, "waiting for its batch to fill until 2026-11-23T09:14:20Z"),
    ],
)
def test_what_is_not_due_yet(kind, attempt, reason):
    place = JobPlace("scheduled", LATER, NOW, 0)
    waiting = why_waiting(job(kind, attempt=attempt), place, None, None)
    assert waiting == Waiting(reason, state="scheduled", due=LATER)


KEYS = frozen(KEYED)


@pytest.mark.parametrize(
    ("blocked_by", "counted", "fields", "reason", "key", "value"),
    [
        (
            "key",
            KEYS.keys[0],
            {"limit": 2, "in_use": 2, "holders": ("j1", "j2")},
            f"event.data.customer = ada is at its limit: 2 of 2 calls at once, {AHEAD}",
            "event.data.customer",
            "ada",
        ),
        (
            "key",
            KEYS.keys[1],
            {"limit": 9, "in_use": 9, "holders": ("j1",)},
            f"event.data.region = north is at its limit: 9 of 9 calls at once, {AHEAD}",
            "event.data.region",
            "north",
        ),
        (
            "runs",
            KEYS.run,
            {"limit": 3, "in_use": 3, "holders": ("r1", "r2", "r3")},
            f"event.data.customer = ada is at its limit of live runs: 3 of 3, {AHEAD}",
            "event.data.customer",
            "ada",
        ),
        (
            "throttle",
            KEYS.throttle,
            {"opens_at": LATER},
            f"throttled by event.data.region = north: the next start is at 2026-11-23T09:14:20Z, {AHEAD}",
            "event.data.region",
            "north",
        ),
    ],
)
def test_a_key_that_is_full(blocked_by, counted, fields, reason, key, value):
    place = ready(blocked_by, counter=counted.counter, **fields)
    assert why_waiting(job(), place, run(KEYED), KEYED) == Waiting(
        reason, state="ready", due=NOW, position=2, limited_by=blocked_by, key=key, value=value, **fields
    )


@pytest.mark.parametrize(
    ("blocked_by", "counter", "fields", "reason"),
    [
        (
            "runs",
            frozen(PLAIN).run.counter,
            {"limit": 3, "in_use": 3, "holders": ("r1",)},
            f"its function is at its limit of live runs: 3 of 3, {AHEAD}",
        ),
        (
            "throttle",
            frozen(PLAIN).throttle.counter,
            {"opens_at": LATER},
            f"throttled by its function: the next start is at 2026-11-23T09:14:20Z, {AHEAD}",
        ),
    ],
)
def test_a_limit_without_a_key(blocked_by, counter, fields, reason):
    waiting = why_waiting(job(), ready(blocked_by, counter=counter, **fields), run(PLAIN), PLAIN)
    assert waiting == Waiting(reason, state="ready", due=NOW, position=2, limited_by=blocked_by, **fields)


@pytest.mark.parametrize(
    ("of", "fn", "key", "value"),
    [
        (run(KEYED), KEYED, "event.data.customer", "ada"),
        (run(KEYED), PLAIN, "", "ada"),  # the limit is gone from the config
        (run(KEYED), None, "", "ada"),
        (run(PLAIN), KEYED, "", ""),  # the run has none like it
        (None, KEYED, "", ""),
    ],
)
def test_a_key_whose_name_may_be_lost(of, fn, key, value):
    place = ready("key", limit=2, in_use=2, counter=KEYS.keys[0].counter)
    waiting = why_waiting(job(), place, of, fn)
    assert (waiting.key, waiting.value, waiting.limited_by) == (key, value, "key")
    named = "event.data.customer = ada" if key else "its function"
    assert waiting.reason == f"{named} is at its limit: 2 of 2 calls at once, {AHEAD}"
