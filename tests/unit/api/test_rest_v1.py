"""REST v1: shapes, parameters, errors."""

import pytest
from fake_services import EVENT_ID, FUNCTION, NOW, RUN_ID, UNKNOWN_ID, a_run
from msgspec.structs import replace

from inngest_fast.domain.errors import QueueError
from inngest_fast.domain.events import Event
from inngest_fast.domain.flow import RunFlow
from inngest_fast.domain.functions import ConcurrencyLimit
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.runs import RunStatus, SkipReason
from inngest_fast.engine.flow.concurrency import step_keys
from inngest_fast.ports.queue import JobPlace
from inngest_fast.ports.store import EventQuery, RunQuery

FETCHED = {"fetched_at": "2026-11-23T09:14:12.25Z"}
ZERO = "00000000-0000-0000-0000-000000000000"
EVENT = Event(
    id=EVENT_ID,
    name="shop/fail",
    external_id="mine",
    ts=1_795_425_430_900,
    received_at=NOW,
    wire=b'{"data":{"amount":12},"id":"mine","name":"shop/fail","ts":1795425430900,"user":{}}',
)
ITEM = {
    "internal_id": EVENT_ID,
    "account_id": ZERO,
    "environment_id": ZERO,
    "source": "",
    "source_id": None,
    "received_at": "2026-11-23T09:14:12.25Z",
    "id": "mine",
    "name": "shop/fail",
    "data": {"amount": 12},
    "ts": 1_795_425_430_900,
}


def test_events(dev):
    dev.services.store.known_events[EVENT_ID] = EVENT
    reply = dev("GET", "/v1/events")
    assert reply.status == 200
    assert reply.json == {"data": [ITEM], "metadata": FETCHED}
    assert dev.services.store.queries == [
        EventQuery(limit=20, received_after=NOW - 3_600_000, internal=False),
    ]


def test_events_are_chosen(dev):
    dev("GET", f"/v1/events?cursor={EVENT_ID}&name=a%2Fb&limit=7&received_after=2026-11-23T09:00:00Z")
    dev("GET", "/v1/events?received_before=2026-11-23T09:00:00%2B00:00")
    dev("GET", "/v1/events?received_after=2026-11-23&received_before=2026-11-23%2009:00:00.5")
    nine = 1_795_424_400_000
    assert dev.services.store.queries == [
        EventQuery(7, EVENT_ID, "a/b", received_after=nine, internal=False),
        EventQuery(20, received_after=nine - 3_600_000, received_before=nine, internal=False),
        EventQuery(20, received_after=nine - 9 * 3_600_000, received_before=nine + 500, internal=False),
    ]


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("0", 1),
        ("51", 51),
        ("52", 51),
        ("99999999999999999999", 20),
        ("-1", 20),
        ("x", 20),
        ("", 20),
        ("٣", 20),
    ],
)
def test_the_limit_is_moved_into_its_bounds(dev, text, limit):
    assert dev("GET", f"/v1/events?limit={text}").status == 200
    assert dev.services.store.queries[0].limit == limit


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("cursor=nonsense", "Invalid cursor query parameter"),
        ("received_after=yesterday", "Invalid received_after query parameter"),
        ("received_before=2026-13-01T00:00:00Z", "Invalid received_before query parameter"),
        ("received_before=1700000000000", "Invalid received_before query parameter"),
    ],
)
def test_events_that_cannot_be_chosen(dev, query, text):
    reply = dev("GET", f"/v1/events?{query}")
    assert reply.status == 400
    assert reply.json == {"error": text, "data": None, "status": 400}
    assert dev.services.store.queries == []


def test_one_event(dev):
    dev.services.store.known_events[EVENT_ID] = EVENT
    assert dev("GET", f"/v1/events/{EVENT_ID}").json == {"data": ITEM, "metadata": FETCHED}
    for id in (UNKNOWN_ID, "nonsense"):
        reply = dev("GET", f"/v1/events/{id}")
        assert reply.status == 404
        assert reply.json == {"error": "Event not found", "data": None, "status": 404}


def test_what_was_set_is_shown(dev):
    wire = (
        b'{"data":{},"id":"mine","meta":{"sessions":{"a":1}},"name":"n","ts":1795425430900,'
        b'"user":{"x":1},"v":"2"}'
    )
    dev.services.store.known_events[EVENT_ID] = replace(EVENT, wire=wire)
    item = dev("GET", f"/v1/events/{EVENT_ID}").json["data"]
    assert (item["user"], item["v"], item["meta"]) == ({"x": 1}, "2", {"sessions": {"a": 1}})


