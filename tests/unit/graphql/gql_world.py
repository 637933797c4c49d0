"""A whole server in virtual time, with an app, asked over GraphQL."""

import asyncio
import base64
import json
from collections import Counter, defaultdict
from urllib.parse import parse_qs, urlsplit

from msgspec.structs import fields

from inngest_fast.adapters.memory import LocalPubSub, MemoryQueue, MemoryWaitIndex
from inngest_fast.adapters.system.entropy import SystemEntropy
from inngest_fast.api import graphql
from inngest_fast.api.application import application
from inngest_fast.api.services import Services
from inngest_fast.domain.settings import Settings
from inngest_fast.engine.intake import read_events
from inngest_fast.ports.app_client import AppCallError
from inngest_fast.runtime.assembly import Adapters, Assembly
from tests.fixtures.model_store import ModelStore
from tests.fixtures.virtual_loop import VirtualClock, VirtualLoop
from tests.sim import sdk
from tests.sim.programs import Invoke, Program, Run, Sleep, Throw, WaitEvent, WaitSignal
from tests.sim.registration import URL, registration

PROGRAMS = {
    program.slug: program
    for program in (
        Program(
            "shop-order",
            (
                Run("charge card"),
                Sleep("cool off", 1),
                WaitEvent("wait for ship", "shop/shipped", True, 5),
                Invoke("call child", "shop-child", 60),
            ),
            "shop/order",
        ),
        Program("shop-child", (Run("work"),), "shop/child"),
        Program("shop-flaky", (Run("try it", fails=1),), "shop/flaky"),
        Program("shop-fail", (Throw(until=99),), "shop/fail", retries=1),
        Program("shop-wait", (WaitEvent("go", "shop/go", True, 3_600),), "shop/wait"),
        Program("shop-signal", (WaitSignal("ready", "it is ready", 3_600),), "shop/signal"),
        Program("shop-tick", (), cron="*/1 * * * *"),
    )
}


class CountedStore(ModelStore):
    """Counts reads by what is called."""

    def __init__(self, clock):
        super().__init__(clock)
        self.reads = Counter()

    async def run(self, run_id):
        self.reads["run"] += 1
        return await super().run(run_id)

    async def runs(self, query):
        self.reads["runs"] += 1
        return await super().runs(query)

    async def event(self, event_id):
        self.reads["event"] += 1
        return await super().event(event_id)

    async def events(self, query):
        self.reads["events"] += 1
        return await super().events(query)

    async def count_runs(self, query):
        self.reads["count_runs"] += 1
        return await super().count_runs(query)

    async def count_events(self, query):
        self.reads["count_events"] += 1
        return await super().count_events(query)


class App:
    """ports.app_client.AppClient, and the functions behind it; a PUT makes it register, if it is up."""

    def __init__(self, world):
        self.world = world
        self.executions = defaultdict(int)
        self.serves = {URL}

    async def send(self, request):
        if request.method == "PUT":
            url = json.loads(request.body)["url"]
            if url not in self.serves:
                raise AppCallError("refused", "nobody listens")
            body = {**registration(PROGRAMS.values(), "shop"), "url": url}
            await self.world.assembly.apps.register(json.dumps(body).encode())
            return sdk.AppResponse(200, {"x-inngest-sdk": "js:v4.0.0"}, b"{}")
        program = PROGRAMS[parse_qs(urlsplit(request.url).query)["fnId"][0]]
        return await sdk.answer(program, request.url, request.body, self)

    async def close(self):
        pass

    # sdk.Bodies

    def executed(self, run_id, step):
        before = self.executions[run_id, step.id]
        self.executions[run_id, step.id] += 1
        return before


class Reply:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)


class World:
    def __init__(self, **settings):
        self.loop = VirtualLoop()
        self.clock = VirtualClock(self.loop)
        self.store = CountedStore(self.clock)
        self.app = App(self)
        adapters = Adapters(
            store=self.store,
            queue=MemoryQueue(self.clock),
            wait_index=MemoryWaitIndex(),
            pubsub=LocalPubSub(),
            client=self.app,
            clock=self.clock,
            entropy=SystemEntropy(),
        )
        self.settings = Settings(
            discovery=False, poll=False, poll_interval=1e7, retry_interval=1.0, **settings
        )
        self.assembly = Assembly(adapters, self.settings, None)
        own = {
            "settings": self.settings,
            **{name: getattr(adapters, name) for name in ("clock", "entropy", "store", "queue")},
        }
        others = (field.name for field in fields(Services) if field.name not in own)
        self.services = Services(**own, **{name: getattr(self.assembly, name) for name in others})
        self.application = application(self.services)

    def begin(self):
        self.do(self.assembly.start())
        self.loop.call_soon(self.assembly.serve, 8288)
        self.do(self.assembly.apps.register(json.dumps(registration(PROGRAMS.values(), "shop")).encode()))

    def end(self):
        self.do(self.assembly.stop())
        self.loop.close()
        assert self.loop.faults == [], self.loop.faults

    def do(self, work):
        asyncio.set_event_loop(self.loop)
        try:
            return self.loop.run_until_complete(work)
        finally:
            asyncio.set_event_loop(None)

    def pass_time(self, seconds):
        self.do(asyncio.sleep(seconds))

    def send(self, name, /, **data):
        """Sends an event; its internal id."""
        body = json.dumps({"name": name, "data": data}).encode()
        intake = read_events(body, now_ms=self.clock.now_ms(), entropy=self.services.entropy)
        self.do(self.assembly.ingest.accept(intake.events))
        return intake.events[0].id

    def run_of(self, event_id):
        """The one run that an event started."""
        [run] = [run for run in self.all_runs() if event_id in run.event_ids]
        return run.id

    def all_runs(self):
        return [self.do(self.store.run(id)) for id in self.store._tables["runs"]]

    def http(self, method, target, body=b"", headers=()):
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in dict(headers).items()],
        }
        sent = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            sent.append(message)

        self.do(self.application(scope, receive, send))
        start, *rest = sent
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return Reply(start["status"], headers, b"".join(part["body"] for part in rest))

    def post(self, query, variables=None, operation=None):
        body = {"query": query, "variables": variables, "operationName": operation}
        return self.http("POST", "/v0/gql", json.dumps(body).encode(), {"content-type": "application/json"})

    def gql(self, query, /, **variables):
        """The data of a document that must not fail."""
        reply = self.post(query, variables)
        assert reply.status == 200, reply.body
        assert "errors" not in reply.json, reply.json
        return reply.json["data"]

    def failing(self, query, /, **variables):
        """The messages of a document that must."""
        reply = self.post(query, variables)
        assert reply.status == 200, reply.body
        return [error["message"] for error in reply.json["errors"]]


async def load_at_once(surface):
    """In place of a thread, for which virtual time does not wait."""
    if surface._execution is None:
        surface._execution = graphql._make(surface._services)
    return surface._execution


def decoded(cursor):
    return json.loads(base64.b64decode(cursor))
