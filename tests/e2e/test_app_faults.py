"""Apps that break every rule, against the real server (sdk-protocol §3)."""

import asyncio
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from inngest_fast.auth.signature import verify
from tests.fixtures.server_process import EVENT_KEY, SIGNING_KEY, ServerProcess
from tests.fixtures.stub_app import Call, End, StubApp, begin, ended, http, ops, ran, result
from tests.fixtures.waiting import eventually

UNREACHABLE = "Unable to reach SDK URL"
NOT_SDK = "The response did not come from an Inngest SDK"
TOO_LARGE = "Your function's response body exceeds the maximum size limit"
UNREADABLE = "error reading generator opcode response: "
NO_REQUEST = "error performing request: "
HTML = "<h1>bad gateway</h1>"

# What the app answers, and the beginning of the error's message.
FAULTS: dict[str, tuple[bytes | End, str]] = {
    "closes": (End.CLOSE, UNREACHABLE),
    "resets": (End.RESET, UNREACHABLE),
    "no-http": (b"SSH-2.0-OpenSSH_9.9\r\n", NO_REQUEST),
    "cut-off": (b"HTTP/1.1 200 OK\r\nx-inngest-sdk: x\r\nContent-Length: 99\r\n\r\n{}", NO_REQUEST),
    "40-mb": (http(b" " * 40_000_000), TOO_LARGE),
    "9-mb-206": (http(b" " * 9_000_000, 206), TOO_LARGE),
    "loop": (http(status=307, location="/again"), NO_REQUEST + "stopped after 60 redirects"),
    "nowhere": (http(status=307, location="http://["), NO_REQUEST),
    "encoded": (http("{}", content_encoding="zstd"), NO_REQUEST),
    "no-gzip": (http("{}", content_encoding="gzip"), NO_REQUEST),
    "200-no-sdk": (http("{}", sdk=None), NOT_SDK),
    "206-no-sdk": (http("[]", 206, sdk=None), NOT_SDK),
    "301-no-location": (http("", 301, sdk=None), NOT_SDK),
    "502-no-sdk": (http(HTML, 502, sdk=None), "Your server returned HTTP 502 before the SDK responded."),
    "401-json": (
        http('{"message":"Unauthorized"}', 401, sdk=None),
        "Your server returned HTTP 401 before the SDK responded.",
    ),
    "500": (http('{"name":"Boom","message":"it broke","stack":"at x"}', 500), "it broke"),
    "500-text": (http("it broke", 500, content_type="text/plain"), "invalid status code: 500"),
    "500-empty": (http("", 500), "invalid status code: 500"),
    "400": (http('{"message":"a 4xx is tried again"}', 400), "a 4xx is tried again"),
    "206-empty": (http("", 206), "no response data"),
    "206-junk": (http("junk", 206), UNREADABLE),
    "206-null": (http("null", 206), UNREADABLE),
    "206-number": (http("[1]", 206), UNREADABLE),
    "206-not-utf8": (http(b'[{"op":"StepRun","id":"\xff"}]', 206), UNREADABLE),
    "206-deep": (http("[" * 100_000, 206), UNREADABLE),
    "206-no-op": (http('[{"id":"a"}]', 206), UNREADABLE),
    "206-unknown-op": (ops({"op": "Conquer", "id": "a"}), UNREADABLE),
    "206-large-step": (
        ops(ran("a", "x" * 5_000_000)),
        "error validating generator opcode a: step output size is greater than the limit",
    ),
    "201-junk": (http("junk", 201), "error parsing stream: "),
}


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    process = ServerProcess("dev", "--no-discovery", "--no-poll", "--retry-interval", "1").start()
    yield process
    process.stop()


@pytest.fixture
def app(server: ServerProcess) -> Iterator[StubApp]:
    with StubApp(server.url, f"stub-{uuid4().hex[:8]}") as made:
        yield made