RUN_ITEM = {
    "run_id": RUN_ID,
    "run_started_at": "2026-11-23T09:14:09.25Z",
    "function_id": FUNCTION.id,
    "function_version": 1,
    "environment_id": ZERO,
    "event_id": EVENT_ID,
    "status": "Running",
    "ended_at": None,
}


def test_the_runs_of_an_event(dev):
    dev.services.store.known_runs[RUN_ID] = a_run()
    assert dev("GET", f"/v1/events/{EVENT_ID}/runs").json == {"data": [RUN_ITEM], "metadata": FETCHED}
    assert dev.services.store.queries == [RunQuery(limit=1_000, event_id=EVENT_ID)]
    assert dev("GET", "/v1/events/nonsense/runs").json["data"] == []
    assert len(dev.services.store.queries) == 1


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, {}),
        ({"status": RunStatus.QUEUED}, {"status": "Scheduled"}),
        ({"status": RunStatus.COMPLETED, "ended_at": NOW, "output": b"null"}, {"output": None}),
        ({"status": RunStatus.COMPLETED, "ended_at": NOW}, {}),
        (
            {
                "status": RunStatus.FAILED,
                "ended_at": NOW,
                "output": b'{"name":"B"}',
                "error": b'{"name":"E"}',
            },
            {"status": "Failed", "output": {"name": "B"}},
        ),
        ({"status": RunStatus.FAILED, "ended_at": NOW, "error": b'{"name":"E"}'}, {"output": {"name": "E"}}),
        ({"status": RunStatus.CANCELLED, "ended_at": NOW}, {"status": "Cancelled"}),
        (
            {"status": RunStatus.SKIPPED, "ended_at": NOW, "skip_reason": SkipReason.FUNCTION_PAUSED},
            {"status": "Skipped", "skip_reason": "FunctionPaused", "skip_existing_run_id": None},
        ),
        (
            {
                "status": RunStatus.SKIPPED,
                "ended_at": NOW,
                "skip_reason": SkipReason.SINGLETON,
                "skipped_for": UNKNOWN_ID,
            },
            {"status": "Skipped", "skip_reason": "Singleton", "skip_existing_run_id": UNKNOWN_ID},
        ),
        ({"batch_id": "01M83V3VBVR6R0H8CD7M65N9TB"}, {"batch_id": "01M83V3VBVR6R0H8CD7M65N9TB"}),
        ({"cron": "* * * * *", "event_ids": ()}, {"cron": "* * * * *", "event_id": None}),
    ],
)
def test_a_run(dev, changes, shown):
    run = dev.services.store.known_runs[RUN_ID] = a_run(**changes)
    reply = dev("GET", f"/v1/runs/{RUN_ID}")
    assert dev("GET", f"/v1/events/{EVENT_ID}/runs").json["data"] == [reply.json["data"]]
    expected = {**RUN_ITEM, "status": run.status.name.capitalize(), **shown}
    if run.ended_at:
        expected["ended_at"] = "2026-11-23T09:14:12.25Z"
    assert reply.json == {"data": expected, "metadata": FETCHED}


@pytest.mark.parametrize("id", [UNKNOWN_ID, "nonsense"])
def test_an_unknown_run(dev, id):
    reply = dev("GET", f"/v1/runs/{id}")
    assert reply.status == 404
    assert reply.json == {"error": f"Unable to load function run: {id}", "data": None, "status": 404}


def test_cancel(dev):
    for result in ("cancelled", "ended"):
        dev.services.runs.results[RUN_ID] = result
        reply = dev("DELETE", f"/v1/runs/{RUN_ID}")
        assert (reply.status, reply.body) == (200, b"")
    assert dev("DELETE", f"/v1/runs/{UNKNOWN_ID}").status == 404
    bad = dev("DELETE", "/v1/runs/nonsense")
    assert (bad.status, bad.json["error"]) == (400, "Invalid run ID: nonsense")


START_JOB = Job(
    id=f"{RUN_ID}:start",
    kind=JobKind.START,
    app_id=FUNCTION.app_id,
    function_id=FUNCTION.id,
    due=NOW,
    score=1,
    run_id=RUN_ID,
    attempt=2,
)
JOB_ITEM = {
    "JobID": f"{RUN_ID}:start",
    "at": "2026-11-23T09:14:12.25Z",
    "position": 4,
    "kind": "start",
    "attempt": 2,
    "state": "ready",
    "reason": "ready, 4 ahead of it",
}


