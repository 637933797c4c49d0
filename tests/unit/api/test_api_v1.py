"""`/api/v1` and `/`."""

import pytest
from fake_services import APP, EVENT_ID, FUNCTION, NOW, REFUSED, RUN_ID, UNKNOWN_ID, a_run
from msgspec.structs import replace

from inngest_fast.domain.errors import QueueError
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.runs import RunStatus, SkipReason
from inngest_fast.domain.syncs import FunctionProblem, FunctionsReply
from inngest_fast.ports.queue import JobPlace
from inngest_fast.ports.store import RunQuery
from inngest_fast.version import VERSION


def test_the_index(dev):
    index = dev("GET", "/").json
    assert index["version"] == VERSION
    assert index["endpoints"] == {
        "functions": "/api/v1/functions",
        "events": "/api/v1/events",
        "runs": "/api/v1/runs",
        "health": "/health",
    }


def test_apps_and_what_is_wrong_with_them(dev):
    reply = dev("GET", "/api/v1/apps").json
    assert reply == {
        "apps": [
            {
                "id": APP.id,
                "name": "demo",
                "url": APP.url,
                "sdk": "js:v4.24.0",
                "framework": "",
                "app_version": "",
                "functions": 1,
                "error": "unreachable",
                "error_detail": "nobody listens",
                "created_at": "2026-11-23T09:14:07.25Z",
                "updated_at": "2026-11-23T09:14:08.25Z",
            }
        ],
        "count": 1,
    }


def test_functions(dev):
    reply = dev("GET", "/api/v1/functions").json
    assert reply["count"] == 1
    (item,) = reply["functions"]
    assert item.pop("config")["retries"] == 1
    assert item == {
        "id": FUNCTION.id,
        "slug": "demo-always-fails",
        "name": "Always fails",
        "app": "demo",
        "triggers": [
            {"event": "shop/fail"},
            {"event": "shop/x", "expression": "event.data.a"},
            {"cron": "* * * * *"},
        ],
        "url": FUNCTION.config.url,
        "created_at": "2026-11-23T09:14:07.25Z",
        "updated_at": "2026-11-23T09:14:08.25Z",
        "paused_at": None,
    }


def test_functions_are_added(dev, monkeypatch):
    problems = (FunctionProblem("x", "function name is required"),)

    async def add_functions(body):
        assert body == b'{"functions":[]}'
        return FunctionsReply(1, 2, 3, problems)

    monkeypatch.setattr(dev.services.apps, "add_functions", add_functions)
    assert dev("POST", "/api/v1/functions", b'{"functions":[]}').json == {
        "status": "ok",
        "registered": 1,
        "modified": 2,
        "skipped": 3,
        "errors": [{"id": "x", "error": "function name is required"}],
    }


def test_functions_that_are_no_list(dev):
    dev.services.apps.refusal = REFUSED
    reply = dev("POST", "/api/v1/functions", b"[")
    assert reply.status == 400
    assert reply.json == {"error": "At least one function is invalid", "status": 400}


def test_one_event(dev):
    reply = dev("POST", "/api/v1/events", {"name": "n"})
    assert reply.status == 200
    assert reply.json == {"id": dev.services.ingest.events[0].id, "status": "queued", "run_ids": [RUN_ID]}
    dev.services.ingest.run_ids = []
    reply = dev("POST", "/api/v1/events", {"name": "n"})
    assert reply.json == {"id": dev.services.ingest.events[1].id, "status": "no_functions", "run_ids": []}
    dev.services.ingest.matched = True  # a debounce or a batch: its run is yet to start
    reply = dev("POST", "/api/v1/events", {"name": "n"})
    assert reply.json == {"id": dev.services.ingest.events[2].id, "status": "queued", "run_ids": []}


def test_several_events(dev):
    reply = dev("POST", "/api/v1/events", b' [{"name":"a"},{"name":"b"}]').json
    assert [item["id"] for item in reply["events"]] == [event.id for event in dev.services.ingest.events]
    assert dev("POST", "/api/v1/events", b"[]").json == {"events": []}


def test_a_bad_event(dev):
    reply = dev("POST", "/api/v1/events", {"name": "inngest/x"})
    assert reply.status == 400
    assert reply.json == {"error": "event name is reserved for internal use: inngest/x", "status": 400}
    partly = dev("POST", "/api/v1/events", [{"name": "a"}, {}])
    assert partly.status == 400
    assert partly.json == {
        "error": "event name is empty",
        "status": 400,
        "events": [{"id": dev.services.ingest.events[0].id, "status": "queued", "run_ids": [RUN_ID]}],
    }


