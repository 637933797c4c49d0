"""Requests that apps leave to the server, on the official SDKs."""

import json
import shutil
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.fixtures.apps import AppProcess, outbound_app, outbound_python_app
from tests.fixtures.http import call
from tests.fixtures.model_api import ModelApi
from tests.fixtures.server_process import ServerProcess
from tests.fixtures.waiting import eventually

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(not shutil.which("node") or not shutil.which("npm"), reason="needs node and npm"),
]

APPS = {
    "ts3": (3, "out3", ""),
    "ts4": (4, "out4", "traced"),
    "ts4-streaming": (4, "out4s", "streaming"),
}
CHAT = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(scope="module")
def here() -> Iterator[ServerProcess]:
    process = ServerProcess("dev", "--no-discovery", "--no-poll", "--retry-interval", "1").start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def apps(here: ServerProcess) -> Iterator[dict[str, AppProcess]]:
    found: dict[str, AppProcess] = {}
    try:
        found["py"] = outbound_python_app("outpy", here.url)
        for name, (major, id, option) in APPS.items():
            found[name] = outbound_app(major, id, here.url, option)
        for app in found.values():
            app.sync()
        yield found
    finally:
        for app in found.values():
            app.stop()


@pytest.fixture(params=["ts3", "ts4"])
def app(request: pytest.FixtureRequest, apps: dict[str, AppProcess]) -> AppProcess:
    return apps[request.param]


@pytest.fixture(params=["py", "ts3", "ts4"])
def any_app(request: pytest.FixtureRequest, apps: dict[str, AppProcess]) -> AppProcess:
    return apps[request.param]


@pytest.fixture(scope="module")
def api() -> Iterator[ModelApi]:
    with ModelApi() as server:
        yield server


def begin(server: ServerProcess, app: AppProcess, name: str, data: dict[str, Any] | None = None) -> str:
    [event_id] = server.send({"name": f"{app.prefix}/{name}", "data": data or {}})
    [run] = server.runs(event_id=event_id)
    return str(run["id"])


