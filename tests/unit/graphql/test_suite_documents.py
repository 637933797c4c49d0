"""The documents that public suites send, against a real server (http-api §6.7)."""

import json

FROM = "2023-01-01T00:00:00Z"


def spans(root):
    """A tree, flat."""
    yield root
    for child in root.get("childrenSpans", ()):
        yield from spans(child)


def output_of(world, output_id):
    query = "query($id: String!) { runTraceSpanOutputByID(outputID: $id) { input data error { message name stack cause } } }"
    return world.gql(query, id=output_id)["runTraceSpanOutputByID"]


# inngest-py


def test_py_outputs_of_steps(busy):
    query = "query($id: String!) { run(runID: $id) { trace { childrenSpans { name outputID } } } }"
    children = busy.gql(query, id=busy.ids["order"])["run"]["trace"]["childrenSpans"]
    names = [child["name"] for child in children]
    assert names == ["charge card", "cool off", "wait for ship", "call child", "function success"]
    ids = {child["name"]: child["outputID"] for child in children}
    assert ids["cool off"] is None
    assert ids["wait for ship"] is None  # it timed out
    output = output_of(busy, ids["charge card"])
    assert json.loads(output["data"]) == {"step": "charge card", "execution": 0}
    assert (output["input"], output["error"]) == (None, None)


def test_py_error_of_a_failed_run(busy):
    query = "query($id: String!) { run(runID: $id) { trace { childrenSpans { name outputID childrenSpans { name outputID } } } } }"
    [execute] = busy.gql(query, id=busy.ids["fail"])["run"]["trace"]["childrenSpans"]
    assert [child["name"] for child in execute["childrenSpans"]] == ["Attempt 0", "Attempt 1"]
    error = output_of(busy, execute["childrenSpans"][0]["outputID"])["error"]
    assert error == {"message": "thrown", "name": "Error", "stack": "thrown", "cause": None}


def test_py_runs_of_an_event(busy):
    query = "query($id: ID!) { event(query: { eventId: $id }) { functionRuns { id } } }"
    found = busy.gql(query, id=busy.event_ids["order"])
    assert found == {"event": {"functionRuns": [{"id": busy.ids["order"]}]}}


def test_py_run_and_its_trigger(busy):
    query = """query($id: String!) {
      run(runID: $id) { output status }
      runTrigger(runID: $id) { eventName IDs payloads timestamp isBatch batchID cron }
    }"""
    found = busy.gql(query, id=busy.ids["flaky"])
    assert found["run"]["status"] == "COMPLETED"
    assert json.loads(found["run"]["output"]) == [{"execution": 1, "step": "try it"}]
    trigger = found["runTrigger"]
    id = busy.event_ids["flaky"]
    assert trigger["IDs"] == [id]
    assert trigger["payloads"] == [
        (
            f'{{"id":"{id}","name":"shop/flaky",'
            '"data":{"amount":12,"n":7,"region":"north"},"ts":1700000000000}'
        )
    ]
    assert (trigger["eventName"], trigger["timestamp"]) == ("shop/flaky", "2023-11-14T22:13:20Z")
    assert (trigger["isBatch"], trigger["batchID"], trigger["cron"]) == (False, None, None)


def test_py_output_of_a_failed_run(busy):
    found = busy.gql("query($id: String!) { run(runID: $id) { output status } }", id=busy.ids["fail"])
    assert found["run"]["status"] == "FAILED"
    error = json.loads(found["run"]["output"])
    assert (error["name"], error["message"], error["stack"]) == ("Error", "thrown", "thrown")


# inngest-js


def test_js_events(busy):
    query = "query Events($query: EventsQuery!) { events(query: $query) { id name payload } }"
    events = {event["name"]: event for event in busy.gql(query, query={})["events"]}
    assert events["shop/order"]["id"] == busy.event_ids["order"]
    assert json.loads(events["shop/order"]["payload"]) == {"n": 7, "amount": 12, "region": "north"}
    assert "inngest/function.failed" in events


def test_js_stream(busy):
    query = """query GetEventStream {
      stream(query: {limit: 999, includeInternalEvents: false}) { id trigger type createdAt inBatch runs { id function { name } } }
    }"""
    items = busy.gql(query)["stream"]
    found = {item["id"]: item for item in items}
    assert found[busy.event_ids["order"]] == {
        "id": busy.event_ids["order"],
        "trigger": "shop/order",
        "type": "EVENT",
        "createdAt": "2023-11-14T22:13:20Z",
        "inBatch": False,
        "runs": [{"id": busy.ids["order"], "function": {"name": "shop-order"}}],
    }
    assert found[busy.event_ids["nothing"]]["runs"] == []
    invoked = [item for item in items if item["trigger"].startswith("inngest/")]
    assert [item["trigger"] for item in invoked] == ["inngest/function.invoked"]
    assert invoked[0]["runs"][0]["id"] == busy.ids["child"]