def test_an_event_key_sends_events_and_nothing_else(start):
    key = {"Authorization": "Bearer ek1"}
    assert start("POST", "/api/v1/events", {"name": "n"}, key).status == 200
    assert start("GET", "/api/v1/runs", headers=key).status == 401


RUN = {
    "id": RUN_ID,
    "function_id": FUNCTION.id,
    "function_slug": "demo-always-fails",
    "event_id": EVENT_ID,
    "status": "running",
    "queued_at": "2026-11-23T09:14:09.25Z",
    "started_at": "2026-11-23T09:14:10.25Z",
    "ended_at": None,
    "output": None,
    "error": None,
}


def test_runs(dev):
    dev.services.store.known_runs[RUN_ID] = a_run()
    assert dev("GET", "/api/v1/runs").json == {
        "runs": [RUN],
        "count": 1,
        "limit": 50,
        "offset": 0,
        "next": None,
    }
    assert dev.services.store.queries == [RunQuery(limit=51)]


def test_runs_are_chosen(dev):
    dev(
        "GET",
        f"/api/v1/runs?limit=9999&offset=10&status=FAILED&function_id=demo-always-fails&event_id={EVENT_ID}",
    )
    dev("GET", f"/api/v1/runs?function_id={FUNCTION.id}&limit=0")
    assert dev.services.store.queries == [
        RunQuery(1_001, 10, "", RunStatus.FAILED, FUNCTION.id, EVENT_ID),
        RunQuery(2, function_id=FUNCTION.id),
    ]


def test_runs_are_paged_through(dev):
    ids = [f"01M83V3VHB3Y6YYE5HMY6P2T7{n}" for n in "321"]
    dev.services.store.known_runs = {id: a_run(id=id) for id in ids}
    page = dev("GET", "/api/v1/runs?limit=2").json
    assert [run["id"] for run in page["runs"]] == ids[:2]
    assert page["count"] == 2
    dev("GET", f"/api/v1/runs?cursor={page['next']}")
    assert dev.services.store.queries[-1] == RunQuery(limit=51, before_id=ids[1])


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("limit=x", "limit must be a whole number"),
        ("limit=-1", "limit must be a whole number"),
        ("offset=1.5", "offset must be a whole number"),
        ("cursor=nonsense", "cursor is none that this server gave"),
        ("cursor=%C3%A9", "cursor is none that this server gave"),
        ("status=done", "status must be one of queued, running, completed, failed, cancelled, skipped"),
    ],
)
def test_runs_that_cannot_be_chosen(dev, query, text):
    reply = dev("GET", f"/api/v1/runs?{query}")
    assert reply.status == 400
    assert reply.json == {"error": text, "status": 400}


def test_a_run(dev):
    dev.services.store.known_runs[RUN_ID] = a_run()
    job = Job(f"{RUN_ID}:x", JobKind.EDGE, "a", "f", NOW, 1, run_id=RUN_ID, attempt=2)
    dev.services.store.live_jobs = [job]
    dev.services.queue.places[job.id] = JobPlace("leased", NOW, NOW, 0)
    run = dev("GET", f"/api/v1/runs/{RUN_ID}").json
    steps = run.pop("steps")
    assert run == {
        **RUN,
        "attempt": 2,
        "event_ids": [EVENT_ID],
        "events": [{"data": {}, "id": "e", "name": "shop/fail", "ts": 1, "user": {}}],
        "jobs": [
            {
                "id": job.id,
                "run_id": RUN_ID,
                "kind": "edge",
                "step_id": None,
                "attempt": 2,
                "due": "2026-11-23T09:14:12.25Z",
                "reason": "being worked on",
                "state": "leased",
            }
        ],
    }
    assert [(step["id"], step["status"], step["output"], step["error"]) for step in steps] == [
        ("s1", "completed", {"ok": True}, None),
        ("s2", "failed", None, {"name": "E"}),
        ("s3", "completed", {"data": {}, "id": "x"}, None),
        ("s4", "sleeping", None, None),
    ]
    assert steps[1] == {
        "id": "s2",
        "name": "mail",
        "op": "StepRun",
        "status": "failed",
        "attempts": 2,
        "started_at": "2026-11-23T09:14:12.25Z",
        "ended_at": None,
        "output": None,
        "error": {"name": "E"},
    }


