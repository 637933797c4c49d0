"""REST v2: what is taken, and what is refused with which envelope (http-api §5.1, §5.3)."""

import pytest
from fake_services import FUNCTION, NOW, RUN_ID, UNKNOWN_ID, a_run
from msgspec.structs import replace

from inngest_fast.api.operations.v2 import V2
from inngest_fast.domain.errors import OverloadedError, StoreError
from inngest_fast.domain.runs import RunStatus
from inngest_fast.ports.store import RunQuery, RunTime

LISTED = (
    RunStatus.QUEUED,
    RunStatus.RUNNING,
    RunStatus.COMPLETED,
    RunStatus.FAILED,
    RunStatus.CANCELLED,
)
NINE = 1_795_424_400_000


def error(reply):
    [found] = reply.json["errors"]
    assert found.keys() == {"code", "message"}
    return reply.status, found["code"], found["message"]


def asked(dev, target):
    assert dev("GET", target).status == 200
    [query] = dev.services.store.queries
    return query


@pytest.mark.parametrize("prefix", ["/api/v2", "/v2"])
def test_both_prefixes_serve_the_same(dev, prefix):
    dev.services.store.known_runs[RUN_ID] = a_run()
    assert dev("GET", f"{prefix}/runs/{RUN_ID}").json["data"]["id"] == RUN_ID
    assert error(dev("GET", f"{prefix}/nope")) == (404, "api_error", "Not Found")
    wrong = dev("DELETE", f"{prefix}/runs")
    assert error(wrong) == (501, "api_error", "Method Not Allowed")
    assert wrong.headers["allow"] == "GET"


def test_runs_by_default(dev):
    assert asked(dev, "/api/v2/runs") == RunQuery(limit=21, statuses=LISTED)


def test_runs_are_chosen(dev):
    query = asked(
        dev,
        "/api/v2/runs?status=FAILED&status=SKIPPED&appId=demo&functionId=always-fails&order=asc&limit=3"
        "&timeField=endedAt&from=2026-11-23T09:00:00Z&until=2026-11-23T10:00:00%2B01:00",
    )
    assert query == RunQuery(
        limit=4,
        statuses=(RunStatus.FAILED, RunStatus.SKIPPED),
        function_ids=(FUNCTION.id,),
        order=RunTime.ENDED,
        ascending=True,
        time=RunTime.ENDED,
        since=NINE,
        until=NINE,
    )


@pytest.mark.parametrize(
    ("camel", "snake"),
    [
        ("timeField=startedAt", "time_field=startedAt"),
        (f"appId={FUNCTION.app_id}", f"app_id={FUNCTION.app_id}"),
        ("isDeferred=false", "is_deferred=false"),
    ],
)
def test_names_may_be_in_snake_case(dev, camel, snake):
    dev("GET", f"/api/v2/runs?{camel}")
    dev("GET", f"/api/v2/runs?{snake}")
    first, second = dev.services.store.queries
    assert first == second


def test_times_before_1970_are_bounds_like_others(dev):
    query = asked(dev, "/api/v2/runs?from=1960-01-01T00:00:00Z&until=1969-12-31T00:00:00Z")
    assert (query.since, query.until) == (0, 1)


def test_runs_of_what_is_unknown_are_none(dev):
    dev.services.store.known_runs[RUN_ID] = a_run()
    assert "data" not in dev("GET", "/api/v2/runs?appId=nope").json
    assert "data" not in dev("GET", "/api/v2/runs?appId=demo&functionId=nope").json
    assert dev.services.store.queries == []


def test_runs_of_an_archived_function_are_found(dev):
    dev.services.catalog.live.clear()
    dev.services.catalog.archived.append(replace(FUNCTION, archived_at=NOW))
    assert asked(dev, "/api/v2/runs?appId=demo").function_ids == (FUNCTION.id,)


def test_deferred_runs_are_told_from_others(dev):
    runs = {
        f"{RUN_ID[:-1]}{n}": a_run(id=f"{RUN_ID[:-1]}{n}", deferred_by=RUN_ID if n % 2 else "")
        for n in range(4)
    }
    dev.services.store.known_runs = runs | {UNKNOWN_ID: a_run(id=UNKNOWN_ID, debug_run_id="d")}
    ids = [
        [item["id"][-1] for item in dev("GET", f"/api/v2/runs{query}").json["data"]]
        for query in ("", "?isDeferred=true", "?isDeferred=false")
    ]
    assert ids == [["0", "1", "2", "3"], ["1", "3"], ["0", "2"]]