def test_what_a_run_waits_for(dev):
    nap = replace(START_JOB, id=f"{RUN_ID}:nap", kind=JobKind.SLEEP, attempt=0)
    dev.services.store.live_jobs = [START_JOB, nap]
    assert dev("GET", f"/v1/runs/{RUN_ID}/jobs").json["data"] == [
        JOB_ITEM,
        {
            "JobID": f"{RUN_ID}:nap",
            "at": "2026-11-23T09:14:12.25Z",
            "position": 0,
            "kind": "sleep",
            "attempt": 0,
            "state": "",
            "reason": "not queued; it will be queued again within seconds",
        },
    ]
    dev.services.store.live_jobs = [replace(START_JOB, id=str(n)) for n in range(12)]
    assert len(dev("GET", f"/v1/runs/{RUN_ID}/jobs").json["data"]) == 10
    assert dev("GET", f"/v1/runs/{UNKNOWN_ID}/jobs").json["data"] == []
    assert dev("GET", "/v1/runs/nonsense/jobs").status == 400


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (
            {
                "blocked_by": "key",
                "limit": 2,
                "in_use": 2,
                "counter": "c/1",
                "holders": ("01M83V3VBVR6R0H8CD7M65N9T0:s",),
            },
            {
                "reason": "its function is at its limit: 2 of 2 calls at once, 4 ahead of it",
                "limited_by": "key",
                "limit": 2,
                "in_use": 2,
                "holders": ["01M83V3VBVR6R0H8CD7M65N9T0:s"],
            },
        ),
        (
            {"blocked_by": "throttle", "counter": "t:/1", "opens_at": NOW + 750},
            {
                "reason": "throttled by its function: the next start is at 2026-11-23T09:14:13Z, 4 ahead of it",
                "limited_by": "throttle",
                "opens_at": "2026-11-23T09:14:13Z",
            },
        ),
        (
            {"blocked_by": "paused"},
            {"reason": "its function is paused, 4 ahead of it", "limited_by": "paused"},
        ),
    ],
)
def test_what_limits_a_job_is_shown(dev, place, shown):
    dev.services.store.live_jobs = [START_JOB]
    dev.services.queue.places[START_JOB.id] = JobPlace("ready", NOW, NOW, 4, **place)
    assert dev("GET", f"/v1/runs/{RUN_ID}/jobs").json["data"] == [{**JOB_ITEM, **shown}]


def test_the_key_of_a_limit_is_shown_with_its_value(dev):
    limit = ConcurrencyLimit(limit=1, key="event.data.customer")
    limited = replace(FUNCTION, config=replace(FUNCTION.config, concurrency=(limit,)))
    dev.services.catalog.live[:] = [limited]
    keys = step_keys(limited, b'{"data":{"customer":"ada"}}', NOW)
    dev.services.store.known_runs[RUN_ID] = a_run(flow=RunFlow(keys=keys))
    dev.services.store.live_jobs = [START_JOB]
    dev.services.queue.places[START_JOB.id] = JobPlace(
        "ready", NOW, NOW, 0, "key", limit=1, in_use=1, counter=keys[0].counter
    )
    (item,) = dev("GET", f"/v1/runs/{RUN_ID}/jobs").json["data"]
    assert (item["key"], item["value"]) == ("event.data.customer", "ada")
    assert item["reason"].startswith("event.data.customer = ada is at its limit")


def test_the_queue_being_away_is_503(dev):
    dev.services.store.live_jobs = [START_JOB]
    dev.services.queue.failure = QueueError("gone")
    reply = dev("GET", f"/v1/runs/{RUN_ID}/jobs")
    assert reply.status == 503
    assert reply.json == {"error": "the queue is unavailable, try again", "data": None, "status": 503}


def test_signals(dev):
    reply = dev("POST", "/v1/signals", b'{"signal":"known","data":{"b":1.0, "a":2}}')
    assert reply.json == {"data": {"run_id": RUN_ID}, "metadata": FETCHED}
    assert dev.services.runs.signals == [("known", b'{"a":2,"b":1}')]
    unheard = dev("POST", "/v1/signals", {"signal": "unheard"})
    assert unheard.status == 404
    assert unheard.json == {"error": "No signal found", "data": None, "status": 404}
    bad = dev("POST", "/v1/signals", {"data": 1})
    assert bad.status == 400
    assert bad.json == {"error": "Invalid signal data", "data": None, "status": 400}


def test_the_functions_of_an_app(dev):
    (item,) = dev("GET", "/v1/apps/demo/functions").json
    config = item.pop("config")
    assert config["slug"] == "demo-always-fails"
    assert item == {
        "internal_id": FUNCTION.id,
        "env_id": ZERO,
        "app_id": FUNCTION.app_id,
        "id": "demo-always-fails",
        "name": "Always fails",
        "created_at": "2026-11-23T09:14:07.25Z",
        "archived_at": "0001-01-01T00:00:00Z",
        "paused_at": None,
    }
    assert dev("GET", "/v1/apps/other/functions").json == []