def test_js_stream_of_a_cron(world):
    world.pass_time(61)
    query = "{ stream(query: {includeInternalEvents: false}) { trigger type runs { function { name } } } }"
    [item] = world.gql(query)["stream"]
    assert item == {"trigger": "*/1 * * * *", "type": "CRON", "runs": [{"function": {"name": "shop-tick"}}]}


TIMELINE = """query GetRunTimeline($runId: String!) { run(runID: $runId) { trace(preview: true) {
  name stepType attempts outputID status childrenSpans {
    name stepType attempts outputID status childrenSpans { name stepType attempts outputID status metadata { scope kind values } }
  } } } }"""


def test_js_timeline(busy):
    trace = busy.gql(TIMELINE, runId=busy.ids["order"])["run"]["trace"]
    seen = [(span["stepType"], span["name"], span["status"]) for span in spans(trace)]
    assert ("RUN", "charge card", "COMPLETED") in seen
    assert ("FINALIZATION", "Finalization", "COMPLETED") in seen
    assert ("SLEEP", "cool off", "COMPLETED") in seen
    assert ("INVOKE", "call child", "COMPLETED") in seen
    assert seen[0] == ("", "Run", "COMPLETED")


def test_js_timeline_of_a_failed_run(busy):
    trace = busy.gql(TIMELINE, runId=busy.ids["fail"])["run"]["trace"]
    ends = [span for span in spans(trace) if span["name"] == "Finalization"]
    assert [(span["stepType"], span["status"], span["attempts"]) for span in ends] == [
        ("FINALIZATION", "FAILED", 1)
    ]
    query = """query GetRunTimelineOutput($outputId: String!) {
      runTraceSpanOutputByID(outputID: $outputId) { data error { name message stack cause } } }"""
    output = busy.gql(query, outputId=trace["outputID"])["runTraceSpanOutputByID"]
    assert output["data"] is None
    assert output["error"]["message"] == "thrown"


def test_js_output_of_the_end_of_a_run(busy):
    """Some of its tests look for the span that ends a run, and then ask for that span's output."""
    for name, expected in (("flaky", [{"execution": 1, "step": "try it"}]), ("fail", "thrown")):
        trace = busy.gql(TIMELINE, runId=busy.ids[name])["run"]["trace"]
        end = next(span for span in spans(trace) if span["stepType"] == "FINALIZATION")
        output = output_of(busy, end["outputID"])
        assert expected == (json.loads(output["data"]) if output["data"] else output["error"]["message"])


def test_js_harness_trusts_the_root(busy):
    query = "query($id: String!) { run(runID: $id) { status trace(preview: true) { status outputID } } }"
    found = busy.gql(query, id=busy.ids["order"])["run"]
    assert (found["status"], found["trace"]["status"]) == ("COMPLETED", "COMPLETED")
    output = output_of(busy, found["trace"]["outputID"])
    assert json.loads(output["data"])[0] == {"execution": 0, "step": "charge card"}
    [event] = json.loads(output["input"])
    assert (event["name"], event["data"]["n"]) == ("shop/order", 7)


def test_js_event_v2(busy):
    query = "query($id: ULID!) { eventV2(id: $id) { idempotencyKey name raw } }"
    id = busy.event_ids["order"]
    assert busy.gql(query, id=id)["eventV2"] == {
        "idempotencyKey": id,
        "name": "shop/order",
        "raw": '{"data":{"amount":12,"n":7,"region":"north"},'
        f'"id":"{id}","name":"shop/order","ts":1700000000000,"v":null}}',
    }


# Go


def test_go_functions(busy):
    functions = busy.gql("{ functions { id name slug app { id name } } }")["functions"]
    assert {function["slug"] for function in functions} == {
        *("shop-order", "shop-child", "shop-flaky", "shop-fail", "shop-wait", "shop-signal", "shop-tick")
    }
    assert {function["app"]["name"] for function in functions} == {"shop"}


