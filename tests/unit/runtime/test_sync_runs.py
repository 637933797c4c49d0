"""Durable endpoints against the whole runtime: runs that begin by report, and go on by calls."""

import asyncio
import json

import pytest
from msgspec.structs import replace

from inngest_fast._native.canonical import canonicalize
from inngest_fast.adapters.memory import LocalPubSub, MemoryQueue, MemoryWaitIndex
from inngest_fast.adapters.system.entropy import SystemEntropy
from inngest_fast.domain.errors import CheckpointRefusedError, OverloadedError, StoreError
from inngest_fast.domain.runs import RunStatus
from inngest_fast.domain.settings import Settings
from inngest_fast.engine import limits
from inngest_fast.engine.answer.opcodes import read_ops
from inngest_fast.engine.intake import read_invocation
from inngest_fast.engine.lifecycle.sync_run import COMPLETE_ID
from inngest_fast.ports.app_client import AppResponse
from inngest_fast.ports.store import RunQuery
from inngest_fast.runtime import run_ends
from inngest_fast.runtime.assembly import Adapters, Assembly
from tests.fixtures.model_store import ModelStore
from tests.fixtures.virtual_loop import run_virtual

RUN_ID = "01M83V3VHB3Y6YYE5HMY6P2T7Q"
OTHER_ID = "01M83V3VHB3Y6YYE5HMY6P2T7R"
DATA = {"domain": "https://x.test", "method": "GET", "path": "/a", "query_params": "n=1"}
STEP = {"op": "StepRun", "id": "a", "data": 1}
END = {"op": "RunComplete", "id": COMPLETE_ID, "data": {"status": 200, "headers": {}, "body": "done"}}


class Endpoint:
    """The app: answers every call with the end of the run."""

    def __init__(self):
        self.requests = []

    async def send(self, request):
        self.requests.append(request)
        headers = {"x-inngest-sdk": "js:v4.24.0", "x-inngest-req-version": "2"}
        return AppResponse(206, headers, json.dumps([END]).encode())

    async def close(self):
        pass


class Server:
    def __init__(self, clock):
        self.clock = clock
        self.store = ModelStore(clock)
        self.app = Endpoint()
        adapters = Adapters(
            store=self.store,
            queue=MemoryQueue(clock),
            wait_index=MemoryWaitIndex(),
            pubsub=LocalPubSub(),
            client=self.app,
            clock=clock,
            entropy=SystemEntropy(),
        )
        self.assembly = Assembly(adapters, Settings(discovery=False, poll=False, poll_interval=1e7), None)

    async def begin(self, *ops, run_id=RUN_ID, retries=3, idempotency="", **data):
        return await self.assembly.sync_runs.begin(
            run_id,
            canonicalize(json.dumps({**DATA, **data}).encode()),
            read(*ops),
            version=2,
            retries=retries,
            coding="text",
            sdk="js:v4.24.0",
            idempotency=idempotency,
        )

    async def report(self, *ops, run_id=RUN_ID):
        await self.assembly.sync_runs.report(run_id, read(*ops))

    async def run(self, run_id=RUN_ID):
        return await self.store.run(run_id)

    async def jobs(self):
        return [job.id.partition(":")[2] for job in await self.store.run_jobs(RUN_ID)]


def read(*ops):
    return read_ops(canonicalize(json.dumps(ops).encode())) if ops else ()


def served(scene):
    """Runs a scene against a server."""

    async def main(_, clock):
        server = Server(clock)
        await server.assembly.start()
        server.assembly.serve(1)
        try:
            await scene(server)
        finally:
            await server.assembly.stop()

    run_virtual(main)


async def code_of(refused):
    with pytest.raises(CheckpointRefusedError) as error:
        await refused
    return error.value.code


def test_a_run_from_its_first_step_to_its_end():
    async def scene(server):
        begun = await server.begin(STEP)
        run = await server.run()
        assert (run.id, run.app_id, run.function_id) == (begun.run_id, begun.app_id, begun.function_id)
        assert (run.status, run.stack) == (RunStatus.RUNNING, ("a",))
        assert json.loads(run.events[0])["name"] == "inngest/http.request"
        assert json.loads(run.events[0])["data"] == DATA
        assert await server.jobs() == ["silence"]
        await server.report(END)
        run = await server.run()
        assert (run.status, json.loads(run.output)) == (RunStatus.COMPLETED, END["data"])
        assert await server.jobs() == []
        assert server.app.requests == []

    served(scene)


def test_a_beginning_whose_answer_was_lost_is_repeated():
    async def scene(server):
        assert await server.begin(STEP) == await server.begin(STEP)
        await server.report(STEP)
        assert (await server.run()).stack == ("a",)
        await server.begin(END)
        await server.begin(END)
        assert len(await server.store.runs(RunQuery(limit=10))) == 1
        [function] = server.assembly.catalog.functions()
        assert (function.slug, function.version, function.config.retries) == ("GET /a", 1, 3)
        [app] = server.assembly.catalog.apps()
        assert (app.name, app.source, app.sdk) == ("https://x.test", "endpoint", "js:v4.24.0")

    served(scene)


def test_beginnings_at_the_same_time_are_one():
    async def scene(server):
        replies = await asyncio.gather(*(server.begin(STEP) for _ in range(5)))
        assert len(set(replies)) == 1
        assert len(await server.store.runs(RunQuery(limit=10))) == 1

    served(scene)


def test_one_that_broke_off_between_run_and_steps_is_taken_up():
    async def scene(server):
        report = server.assembly.sync_runs.report

        async def broken(run_id, ops):
            raise StoreError("gone")

        server.assembly.sync_runs.report = broken
        with pytest.raises(StoreError):
            await server.begin(STEP)
        server.assembly.sync_runs.report = report
        await server.begin(STEP)
        assert (await server.run()).stack == ("a",)

    served(scene)


