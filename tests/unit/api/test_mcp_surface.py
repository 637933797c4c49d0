"""MCP: the conversation, the tools, and that nothing but pages of the documentation is read (http-api §8)."""

import json

import pytest
from fake_services import EVENT_ID, FUNCTION, RUN_ID, UNKNOWN_ID, a_run

from inngest_fast.api.mcp.docs import pages
from inngest_fast.domain.errors import OverloadedError, StoreError
from inngest_fast.domain.invocations import Invoked, InvokeOutcome
from inngest_fast.domain.runs import RunStatus

TOOLS = {
    *("health", "get_apps", "get_app", "list_functions", "get_function", "invoke_function", "list_runs"),
    *(
        "list_function_runs",
        "get_event_runs",
        "get_run",
        "get_run_trace",
        "cancel_run",
        "rerun",
        "send_event",
    ),
    *("get_run_status", "poll_run_status", "invoke_function_sync", "list_docs", "read_doc", "grep_docs"),
}


def ask(client, method, id=1, **params):
    reply = client("POST", "/mcp", {"jsonrpc": "2.0", "id": id, "method": method, "params": params})
    assert reply.status == 200
    found = reply.json
    assert (found["jsonrpc"], found["id"]) == ("2.0", id)
    return found


def call(client, tool, /, **arguments):
    return ask(client, "tools/call", name=tool, arguments=arguments)["result"]


def text(result):
    [part] = result["content"]
    assert part["type"] == "text"
    return part["text"]


def test_a_conversation(dev):
    reply = dev(
        "POST",
        "/mcp",
        {"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": {"protocolVersion": "2025-06-18"}},
    )
    result = reply.json["result"]
    assert result["protocolVersion"] == "2025-06-18"
    assert result["serverInfo"] == {"name": "inngest-dev", "version": "1.0.0"}
    assert "tools" in result["capabilities"]
    session = {"mcp-session-id": reply.headers["mcp-session-id"]}
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    done = dev("POST", "/mcp", note, headers=session)
    assert (done.status, done.body) == (202, b"")
    assert ask(dev, "ping")["result"] == {}
    tools = ask(dev, "tools/list")["result"]["tools"]
    assert {tool["name"] for tool in tools} == TOOLS
    assert all(tool["description"] and tool["inputSchema"]["type"] == "object" for tool in tools)
    assert dev("GET", "/mcp", headers=session).status == 405
    assert dev("DELETE", "/mcp", headers=session).status == 200


def test_an_unknown_version_is_answered_with_one_that_is_known(dev):
    assert ask(dev, "initialize", protocolVersion="1999-01-01")["result"]["protocolVersion"] == "2025-11-25"


def test_a_stream_needs_a_session(dev):
    reply = dev("GET", "/mcp")
    assert (reply.status, reply.plain) == (400, "Bad Request: GET requires an Mcp-Session-Id header")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b'"\xff"', -32700),
        (b"1", -32600),
        ([], -32600),
        ({"id": 1, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": 5}, -32600),
        ({"jsonrpc": "2.0", "id": {}, "method": "ping"}, -32600),
    ],
)
def test_what_is_no_message(dev, body, code):
    reply = dev("POST", "/mcp", body)
    assert (reply.status, reply.json["error"]["code"], reply.json["id"]) == (400, code, None)


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("nope", {}, -32601),
        ("ping", [1], -32602),
        ("tools/call", {"name": "nope"}, -32602),
        ("tools/call", {"name": "health", "arguments": [1]}, -32602),
    ],
)
def test_bad_requests(dev, method, params, code):
    reply = dev("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    assert (reply.status, reply.json["error"]["code"]) == (200, code)


def test_several_at_once(dev):
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    note = {"jsonrpc": "2.0", "method": "notifications/cancelled"}
    answer = {"jsonrpc": "2.0", "id": 9, "result": {}}
    reply = dev("POST", "/mcp", [ping, note, answer, {**ping, "id": 2}])
    assert [each["id"] for each in reply.json] == [1, 2]
    assert dev("POST", "/mcp", [note, answer]).status == 202


def test_a_tool_gives_what_rest_v2_gives(dev):
    dev.services.store.known_runs[RUN_ID] = a_run(status=RunStatus.COMPLETED, output=b'{"a":1}')
    result = call(dev, "get_run", runId=RUN_ID, includeOutput=True)
    same = dev("GET", f"/api/v2/runs/{RUN_ID}?includeOutput=true").json
    assert result["structuredContent"] == same
    assert json.loads(text(result)) == same
    assert result["isError"] is False
    runs = call(dev, "list_runs", status=["COMPLETED", "FAILED"], limit=5, order=None)["structuredContent"]
    assert runs["data"][0]["id"] == RUN_ID
    assert dev.services.store.queries[-1].statuses == (RunStatus.COMPLETED, RunStatus.FAILED)


def test_acting(dev):
    result = call(dev, "invoke_function", appId="demo", functionId="always-fails", data={"a": 1})
    assert result["structuredContent"]["data"] == {"runId": RUN_ID}
    assert dev.services.runs.invocations[0][1] == b'{"a":1}'
    assert call(dev, "cancel_run", run_id=RUN_ID)["isError"] is False
    call(dev, "rerun", runId=RUN_ID, fromStep={"stepId": "s", "input": [1]})
    assert dev.services.runs.reruns == [(RUN_ID, "s", b"[1]")]


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("get_run", {"runId": UNKNOWN_ID}, 'REST API v2 returned HTTP 404: {"errors":[{"code":"not_found"'),
        ("get_run", {"runId": "x/../y"}, "REST API v2 returned HTTP 400: {"),
        ("get_run", {"runId": 5}, "REST API v2 returned HTTP 400: {"),
        ("list_runs", {"limit": "many"}, "REST API v2 returned HTTP 400: {"),
        ("get_run", {}, "runId is required"),
        ("get_run", {"runId": RUN_ID, "nope": 1}, "unknown argument: nope"),
        ("get_run_status", {}, "runId is required"),
        ("get_run_status", {"runId": 1}, "runId is no string as it must be"),
        ("poll_run_status", {"runIds": [RUN_ID] * 51}, "runIds is no array as it must be"),
        ("invoke_function_sync", {"functionId": "nope"}, "there is no function 'nope'"),
        ("invoke_function_sync", {"functionId": "f", "timeout": 1e9}, "timeout is no number as it must be"),
        ("send_event", {"name": "inngest/x"}, "event name is reserved"),
        ("grep_docs", {"pattern": "("}, "the pattern is no regular expression"),
        ("read_doc", {"path": "nope.md"}, "there is no page 'nope.md'"),
    ],
)
def test_failures_are_results(dev, name, arguments, expected):
    result = call(dev, name, **arguments)
    assert result["isError"] is True
    assert text(result).startswith(expected)
    assert "structuredContent" not in result


