"""Metrics, trace context and exported traces of real runs (docs/observability.md)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inngest_fast.domain.trace_ids import run_ids, span_id
from tests.e2e.test_workers import started
from tests.fixtures.http import call
from tests.fixtures.otlp_collector import OtlpCollector
from tests.fixtures.prometheus_text import Scraped, parse
from tests.fixtures.server_process import EVENT_KEY, ServerProcess
from tests.fixtures.stub_app import Call, StubApp, begin, ended, http, ops, ran, result

STEP = "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"
CALLER_TRACE, CALLER_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def collector() -> Iterator[OtlpCollector]:
    with OtlpCollector() as found:
        yield found


@pytest.fixture
def server(collector: OtlpCollector, request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, **getattr(request, "param", {})}
    process = ServerProcess("dev", "--no-discovery", "--no-poll", environment=variables).start()
    yield process
    process.stop()


@pytest.fixture
def app(server: ServerProcess) -> Iterator[StubApp]:
    def works(received: Call) -> bytes:
        return result("done") if received.json()["steps"] else ops(ran(STEP, "x"))

    fault = http('{"name":"Boom","message":"it broke"}', 500, x_inngest_no_retry="true")

    with StubApp(server.url) as app:
        app.function("works", works)
        app.function("fails", fault)
        app.function(
            "recovers",
            lambda call: result(1) if call.attempt else http("{}", 500, retry_after="1"),
            retries=1,
        )
        assert app.sync().status == 200
        yield app


def scrape(server: ServerProcess) -> Scraped:
    reply = server.call("GET", "/metrics")
    assert reply.status == 200
    return parse(reply.body.decode())


def send(server: ServerProcess, name: str, **headers: str) -> None:
    reply = call("POST", f"{server.url}/e/{EVENT_KEY}", {"name": name}, headers=headers)
    assert reply.status == 200


def by_id(spans: list[Any]) -> dict[str, Any]:
    found = {span.span_id: span for span in spans}
    assert len(found) == len(spans), "span ids are unique"
    return found


def test_a_scrape_tells_what_runs_did(server, app):
    for id in ("works", "works", "fails"):
        run_id = begin(server, app, id)
        ended(server, run_id)
    call("POST", f"{server.url}/e/k", {"data": {}})
    found = scrape(server)
    works, fails = "stub-works", "stub-fails"
    for name, of_works, of_fails in (
        ("inngest_function_run_scheduled_total", 2, 1),
        ("inngest_function_run_started_total", 2, 1),
        ("inngest_sdk_req_scheduled_total", 4, 1),
        ("inngest_sdk_req_started_total", 4, 1),
        ("inngest_fast_app_call_duration_seconds_count", 4, 1),
    ):
        assert (found.value(name, fn=works), found.value(name, fn=fails)) == (of_works, of_fails), name
    assert found.value("inngest_function_run_ended_total", fn=works, status="completed") == 2
    assert found.value("inngest_function_run_ended_total", fn=fails, status="failed") == 1
    assert found.value("inngest_sdk_req_ended_total", fn=works, status="success") == 4
    assert found.value("inngest_sdk_req_ended_total", fn=fails, status="failed") == 1
    assert found.value("inngest_queue_depth") == 0
    assert found.value("inngest_fast_events_total") == 3
    assert found.value("inngest_fast_events_refused_total", reason="invalid") == 1
    committed = found.value("inngest_fast_transitions_total", outcome="committed")
    assert found.value("inngest_fast_commit_duration_seconds_count") >= committed
    assert found.value("inngest_fast_commit_batch_size_sum") >= committed
    assert found.value("inngest_fast_resident_memory_bytes") > 1e7


def test_a_call_that_is_made_again_is_errored(server, app):
    ended(server, begin(server, app, "recovers"))
    found = scrape(server)
    for status, count in (("errored", 1), ("success", 1), ("failed", 0)):
        assert found.value("inngest_sdk_req_ended_total", fn="stub-recovers", status=status) == count
    assert found.value("inngest_sdk_req_scheduled_total", fn="stub-recovers") == 2
    assert found.value("inngest_function_run_started_total", fn="stub-recovers") == 1


def test_a_run_is_exported_when_it_has_ended(server, app, collector):
    run_id = begin(server, app, "works")
    found = by_id(collector.wait_for(3))
    trace, root_id = run_ids(run_id)
    root, step = found[root_id], found[span_id(STEP)]
    assert {span.trace_id for span in found.values()} == {trace}
    assert (root.parent_id, root.name) == ("", "stub-works")
    assert {span.parent_id for span in found.values() if span is not root} == {root_id}
    assert (step.name, step.attributes["inngest.step.hash"]) == (STEP, STEP)
    assert root.attributes["inngest.run.id"] == run_id
    assert root.attributes["inngest.run.status"] == "completed"
    assert root.start <= step.start <= step.end <= root.end
    assert root.resource["service.name"] == "inngest-fast"
    assert {export.path for export in collector.exports} == {"/v1/traces"}
    parents = [one.headers["traceparent"] for one in app.wait_for_calls("works", 2)]
    assert parents == [f"00-{trace}-{root_id}-01"] * 2


def test_a_failed_run_is_an_error_with_its_message(server, app, collector):
    begin(server, app, "fails")
    [root] = [span for span in collector.wait_for(2) if not span.parent_id]
    assert root.status == 2
    assert root.attributes["inngest.run.status"] == "failed"


def test_the_trace_of_the_sender_goes_on(server, app, collector):
    headers = {"traceparent": f"00-{CALLER_TRACE}-{CALLER_SPAN}-01", "tracestate": "congo=t61"}
    send(server, app.event("works"), **headers)
    send(server, app.event("works"), **headers)
    found = by_id(collector.wait_for(6))
    assert {span.trace_id for span in found.values()} == {CALLER_TRACE}
    roots = {id for id, span in found.items() if span.parent_id == CALLER_SPAN}
    assert len(roots) == 2
    assert {span.parent_id for id, span in found.items() if id not in roots} == roots
    seen = [one.headers for one in app.wait_for_calls("works", 4)]
    assert {each["traceparent"] for each in seen} == {f"00-{CALLER_TRACE}-{id}-01" for id in roots}
    assert all(each["tracestate"].endswith(",congo=t61") for each in seen)


def test_what_the_sender_did_not_sample_is_not_exported(server, app, collector):
    send(server, app.event("works"), traceparent=f"00-{CALLER_TRACE}-{CALLER_SPAN}-00")
    app.wait_for_calls("works", 2)
    run_id = begin(server, app, "works")
    assert {span.trace_id for span in collector.wait_for(3)} == {run_ids(run_id)[0]}


@pytest.mark.parametrize(
    "server",
    [
        {
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20secret-token,x-tenant=a",
            "OTEL_SERVICE_NAME": "jobs",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test,service.name=not-this",
        }
    ],
    indirect=True,
)
def test_the_variables_say_how(server, app, collector):
    begin(server, app, "works")
    [first, *_] = collector.wait_for(3)
    assert first.resource["service.name"] == "jobs"
    assert first.resource["deployment.environment.name"] == "test"
    headers = collector.exports[0].headers
    assert headers["content-type"] == "application/json"
    assert headers["content-encoding"] == "gzip"
    assert (headers["authorization"], headers["x-tenant"]) == ("Bearer secret-token", "a")
    assert "secret-token" not in server.log()


def test_what_waits_is_sent_before_the_end(server, app, collector):
    collector.statuses = [503]
    run_id = begin(server, app, "works")
    ended(server, run_id)
    assert server.stop() == 0
    assert {span.trace_id for span in collector.spans} == {run_ids(run_id)[0]}
    assert collector.tries == 2


def test_a_protocol_that_is_not_spoken_is_refused_at_the_start(tmp_path: Path):
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    }
    process = ServerProcess("dev", directory=tmp_path, environment=variables)
    process.start(wait=False)
    assert process.process is not None
    assert process.process.wait(15) == 1
    assert 'OTEL_EXPORTER_OTLP_PROTOCOL ("grpc") must be http/protobuf or http/json' in process.log()
    assert json.dumps("serving") not in process.log()


def test_whichever_worker_is_scraped_tells_of_all():
    with started() as workers:
        events = 20
        for _ in range(events):
            workers.send({"name": "telemetry/sent"})
        for _ in range(5):
            found = scrape(workers)
            assert [found.value("inngest_fast_worker_up", worker=n) for n in "12"] == [1, 1]
            taken = [found.value("inngest_fast_events_total", worker=n) for n in "12"]
            assert sum(taken) == events
            sizes = [found.value("inngest_fast_commit_batch_size_sum", worker=n) for n in "12"]
            assert sum(sizes) >= events
            assert found.value("inngest_queue_depth") == 0