BAD = [
    ("/runs?nope=1", "api_error", "unknown parameter: nope"),
    ("/runs?status=Failed", "api_error", "status must be one of"),
    ("/runs?order=up", "api_error", "order must be one of asc, desc"),
    ("/runs?order=asc&order=desc", "api_error", "order is given twice"),
    ("/runs?limit=x", "api_error", "limit must be a whole number"),
    ("/runs?limit=", "api_error", "limit must be a whole number"),
    ("/runs?limit=-1", "api_error", "limit must be a whole number"),
    ("/runs?limit=0", "invalid_request", "limit must be from 1 to 100"),
    ("/runs?limit=101", "invalid_request", "limit must be from 1 to 100"),
    ("/events/01M83V3VBVR6R0H8CD7M65N9TC/runs?limit=41", "invalid_request", "limit must be from 1 to 40"),
    ("/envs?limit=251", "invalid_request", "limit must be from 1 to 250"),
    ("/runs?isDeferred=1", "api_error", "isDeferred must be true or false"),
    ("/runs?from=yesterday", "invalid_field_format", "from must be an RFC 3339 time"),
    ("/runs?functionId=f", "invalid_request", "functionId needs appId"),
    ("/runs?cursor=x", "invalid_field_format", "cursor is none that this server gave"),
    ("/runs?cursor=%ff", "invalid_field_format", "cursor is none that this server gave"),
    ("/runs?cursor=bnVsbA==", "invalid_field_format", "cursor is none that this server gave"),
    ("/apps?cursor=x", "invalid_field_format", "cursor must be a uuid"),
    ("/runs/x", "invalid_field_format", "runId must be a ULID"),
    ("/events/81M83V3VBVR6R0H8CD7M65N9TC/runs", "invalid_field_format", "eventId must be a ULID"),
]


@pytest.mark.parametrize(("target", "code", "message"), BAD)
def test_bad_parameters(dev, target, code, message):
    status, found, text = error(dev("GET", f"/api/v2{target}"))
    assert (status, found) == (400, code)
    assert message in text


def test_a_cursor_of_another_order_is_none(dev):
    dev.services.store.known_runs = {id: a_run(id=id) for id in (RUN_ID, UNKNOWN_ID)}
    cursor = dev("GET", "/api/v2/runs?limit=1").json["page"]["cursor"]
    assert dev("GET", f"/api/v2/runs?limit=1&cursor={cursor}").status == 200
    reply = dev("GET", f"/api/v2/runs?timeField=startedAt&cursor={cursor}")
    assert error(reply) == (400, "invalid_field_format", "cursor is none of a list in this order")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (f"/runs/{UNKNOWN_ID}", "Run not found"),
        (f"/runs/{UNKNOWN_ID}/trace", "Run not found"),
        ("/apps/nope", "App not found"),
        ("/apps/nope/functions", "App not found"),
        ("/apps/demo/functions/nope", "Function not found"),
        ("/apps/nope/functions/always-fails", "Function not found"),
        ("/apps/demo/functions/nope/runs", "Function not found"),
    ],
)
def test_what_is_not_there(dev, target, message):
    assert error(dev("GET", f"/api/v2{target}")) == (404, "not_found", message)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/partner/accounts"),
        ("POST", "/envs"),
        ("PATCH", "/envs/x"),
        ("POST", "/apps/demo/syncs"),
        ("POST", "/insights/query"),
        ("GET", "/experiments"),
        ("GET", "/sessions/a/b/c"),
    ],
)
def test_what_only_the_hosted_service_has(dev, method, path):
    status, code, _ = error(dev(method, f"/api/v2{path}"))
    assert (status, code) == (501, "not_implemented")


def test_a_missing_key_is_plain_text(start):
    for target in ("/api/v2/runs", "/v2/apps"):
        reply = start("GET", target)
        assert (reply.status, reply.plain) == (401, "Authentication failed")


def test_failures_of_the_server_have_the_envelope(dev):
    dev.services.store.failure = StoreError("disk full")
    reply = dev("GET", f"/api/v2/runs/{RUN_ID}")
    assert error(reply) == (503, "internal_error", "the store is unavailable, try again")
    assert reply.headers["retry-after"] == "1"
    dev.services.ingest.failure = OverloadedError("too much", 2)
    reply = dev("POST", "/api/v2/events", {"name": "x"})
    assert (*error(reply), reply.headers["retry-after"]) == (429, "api_error", "too much", "2")


def test_the_catalogue_is_for_every_page(dev):
    reply = dev("GET", "/api/v2/operations")
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["cache-control"] == "public, max-age=300"
    operations = reply.json["data"]
    assert [each["id"] for each in operations] == [each.id for each in V2 if each.tool]
    assert len(operations) == 13
    trace = next(each for each in operations if each["id"] == "getFunctionTrace")
    assert trace["http"] == {"method": "GET", "path": "/api/v2/runs/{runId}/trace"}
    assert trace["cli"] == {"command": "get-function-trace"}
    assert trace["mcp"]["tool"] == "get_run_trace"
    assert trace["mcp"]["inputSchema"]["required"] == ["runId"]
    origin = dev("GET", "/api/v2/operations", headers={"origin": "http://a"})
    assert origin.headers["access-control-allow-origin"] == "http://a"