def test_the_first_hundred_jobs_of_a_run_by_due_time(dev):
    dev.services.store.known_runs[RUN_ID] = a_run()
    job = Job("", JobKind.PLAN, "a", "f", 0, 1, run_id=RUN_ID)
    jobs = [replace(job, id=f"{n:03}", due=NOW - n, step_id=f"s{n}") for n in range(150)]
    dev.services.store.live_jobs = [replace(jobs[0], attempt=7), *jobs[1:]]
    run = dev("GET", f"/api/v1/runs/{RUN_ID}").json
    assert [job["id"] for job in run["jobs"]] == [f"{n:03}" for n in range(149, 49, -1)]
    assert run["jobs"][0]["step_id"] == "s149"
    assert run["attempt"] == 7


def test_a_run_is_shown_without_the_queue(dev):
    dev.services.store.known_runs[RUN_ID] = a_run()
    dev.services.store.live_jobs = [Job(f"{RUN_ID}:x", JobKind.EDGE, "a", "f", NOW, 1, run_id=RUN_ID)]
    dev.services.queue.failure = QueueError("gone")
    reply = dev("GET", f"/api/v1/runs/{RUN_ID}")
    assert reply.status == 200
    (job,) = reply.json["jobs"]
    assert job["reason"] == "not known: the queue is unavailable"


def test_all_events_of_a_batch_are_shown(dev):
    dev.services.store.known_runs[RUN_ID] = a_run(
        event_ids=(EVENT_ID, UNKNOWN_ID), events=(b'{"name":"a"}', b'{"name":"b"}'), batch_id="b1"
    )
    run = dev("GET", f"/api/v1/runs/{RUN_ID}").json
    assert run["event_ids"] == [EVENT_ID, UNKNOWN_ID]
    assert run["events"] == [{"name": "a"}, {"name": "b"}]
    assert run["batch_id"] == "b1"
    (listed,) = dev("GET", "/api/v1/runs").json["runs"]
    assert listed == {**RUN, "batch_id": "b1"}


@pytest.mark.parametrize(
    ("reason", "holder"), [(SkipReason.SINGLETON, UNKNOWN_ID), (SkipReason.FUNCTION_PAUSED, "")]
)
def test_a_skipped_run_says_why(dev, reason, holder):
    dev.services.store.known_runs[RUN_ID] = a_run(
        status=RunStatus.SKIPPED, ended_at=NOW, skip_reason=reason, skipped_for=holder
    )
    expected = {
        **RUN,
        "status": "skipped",
        "ended_at": "2026-11-23T09:14:12.25Z",
        "skip_reason": str(reason),
        "skip_existing_run_id": holder or None,
    }
    (listed,) = dev("GET", "/api/v1/runs?status=skipped").json["runs"]
    assert dev.services.store.queries == [RunQuery(limit=51, status=RunStatus.SKIPPED)]
    assert listed == expected
    assert dev("GET", f"/api/v1/runs/{RUN_ID}").json.items() >= expected.items()


def test_an_ended_run_shows_what_came_of_it(dev):
    dev.services.store.known_runs[RUN_ID] = a_run(
        status=RunStatus.FAILED, ended_at=NOW, output=b'{"name":"B"}', error=b'{"name":"E"}', steps={}
    )
    run = dev("GET", f"/api/v1/runs/{RUN_ID}").json
    assert (run["status"], run["output"], run["error"]) == ("failed", {"name": "B"}, {"name": "E"})
    assert (run["attempt"], run["ended_at"]) == (0, "2026-11-23T09:14:12.25Z")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("id", [UNKNOWN_ID, "nonsense"])
def test_an_unknown_run(dev, method, id):
    reply = dev(method, f"/api/v1/runs/{id}")
    assert reply.status == 404
    assert reply.json == {"error": "run not found", "status": 404}


def test_cancel(dev):
    reply = dev("DELETE", f"/api/v1/runs/{RUN_ID}")
    assert reply.status == 202
    dev.services.runs.results[RUN_ID] = "ended"
    reply = dev("DELETE", f"/api/v1/runs/{RUN_ID}")
    assert reply.status == 409
    assert reply.json == {"error": "run has ended already", "status": 409}
