"""MCP against a real server: an agent that invokes, waits, looks and cancels."""

import json
from typing import Any

from tests.fixtures.server_process import ServerProcess
from tests.fixtures.stub_app import StubApp, begin, ended, http, ops, ran, result
from tests.fixtures.waiting import eventually


def tool(server: ServerProcess, called: str, **arguments: Any) -> Any:
    """What it found."""
    params = {"name": called, "arguments": arguments}
    reply = server.call("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    assert reply.status == 200, reply.body
    found = reply.json()["result"]
    assert found["isError"] is False, found
    assert json.loads(found["content"][0]["text"]) == found["structuredContent"]
    return found["structuredContent"]


def test_an_agent_at_work(server: ServerProcess) -> None:
    with StubApp(server.url, name="agent") as app:
        app.function(
            "steps", lambda call: result("done") if call.json()["steps"] else ops(ran("a", {"b": 1}))
        )
        app.function("fails", http('{"name":"E","message":"no","stack":"E: no"}', 500))
        app.function("sleeps", ops({"op": "Sleep", "id": "s", "name": "1h", "displayName": "s"}))
        assert app.sync().status == 200
        names = [each["id"] for each in tool(server, "list_functions", appId="agent")["data"]]
        assert sorted(names) == ["fails", "sleeps", "steps"]

        run = tool(server, "invoke_function_sync", functionId="agent-steps", data={"x": 1})
        assert (run["status"], run["output"]) == ("COMPLETED", {"data": "done"})
        root = tool(server, "get_run_trace", runId=run["id"], includeOutput=True)["data"]["rootSpan"]
        assert root["input"][0]["data"]["x"] == 1
        [step] = [each for each in root["children"] if each["name"] == "a"]
        assert step["output"] == {"b": 1}

        failed = tool(server, "invoke_function", appId="agent", functionId="fails", data={})["data"]["runId"]
        polled = tool(server, "poll_run_status", runIds=[failed, run["id"]])
        assert [each["status"] for each in polled["runs"]] == ["FAILED", "COMPLETED"]
        assert polled["runs"][0]["output"] == {"message": "no", "name": "E", "stack": "E: no"}
        listed = tool(server, "list_runs", appId=["agent"], status=["FAILED"])["data"]
        assert [each["id"] for each in listed] == [failed]

        sleeping = begin(server, app, "sleeps")
        assert tool(server, "poll_run_status", runIds=[sleeping], timeout=0)["pending"] == [sleeping]
        assert tool(server, "cancel_run", runId=sleeping)["data"] == {"runId": sleeping}
        eventually(lambda: server.run(sleeping)["status"] == "cancelled", what="the cancellation")

        sent = tool(server, "send_event", name=app.event("steps"), data={"x": 2})
        [started] = sent["runIds"]
        assert ended(server, started)["output"] == "done"
        again = tool(server, "get_event_runs", eventId=sent["eventId"], includeOutput=True)["data"]
        assert [(each["id"], each["output"]) for each in again] == [(started, {"data": "done"})]
