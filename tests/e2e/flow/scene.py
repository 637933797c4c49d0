"""Plays scenarios to one app, and notes what is seen of them."""

import asyncio
import os
import time
from base64 import b64encode
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import aiohttp

from tests.e2e.flow.lateness import CANARY
from tests.e2e.flow.scenario import Function, Scenario
from tests.e2e.flow.seen import Call, Event, Run, Seen, ms
from tests.fixtures.flow_apps import FlowApp
from tests.fixtures.server_process import EVENT_KEY, SIGNING_KEY, ServerProcess

T = TypeVar("T")

_SPREAD_S = 0.06  # from the begin of a scenario to that of the next
_LOOK_EVERY_S = 0.3
_ASK_EVERY_S = 0.1
_BUSY_S = 25.0  # that a machine may take longer which has much else to do
_AWAY = (aiohttp.ClientError, TimeoutError)  # a server gives no answer, or none of 200
_ENDED = ("completed", "failed", "cancelled", "skipped")


def play(servers: Sequence[ServerProcess], app: FlowApp, scenarios: Sequence[Scenario], backend: str) -> Seen:
    """Plays all of them at once, the longest first."""
    seen = Seen(app.prefix, backend)
    asyncio.run(_Stage(servers, app, seen).play(scenarios))
    return seen


class _Stage:
    """What the scenes share."""

    def __init__(self, servers: Sequence[ServerProcess], app: FlowApp, seen: Seen) -> None:
        self.servers = list(servers)  # that are up
        self.app = app
        self.seen = seen
        self.shown: list[dict[str, Any]] = []  # all runs, as the API last showed them
        self.looked = asyncio.Event()  # set, and another made, with each look
        self.functions: list[Function] = []
        self.session: aiohttp.ClientSession

    async def play(self, scenarios: Sequence[Scenario]) -> None:
        headers = {"Authorization": f"Bearer {SIGNING_KEY}"} if self.servers[0].mode == "start" else {}
        timeout = aiohttp.ClientTimeout(total=20)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as self.session:
            self.functions = [CANARY, *(function for one in scenarios for function in one.functions)]
            measuring = self.seen.lateness.measure(self._canary)
            aside = [asyncio.create_task(measuring), asyncio.create_task(self._look())]
            try:
                in_order = sorted(scenarios, key=lambda one: -one.takes)
                await asyncio.gather(*(self._scene(one, n * _SPREAD_S) for n, one in enumerate(in_order)))
                await self._show()
                healths = [await self.get("/health", n) for n in range(len(self.servers))]
                self.seen.counters = [health["counters"] for health in healths]
            finally:
                for task in aside:
                    task.cancel()
                await asyncio.gather(*aside, return_exceptions=True)
        self._note()

    async def _scene(self, scenario: Scenario, after: float) -> None:
        await asyncio.sleep(after)
        scene = Scene(self, scenario)
        try:
            async with asyncio.timeout(scenario.takes * 2 + _BUSY_S):
                await scenario.play(scene)
        except Exception as error:  # told by each test of it
            self.seen.failures[scenario.name] = error

    async def _canary(self, number: int) -> bool:
        if not self.servers:
            return False
        server = self.servers[number % len(self.servers)]
        event = {"name": f"{self.app.prefix}/{CANARY['id']}", "data": {"n": number}}
        try:
            async with self.session.post(f"{server.url}/e/{EVENT_KEY}", json=event) as reply:
                return reply.status == 200
        except _AWAY:
            return False

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            if self.servers:
                try:
                    await self._show()
                except _AWAY:
                    pass  # it is killed in this moment, or has lost its queue

    async def _show(self) -> None:
        found: list[dict[str, Any]] = []
        query = "limit=1000"
        while query:
            page = await self.get(f"/api/v1/runs?{query}")
            found += page["runs"]
            query = f"limit=1000&cursor={page['next']}" if page["next"] else ""
        self.shown = found
        looked, self.looked = self.looked, asyncio.Event()
        looked.set()

    async def get(self, path: str, server: int = 0) -> Any:
        async with self.session.get(self.servers[server].url + path) as reply:
            reply.raise_for_status()
            return await reply.json()

    def _note(self) -> None:
        events = {event.id: event for sent in self.seen.sent.values() for event in sent}
        runs: dict[str, list[Run]] = defaultdict(list)
        for shown in sorted(self.shown, key=lambda shown: str(shown["id"])):
            runs[shown["function_slug"].removeprefix(f"{self.app.prefix}-")].append(
                Run(
                    id=shown["id"],
                    status=shown["status"],
                    queued=ms(shown["queued_at"]),
                    started=ms(shown["started_at"]),
                    ended=ms(shown["ended_at"]),
                    output=shown["output"],
                    error=shown["error"],
                    events=[events[shown["event_id"]]] if shown["event_id"] in events else [],
                    skip_reason=shown.get("skip_reason", ""),
                    skipped_for=shown.get("skip_existing_run_id") or "",
                )
            )
        calls: dict[str, list[Call]] = defaultdict(list)
        for call in self.app.calls():
            calls[call["function"]].append(Call(**call))
        self.seen.runs_of, self.seen.calls_of = dict(runs), dict(calls)
        self.seen.lateness.note((call.n[0], call.begun) for call in calls[CANARY["id"]])


