"""What the types show of what there is (http-api §6.3, §6.5)."""

import json

from msgspec.structs import replace

from inngest_fast.domain.events import Event, wire_form
from inngest_fast.domain.functions import (
    Batch,
    CancelOn,
    ConcurrencyLimit,
    Debounce,
    RateLimit,
    Singleton,
    Throttle,
    Trigger,
)
from inngest_fast.domain.ids import first_ulid
from inngest_fast.domain.runs import RunStatus
from inngest_fast.domain.traces import (
    InvokeInfo,
    Metadata,
    Response,
    RunInfo,
    SignalWaitInfo,
    Span,
    SpanOutput,
    SpanStatus,
    UserlandSpan,
)
from inngest_fast.domain.transitions import CreateRun, PutEvent, Transition

AT = 1_795_425_431_134  # 2026-11-23T09:17:11.134Z


def function(world, slug="shop-flaky"):
    return world.services.catalog.by_slug(slug)


CONFIGURATION = """query($slug: String!) { functionBySlug(query: {functionSlug: $slug}) { concurrency failureHandler { slug }
  triggers { type value condition } config configuration {
    cancellations { event timeout condition } retries { value isDefault } priority eventsBatch { maxSize timeout key }
    concurrency { scope limit { value isPlanLimit } key } rateLimit { limit period key } debounce { period key }
    throttle { burst key limit period } singleton { mode key } } } }"""


def test_the_configuration_of_a_function(world):
    known = function(world)
    config = replace(
        known.config,
        retries=2,
        triggers=(Trigger(event="a/b", expression="event.data.x"), Trigger(cron="0 0 * * *")),
        cancel=(CancelOn("a/stop", "event.data.n == async.data.n", "1h"),),
        priority="event.data.p",
        concurrency=(ConcurrencyLimit(5), ConcurrencyLimit(2, key="event.data.k", scope="account")),
        throttle=Throttle(limit=3, period_s=60, burst=1, key="event.data.t"),
        rate_limit=RateLimit(limit=9, period_s=86_400),
        debounce=Debounce(period_s=90, key="event.data.d"),
        batch=Batch(size=10, timeout_ms=1_500, key="event.data.b"),
        singleton=Singleton(mode="skip", key="event.data.s"),
    )
    catalog = world.assembly.catalog
    catalog.put_function(replace(known, config=config))
    catalog.put_function(replace(known, id="f", slug="shop-flaky-failure"))
    found = world.gql(CONFIGURATION, slug="shop-flaky")["functionBySlug"]
    assert json.loads(found.pop("config"))["retries"] == 2
    assert found == {
        "concurrency": 5,
        "failureHandler": {"slug": "shop-flaky-failure"},
        "triggers": [
            {"type": "EVENT", "value": "a/b", "condition": "event.data.x"},
            {"type": "CRON", "value": "0 0 * * *", "condition": None},
        ],
        "configuration": {
            "cancellations": [
                {"event": "a/stop", "timeout": "1h", "condition": "event.data.n == async.data.n"}
            ],
            "retries": {"value": 2, "isDefault": False},
            "priority": "event.data.p",
            "eventsBatch": {"maxSize": 10, "timeout": "1.5s", "key": "event.data.b"},
            "concurrency": [
                {"scope": "FUNCTION", "limit": {"value": 5, "isPlanLimit": False}, "key": None},
                {"scope": "ACCOUNT", "limit": {"value": 2, "isPlanLimit": False}, "key": "event.data.k"},
            ],
            "rateLimit": {"limit": 9, "period": "24h0m0s", "key": None},
            "debounce": {"period": "1m30s", "key": "event.data.d"},
            "throttle": {"burst": 1, "key": "event.data.t", "limit": 3, "period": "1m0s"},
            "singleton": {"mode": "SKIP", "key": "event.data.s"},
        },
    }