@pytest.mark.parametrize("failure", [StoreError("disk full"), OverloadedError("too much")])
def test_a_server_in_trouble_says_so(dev, failure):
    dev.services.store.failure = failure
    result = call(dev, "get_run", runId=RUN_ID)
    assert result["isError"] is True
    assert "try again" in text(result)
    assert "disk full" not in text(result)


def test_older_tools(dev):
    done = a_run(status=RunStatus.FAILED, error=b'{"message":"no"}')
    dev.services.run_ends.run = done
    seed = "1795425252211,AAECAwQFBgcICQ=="
    sent = call(dev, "send_event", name="shop/x", data={"a": 1}, eventIdSeed=seed)["structuredContent"]
    assert sent == {"eventId": "01M83TYCVK000G40R40M30E20A", "runIds": [RUN_ID]}
    run = call(dev, "get_run_status", runId=RUN_ID)["structuredContent"]
    assert (run["status"], run["output"]) == ("FAILED", {"message": "no"})
    assert call(dev, "poll_run_status", runIds=[RUN_ID], timeout=3)["structuredContent"] == {
        "runs": [run],
        "pending": [],
    }
    invoked = call(
        dev, "invoke_function_sync", functionId=FUNCTION.slug, data={"a": 1}, user={"b": 2}, timeout=7
    )
    assert invoked["structuredContent"] == run
    [(function, data, options)] = dev.services.runs.invocations
    assert (function, data, options) == (FUNCTION, b'{"a":1}', {"user": b'{"b":2}'})
    timeouts = [round(timeout) for _, timeout in dev.services.run_ends.asked]
    assert timeouts == [0, 3, 7]


def test_what_has_not_ended_is_told_as_pending(dev):
    dev.services.run_ends.run = a_run()
    assert call(dev, "poll_run_status", runIds=[RUN_ID])["structuredContent"]["pending"] == [RUN_ID]


def test_an_invocation_that_starts_nothing(dev):
    dev.services.runs.invoked = Invoked(InvokeOutcome.DEBOUNCED, EVENT_ID)
    result = call(dev, "invoke_function_sync", functionId=FUNCTION.slug)
    assert (result["isError"], text(result)) == (True, "no run was started: debounced")


def test_the_documentation(dev):
    listed = call(dev, "list_docs")["structuredContent"]["docs"]
    assert {"path": "flow-control.md", "title": "Flow control"} in listed
    for page in listed:
        assert text(call(dev, "read_doc", path=page["path"])).startswith(f"# {page['title']}")
    found = call(dev, "grep_docs", pattern="THROTTL(e|ing)", limit=2)["structuredContent"]
    assert len(found["matches"]) == 2
    assert found["total"] > 2
    for match in found["matches"]:
        assert pages()[match["path"]].splitlines()[match["line"] - 1] == match["text"]


@pytest.mark.parametrize(
    "path", ["../README.md", "/etc/passwd", "reference/http-api.md", "auth.md\0", "AUTH.md", "."]
)
def test_nothing_else_is_read(dev, path):
    assert call(dev, "read_doc", path=path)["isError"] is True