class Scene:
    """One scenario while it is played; its time begins with it."""

    def __init__(self, stage: _Stage, scenario: Scenario) -> None:
        self._stage = stage
        self._scenario = scenario
        self._began = time.monotonic()
        self._turn = 0

    @property
    def app(self) -> FlowApp:
        return self._stage.app

    @property
    def prefix(self) -> str:
        return self._stage.app.prefix

    def note(self, value: Any, name: str = "") -> None:
        """Keeps it for the tests, under the scenario's name where it has none of its own."""
        self._stage.seen.notes[name or self._scenario.name] = value

    async def noted(self, name: str) -> Any:
        """Waits for what another scenario is to write down."""
        notes = self._stage.seen.notes
        await self.until(lambda: name in notes)
        return notes[name]

    def lose(self, server: ServerProcess) -> None:
        """Kills it, and asks it no more."""
        self._stage.servers.remove(server)
        server.kill()

    async def bring_back(self, server: ServerProcess) -> None:
        await asyncio.to_thread(server.start)
        self._stage.servers.append(server)

    async def at(self, seconds: float) -> None:
        """Waits until so long after the scenario's begin."""
        await asyncio.sleep(max(self._began + seconds - time.monotonic(), 0))

    async def send(self, function: str, *data: dict[str, Any], ids: Sequence[str] = (), ts: int = 0) -> str:
        """Events of a function, all at once: each server gets its share of them in one request.

        The id of the last one.
        """
        events: list[dict[str, Any]] = [{"name": f"{self.prefix}/{function}", "data": one} for one in data]
        for event, id in zip(events, ids, strict=False):
            event["id"] = id
        if ts:
            for event in events:
                event["ts"] = ts
        servers = self._stage.servers
        shares = [events[n :: len(servers)] for n in range(len(servers))]
        self._turn += 1
        turned = [servers[(self._turn + n) % len(servers)] for n in range(len(servers))]
        replies = await asyncio.gather(
            *(self._post(server, share) for server, share in zip(turned, shares, strict=True) if share)
        )
        made = [
            Event(id, event["data"]) for ids, events in replies for id, event in zip(ids, events, strict=True)
        ]
        self._stage.seen.sent.setdefault(function, []).extend(made)
        return made[-1].id

    async def _post(
        self, server: ServerProcess, events: list[dict[str, Any]], headers: dict[str, str] | None = None
    ) -> tuple[list[str], list[dict[str, Any]]]:
        url = f"{server.url}/e/{EVENT_KEY}"
        async with self._stage.session.post(url, json=events, headers=headers) as reply:
            assert reply.status == 200, (reply.status, await reply.text())
            return (await reply.json())["ids"], events

    async def send_again(self, function: str, *data: dict[str, Any], times: int) -> None:
        """The same request several times, as an SDK repeats one that it has no answer to."""
        seed = {"x-inngest-event-id-seed": f"{int(time.time() * 1_000)},{b64encode(os.urandom(10)).decode()}"}
        events = [{"name": f"{self.prefix}/{function}", "data": one} for one in data]
        for n in range(times):
            server = self._stage.servers[n % len(self._stage.servers)]
            ids, _ = await self._post(server, events, seed)
            made = [Event(id, event["data"]) for id, event in zip(ids, events, strict=True)]
            self._stage.seen.sent.setdefault(function, []).extend(made)

    async def request(self, method: str, path: str, data: Any = None) -> tuple[int, Any]:
        """Status and JSON, of each server in turn."""
        self._turn += 1
        server = self._stage.servers[self._turn % len(self._stage.servers)]
        async with self._stage.session.request(method, server.url + path, json=data) as reply:
            text = await reply.text()
            return reply.status, await reply.json(content_type=None) if text else None

    async def get(self, path: str) -> Any:
        status, found = await self.request("GET", path)
        assert status == 200, (path, status, found)
        return found

    async def redeploy(self, function: str, **options: Any) -> tuple[float, float]:
        """The app comes again, with other options of one function. When it began to, and when it had, unix ms."""
        began = time.time() * 1_000
        functions = [dict(one) for one in self._stage.functions]
        [changed] = [one for one in functions if one["id"] == function]
        changed["options"] = changed["options"] | options
        await asyncio.to_thread(self.app.deploy, functions)
        return began, time.time() * 1_000

    async def run_of(self, event_id: str) -> str:
        """The run that an event has started."""
        [run] = (await self.get(f"/v1/events/{event_id}/runs"))["data"]
        return str(run["run_id"])

    async def queued_job(self, run_id: str) -> dict[str, Any]:
        """Its job, once each server can tell where it stands: what one has queued the others see a little later."""
        while True:
            [job] = (await self.get(f"/v1/runs/{run_id}/jobs"))["data"]
            if job["state"]:
                return dict(job)
            await asyncio.sleep(_ASK_EVERY_S)

    # What there is by now

    def shown(self, function: str) -> list[dict[str, Any]]:
        """Its runs as the API last showed them, oldest first."""
        slug = f"{self.prefix}-{function}"
        found = [run for run in self._stage.shown if run["function_slug"] == slug]
        return sorted(found, key=lambda run: str(run["id"]))

    async def ended(self, function: str, count: int) -> None:
        """Waits until so many runs of it have ended."""
        await self.until(lambda: sum(run["status"] in _ENDED for run in self.shown(function)) >= count)

    async def are(self, function: str, status: str, count: int = 1) -> list[str]:
        """Waits until so many runs of it are in that status; their ids, oldest first."""

        def found() -> list[str]:
            ids = [str(run["id"]) for run in self.shown(function) if run["status"] == status]
            return ids if len(ids) >= count else []

        return await self.until(found)

    async def of_number(self, function: str, number: int) -> None:
        """Waits until the app has begun a call of it that is of this event."""

        async def is_called() -> bool:
            calls = await asyncio.to_thread(self.app.calls)
            return any(call["function"] == function and number in call["n"] for call in calls)

        await self.until_true(is_called)
        await self.until(lambda: all(run["status"] in _ENDED for run in self.shown(function)))

    async def called(self, function: str, count: int = 1) -> None:
        """Waits until the app has begun so many calls of it."""

        async def enough() -> bool:
            calls = await asyncio.to_thread(self.app.calls)
            return sum(call["function"] == function for call in calls) >= count

        await self.until_true(enough)

    async def release(self, *functions: str) -> None:
        """Lets the calls of them go that are held, and those to come."""
        for function in functions:
            await asyncio.to_thread(self.app.release, function)

    async def asleep(self, function: str, count: int = 1) -> list[str]:
        """Waits until so many runs of it sleep; their ids."""
        ids = await self.are(function, "running", count)

        async def sleeping() -> bool:
            runs = [await self.get(f"/api/v1/runs/{id}") for id in ids]
            return all(any(step["status"] == "sleeping" for step in run["steps"]) for run in runs)

        await self.until_true(sleeping)
        return ids

    async def until(self, ask: Callable[[], T]) -> T:
        """Asks after each look at the runs."""
        while True:
            if answer := ask():
                return answer
            await self._stage.looked.wait()

    async def until_true(self, ask: Callable[[], Awaitable[bool]]) -> None:
        while True:
            if await ask():
                return
            await asyncio.sleep(_ASK_EVERY_S)


def functions_of(scenarios: Sequence[Scenario], sdk: str) -> tuple[list[Scenario], list[Function]]:
    """Those that the SDK can say, and their functions."""
    can = [one for one in scenarios if sdk in one.sdks]
    functions = [CANARY, *(function for one in can for function in one.functions)]
    ids = [function["id"] for function in functions]
    assert len(ids) == len(set(ids)), ids
    return can, functions
