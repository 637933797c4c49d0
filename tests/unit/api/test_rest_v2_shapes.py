"""REST v2: shapes to the letter, keys in order and nothing that is zero (http-api §5.4)."""

import pytest
from asgi_client import Client
from fake_services import APP, EVENT_ID, FUNCTION, RUN_ID, START, a_run, fake_services
from msgspec import Struct
from msgspec.structs import replace

from inngest_fast.domain.api_keys import Scope
from inngest_fast.domain.functions import (
    Batch,
    CancelOn,
    ConcurrencyLimit,
    Debounce,
    FunctionConfig,
    RateLimit,
    Singleton,
    Throttle,
    Trigger,
)
from inngest_fast.domain.runs import RunStatus, Step, StepStatus
from inngest_fast.domain.traces import Metadata, Span, SpanStatus
from inngest_fast.engine.trace.known import OutputPlace, output_id

QUEUED = 1_795_425_431_083
STARTED, ENDED = QUEUED + 56, QUEUED + 3_093
META = '"metadata":{"fetchedAt":"2026-11-23T09:14:12.250Z"}'
ERROR = b'{"message":"kaboom","name":"BoomError","stack":"BoomError: kaboom\\n at x"}'
FAILED = a_run(
    status=RunStatus.FAILED, queued_at=QUEUED, started_at=STARTED, ended_at=ENDED, error=ERROR, output=None
)
TIMES = '"queuedAt":"2026-11-23T09:17:11.083Z","startedAt":"2026-11-23T09:17:11.139Z"'
HEAD = (
    '{"app":{"id":"demo"},"durationMs":"3037","endedAt":"2026-11-23T09:17:14.176Z",'
    f'"function":{{"id":"always-fails","name":"Always fails"}},"id":"{RUN_ID}"'
)


def test_a_failed_run_with_its_output(dev):
    dev.services.store.known_runs[RUN_ID] = FAILED
    reply = dev("GET", f"/api/v2/runs/{RUN_ID}?includeOutput=true")
    assert reply.text == (
        f'{{"data":{HEAD},"output":{ERROR.decode()},{TIMES},"status":"FAILED",'
        f'"trigger":{{"eventIds":["{EVENT_ID}"]}}}},{META}}}'
    )
    assert "output" not in dev("GET", f"/api/v2/runs/{RUN_ID}").json["data"]


def test_a_page_of_runs(dev):
    dev.services.store.known_runs = {
        RUN_ID: a_run(
            status=RunStatus.COMPLETED,
            queued_at=QUEUED,
            started_at=STARTED,
            ended_at=ENDED,
            output=b'"flaky ok"',
            cron="*/1 * * * *",
        ),
        "01M83V3VHB3Y6YYE5HMY6P2T70": FAILED,
    }
    reply = dev("GET", "/api/v2/runs?limit=1&includeOutput=true")
    cursor = reply.json["page"]["cursor"]
    assert reply.text == (
        f'{{"data":[{HEAD},"output":{{"data":"flaky ok"}},{TIMES},"status":"COMPLETED",'
        f'"trigger":{{"cronSchedule":"*/1 * * * *","eventIds":["{EVENT_ID}"]}}}}],'
        f'{META},"page":{{"cursor":"{cursor}","hasMore":true,"limit":1}}}}'
    )


def test_errors_of_listed_runs_are_wrapped(dev):
    dev.services.store.known_runs[RUN_ID] = FAILED
    [item] = dev("GET", "/v2/runs?includeOutput=true").json["data"]
    assert item["output"] == {
        "error": {"message": "kaboom", "name": "BoomError", "stack": "BoomError: kaboom\n at x"}
    }


def test_a_time_range_is_repeated(dev):
    reply = dev("GET", "/api/v2/runs?from=2026-11-23T09:00:00Z&until=2026-11-23T10:00:00.5%2B00:00")
    assert reply.json["metadata"]["timeRange"] == {
        "from": "2026-11-23T09:00:00Z",
        "until": "2026-11-23T10:00:00.500Z",
    }
    assert "timeRange" not in dev("GET", "/api/v2/runs?from=2026-11-23T09:00:00Z").json["metadata"]