def test_a_plain_function_has_nothing_of_it(world):
    found = world.gql(CONFIGURATION, slug="shop-child")["functionBySlug"]
    assert found["configuration"] == {
        "cancellations": [],
        "retries": {"value": 3, "isDefault": False},
        "concurrency": [],
        **dict.fromkeys(("priority", "eventsBatch", "rateLimit", "debounce", "throttle", "singleton")),
    }
    assert (found["concurrency"], found["failureHandler"]) == (0, None)


# Runs


def batched(world):
    """A run of a batch of two events."""
    events = []
    for n in (1, 2):
        id = world.services.entropy.ulid(world.clock.now_ms())
        ts = world.clock.now_ms()
        wire = wire_form(name="shop/batch", id=id, ts=ts, data=b'{"i":%d}' % n)
        events.append(Event(id, "shop/batch", id, ts, ts, wire))
    world.send("shop/child", n=0)
    world.pass_time(1)
    run = world.all_runs()[-1]
    run.id = world.services.entropy.ulid(world.clock.now_ms())
    run.event_ids, run.events = tuple(event.id for event in events), tuple(event.wire for event in events)
    run.batch_id = first_ulid(world.clock.now_ms())

    async def commit():
        actions = [*(PutEvent(event, route=False) for event in events), CreateRun(run, ())]
        assert (await world.store.commit(Transition(actions))).applied

    world.do(commit())
    return run


def test_a_run_of_a_batch(world):
    run = batched(world)
    first, second = run.event_ids
    query = """query($id: String!, $old: ID!) {
      runTrigger(runID: $id) { eventName IDs payloads timestamp isBatch batchID cron }
      run(runID: $id) { isBatch batchCreatedAt triggerIDs eventName cronSchedule }
      functionRun(query: {functionRunId: $old}) { batchID eventID event { id } events { id } } }"""
    found = world.gql(query, id=run.id, old=run.id)
    ts = world.clock.now_ms() - 1_000
    assert found["runTrigger"] == {
        "eventName": "shop/batch",
        "IDs": [first, second],
        "payloads": [
            f'{{"id":"{id}","name":"shop/batch","data":{{"i":{n}}},"ts":{ts}}}'
            for n, id in enumerate(run.event_ids, 1)
        ],
        "timestamp": "2023-11-14T22:13:20Z",
        "isBatch": True,
        "batchID": run.batch_id,
        "cron": None,
    }
    assert found["run"] == {
        "isBatch": True,
        "batchCreatedAt": "2023-11-14T22:13:21Z",
        "triggerIDs": [first, second],
        "eventName": "shop/batch",
        "cronSchedule": None,
    }
    assert found["functionRun"] == {
        "batchID": run.batch_id,
        "eventID": first,
        "event": {"id": first},
        "events": [{"id": first}, {"id": second}],
    }
    items = world.gql("{ stream(query: {}) { id inBatch runs { id } } }")["stream"]
    of_batch = [item for item in items if item["inBatch"]]
    assert {item["id"] for item in of_batch} == {first, second}
    assert all(item["runs"] == [{"id": run.id}] for item in of_batch)


def test_the_trigger_of_a_cron(world):
    world.pass_time(61)
    [run] = world.all_runs()
    query = """query($id: String!) { runTrigger(runID: $id) { eventName payloads isBatch cron }
      run(runID: $id) { cronSchedule eventName } }"""
    found = world.gql(query, id=run.id)
    trigger = found["runTrigger"]
    assert (trigger["eventName"], trigger["isBatch"], trigger["cron"]) == (None, False, "*/1 * * * *")
    payload = json.loads(trigger["payloads"][0])
    assert payload["name"] == "inngest/scheduled.timer"
    assert payload["data"]["cron"] == "*/1 * * * *"
    assert found["run"] == {"cronSchedule": "*/1 * * * *", "eventName": None}