def test_an_id_that_another_run_has():
    async def scene(server):
        await server.begin(STEP)
        assert await code_of(server.begin(STEP, path="/b")) == "exists"
        assert await code_of(server.report(STEP, run_id=OTHER_ID)) == "unknown"

    served(scene)


def test_an_idempotency_key_is_for_one_run():
    async def scene(server):
        await server.begin(STEP, idempotency="k")
        await server.begin(STEP, idempotency="k")
        assert await code_of(server.begin(STEP, run_id=OTHER_ID, idempotency="k")) == "exists"
        assert await server.run(OTHER_ID) is None
        await server.begin(STEP, run_id=OTHER_ID, idempotency="another")

    served(scene)


def test_a_request_that_is_none():
    async def scene(server):
        assert await code_of(server.begin(STEP, domain="file:///etc")) == "invalid"
        assert server.assembly.catalog.apps() == []

    served(scene)


def test_a_function_is_made_anew_when_its_retries_are_others():
    async def scene(server):
        first = await server.begin(STEP)
        second = await server.begin(STEP, run_id=OTHER_ID, retries=99)
        assert first.function_id == second.function_id
        [function] = server.assembly.catalog.functions()
        assert (function.version, function.config.retries) == (2, 20)

    served(scene)


def test_a_sleep_is_followed_by_a_call_with_the_request_of_the_caller():
    async def scene(server):
        await server.begin(STEP)
        await server.report({"op": "Sleep", "id": "s", "name": "5s"})
        assert sorted(await server.jobs()) == ["s-sleep"]
        ended = await server.assembly.run_ends.wait(RUN_ID, 60)
        assert ended.status is RunStatus.COMPLETED
        [request] = server.app.requests
        assert (request.method, request.url) == ("GET", "https://x.test/a?n=1")
        assert dict(request.headers)["X-Inngest-Signature"] == ""

    served(scene)


def test_an_endpoint_that_died_is_called_after_a_while():
    async def scene(server):
        await server.begin(STEP)
        await asyncio.sleep(limits.SILENCE / 1_000 - 5)
        await server.report({**STEP, "id": "b"})
        await asyncio.sleep(limits.SILENCE / 1_000 - 5)
        assert server.app.requests == []
        await asyncio.sleep(10)
        assert len(server.app.requests) == 1
        assert (await server.run()).status is RunStatus.COMPLETED

    served(scene)


def test_a_run_of_another_function_takes_no_reports():
    async def scene(server):
        await server.begin(STEP)
        run = await server.run()
        function = server.assembly.catalog.function(run.function_id)
        plain = replace(function, config=replace(function.config, endpoint=""))
        server.assembly.catalog.put_function(plain)
        assert await code_of(server.report({**STEP, "id": "b"})) == "invalid"

    served(scene)


def test_an_endpoint_that_is_invoked_by_an_event_fails_and_says_why():
    async def scene(server):
        begun = await server.begin(STEP)
        function = server.assembly.catalog.function(begun.function_id)
        body = json.dumps({"data": {}}).encode()
        entropy, now = SystemEntropy(), server.clock.now_ms()
        event = read_invocation(body, slug=function.slug, now_ms=now, entropy=entropy)
        [accepted] = await server.assembly.ingest.accept([event])
        run = await server.assembly.run_ends.wait(accepted.run_ids[0], 60)
        assert run.status is RunStatus.FAILED
        assert "started by a request of its own" in json.loads(run.error)["message"]
        assert server.app.requests == []

    served(scene)


# Waiting for ends


def test_who_waits_is_woken_by_the_end():
    async def scene(server):
        await server.begin(STEP)
        loop = asyncio.get_running_loop()
        waiting = [asyncio.ensure_future(server.assembly.run_ends.wait(RUN_ID, 300)) for _ in range(3)]
        await asyncio.sleep(0.5)
        await server.report(END)
        assert [run.status for run in await asyncio.gather(*waiting)] == [RunStatus.COMPLETED] * 3
        assert loop.time() < 0.6
        assert server.assembly.run_ends._waiting == {}

    served(scene)


def test_an_end_on_another_server_is_seen():
    async def scene(server):
        await server.begin(STEP)
        server.assembly.committer.on_end = lambda _: None
        waiting = asyncio.ensure_future(server.assembly.run_ends.wait(RUN_ID, 300))
        await asyncio.sleep(0.5)
        await server.report(END)
        assert (await waiting).status is RunStatus.COMPLETED
        assert asyncio.get_running_loop().time() <= run_ends.LOOK_EVERY_S + 0.1

    served(scene)


def test_waiting_has_an_end():
    async def scene(server):
        await server.begin(STEP)
        run = await server.assembly.run_ends.wait(RUN_ID, 7)
        assert run.status is RunStatus.RUNNING
        assert asyncio.get_running_loop().time() == pytest.approx(7, abs=0.01)
        assert await server.assembly.run_ends.wait(OTHER_ID, 7) is None

    served(scene)


def test_waiting_is_bounded(monkeypatch):
    monkeypatch.setattr(run_ends, "MAX_WAITING", 2)

    async def scene(server):
        await server.begin(STEP)
        waiting = [asyncio.ensure_future(server.assembly.run_ends.wait(RUN_ID, 300)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            await server.assembly.run_ends.wait(RUN_ID, 300)
        waiting[0].cancel()
        await asyncio.wait([waiting[0]])
        await server.assembly.run_ends.wait(RUN_ID, 0)
        await server.report(END)
        await waiting[1]

    served(scene)