@pytest.fixture(scope="module")
def casualties(server: ServerProcess) -> Iterator[tuple[StubApp, dict[str, str]]]:
    """An app with a function for each fault, and the run that was begun of each: all at once."""
    with StubApp(server.url, "faulty") as app:
        for name, (answer, _) in FAULTS.items():
            app.function(name, answer, retries=1)
        app.function("failures", result(None), triggers=[{"event": "inngest/function.failed"}])
        assert app.sync().status == 200
        yield app, {name: begin(server, app, name) for name in FAULTS}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_tried_again_and_then_ends_the_run(
    server: ServerProcess, casualties: tuple[StubApp, dict[str, str]], name: str
) -> None:
    app, runs = casualties
    run = ended(server, runs[name], within=40)
    assert run["status"] == "failed"
    assert run["error"]["message"].startswith(FAULTS[name][1])
    assert run["error"].keys() <= {"error", "name", "message", "stack"}
    assert run["output"] is None or name in ("500", "500-text", "400")
    assert sorted({call.attempt for call in app.calls_of(name)}) == [0, 1]
    if name in ("closes", "resets"):  # a kept connection that breaks at once is replaced (AppClient.send)
        assert len(app.calls_of(name)) in (2, 3, 4)
    elif name != "loop":
        assert len(app.calls_of(name)) == 2

    def told() -> list[Any]:
        events = [call.json()["event"]["data"] for call in app.calls_of("failures")]
        return [event["error"] for event in events if event["run_id"] == runs[name]]

    assert eventually(told, what="function.failed")[0]["message"] == run["error"]["message"]
    assert len(told()) == 1


@pytest.mark.parametrize("name", ["502-no-sdk", "401-json"])
def test_what_a_proxy_said_is_shown(
    server: ServerProcess, casualties: tuple[StubApp, dict[str, str]], name: str
) -> None:
    error = ended(server, casualties[1][name])["error"]
    assert error["name"] == "Server returned a fatal error"
    assert error["error"] == error["message"]
    shown = FAULTS[name][0].partition(b"\r\n\r\n")[2].decode()
    assert error["stack"].endswith(f"Upstream response (application/json):\n{shown}")


def test_the_error_of_an_sdk_is_shown(
    server: ServerProcess, casualties: tuple[StubApp, dict[str, str]]
) -> None:
    run = ended(server, casualties[1]["500"])
    assert run["error"] == {
        "error": "invalid status code: 500",
        "name": "Boom",
        "message": "it broke",
        "stack": "at x",
    }
    assert run["output"] == {"name": "Boom", "message": "it broke", "stack": "at x"}


def test_the_server_is_well_after_it_all(
    server: ServerProcess, casualties: tuple[StubApp, dict[str, str]], app: StubApp
) -> None:
    for run_id in casualties[1].values():
        ended(server, run_id, within=40)
    app.function("good", result("fine"))
    app.sync()
    assert ended(server, begin(server, app, "good"))["output"] == "fine"
    assert server.call("GET", "/health").json()["status"] == "ok"
    assert "Traceback" not in server.log()
    assert server.runs(status="queued") == server.runs(status="running") == []