def test_an_empty_page_has_no_data(dev):
    assert dev("GET", "/api/v2/runs").text == f'{{{META},"page":{{"limit":20}}}}'


def test_apps(dev):
    dev.services.catalog.apps = lambda: [
        replace(APP, error="", framework="flask", sdk="py:v0.5.19"),
        replace(APP, id="c" + APP.id[1:], name="empty", url="http://localhost:1/x", sdk="js:v3.0.0"),
    ]
    created = '"createdAt":"2026-11-23T09:14:07.250Z"'
    assert dev("GET", "/api/v2/apps").text == (
        f'{{"data":[{{{created},"functionCount":1,"id":"demo","latestSync":{{"framework":"flask","sdkLanguage":"py",'
        '"sdkVersion":"v0.5.19","url":"http://localhost:3000/api/inngest"},"method":"SERVE","name":"demo"},'
        f'{{{created},"id":"empty","latestSync":{{"error":"unreachable","sdkLanguage":"js","sdkVersion":"v3.0.0",'
        f'"url":"http://localhost:1/x"}},"method":"SERVE","name":"empty"}}],{META},"page":{{"limit":20}}}}'
    )
    assert dev("GET", "/api/v2/apps?archived=true").text == f'{{{META},"page":{{"limit":20}}}}'


def test_a_page_of_functions(dev):
    first = replace(
        FUNCTION,
        id="1decd379-0a4a-52d1-a7fb-38f89e91404a",
        slug="demo-order-flow",
        config=FunctionConfig(
            slug="demo-order-flow",
            name="Order flow",
            url="http://a",
            retries=2,
            concurrency=(ConcurrencyLimit(5),),
            triggers=(Trigger(event="shop/order.placed"),),
        ),
    )
    dev.services.catalog.live.append(first)
    assert dev("GET", "/api/v2/apps/demo/functions?limit=1").text == (
        '{"data":[{"app":{"id":"demo"},"configuration":{"concurrency":[{"limit":{"isPlanLimit":false,"value":5},'
        '"scope":"FUNCTION"}],"retries":{"isDefault":false,"value":2}},"id":"order-flow","name":"Order flow",'
        '"slug":"order-flow","triggers":[{"type":"EVENT","value":"shop/order.placed"}]}],'
        f'{META},"page":{{"cursor":"1decd379-0a4a-52d1-a7fb-38f89e91404a","hasMore":true,"limit":1}}}}'
    )


@pytest.mark.parametrize("app", ["demo", APP.id])
@pytest.mark.parametrize("function", ["always-fails", "demo-always-fails", FUNCTION.id])
def test_a_function_goes_by_each_of_its_names(dev, app, function):
    found = dev("GET", f"/api/v2/apps/{app}/functions/{function}").json["data"]
    assert found["id"] == "always-fails"
    assert found["configuration"]["concurrency"] == [
        {"limit": {"isPlanLimit": True, "value": -1}, "scope": "ACCOUNT"}
    ]
    assert found["triggers"] == [
        {"type": "EVENT", "value": "shop/fail"},
        {"if": "event.data.a", "type": "EVENT", "value": "shop/x"},
        {"type": "CRON", "value": "* * * * *"},
    ]


def test_the_whole_configuration(dev):
    config = replace(
        FUNCTION.config,
        retries=4,
        cancel=(CancelOn("stop", "event.data.id == async.data.id", "1h"),),
        priority="event.data.p",
        concurrency=(ConcurrencyLimit(2, "event.data.k", "env"),),
        throttle=Throttle(3, 60, 1, "event.data.t"),
        rate_limit=RateLimit(4, 3_600),
        debounce=Debounce(5),
        batch=Batch(10, 2_500),
        singleton=Singleton("skip"),
    )
    dev.services.catalog.live[0] = replace(FUNCTION, config=config)
    assert dev("GET", "/api/v2/apps/demo/functions/always-fails").json["data"]["configuration"] == {
        "cancellations": [{"event": "stop", "if": "event.data.id == async.data.id", "timeout": "1h"}],
        "concurrency": [
            {"key": "event.data.k", "limit": {"isPlanLimit": False, "value": 2}, "scope": "ENVIRONMENT"}
        ],
        "debounce": {"period": "5s"},
        "eventsBatch": {"maxSize": 10, "timeout": "2.5s"},
        "priority": "event.data.p",
        "rateLimit": {"limit": 4, "period": "1h0m0s"},
        "retries": {"isDefault": True, "value": 4},
        "singleton": {"mode": "SKIP"},
        "throttle": {"burst": 1, "key": "event.data.t", "limit": 3, "period": "1m0s"},
    }