def test_go_list_of_runs(busy):
    query = """query($from: Time!) {
      runs(first: 40, filter: {from: $from}, orderBy: [{field: QUEUED_AT, direction: DESC}], preview: true) {
        edges { node { id status eventName function { slug } } }
        pageInfo { hasNextPage hasPreviousPage endCursor }
        totalCount(preview: true)
      }
    }"""
    runs = busy.gql(query, **{"from": FROM})["runs"]
    nodes = {edge["node"]["id"]: edge["node"] for edge in runs["edges"]}
    assert runs["totalCount"] == len(nodes) == 6
    assert nodes[busy.ids["order"]]["eventName"] == "shop/order"
    assert nodes[busy.ids["child"]]["function"] == {"slug": "shop-child"}
    assert runs["pageInfo"]["hasNextPage"] is False


def test_go_polls_a_run(busy):
    query = "query($id: ID!) { functionRun(query: {functionRunId: $id}) { output status } }"
    assert busy.gql(query, id=busy.ids["wait"])["functionRun"] == {"output": None, "status": "RUNNING"}
    assert busy.failing(query, id="01M83V3VHB3Y6YYE5HMY6P2T7Q") == ["not found"]


def test_go_legacy_trace(busy):
    query = """query($id: String!) { run(runID: $id) { status traceID trace {
      isRoot name status attempts parentSpanID spanID stepOp stepType duration outputID queuedAt startedAt endedAt
      stepInfo { __typename ... on InvokeStepInfo { triggeringEventID functionID timeout returnEventID runID timedOut }
        ... on SleepStepInfo { sleepUntil } ... on WaitForEventStepInfo { eventName expression timeout foundEventID timedOut }
        ... on RunStepInfo { type } ... on WaitForSignalStepInfo { signal timeout timedOut } }
      childrenSpans { name status parentSpanID stepOp stepID stepType groupID scheduledAt response { statusCode }
        stepInfo { __typename ... on InvokeStepInfo { functionID runID timedOut }
          ... on SleepStepInfo { sleepUntil } ... on WaitForEventStepInfo { eventName expression foundEventID timedOut } } }
    } } }"""
    run = busy.gql(query, id=busy.ids["order"])["run"]
    root = run["trace"]
    assert (root["name"], root["isRoot"], root["status"]) == ("shop-order", True, "COMPLETED")
    assert len(run["traceID"]) == 32
    children = root["childrenSpans"]
    assert {child["parentSpanID"] for child in children} == {root["spanID"]}
    assert {child["stepType"] for child in children} == {""}
    assert all(child[name] is None for child in children for name in ("groupID", "scheduledAt", "response"))
    ops = [child["stepOp"] for child in children]
    assert ops == ["RUN", "SLEEP", "WAIT_FOR_EVENT", "INVOKE", None]
    charge, sleep, wait, invoke, _ = [child["stepInfo"] for child in children]
    assert charge is None
    assert sleep == {"__typename": "SleepStepInfo", "sleepUntil": "2023-11-14T22:13:21Z"}
    assert wait == {
        "__typename": "WaitForEventStepInfo",
        "eventName": "shop/shipped",
        "expression": "event.data.n == async.data.n",
        "foundEventID": None,
        "timedOut": True,
    }
    assert invoke == {
        "__typename": "InvokeStepInfo",
        "functionID": "shop-child",
        "runID": busy.ids["child"],
        "timedOut": False,
    }


def test_go_legacy_trace_of_a_retried_step(busy):
    query = "query($id: String!) { run(runID: $id) { trace { childrenSpans { name status attempts childrenSpans { name status } } } } }"
    step, end = busy.gql(query, id=busy.ids["flaky"])["run"]["trace"]["childrenSpans"]
    assert (step["name"], step["status"], step["attempts"]) == ("try it", "COMPLETED", 1)
    assert step["childrenSpans"] == [
        {"name": "Attempt 0", "status": "FAILED"},
        {"name": "Attempt 1", "status": "COMPLETED"},
    ]
    assert end["name"] == "function success"


def test_go_sees_an_open_wait(busy):
    query = """query($id: String!) { run(runID: $id) { status trace { status childrenSpans { status endedAt outputID
      stepInfo { ... on WaitForEventStepInfo { foundEventID timedOut } } } } } }"""
    run = busy.gql(query, id=busy.ids["wait"])["run"]
    assert (run["status"], run["trace"]["status"]) == ("RUNNING", "RUNNING")
    assert run["trace"]["childrenSpans"] == [
        {
            "status": "WAITING",
            "endedAt": None,
            "outputID": None,
            "stepInfo": {"foundEventID": None, "timedOut": None},
        }
    ]


# The dashboard

