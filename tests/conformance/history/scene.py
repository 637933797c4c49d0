"""Two servers, an app of a few functions, and those who send events to both."""

import asyncio
import itertools
import json
from collections import defaultdict
from contextvars import Context, copy_context
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

from inngest_fast.adapters.system.clock import SystemClock
from inngest_fast.domain.errors import OverloadedError, StoreError
from inngest_fast.engine.intake.events import read_events
from inngest_fast.ports.app_client import AppRequest, AppResponse
from tests.conformance.history.recording import Acknowledged, Arrived, Called, History, Line, MayFail
from tests.conformance.history.server import Server, Tasks
from tests.sim import sdk
from tests.sim.programs import All, Invoke, Program, Run, Sleep, Step, Throw, WaitEvent, steps_of
from tests.sim.registration import registration

_NAP_S = 0.03
_MINUTE = 60

PROGRAMS = {
    program.slug: program
    for program in (
        Program("plain", (), "app/plain"),
        Program("steps", (Run("one"), Run("two", fails=1), Run("three")), "app/steps"),
        Program(
            "fan", (All(((Run("left"),), (Run("right"), Run("after")), (Sleep("nap", _NAP_S),))),), "app/fan"
        ),
        Program("sleeper", (Run("before"), Sleep("doze", _NAP_S), Run("woken")), "app/sleeper", version=1),
        Program(
            "waiter", (WaitEvent("wait", "met/x", match=True, timeout=_MINUTE), Run("met")), "app/waiter"
        ),
        Program("caller", (Invoke("call", "child", _MINUTE), Run("called")), "app/caller"),
        Program("child", (Run("work"),), "app/child", run_complete=True),
        Program(
            "patient", (WaitEvent("never", "met/never", True, _MINUTE),), "app/patient", cancel="app/cancel"
        ),
        Program("failing", (Run("good"), Throw(until=99, final=True)), "app/failing"),
    )
}
_STARTING = [slug for slug in PROGRAMS if slug != "child"]


class App:
    """ports.app_client.AppClient, and the app behind it: a call goes on when its server is gone."""

    def __init__(self, line: Line, outside: Context) -> None:
        self._line = line
        self._outside = outside
        self._random = Random(7)
        self.executions: defaultdict[tuple[str, str], int] = defaultdict(int)

    async def send(self, request: AppRequest) -> AppResponse:
        asked = json.loads(request.body)
        self._line.history.add(Called(asked, between=self._line.deciding is not None))
        answering = asyncio.get_running_loop().create_task(
            self._answer(request, asked), context=self._outside
        )
        return await asyncio.shield(answering)

    async def close(self) -> None:
        pass

    async def _answer(self, request: AppRequest, asked: dict[str, Any]) -> AppResponse:
        await asyncio.sleep(0.005 * self._random.random())
        program = PROGRAMS[parse_qs(urlsplit(request.url).query)["fnId"][0]]
        response = await sdk.answer(program, request.url, request.body, self)
        ctx = asked["ctx"]
        last = ctx["attempt"] + 1 >= ctx["max_attempts"]
        if response.status >= 400 and (last or response.headers["x-inngest-no-retry"] == "true"):
            self._line.history.add(MayFail(ctx["run_id"]))
        await asyncio.sleep(0.005 * self._random.random())
        return response

    # sdk.Bodies, for programs that send no events

    def executed(self, run_id: str, step: Step) -> int:
        before = self.executions[run_id, step.id]
        self.executions[run_id, step.id] += 1
        return before


class Scene:
    """Servers on one schema, one prefix; `history` is what they did."""

    def __init__(self, schema: str, redis: str, lease_ms: int) -> None:
        self.redis = redis
        self.clock = SystemClock()
        self.history = History()
        self.line = Line(self.history, self.clock)
        self.app = App(self.line, copy_context())
        tasks = Tasks(asyncio.get_running_loop())
        self.servers = [
            Server(
                name, tasks, self.line, self.app, self.clock, schema=schema, redis=redis, lease_ms=lease_ms
            )
            for name in ("one", "two")
        ]

    async def begin(self) -> None:
        for server in self.servers:  # one after the other: the first one makes the tables
            await server.start()
        body = json.dumps(registration(PROGRAMS.values(), "app")).encode()
        first = self.servers[0]
        await first.do(first.assembly.apps.register(body))

    async def events(self, runs: int) -> None:
        """Some of everything, to both servers by turns; returns when all are acknowledged."""
        kinds = itertools.islice(itertools.cycle(_STARTING), runs)
        async with asyncio.TaskGroup() as sending:
            for n, slug in enumerate(kinds, 100):
                sending.create_task(self._story(slug, n))

    async def rest(self) -> None:
        """Returns when all runs have ended and the queue is empty."""
        await self.history.until(lambda: not self.history.live)
        (server, *_) = [server for server in self.servers if server.up]
        while self.line.deciding or server.store.backlog or await server.queue.size():  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def end(self) -> None:
        for server in self.servers:
            await server.stop()

    async def _story(self, slug: str, n: int) -> None:
        """What starts a run comes to one server, what it waits for to the other."""
        history = self.history
        again, named = n % 3 == 0, slug in ("waiter", "patient")  # without an id it may start a run each time
        await self._send(f"app/{slug}", n, to=n, id=f"{slug}-{n}" if again or named else "", again=again)
        if slug == "waiter":
            await history.until(lambda: history.run_of.get(n) in history.waited)
            await self._send("met/x", n, to=n + 1)
        elif slug == "patient":
            await self._send("app/cancel", n, to=n + 1)

    async def _send(self, name: str, n: int, *, to: int, id: str = "", again: bool = False) -> None:
        """Until it is acknowledged; `again` to the other server after that."""
        body = json.dumps({"name": name, "data": {"n": n}, **({"id": id} if id else {})}).encode()
        for place in itertools.count(to):
            server = self.servers[place % 2]
            if server.up and await self._acknowledged(server, body):
                if not again:
                    return
                again = False
            await asyncio.sleep(0)

    async def _acknowledged(self, server: Server, body: bytes) -> bool:
        events = read_events(body, now_ms=self.clock.now_ms(), entropy=server.entropy).events
        for event in events:
            self.history.add(Arrived(event))
        accepting = server.do(server.assembly.ingest.accept(events))
        await asyncio.wait((accepting,))
        if accepting.cancelled() or isinstance(accepting.exception(), StoreError | OverloadedError):
            return False
        for event, did in zip(events, accepting.result(), strict=True):
            self.history.add(Acknowledged(event, did))
        return True

    def executed_again(self) -> list[tuple[str, str]]:
        """Steps of runs whose body ran more often than once for its result and once for each failure."""
        fails = {
            step.id: getattr(step, "fails", 0)
            for program in PROGRAMS.values()
            for step in steps_of(program.body)
        }
        return [(run_id, id) for (run_id, id), n in self.app.executions.items() if n > fails[id] + 1]

    def check_rest(self) -> None:
        """Nothing is held for ever, and no safety net was needed but for the queue."""
        for server in self.servers:
            if not server.up:
                continue
            assembly, counters = server.assembly, server.assembly.counters.read()
            assert not assembly.failed.is_set()
            assert not len(server.index)
            assert not assembly.waits._uncommitted
            assert not counters.get("reconciler_runs_repaired")
            assert not counters.get("jobs_faulted")