def test_the_state_of_an_event(busy):
    query = "query($id: ID!) { event(query: {eventId: $id}) { status pendingRuns totalRuns raw externalID } }"
    for name, status, pending, total in (
        ("order", "COMPLETED", 0, 1),
        ("fail", "FAILED", 0, 1),
        ("wait", "RUNNING", 1, 1),
        ("nothing", "NO_FUNCTIONS", 0, 0),
    ):
        found = busy.gql(query, id=busy.event_ids[name])["event"]
        assert (found["status"], found["pendingRuns"], found["totalRuns"]) == (status, pending, total)
        assert list(json.loads(found["raw"])) == ["id", "name", "data", "ts"]


def test_an_event_of_which_a_part_failed(busy, monkeypatch):
    run = busy.do(busy.store.run(busy.ids["order"]))
    failed = busy.do(busy.store.run(busy.ids["fail"]))
    failed.event_ids = run.event_ids
    assert failed.status is RunStatus.FAILED

    async def both(_):
        return [run, failed]

    monkeypatch.setattr(busy.store, "runs", both)
    found = busy.gql(
        "query($id: ID!) { event(query: {eventId: $id}) { status } }", id=busy.event_ids["order"]
    )
    assert found["event"]["status"] == "PARTIALLY_FAILED"


def test_what_a_run_waits_for(busy):
    query = """query($id: ID!) { functionRun(query: {functionRunId: $id}) { pendingSteps finishedAt
      waitingFor { eventName expression expiryTime } } }"""
    assert busy.gql(query, id=busy.ids["wait"])["functionRun"] == {
        "pendingSteps": 1,
        "finishedAt": None,
        "waitingFor": {
            "eventName": "shop/go",
            "expression": "async.data.n == 7.0",
            "expiryTime": "2023-11-14T23:13:20Z",
        },
    }
    ended = busy.gql(query, id=busy.ids["order"])["functionRun"]
    assert (ended["pendingSteps"], ended["waitingFor"]) == (0, None)


def test_the_history_of_a_run(busy):
    query = """query($id: ID!) { functionRun(query: {functionRunId: $id}) { history { id type stepName stepType attempt
      sleep { until } waitForEvent { eventName } waitResult { eventID timeout } invokeFunction { functionID correlationID }
      invokeFunctionResult { runID timeout } result { durationMS } } } }"""
    items = busy.gql(query, id=busy.ids["order"])["functionRun"]["history"]
    assert [(item["type"], item["stepName"]) for item in items] == [
        ("FunctionScheduled", None),
        ("FunctionStarted", None),
        ("StepScheduled", "charge card"),
        ("StepStarted", "charge card"),
        ("StepCompleted", "charge card"),
        ("StepScheduled", "cool off"),
        ("StepSleeping", "cool off"),
        ("StepCompleted", "cool off"),
        ("StepScheduled", "wait for ship"),
        ("StepWaiting", "wait for ship"),
        ("StepCompleted", "wait for ship"),
        ("StepScheduled", "call child"),
        ("StepInvoking", "call child"),
        ("StepCompleted", "call child"),
        ("StepScheduled", "function success"),
        ("StepStarted", "function success"),
        ("StepCompleted", "function success"),
        ("FunctionCompleted", None),
    ]
    of = {(item["type"], item["stepName"]): item for item in items}
    assert of["StepSleeping", "cool off"]["sleep"] == {"until": "2023-11-14T22:13:21Z"}
    assert of["StepWaiting", "wait for ship"]["waitForEvent"] == {"eventName": "shop/shipped"}
    assert of["StepCompleted", "wait for ship"]["waitResult"] == {"eventID": None, "timeout": True}
    assert of["StepInvoking", "call child"]["invokeFunction"]["functionID"] == "shop-child"
    assert of["StepCompleted", "call child"]["invokeFunctionResult"] == {
        "runID": busy.ids["child"],
        "timeout": False,
    }
    ids = [item["id"] for item in items]
    assert len(set(ids)) == len(ids)
    assert ids == [item["id"] for item in busy.gql(query, id=busy.ids["order"])["functionRun"]["history"]]
    output = "query($run: ID!, $id: ULID!) { functionRun(query: {functionRunId: $run}) { historyItemOutput(id: $id) } }"
    found = busy.gql(output, run=busy.ids["order"], id=of["StepCompleted", "charge card"]["id"])
    assert json.loads(found["functionRun"]["historyItemOutput"]) == {"execution": 0, "step": "charge card"}
    nothing = busy.gql(output, run=busy.ids["order"], id=ids[0])
    assert nothing == {"functionRun": {"historyItemOutput": None}}