SPAN_FRAGMENT = """fragment Details on RunTraceSpan {
  appID functionID runID spanID traceID groupID name status attempts duration outputID queuedAt scheduledAt startedAt endedAt
  stepOp stepID stepType isRoot parentSpanID isUserland userlandSpan { spanName spanKind serviceName resourceAttrs spanAttrs }
  debugRunID debugSessionID debugPaused skipReason skipExistingRunID metadata { scope kind values updatedAt }
  response { statusCode headers }
  stepInfo { __typename ... on InvokeStepInfo { triggeringEventID functionID timeout returnEventID runID timedOut }
    ... on SleepStepInfo { sleepUntil } ... on WaitForEventStepInfo { eventName expression timeout foundEventID timedOut }
    ... on RunStepInfo { type } ... on WaitForSignalStepInfo { signal timeout timedOut } }
}"""


def test_ui_run_five_levels_deep(busy):
    query = (
        """query GetRun($runID: String!, $preview: Boolean) { run(runID: $runID) {
          function { app { name externalID } id name slug } status hasAI isDeferred
          defers { hashedDeferID status function { slug } run { id } } deferredFrom { runID } siblingDefers { fnSlug }
          trace(preview: $preview) { ...Details childrenSpans { ...Details childrenSpans { ...Details childrenSpans {
            ...Details childrenSpans { ...Details childrenSpans { ...Details } } } } } }
        } runTrace(runID: $runID) { ...Details parentSpan { spanID } run { id } } } """
        + SPAN_FRAGMENT
    )
    found = busy.gql(query, runID=busy.ids["flaky"], preview=True)
    step = found["run"]["trace"]["childrenSpans"][0]
    assert step["response"]["statusCode"] == 206
    assert step["stepInfo"] == {"__typename": "RunStepInfo", "type": None}
    assert step["childrenSpans"][0]["metadata"][0]["kind"] == "inngest.timing"
    assert step["childrenSpans"][0]["parentSpanID"] == step["spanID"]
    assert found["runTrace"]["run"]["id"] == busy.ids["flaky"]
    assert found["runTrace"]["spanID"] == found["run"]["trace"]["spanID"]


def test_ui_apps_and_functions(busy):
    query = """query GetApps($filter: AppsFilterV1) { apps(filter: $filter) {
      id externalID name sdkLanguage sdkVersion framework url checksum error method appVersion connected functionCount
      autodiscovered sdkFeatureReadiness { aiMetadataExtraction { ready reason } extendedTraces { ready } }
      functions { name slug triggers { type value condition } failureHandler { slug } concurrency url } } }"""
    [app] = busy.gql(query)["apps"]
    assert (app["externalID"], app["name"], app["sdkLanguage"], app["sdkVersion"]) == (
        "shop",
        "shop",
        "js",
        "v4.0.0",
    )
    assert (app["connected"], app["error"], app["method"], app["functionCount"]) == (True, None, "SERVE", 7)
    ticks = next(function for function in app["functions"] if function["slug"] == "shop-tick")
    assert ticks["triggers"] == [{"type": "CRON", "value": "*/1 * * * *", "condition": None}]
    assert busy.gql(query, filter={"method": "CONNECT"})["apps"] == []
    one = busy.gql("query($id: UUID!) { app(id: $id) { name } }", id=app["id"])
    assert one == {"app": {"name": "shop"}}
    assert busy.gql('{ app(id: "nobody") { name } }') == {"app": None}


def test_ui_events(busy):
    query = """query GetEventsV2($cursor: String, $from: Time!) {
      eventsV2(first: 50, after: $cursor, filter: {from: $from, includeInternalEvents: true}) {
        edges { node { name id receivedAt occurredAt source { id } version envID runs { id skipReason: status function { name slug } } } }
        totalCount pageInfo { hasNextPage endCursor hasPreviousPage startCursor } } }"""
    events = busy.gql(query, **{"from": FROM})["eventsV2"]
    found = {edge["node"]["id"]: edge["node"] for edge in events["edges"]}
    assert events["totalCount"] == len(found)
    assert found[busy.event_ids["fail"]]["runs"][0]["function"]["slug"] == "shop-fail"
    assert {"inngest/function.failed", "inngest/function.finished"} <= {
        each["name"] for each in found.values()
    }


def test_ui_has_no_workers(busy):
    query = """{ workerConnections(orderBy: [{field: CONNECTED_AT, direction: DESC}], filter: {}) {
      edges { node { id status } } pageInfo { hasNextPage startCursor } totalCount }
      workerConnection(connectionId: "01M83V3VHB3Y6YYE5HMY6P2T7Q") { id } }"""
    assert busy.gql(query) == {
        "workerConnections": {
            "edges": [],
            "pageInfo": {"hasNextPage": False, "startCursor": None},
            "totalCount": 0,
        },
        "workerConnection": None,
    }