@pytest.mark.parametrize(
    ("body", "output"),
    [
        ("plain text", "plain text"),
        ("", None),
        ("null", None),
        ('"text"', "text"),
        ('"{\\"a\\":1}"', {"a": 1}),
        ("[1,2]", [1, 2]),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_any_body_is_a_result(server: ServerProcess, app: StubApp, body: Any, output: Any) -> None:
    app.function("odd", http(body))
    app.sync()
    run = ended(server, begin(server, app, "odd"))
    assert (run["status"], run["output"]) == ("completed", output)


def test_no_retry(server: ServerProcess, app: StubApp) -> None:
    app.function("final", http('{"message":"no"}', 500, x_inngest_no_retry="true"), retries=5)
    app.sync()
    run = ended(server, begin(server, app, "final"))
    assert (run["status"], run["error"]["message"]) == ("failed", "no")
    assert run["error"]["error"] == "NonRetriableError"
    assert len(app.calls_of("final")) == 1


def test_an_app_that_refuses_and_then_comes(server: ServerProcess, app: StubApp) -> None:
    app.function("late", result("at last"), retries=5)
    app.sync()
    app.stop()
    run_id = begin(server, app, "late")
    eventually(lambda: server.run(run_id)["attempt"] >= 1, what="a retry")
    assert server.run(run_id)["status"] in ("queued", "running")
    app.start()
    run = ended(server, run_id)
    assert (run["status"], run["output"]) == ("completed", "at last")
    assert {call.attempt for call in app.calls_of("late")} <= {1, 2, 3, 4, 5}


def test_an_app_that_stays_away(server: ServerProcess, app: StubApp) -> None:
    app.function("gone", result(None), retries=1)
    app.sync()
    app.stop()
    run = ended(server, begin(server, app, "gone"))
    assert run["status"] == "failed"
    assert run["error"] == {"error": UNREACHABLE, "name": "Error", "message": UNREACHABLE}


def test_an_app_that_dies_during_a_call_and_comes_back(server: ServerProcess, app: StubApp) -> None:
    def answer(call: Call) -> bytes | End:
        if not call.json()["steps"]:
            return ops(ran("a", "A"))
        return End.HANG if len(app.calls_of("dying")) == 2 else result(call.json()["steps"])

    app.function("dying", answer, retries=3)
    app.sync()
    run_id = begin(server, app, "dying")
    app.wait_for_calls("dying", 2)
    app.stop()
    app.start()
    run = ended(server, run_id)
    assert (run["status"], run["output"]) == ("completed", {"a": {"data": "A"}})
    assert [step["status"] for step in run["steps"]] == ["completed"]


def test_a_run_whose_call_hangs_can_be_cancelled(server: ServerProcess, app: StubApp) -> None:
    answered = asyncio.Event()

    async def answer(call: Call) -> bytes:
        await answered.wait()
        return ops(ran("a", "too late"))

    app.function("hanging", answer, retries=3)
    app.function("other", result("served meanwhile"))
    app.sync()
    run_id = begin(server, app, "hanging")
    app.wait_for_calls("hanging", 1)
    eventually(lambda: server.run(run_id)["status"] == "running", what="the start")
    assert ended(server, begin(server, app, "other"))["output"] == "served meanwhile"
    assert server.call("DELETE", f"/api/v1/runs/{run_id}").status == 202
    assert ended(server, run_id)["status"] == "cancelled"
    app.on_loop(answered.set)
    eventually(lambda: server.call("GET", f"/v1/runs/{run_id}/jobs").json()["data"] == [])
    assert ended(server, begin(server, app, "other"))["status"] == "completed"
    run = server.run(run_id)
    assert (run["status"], run["steps"], len(app.calls_of("hanging"))) == ("cancelled", [], 1)


def test_state_that_a_call_has_no_room_for(server: ServerProcess, app: StubApp) -> None:
    """What the call leaves out can be fetched while the run lives (sdk-protocol §2.1)."""
    fetched: dict[str, Any] = {}

    async def answer(call: Call) -> bytes:
        sent = call.json()
        stack = sent["ctx"]["stack"]["stack"]
        if len(stack) < 2:
            assert (sent["use_api"], sent["ctx"]["use_api"]) == (False, False)
            return ops(ran(f"step{len(stack)}", "x" * 3_000_000))
        fetched["sent"] = sent
        for part in ("batch", "actions"):
            reply = await asyncio.to_thread(server.call, "GET", f"/v0/runs/{call.run_id}/{part}")
            fetched[part] = reply.json()
        return result("whole")

    app.function("large", answer)
    app.sync()
    run_id = begin(server, app, "large", {"n": 1})
    assert ended(server, run_id)["output"] == "whole"
    sent = fetched["sent"]
    assert (sent["use_api"], sent["ctx"]["use_api"], sent["steps"], sent["events"]) == (True, True, {}, [])
    assert sent["event"]["data"] == {"n": 1}
    assert sent["ctx"]["stack"] == {"current": 2, "stack": ["step0", "step1"]}
    assert fetched["batch"] == [sent["event"]]
    assert fetched["actions"] == {f"step{n}": {"data": "x" * 3_000_000} for n in range(2)}
    for part in ("batch", "actions"):
        assert server.call("GET", f"/v0/runs/{run_id}/{part}").status == 410


@pytest.fixture(scope="module")
def cloud() -> Iterator[ServerProcess]:
    process = ServerProcess("start", "--retry-interval", "1").start()
    yield process
    process.stop()


def test_calls_are_signed(cloud: ServerProcess) -> None:
    headers = {"Authorization": f"Bearer {SIGNING_KEY}"}
    with StubApp(cloud.url, "signed", headers) as app:
        text = 'é "quoted" \u2028 \U0001f600'
        app.function("one", lambda call: ops(ran("a", text)) if not call.json()["steps"] else result(1))
        assert app.sync().status == 200
        assert ended(cloud, begin(cloud, app, "one", {"text": text, "n": 1.5}))["output"] == 1
        calls = app.calls_of("one")
    assert len(calls) == 2
    for call in calls:
        signature = call.headers["x-inngest-signature"]
        assert verify(signature, call.body, key=SIGNING_KEY, now_s=int(time.time()))
        assert not verify(signature, call.body + b" ", key=SIGNING_KEY, now_s=int(time.time()))
        assert "x-inngest-server-kind" not in call.headers
        canonical = json.dumps(call.json(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        assert call.body.decode() == canonical
    assert EVENT_KEY not in str([call.headers for call in calls])


# Syncs (sdk-protocol §1)


def logged(server: ServerProcess, message: str, **attributes: str) -> list[dict[str, Any]]:
    """The log's lines of that message and these attributes."""
    lines = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
    return [
        line
        for line in lines
        if line["msg"] == message and all(line.get(k) == v for k, v in attributes.items())
    ]


def functions(server: ServerProcess, app: StubApp) -> dict[str, str]:
    """Slugs and ids of the app's functions, as the server has them."""
    found = server.call("GET", "/api/v1/functions").json()["functions"]
    return {each["slug"]: each["id"] for each in found if each["app"] == app.name}


# What the app answers to a ping, and the error that is shown.
PINGS: dict[str, tuple[bytes | End, str]] = {
    "401": (http("x", 401, sdk=None), "unauthorized"),
    "403": (http("x", 403), "forbidden"),
    "404": (http("x", 404, sdk=None), "url_not_found"),
    "500": (http("x", 500), "internal_server_error"),
    "bad-key": (http('{"message":"Your signing key is invalid"}', 400), "invalid_signing_key"),
    "own-words": (http('{"message":"the words of the app"}', 400), "the words of the app"),
    "400": (http("x", 400), "the app answered HTTP 400"),
    "reset": (End.RESET, "the connection was closed before the response"),
    "large": (http(b" " * 5_000_000), f"the response has more than {4 * 1024 * 1024} bytes"),
    "loop": (http(status=308, location="/"), "stopped after 60 redirects"),
}


@pytest.fixture(scope="module")
def polled() -> Iterator[tuple[ServerProcess, dict[str, StubApp]]]:
    """A server that was told of apps by their URLs, and those apps: not yet up, or wrong at first."""
    apps = {name: StubApp("", f"polled-{name}") for name in ("late", *PINGS)}
    urls = [part for app in apps.values() for part in ("-u", app.url.removeprefix("http://"))]
    process = ServerProcess("dev", "--no-discovery", "--poll-interval", "1", *urls)
    for name, app in apps.items():
        app.server_url = process.url
        app.function("one", result(1))
        if name != "late":
            app.put = lambda _, said=PINGS[name][0]: said
            app.start()
    process.start()
    yield process, apps
    for app in apps.values():
        app.stop()
    process.stop()


def test_an_app_that_starts_later_is_picked_up(polled: tuple[ServerProcess, dict[str, StubApp]]) -> None:
    server, app = polled[0], polled[1]["late"]
    eventually(lambda: logged(server, "app in error", url=app.url), what="the app in error")
    assert functions(server, app) == {}
    app.start()
    eventually(lambda: functions(server, app), what="the functions")
    assert ended(server, begin(server, app, "one"))["output"] == 1
    ping = app.puts[0]
    assert ping.json() == {"url": app.url}
    assert ping.headers["x-inngest-server-kind"] == "dev"
    assert ping.headers["content-type"] == "application/json"
    app.function("two", result(2))
    eventually(lambda: len(functions(server, app)) == 2, what="the new function")
    assert ended(server, begin(server, app, "two"))["output"] == 2


@pytest.mark.parametrize("name", PINGS)
def test_a_ping_that_goes_wrong_is_shown_and_forgotten(
    polled: tuple[ServerProcess, dict[str, StubApp]], name: str
) -> None:
    server, app = polled[0], polled[1][name]
    eventually(lambda: logged(server, "app in error", url=app.url, error=PINGS[name][1]), what="the error")
    eventually(lambda: len(app.puts) >= 2, what="another ping")
    assert functions(server, app) == {}
    app.put = None
    eventually(lambda: functions(server, app), what="the functions")
    assert ended(server, begin(server, app, "one"))["output"] == 1


def test_syncs_at_once_end_as_one_of_them(server: ServerProcess, app: StubApp) -> None:
    app.function("first", result(1))
    app.sync()
    first = functions(server, app)
    lists = []
    for number in range(8):
        app.functions.clear()
        app.function("first", result(1))
        app.function(f"own-{number}", result(number))
        lists.append(list(app.functions.values()))
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda each: app.sync(functions=each), lists))
    assert [reply.status for reply in replies] == [200] * 8
    left = functions(server, app)
    assert sorted(left) in [sorted(each["id"] for each in one) for one in lists]
    assert left.items() >= first.items()
    [own] = left.keys() - first.keys()
    for number in range(8):
        [event] = server.send({"name": app.event(f"own-{number}"), "data": {}})
        assert len(server.runs(event_id=event)) == (own == f"{app.name}-own-{number}")


def test_the_same_sync_changes_nothing(server: ServerProcess, app: StubApp) -> None:
    app.function("one", result(1))
    first, second = app.sync().json(), app.sync().json()
    assert (first["ok"], first["modified"]) == (True, True)
    assert (second["ok"], second["modified"], second["app_id"]) == (True, False, first["app_id"])


def test_a_function_that_is_gone_from_a_sync_lets_its_runs_end(server: ServerProcess, app: StubApp) -> None:
    def answer(call: Call) -> bytes:
        if not call.json()["steps"]:
            return ops({"op": "Sleep", "id": "nap", "name": "2s", "displayName": "nap"})
        return result("ended all the same")

    app.function("going", answer)
    app.function("staying", result(1))
    app.sync()
    run_id = begin(server, app, "going")
    eventually(lambda: server.run(run_id)["steps"], what="the sleep")
    going = app.functions.pop(f"{app.name}-going")
    app.sync()
    assert list(functions(server, app)) == [f"{app.name}-staying"]
    [event] = server.send({"name": app.event("going"), "data": {}})
    assert server.runs(event_id=event) == []
    assert ended(server, run_id)["output"] == "ended all the same"
    app.functions[going["id"]] = going
    app.sync()
    assert ended(server, begin(server, app, "staying"))["status"] == "completed"
    [event] = server.send({"name": app.event("going"), "data": {}})
    assert len(server.runs(event_id=event)) == 1


def test_an_app_is_removed_and_comes_back(server: ServerProcess, app: StubApp) -> None:
    app.function("one", result(1))
    app.sync()
    known = functions(server, app)
    spelling = app.url.replace("localhost", "127.0.0.1")
    assert server.call("DELETE", f"/fn/remove?url={spelling}").status == 200
    assert functions(server, app) == {}
    [event] = server.send({"name": app.event("one"), "data": {}})
    assert server.runs(event_id=event) == []
    assert server.call("DELETE", f"/fn/remove?url={spelling}").status == 404
    assert app.sync().json()["modified"] is True
    assert functions(server, app) == known
    assert ended(server, begin(server, app, "one"))["output"] == 1


def test_a_sync_that_is_refused_keeps_the_functions(server: ServerProcess, app: StubApp) -> None:
    app.function("one", result(1))
    app.sync()
    known = functions(server, app)
    good = list(app.functions.values())
    reply = app.sync(
        functions=[*good, {**good[0], "id": f"{app.name}-bad", "triggers": [{"event": "x" * 300}]}]
    )
    assert (reply.status, reply.json()["status"], reply.json()["error"]) == (
        400,
        400,
        "At least one function is invalid",
    )
    [line] = logged(server, "sync refused", app=app.name)
    assert f"{app.name}-bad" in line["error"]
    assert functions(server, app) == known
    assert ended(server, begin(server, app, "one"))["output"] == 1
    assert app.sync().json()["modified"] is True  # the error is over, though the checksum is the old one


@pytest.mark.parametrize(
    "changed",
    [
        {"triggers": "x"},
        {"triggers": [1]},
        {"triggers": [{"event": 1}]},
        {"triggers": [{"cron": "nonsense"}]},
        {"triggers": [{"event": "a", "cron": "* * * * *"}]},
        {"triggers": [{"event": "a", "expression": "event.data.("}]},
        {"steps": []},
        {"steps": {"step": {"id": "step", "name": "step", "runtime": {"url": 1}}}},
        {"steps": {"step": {"id": "step", "name": "step", "runtime": {"url": "ftp://x"}}}},
        {"concurrency": "many"},
        {"concurrency": [{"limit": "2"}]},
        {"throttle": []},
        {"throttle": {"limit": 1, "period": 60}},
        {"rateLimit": {"limit": 1, "period": "soon"}},
        {"debounce": {"period": {}}},
        {"batchEvents": {"maxSize": "x", "timeout": "5s"}},
        {"priority": {"run": 5}},
        {"timeouts": {"start": "yesterday"}},
        {"cancel": {"event": "x"}},
        {"singleton": {"mode": 1}},
        {"idempotency": {"a": 1}},
        {"name": 5},
        {"id": ["x"]},
    ],
    ids=lambda changed: json.dumps(changed)[:40],
)
def test_a_field_of_the_wrong_type_refuses_the_sync(
    server: ServerProcess, app: StubApp, changed: dict[str, Any]
) -> None:
    app.function("one", result(1))
    [good] = app.functions.values()
    reply = app.sync(functions=[{**good, **changed}])
    assert (reply.status, reply.json()["error"]) == (400, "At least one function is invalid")
    assert logged(server, "sync refused", app=app.name)[0]["error"]
    assert functions(server, app) == {}
    assert app.sync().status == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff", b"[" * 5_000, b'{"appName":1}', b'{"appName":"x","functions":{}}'],
)
def test_a_sync_that_is_no_sync(server: ServerProcess, body: bytes) -> None:
    reply = server.call("POST", "/fn/register", body=body)
    assert reply.status == 400
    assert reply.json()["error"].startswith("Invalid request: ")


def test_pings_are_signed() -> None:
    app = StubApp("", "asked", {"Authorization": f"Bearer {SIGNING_KEY}"})
    server = ServerProcess("start", "-u", app.url, "--poll-interval", "1").start()
    app.server_url = server.url
    app.function("one", result(1))
    try:
        with app:
            eventually(lambda: functions(server, app), what="the functions")
            assert ended(server, begin(server, app, "one"))["output"] == 1
        for ping in app.puts:
            assert ping.headers["x-inngest-server-kind"] == "cloud"
            signature = ping.headers["x-inngest-signature"]
            assert verify(signature, ping.body, key=SIGNING_KEY, now_s=int(time.time()))
    finally:
        server.stop()