def test_the_history_of_what_was_tried_again(busy):
    query = (
        "query($id: ID!) { functionRun(query: {functionRunId: $id}) { history { type stepName attempt } } }"
    )
    flaky = busy.gql(query, id=busy.ids["flaky"])["functionRun"]["history"]
    assert {"type": "StepErrored", "stepName": "try it", "attempt": 0} in flaky
    assert {"type": "StepCompleted", "stepName": "try it", "attempt": 1} in flaky
    failed = busy.gql(query, id=busy.ids["fail"])["functionRun"]["history"]
    assert [item["type"] for item in failed if item["type"].startswith("Step")] == [
        *("StepScheduled", "StepStarted", "StepErrored", "StepStarted", "StepFailed")
    ]
    assert failed[-1]["type"] == "FunctionFailed"


# Traces


def shown(world, monkeypatch, span, fields, run="order"):
    async def tree_of(_, *, preview=True):
        return span

    monkeypatch.setattr(world.assembly.traces, "tree_of", tree_of)
    query = f"query($id: String!) {{ run(runID: $id) {{ trace(preview: true) {{ {fields} }} }} }}"
    return world.gql(query, id=world.ids[run])["run"]["trace"]


def test_a_span_of_the_newer_tree(busy, monkeypatch):
    """The sample of the reference."""
    span = Span(
        id="07aa58e9dce60b7f",
        name="Attempt 0",
        status=SpanStatus.FAILED,
        queued_at=AT,
        scheduled_at=AT,
        started_at=AT + 137,
        ended_at=AT + 142,
        attempts=0,
        parent_id="17610b368ac59b0e",
        group_id="5f3f43b2",
        step_id="0aa14a4d2b59ca5f08bd5a14a19d42d7565a5306",
        op="RUN",
        type="RUN",
        info=RunInfo(),
        output_id="eyJhY2N0SUQ",
        metadata=[Metadata("request", "inngest.timing", {"queue_delay_ms": 0}, AT)],
        response=Response(206, {"Content-Type": "application/json"}),
    )
    found = shown(
        busy,
        monkeypatch,
        span,
        """name status attempts duration queuedAt scheduledAt startedAt endedAt isRoot isUserland outputID groupID spanID
        parentSpanID stepID stepOp stepType stepInfo { __typename ... on RunStepInfo { type } }
        metadata { scope kind values updatedAt } response { statusCode headers }""",
    )
    assert found == {
        "name": "Attempt 0",
        "status": "FAILED",
        "attempts": 0,
        "duration": 5,
        "queuedAt": "2026-11-23T09:17:11.134Z",
        "scheduledAt": "2026-11-23T09:17:11.134Z",
        "startedAt": "2026-11-23T09:17:11.271Z",
        "endedAt": "2026-11-23T09:17:11.276Z",
        "isRoot": False,
        "isUserland": False,
        "outputID": "eyJhY2N0SUQ",
        "groupID": "5f3f43b2",
        "spanID": "07aa58e9dce60b7f",
        "parentSpanID": "17610b368ac59b0e",
        "stepID": "0aa14a4d2b59ca5f08bd5a14a19d42d7565a5306",
        "stepOp": "RUN",
        "stepType": "RUN",
        "stepInfo": {"__typename": "RunStepInfo", "type": None},
        "metadata": [
            {
                "scope": "request",
                "kind": "inngest.timing",
                "values": {"queue_delay_ms": 0},
                "updatedAt": "2026-11-23T09:17:11.134Z",
            }
        ],
        "response": {"statusCode": 206, "headers": {"Content-Type": "application/json"}},
    }


