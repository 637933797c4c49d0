"""Requests that the server makes for apps: what is sent, and to whom the response goes."""

import asyncio

import pytest

from inngest_fast.adapters.system.entropy import SystemEntropy
from inngest_fast.domain.apps import Function
from inngest_fast.domain.functions import FunctionConfig
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.runs import Run, RunStatus, Step, StepStatus
from inngest_fast.domain.transitions import Committed, MoveJob, PutStep
from inngest_fast.engine.gateway.request import Outbound, Publish, encode
from inngest_fast.ports.app_client import AppCallError, AppResponse
from inngest_fast.runtime.counters import Counters
from inngest_fast.runtime.gateway import Gateway

NOW = 1_795_425_252_000
FETCH = Outbound("https://api.test/x", "PUT", (("a", "b"),), b"body")
MODEL = Outbound("https://api.test/v1", "POST", (), b"{}", format="openai-chat")
FUNCTION = Function(
    id="fn",
    app_id="app",
    app_name="shop",
    slug="shop-bill",
    version=1,
    config=FunctionConfig(slug="shop-bill", name="Bill", url="http://localhost:3000/api"),
    created_at=1,
    updated_at=1,
)


class Scene:
    """One job of one run; `response` is a response, or a fault."""

    def __init__(self, request, response, *, status=RunStatus.RUNNING):
        step = Step("g", "Gateway", "g", StepStatus.PLANNED, NOW)
        self.run = Run(
            "R", "app", "fn", "shop-bill", ("e",), (b'{"name":"x","id":"e","ts":1}',), NOW, status=status
        )
        self.run.steps = {"g": step}
        self.job = Job(
            "R:g-gateway", JobKind.GATEWAY, "app", "fn", NOW, NOW, "R", "g", payload=encode(request)
        )
        self.response = response
        self.sent = []
        self.transitions = []
        self.published = []
        self.gateway = Gateway(
            changes=self,
            committer=self,
            upkeep=self,
            client=self,
            clock=self,
            entropy=SystemEntropy(),
            counters=Counters(),
            retry_interval_ms=0,
        )
        self.gateway.publish = lambda *message: self.published.append(message)

    def now_ms(self):
        return NOW

    async def settled(self, run_id, since):
        return self.run

    async def function(self, id):
        return FUNCTION

    async def send(self, request):
        self.sent.append(request)
        if isinstance(self.response, AppCallError):
            raise self.response
        return self.response

    async def change(self, run_id, decide, since):
        self.transitions.append(decide(self.run, FUNCTION))
        return Committed()

    def work(self):
        asyncio.run(self.gateway.work(self.job))
        [transition] = self.transitions
        return transition.actions


def test_a_request_is_sent_as_it_was_planned():
    scene = Scene(FETCH, AppResponse(200, {}, b"ok"))
    actions = scene.work()
    [sent] = scene.sent
    assert (sent.method, sent.url, sent.headers, sent.body) == ("PUT", FETCH.url, FETCH.headers, b"body")
    assert (sent.follow, sent.max_body, sent.timeout_ms) == ("fetch", 4 * 1024 * 1024, 7_200_000)
    [step] = [action.step for action in actions if isinstance(action, PutStep)]
    assert step.status is StepStatus.COMPLETED


def test_a_model_is_not_followed_elsewhere():
    scene = Scene(MODEL, AppResponse(302, {"location": "https://other.test"}, b""))
    assert any(isinstance(action, MoveJob) for action in scene.work())
    assert scene.sent[0].follow == "never"


@pytest.mark.parametrize(("fault", "again"), [("timeout", True), ("forbidden", False)])
def test_a_fault_is_tried_again_where_that_can_help(fault, again):
    actions = Scene(FETCH, AppCallError(fault, "no")).work()
    assert any(isinstance(action, MoveJob) for action in actions) is again


def test_nothing_is_requested_for_a_run_that_is_over():
    scene = Scene(FETCH, AppResponse(200, {}, b"ok"), status=RunStatus.CANCELLED)
    assert scene.work() == []
    assert scene.sent == []


def test_a_response_goes_to_its_topic_too():
    request = Outbound("https://api.test/x", "GET", (), b"", publish=Publish("user:1", "tokens"))
    scene = Scene(request, AppResponse(200, {"content-type": "text/plain"}, b"hello"))
    scene.work()
    about = {"url": "https://api.test/x", "content-type": "text/plain", "request_id": "g"}
    assert scene.published == [("user:1", "tokens", "text/plain", b"hello", about)]
    without = Scene(FETCH, AppResponse(200, {}, b"ok"))
    without.work()
    assert without.published == []
