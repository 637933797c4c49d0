"""Functions are paused and resumed on both REST surfaces; what of one waits."""

import msgspec
import pytest
from fake_services import APP, EVENT_ID, FUNCTION, NOW, RUN_ID, UNKNOWN_ID, a_run
from msgspec.structs import replace

from inngest_fast.domain.errors import QueueError, StoreError
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.functions import Batch
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.runs import RunStatus
from inngest_fast.engine.flow.batch import BatchState
from inngest_fast.engine.flow.debounce import DebounceState
from inngest_fast.ports.queue import JobPlace

AT = "2026-11-23T09:14:12.25Z"


def listed(client, surface):
    """The function as that surface's GET shows it."""
    if surface == "/v1":
        return client("GET", "/v1/apps/demo/functions").json[0]
    return client("GET", "/api/v1/functions").json["functions"][0]


def answered(reply, surface):
    assert reply.status == 200
    if surface == "/api/v1":
        return reply.json
    assert reply.json["metadata"] == {"fetched_at": AT}
    return reply.json["data"]


def refused(reply, surface, status):
    assert reply.status == status
    envelope = {"data": None} if surface == "/v1" else {}
    assert reply.json == {"error": reply.json["error"], "status": status, **envelope}
    return reply.json["error"]


@pytest.fixture(params=["/v1", "/api/v1"])
def surface(request):
    return request.param


@pytest.mark.parametrize("name", [FUNCTION.id, FUNCTION.slug])
def test_pause_and_resume(dev, surface, name):
    paused = answered(dev("POST", f"{surface}/functions/{name}/pause"), surface)
    assert paused["paused_at"] == AT
    assert paused == listed(dev, surface)
    resumed = answered(dev("POST", f"{surface}/functions/{name}/resume"), surface)
    assert resumed["paused_at"] is None
    assert resumed == listed(dev, surface)
    assert dev.services.apps.calls == [("pause", FUNCTION.id, True), ("pause", FUNCTION.id, False)]
    assert dev.services.store.known_cancellations == {}


@pytest.mark.parametrize("body", [b" ", b"{}", b'{"cancel_running":false,"x":1}'])
def test_a_pause_cancels_nothing_by_itself(dev, surface, body):
    paused = answered(dev("POST", f"{surface}/functions/{FUNCTION.slug}/pause", body), surface)
    assert "cancellation_id" not in paused
    assert dev.services.store.known_cancellations == {}


def test_a_pause_that_cancels_what_is_there(dev, surface):
    path = f"{surface}/functions/{FUNCTION.slug}/pause"
    paused = answered(dev("POST", path, {"cancel_running": True}), surface)
    (made,) = dev.services.store.known_cancellations.values()
    assert paused == {**listed(dev, surface), "cancellation_id": made.id}
    assert (made.function_id, made.started_after, made.started_before, made.expression) == (
        FUNCTION.id,
        0,
        NOW,
        "",
    )


@pytest.mark.parametrize(
    "body", [b"[]", b"true", b"{", b'{"cancel_running":"yes"}', b'{"cancel_running":1}', b'{"x":' * 100_000]
)
def test_a_body_that_is_none(dev, surface, body):
    reply = dev("POST", f"{surface}/functions/{FUNCTION.slug}/pause", body)
    text = 'the body must be empty or like {"cancel_running": true}'
    assert refused(reply, surface, 400) == text
    assert dev.services.apps.calls == []


@pytest.mark.parametrize("what", ["pause", "resume"])
def test_an_unknown_function(dev, surface, what):
    reply = dev("POST", f"{surface}/functions/always-fails/{what}", b'{"cancel_running":true}')
    assert refused(reply, surface, 404) == "Function not found: always-fails"
    assert dev.services.apps.calls == []
    assert dev.services.store.known_cancellations == {}


def test_a_function_that_is_archived_meanwhile(dev, surface, monkeypatch):
    async def pause(function_id, *, paused):
        return None

    monkeypatch.setattr(dev.services.apps, "pause", pause)
    reply = dev("POST", f"{surface}/functions/{FUNCTION.id}/pause", b'{"cancel_running":true}')
    assert refused(reply, surface, 404) == f"Function not found: {FUNCTION.id}"
    assert dev.services.store.known_cancellations == {}


def test_the_store_failing_a_pause_is_503(dev, surface, monkeypatch):
    async def pause(function_id, *, paused):
        raise StoreError("locked")

    monkeypatch.setattr(dev.services.apps, "pause", pause)
    reply = dev("POST", f"{surface}/functions/{FUNCTION.id}/pause")
    assert refused(reply, surface, 503) == "the store is unavailable, try again"


def test_other_methods(dev, surface):
    for what in ("pause", "resume"):
        reply = dev("GET", f"{surface}/functions/x/{what}")
        assert (reply.status, reply.headers["allow"]) == (405, "POST")


WAITING = f"/api/v1/functions/{FUNCTION.slug}/waiting"
NOTHING = {
    "function_id": FUNCTION.id,
    "function_slug": FUNCTION.slug,
    "paused_at": None,
    "jobs": [],
    "debounces": [],
    "batches": [],
    "complete": True,
}


def queued(store, number, **changes):
    id = f"{RUN_ID[:-4]}{number:04}"
    store.known_runs[id] = a_run(id=id, status=RunStatus.QUEUED, **changes)
    job = Job(f"{id}:start", JobKind.START, APP.id, FUNCTION.id, NOW, NOW, run_id=id)
    store.live_jobs.append(job)
    return job


def rows(kind, function_id, *states):
    return [
        FlowRow(f"{kind}:{function_id}:{n:012}", body=msgspec.msgpack.encode(state))
        for n, state in enumerate(states)
    ]