def ended(server: ServerProcess, run_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        run = server.run(run_id)
        return run if run["status"] in ("completed", "failed", "cancelled") else None

    return eventually(look, within=20, what=f"the end of run {run_id}")


def output(server: ServerProcess, app: AppProcess, name: str, data: dict[str, Any] | None = None) -> Any:
    run = ended(server, begin(server, app, name, data))
    assert run["status"] == "completed", run
    return run["output"]


def test_a_request_is_made_as_it_was_asked_for(here: ServerProcess, app: AppProcess, api: ModelApi) -> None:
    path = f"/{uuid4()}"
    api.says(path, b"made", 201, x_kind="thing")
    init = {"method": "PUT", "headers": {"X-Mine": "1", "Content-Type": "text/plain"}, "body": "what?"}
    assert output(here, app, "fetching", {"url": api.url + path + "?a=b", "init": init}) == {
        "status": 201,
        "kind": "thing",
        "body": "made",
    }
    [(method, target, headers, body)] = api.asked_at(path)
    assert (method, target, body) == ("PUT", path + "?a=b", b"what?")
    assert (headers["x-mine"], headers["content-type"]) == ("1", "text/plain")


def test_any_status_is_a_response(here: ServerProcess, app: AppProcess, api: ModelApi) -> None:
    path = f"/{uuid4()}"
    api.says(path, b"broken", 500)
    assert output(here, app, "fetching", {"url": api.url + path})["status"] == 500
    assert len(api.asked_at(path)) == 1


def test_an_error_is_thrown_once_the_attempts_are_used_up(
    here: ServerProcess, apps: dict[str, AppProcess]
) -> None:
    run = ended(here, begin(here, apps["ts3"], "fetching", {"url": "http://127.0.0.1:9/nobody"}))
    assert run["status"] == "completed"
    assert "127.0.0.1" in run["output"]["error"]
    [step] = run["steps"]
    assert (step["status"], step["attempts"]) == ("failed", 2)


def test_requests_beside_each_other(here: ServerProcess, app: AppProcess, api: ModelApi) -> None:
    paths = [f"/{uuid4()}" for _ in range(3)]
    for path in paths:
        api.says(path, path.encode())
    assert output(here, app, "gathering", {"urls": [api.url + path for path in paths]}) == paths


@pytest.mark.parametrize(
    ("format", "where", "value"),
    [
        ("openai-chat", "authorization", "Bearer secret"),
        ("anthropic", "x-api-key", "secret"),
        ("gemini", "?key=", "secret"),
        ("bedrock", "authorization", "secret"),
    ],
)
def test_a_model_is_asked_in_each_format(
    here: ServerProcess, any_app: AppProcess, api: ModelApi, format: str, where: str, value: str
) -> None:
    path = f"/{uuid4()}"
    api.says(path, {"id": "r1", "choices": []})
    model = {"url": api.url + path, "authKey": "secret", "format": format, "headers": {"x-mine": "1"}}
    assert output(here, any_app, "inferring", {**model, "body": CHAT}) == {"id": "r1", "choices": []}
    [(method, target, headers, body)] = api.asked_at(path)
    assert (method, json.loads(body)["messages"]) == ("POST", CHAT["messages"])
    assert (headers["content-type"], headers["x-mine"]) == ("application/json", "1")
    found = {**headers, "?key=": target.partition("?key=")[2]}
    assert found[where] == value


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini"])
def test_the_models_of_the_sdk(here: ServerProcess, app: AppProcess, api: ModelApi, provider: str) -> None:
    path = {
        "openai": "/chat/completions",
        "anthropic": "/messages",
        "gemini": "/models/gemini-2.0-flash:generateContent",
    }[provider]
    base = f"/{uuid4()}"
    api.says(base + path, {"id": provider})
    data = {"provider": provider, "url": api.url + base, "body": {"messages": []}}
    assert output(here, app, "modelled", data) == {"id": provider}


def test_a_model_that_refuses_is_asked_again(
    here: ServerProcess, apps: dict[str, AppProcess], api: ModelApi
) -> None:
    path = f"/{uuid4()}"
    api.says(path, {"error": "busy"}, 429)
    api.says(path, {"id": "r2"})
    model = {"url": api.url + path, "authKey": "k", "format": "openai-chat"}
    assert output(here, apps["ts4"], "inferring", {**model, "body": CHAT}) == {"id": "r2"}
    assert len(api.asked_at(path)) == 2


def test_a_model_that_goes_on_refusing_throws(
    here: ServerProcess, apps: dict[str, AppProcess], api: ModelApi
) -> None:
    path = f"/{uuid4()}"
    api.says(path, {"error": "no"}, 400)
    model = {"url": api.url + path, "authKey": "k", "format": "openai-chat"}
    thrown = output(here, apps["py"], "inferring", {**model, "body": CHAT})
    assert "HTTP 400" in thrown["error"]


def test_an_app_may_answer_before_it_is_done(here: ServerProcess, apps: dict[str, AppProcess]) -> None:
    app = apps["ts4-streaming"]
    assert output(here, app, "plain") == "ab"
    assert call("POST", f"{app.url}?fnId={app.prefix}-plain&stepId=step", {}).status == 201


def test_what_a_run_defers_starts_once_it_has_ended(here: ServerProcess, apps: dict[str, AppProcess]) -> None:
    app = apps["ts4"]
    run_id = begin(here, app, "deferring")
    assert ended(here, run_id)["status"] == "completed"
    [mark] = eventually(lambda: _later(app, run_id), what="the deferred run")
    assert mark["data"] == {"n": 1}
    assert mark["parents"][0]["fnSlug"] == f"{app.prefix}-deferring"


def test_a_run_that_fails_starts_what_it_deferred(here: ServerProcess, apps: dict[str, AppProcess]) -> None:
    app = apps["ts4"]
    run_id = begin(here, app, "deferring", {"fail": True})
    assert ended(here, run_id)["status"] == "failed"
    [mark] = eventually(lambda: _later(app, run_id), what="the deferred run")
    assert mark["data"] == {"n": 1}


def _later(app: AppProcess, run_id: str) -> list[dict[str, Any]]:
    return [mark for mark in app.marks("later") if mark["parents"][0]["runId"] == run_id]


TREE = """query ($id: String!) { run(runID: $id) { trace(preview: true) {
  metadata { scope kind values }
  childrenSpans { name metadata { scope kind values } childrenSpans { name isUserland } }
} } }"""


def tree(server: ServerProcess, run_id: str) -> dict[str, Any]:
    asked = {"query": TREE, "variables": {"id": run_id}}
    found: dict[str, Any] = call("POST", f"{server.url}/v0/gql", asked).json()["data"]["run"]["trace"]
    return found


def noted(span: dict[str, Any]) -> dict[tuple[str, str], Any]:
    return {(each["scope"], each["kind"]): each["values"] for each in span["metadata"]}


def test_what_an_app_notes_is_in_its_trace(here: ServerProcess, apps: dict[str, AppProcess]) -> None:
    run_id = begin(here, apps["ts4"], "noting")
    assert ended(here, run_id)["status"] == "completed"
    root = tree(here, run_id)
    assert noted(root)["run", "userland.progress"] == {"stage": "late"}
    assert noted(root["childrenSpans"][0])["step", "userland.text"] == {"words": 3}


def test_what_a_model_cost_is_in_the_trace(
    here: ServerProcess, apps: dict[str, AppProcess], api: ModelApi
) -> None:
    path = f"/{uuid4()}"
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 0}
    api.says(path, {"id": "r", "model": "gpt-4o", "choices": [], "usage": usage})
    model = {"url": api.url + path, "authKey": "k", "format": "openai-chat", "body": CHAT}
    run_id = begin(here, apps["ts4"], "inferring", model)
    assert ended(here, run_id)["status"] == "completed"
    values = noted(tree(here, run_id)["childrenSpans"][0])["step", "inngest.ai"]
    assert (values["response_model"], values["input_tokens"]) == ("gpt-4o", 1_000_000)
    assert values["estimated_cost"] == 2.5