def test_a_trace_with_its_outputs(dev):
    run = a_run(
        status=RunStatus.COMPLETED,
        output=b"7",
        steps={"s1": Step("s1", "StepRun", "charge", StepStatus.FAILED, 1, b'{"error":{"message":"no"}}', 0)},
    )
    dev.services.store.known_runs[RUN_ID] = run
    step = Span(
        id="b",
        name="charge",
        status=SpanStatus.FAILED,
        queued_at=QUEUED,
        started_at=STARTED,
        ended_at=STARTED,
        step_id="s1",
        op="RUN",
        output_id=output_id(OutputPlace(RUN_ID, step="s1")),
        metadata=[Metadata("step", "userland.x", {"n": 1, "t": "text"}, QUEUED)],
    )
    dev.services.traces.trees[RUN_ID] = Span(
        id="a",
        name="Run",
        status=SpanStatus.COMPLETED,
        queued_at=QUEUED,
        started_at=STARTED,
        ended_at=ENDED,
        output_id=output_id(OutputPlace(RUN_ID)),
        children=[step],
    )
    queued, started = "2026-11-23T09:17:11.083Z", "2026-11-23T09:17:11.139Z"
    assert dev("GET", f"/api/v2/runs/{RUN_ID}/trace?includeOutput=true").json["data"] == {
        "runId": RUN_ID,
        "rootSpan": {
            "children": [
                {
                    "endedAt": started,
                    "id": "b",
                    "metadata": [
                        {
                            "kind": "userland.x",
                            "scope": "step",
                            "updatedAt": queued,
                            "values": {"n": "1", "t": "text"},
                        }
                    ],
                    "name": "charge",
                    "output": {"message": "no"},
                    "queuedAt": queued,
                    "startedAt": started,
                    "status": "FAILED",
                    "stepId": "s1",
                    "stepOp": "RUN",
                }
            ],
            "durationMs": "3037",
            "endedAt": "2026-11-23T09:17:14.176Z",
            "id": "a",
            "input": [{"data": {}, "id": "e", "name": "shop/fail", "ts": 1, "user": {}}],
            "name": "Run",
            "output": {"data": 7},
            "queuedAt": queued,
            "startedAt": started,
            "status": "COMPLETED",
        },
    }
    root = dev("GET", f"/api/v2/runs/{RUN_ID}/trace").json["data"]["rootSpan"]
    assert not {"input", "output"} & root.keys()


def test_account_health_and_environments(dev):
    assert dev("GET", "/api/v2/health").text == f'{{"data":{{"status":"ok"}},{META}}}'
    account = dev("GET", "/api/v2/account").json["data"]
    assert (account["name"], account["email"]) == ("Dev Server", "dev@inngest.local")
    [environment] = dev("GET", "/api/v2/envs?limit=250").json["data"]
    assert (environment["name"], environment["type"]) == ("dev", "TEST")


class _Keys(Struct):
    """Lets in callers of one scope."""

    scope: Scope

    async def refusal(self, access, request, pattern):
        request.granted = self.scope


@pytest.mark.parametrize("scope", list(Scope))
def test_keys_are_shown_to_admins_only(scope):
    client = Client(fake_services(START))
    client.application.__self__._gate = _Keys(scope)
    events = client("GET", "/api/v2/keys/events").json["data"]
    signing = client("GET", "/api/v2/keys/signing").json["data"]
    shown = [item.get("key") for item in (*events, *signing)]
    assert [item["id"] for item in (*events, *signing)] == [
        "event-key-001",
        "event-key-002",
        "signing-key",
        "signing-key-fallback",
    ]
    whole = ["ek1", "key/2", START.signing_key, "ff00"]
    assert shown == (whole if scope is Scope.ADMIN else [None] * 4)