def test_nothing_waits(dev):
    assert dev("GET", WAITING).json == NOTHING
    assert dev("GET", f"/api/v1/functions/{FUNCTION.id}/waiting").json == NOTHING
    assert dev("HEAD", WAITING).status == 200
    dev.services.catalog.live[:] = [replace(FUNCTION, paused_at=NOW)]
    assert dev("GET", WAITING).json == {**NOTHING, "paused_at": AT}


def test_queued_runs_and_what_they_wait_for(dev):
    store = dev.services.store
    second, first = queued(store, 2), queued(store, 1)
    queued(store, 3, function_id="other")
    store.known_runs[UNKNOWN_ID] = a_run(id=UNKNOWN_ID)  # runs already
    dev.services.queue.places[first.id] = JobPlace("ready", NOW, NOW, 0)
    dev.services.queue.places[second.id] = JobPlace("ready", NOW, NOW, 1, "function", limit=1, in_use=1)
    reply = dev("GET", WAITING).json
    shown = {"kind": "start", "step_id": None, "attempt": 0, "due": AT, "state": "ready"}
    assert reply == {
        **NOTHING,
        "jobs": [
            {
                **shown,
                "id": first.id,
                "run_id": first.run_id,
                "reason": "ready, 0 ahead of it",
                "position": 0,
            },
            {
                **shown,
                "id": second.id,
                "run_id": second.run_id,
                "reason": "its function is at its limit: 1 of 1 calls at once, 1 ahead of it",
                "position": 1,
                "limited_by": "function",
                "limit": 1,
                "in_use": 1,
            },
        ],
    }


def test_open_debounces(dev):
    dev.services.store.flow_rows = [
        *rows("debounce", "3ff64485-02b3-5d7e-8407-0975d16f8c89", DebounceState("x", 1, NOW, 0, "j", NOW)),
        *rows(
            "debounce",
            FUNCTION.id,
            DebounceState(EVENT_ID, 1, NOW + 750, NOW + 1_750, "j", NOW),
            DebounceState(UNKNOWN_ID, 1, NOW, 0, "j", NOW),
        ),
        *rows("debounce", "3ff64485-02b3-5d7e-8407-0975d16f8c8b", DebounceState("y", 1, NOW, 0, "j", NOW)),
    ]
    assert dev("GET", WAITING).json == {
        **NOTHING,
        "debounces": [
            {
                "event_id": EVENT_ID,
                "starts_at": "2026-11-23T09:14:13Z",
                "deadline": "2026-11-23T09:14:14Z",
            },
            {"event_id": UNKNOWN_ID, "starts_at": AT, "deadline": None},
        ],
    }


@pytest.mark.parametrize("size", [10, None])
def test_open_batches(dev, size):
    batch = Batch(size=size, timeout_ms=5_000) if size else None
    dev.services.catalog.live[:] = [replace(FUNCTION, config=replace(FUNCTION.config, batch=batch))]
    dev.services.store.flow_rows = rows("batch", FUNCTION.id, BatchState("b1", 3, 1_200, NOW + 750))
    assert dev("GET", WAITING).json == {
        **NOTHING,
        "batches": [
            {
                "batch_id": "b1",
                "count": 3,
                "size": size,
                "bytes": 1_200,
                "starts_at": "2026-11-23T09:14:13Z",
            }
        ],
    }


@pytest.mark.parametrize("what", ["jobs", "debounces", "batches"])
@pytest.mark.parametrize(("query", "limit"), [("", 20), ("?limit=3", 3), ("?limit=9999", 100)])
@pytest.mark.parametrize("more", [0, 1])
def test_no_more_than_asked_for(dev, what, query, limit, more):
    number = limit + more
    store = dev.services.store
    if what == "jobs":
        for n in range(number):
            queued(store, n)
    elif what == "debounces":
        store.flow_rows = rows("debounce", FUNCTION.id, *[DebounceState("x", 1, NOW, 0, "j", NOW)] * number)
    else:
        store.flow_rows = rows("batch", FUNCTION.id, *[BatchState("b", 1, 1, NOW)] * number)
    reply = dev("GET", WAITING + query).json
    assert len(reply[what]) == limit
    assert reply["complete"] is (more == 0)


def test_queued_runs_behind_many_that_run(dev):
    store = dev.services.store
    for n in range(450):
        id = f"{RUN_ID[:-4]}{n:04}"
        store.known_runs[id] = a_run(id=id)
    job = queued(store, 450)
    reply = dev("GET", WAITING).json
    assert [each["id"] for each in reply["jobs"]] == [job.id]
    assert reply["complete"] is True
    for n in range(451, 3_000):
        id = f"{RUN_ID[:-4]}{n:04}"
        store.known_runs[id] = a_run(id=id)
    store.queries.clear()
    reply = dev("GET", WAITING).json
    assert [each["id"] for each in reply["jobs"]] == [job.id]
    assert reply["complete"] is False
    assert len(store.queries) == 10


@pytest.mark.parametrize("text", ["0x", "-1", "1.5", "many"])
def test_a_limit_that_is_none(dev, text):
    assert refused(dev("GET", f"{WAITING}?limit={text}"), "/api/v1", 400) == "limit must be a whole number"


def test_what_waits_of_an_unknown_function(dev):
    reply = dev("GET", "/api/v1/functions/other/waiting")
    assert refused(reply, "/api/v1", 404) == "Function not found: other"


def test_what_waits_while_the_queue_is_away(dev):
    queued(dev.services.store, 1)
    dev.services.queue.failure = QueueError("gone")
    assert refused(dev("GET", WAITING), "/api/v1", 503) == "the queue is unavailable, try again"