def test_a_long_span_and_one_of_the_app(busy, monkeypatch):
    year = 365 * 86_400_000
    own = UserlandSpan("fetch", "client", "svc", {"a": 1}, "http", "1.0", {"b": [True]})
    span = Span("s", "Run", SpanStatus.SKIPPED, AT, AT, AT + year, skip_reason="Singleton", skipped_for="R")
    span.children = [
        Span("u", "fetch", SpanStatus.COMPLETED, AT, AT, AT, userland=own),
        Span("i", "call", SpanStatus.FAILED, AT, op="INVOKE", info=InvokeInfo("f", "E", AT, timed_out=True)),
        Span("w", "ready", SpanStatus.WAITING, AT, info=SignalWaitInfo("go", AT)),
        Span("g", "ask", SpanStatus.COMPLETED, AT, op="GATEWAY", type="GATEWAY"),
    ]
    found = shown(
        busy,
        monkeypatch,
        span,
        """duration skipReason skipExistingRunID childrenSpans { isUserland stepOp parentSpan { spanID }
        userlandSpan { spanName spanKind serviceName resourceAttrs scopeName scopeVersion spanAttrs }
        stepInfo { ... on InvokeStepInfo { functionID triggeringEventID returnEventID runID timedOut }
          ... on WaitForSignalStepInfo { signal signalTimedOut: timedOut } } }""",
    )
    assert (found["duration"], found["skipReason"], found["skipExistingRunID"]) == (year, "Singleton", "R")
    fetch, call, ready, ask = found["childrenSpans"]
    assert fetch["isUserland"] is True
    assert fetch["parentSpan"] == {"spanID": "s"}
    assert fetch["userlandSpan"] == {
        "spanName": "fetch",
        "spanKind": "client",
        "serviceName": "svc",
        "resourceAttrs": '{"a":1}',
        "scopeName": "http",
        "scopeVersion": "1.0",
        "spanAttrs": '{"b":[true]}',
    }
    assert call["stepInfo"] == {
        "functionID": "f",
        "triggeringEventID": "E",
        "returnEventID": None,
        "runID": None,
        "timedOut": True,
    }
    assert ready["stepInfo"] == {"signal": "go", "signalTimedOut": None}
    assert ask["stepOp"] is None  # no name of the enum


def test_outputs(busy, monkeypatch):
    outputs = {
        "result": SpanOutput(data=b'{"charged":true}'),
        "root": SpanOutput(input=b'[{"name":"a"}]', data=b"null"),
        "error": SpanOutput(error=b'{"message":"kaboom","name":"BoomError","stack":"at x","cause":{"a":1}}'),
        "bare": SpanOutput(error=b'{"code":7}'),
        "odd": SpanOutput(error=b'"text"'),
    }

    async def output(id):
        return outputs.get(id)

    monkeypatch.setattr(busy.assembly.traces, "output", output)
    query = "query($id: String!) { runTraceSpanOutputByID(outputID: $id) { input data error { message name stack cause } } }"

    def found(id):
        return busy.gql(query, id=id)["runTraceSpanOutputByID"]

    assert found("result") == {"input": None, "data": '{"charged":true}', "error": None}
    assert found("root") == {"input": '[{"name":"a"}]', "data": "null", "error": None}
    assert found("error")["error"] == {
        "message": "kaboom",
        "name": "BoomError",
        "stack": "at x",
        "cause": {"a": 1},
    }
    assert found("bare")["error"]["stack"] == '{"code":7}'
    assert found("odd")["error"]["stack"] == '"text"'
    assert busy.failing(query, id="gone") == ["error retrieving span output: no such span"]
