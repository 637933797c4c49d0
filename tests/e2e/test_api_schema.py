"""The real server does what `/api/openapi.json` says: requests made up from it, and answers held against it."""

import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from jsonschema import Draft202012Validator

from inngest_fast.api.operations.v1 import V1
from inngest_fast.api.operations.v2 import V2
from tests.fixtures.http import call
from tests.fixtures.server_process import ServerProcess
from tests.fixtures.stub_app import StubApp, begin, ended, http, ops, ran, result

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.checks import CHECKS
    from schemathesis.core.result import Ok
    from schemathesis.generation import GenerationMode

SEED = 20_261_125
EXAMPLES = {"POSITIVE": 8, "NEGATIVE": 4}  # for each operation
# What only the server knows, as cursors, cannot be made up; and a wrong method is 501 in REST v2.
# Operations that something wrong can be sent to.
CHOOSY = {each.id for each in (*V2, *V1) if each.body or any(len(field.schema) > 1 for field in each.fields)}
LEFT_OUT = ("positive_data_acceptance", "unsupported_method", "allow_header_conformance")

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """One `dev` server that has something to show."""
    process = ServerProcess("dev", "--no-discovery", "--no-poll").start()
    with StubApp(process.url) as app:
        app.function("echo", lambda call: result(call.json()["event"]["data"]))
        app.function("fails", http('{"name":"E","message":"no","stack":"E: no"}', 500))
        app.function("sleeps", ops({"op": "Sleep", "id": "s", "name": "1h", "displayName": "s"}))
        app.function(
            "steps", lambda call: result(1) if call.json()["steps"] else ops(ran("a", {"b": [1]})), retries=1
        )
        app.sync()
        for id in ("echo", "fails", "steps"):
            ended(process, begin(process, app, id))
        begin(process, app, "sleeps")
        yield process
    process.stop()


@pytest.fixture(scope="module")
def schema(server: ServerProcess) -> Any:
    return schemathesis.openapi.from_url(f"{server.url}/api/openapi.json")


@pytest.mark.slow(15)
@pytest.mark.parametrize(
    "mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.name
)
def test_no_answer_breaks_the_document(schema: Any, mode: GenerationMode) -> None:
    left_out = [CHECKS.get_one(name) for name in LEFT_OUT]
    tried = 0
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if mode is GenerationMode.NEGATIVE and operation.definition.raw["operationId"] not in CHOOSY:
            continue

        @seed(SEED)
        @settings(
            max_examples=EXAMPLES[mode.name],
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def holds(case: Any) -> None:
            case.call_and_validate(excluded_checks=left_out)

        holds()
        tried += 1
    assert tried == (len(V2) + len(V1) + 1 if mode is GenerationMode.POSITIVE else len(CHOOSY))


def test_what_there_is_is_shown_as_the_document_says(server: ServerProcess) -> None:
    """Made-up ids find nothing: these are real ones."""
    document = server.call("GET", "/api/openapi.json").json()
    runs = server.call("GET", "/api/v2/runs?includeOutput=true&appId=stub").json()["data"]
    assert {run["status"] for run in runs} >= {"COMPLETED", "FAILED", "RUNNING"}
    targets = [("/api/v2/runs", ""), ("/api/v2/apps", ""), ("/v1/events", ""), ("/v1/cancellations", "")]
    targets += [("/api/v2/apps/{appId}", "/api/v2/apps/stub")]
    targets += [("/api/v2/apps/{appId}/functions", "/api/v2/apps/stub/functions")]
    targets += [
        ("/api/v2/apps/{appId}/functions/{functionId}", "/api/v2/apps/stub/functions/steps"),
        ("/api/v2/apps/{appId}/functions/{functionId}/runs", "/api/v2/apps/stub/functions/steps/runs"),
        ("/v1/apps/{name}/functions", "/v1/apps/stub/functions"),
    ]
    for run in runs:
        id, [event_id] = run["id"], run["trigger"]["eventIds"]
        targets += [
            ("/api/v2/runs/{runId}", f"/api/v2/runs/{id}?includeOutput=true"),
            ("/api/v2/runs/{runId}/trace", f"/api/v2/runs/{id}/trace?includeOutput=true"),
            ("/api/v2/events/{eventId}/runs", f"/api/v2/events/{event_id}/runs?includeOutput=true"),
            ("/v1/runs/{id}", f"/v1/runs/{id}"),
            ("/v1/runs/{id}/jobs", f"/v1/runs/{id}/jobs"),
            ("/v1/events/{id}", f"/v1/events/{event_id}"),
            ("/v1/events/{id}/runs", f"/v1/events/{event_id}/runs"),
        ]
    for path, target in targets:
        reply = call("GET", server.url + (target or path))
        assert reply.status == 200, (target, reply.body)
        _hold(document, path, reply.json())


def _hold(document: dict[str, Any], path: str, shown: Any) -> None:
    place = f"#/paths/{path.replace('/', '~1')}/get/responses/200/content/application~1json/schema"
    Draft202012Validator({**document, "$ref": place}).validate(shown)


def test_trace_metadata_of_scores(server: ServerProcess) -> None:
    """A score of an ended run shows in its trace."""
    [run] = server.call("GET", "/api/v2/runs?appId=stub&functionId=steps").json()["data"][:1]
    body = [{"name": "helpful", "value": True}, {"name": "length", "value": 3, "stepId": "a"}]
    assert server.call("POST", f"/api/v2/runs/{run['id']}/scores", body).json()["data"] == {"count": 2}
    root = server.call("GET", f"/api/v2/runs/{run['id']}/trace").json()["data"]["rootSpan"]
    of_run = {each["kind"]: each["values"] for each in root["metadata"]}
    assert json.loads(of_run["inngest.score"]["helpful"]) == {"value": True}
    [step] = [each for each in root["children"] if each["name"] == "a"]
    of_step = {each["kind"]: each["values"] for each in step["metadata"]}
    assert json.loads(of_step["inngest.score"]["length"]) == {"value": 3}
    assert server.call("GET", f"/api/v2/runs/{run['id']}").json()["data"] == run