def test_spans_of_the_app_are_under_their_step(here: ServerProcess, apps: dict[str, AppProcess]) -> None:
    run_id = begin(here, apps["ts4"], "traced")
    assert ended(here, run_id)["status"] == "completed"

    def within() -> list[dict[str, Any]]:
        step = tree(here, run_id)["childrenSpans"][0]
        assert step["name"] == "a"
        return [child for child in step["childrenSpans"] if child["isUserland"]]

    assert [span["name"] for span in eventually(within, what="the app's span")] == ["within"]


def test_start_does_not_request_what_is_not_public(api: ModelApi) -> None:
    server = ServerProcess("start").start()
    app = outbound_app(4, "guarded", server.url, production=True)
    try:
        app.sync()
        path = f"/{uuid4()}"
        api.says(path, b"secret")
        thrown = output(server, app, "fetching", {"url": api.url + path})
        assert "not a public address" in thrown["error"]
        assert api.asked_at(path) == []
    finally:
        app.stop()
        server.stop()


def test_a_request_whose_server_died_is_made_again(api: ModelApi) -> None:
    """And its response counts once."""
    server = ServerProcess("dev", "--no-discovery", "--no-poll", "--persist").start()
    app = outbound_python_app("crashing", server.url)
    try:
        app.sync()
        path = f"/{uuid4()}"
        api.says(path, {"id": "lost"})
        api.says(path, {"id": "found"})
        api.held.clear()
        model = {"url": api.url + path, "authKey": "k", "format": "openai-chat", "body": CHAT}
        run_id = begin(server, app, "inferring", model)
        eventually(lambda: api.asked_at(path), what="the request")
        server.kill()
        api.held.set()
        server.start()
        run = ended(server, run_id)
        assert (run["status"], run["output"]) == ("completed", {"id": "found"})
        assert len(api.asked_at(path)) == 2
    finally:
        api.held.set()
        app.stop()
        server.stop()


def test_a_run_that_is_cancelled_takes_no_response(
    here: ServerProcess, apps: dict[str, AppProcess], api: ModelApi
) -> None:
    path = f"/{uuid4()}"
    api.says(path, b"late")
    api.held.clear()
    try:
        run_id = begin(here, apps["ts4"], "fetching", {"url": api.url + path})
        eventually(lambda: api.asked_at(path), what="the request")
        assert [span["name"] for span in tree(here, run_id)["childrenSpans"]] == ["step.fetch: 127.0.0.1"]
        assert here.call("DELETE", f"/v1/runs/{run_id}").status == 200
    finally:
        api.held.set()
    run = ended(here, run_id)
    assert (run["status"], run["output"]) == ("cancelled", None)
    eventually(lambda: not here.call("GET", f"/v1/runs/{run_id}/jobs").json()["data"], what="no job")
