"""The way to the apps and back, on which calls get lost, late, or doubled."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from random import Random

from inngest_fast.ports.app_client import AppCallError, AppRequest, AppResponse
from tests.sim.faults import Faults
from tests.sim.loop import SimLoop

Serve = Callable[[AppRequest], Awaitable[AppResponse]]
_BAD = ("lost before", "lost after", "doubled", "bad gateway", "cut off", "replayed")


class Network:
    """Requests go on their way whether or not their sender lives."""

    def __init__(
        self,
        loop: SimLoop,
        outside: Context,
        random: Random,
        faults: Faults,
        serve: Serve,
        sent: Callable[[AppRequest, Sequence[str]], None],
        log: Callable[[str, AppRequest, AppResponse | str], None],
    ) -> None:
        self.loop = loop
        self.outside = outside
        self.random = random
        self.faults = faults
        self._serve = serve
        self.sent = sent
        self._log = log
        self._last: dict[str, AppResponse] = {}  # of each run

    def client(self) -> "Client":
        return Client(self)

    async def deliver(self, request: AppRequest, reply: "asyncio.Future[AppResponse]", bad: str) -> None:
        await asyncio.sleep(self._way())
        if bad == "lost before":
            self._fail(reply, request, bad)
            return
        response = await self._serve(request)
        await asyncio.sleep(self._way())
        if bad == "lost after":
            self._fail(reply, request, bad)
            return
        if bad == "bad gateway":
            response = AppResponse(502, {"content-type": "text/html"}, b"<html>")
        elif bad == "cut off":
            response = AppResponse(206, response.headers, b'[{"op":"StepRun","id":')
        elif bad == "replayed":
            response = self._last.get(_run_of(request), response)
        if response.status == 206 and bad != "cut off":
            self._last[_run_of(request)] = response
        if not reply.done():
            self._log("answer", request, response)
            reply.set_result(response)

    def _fail(self, reply: "asyncio.Future[AppResponse]", request: AppRequest, bad: str) -> None:
        if not reply.done():
            self._log("no answer", request, bad)
            fault = self.random.choice(("refused", "timeout"))
            reply.set_exception(AppCallError(fault, bad))

    def _way(self) -> float:
        if self.faults.happens(self.faults.slow_calls):
            return self.random.choice((0.3, 3.0, 40.0)) * self.random.random()
        return 0.02 * self.random.random()


class Client:
    """ports.app_client.AppClient of one process."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.under_way: list[str] = []  # ids of jobs

    async def send(self, request: AppRequest) -> AppResponse:
        network = self._network
        network.sent(request, self.under_way)
        bad = network.random.choice(_BAD) if network.faults.happens(network.faults.bad_calls) else ""
        reply: asyncio.Future[AppResponse] = network.loop.create_future()
        for _ in range(2 if bad == "doubled" else 1):
            network.loop.create_task(network.deliver(request, reply, bad), context=network.outside)
        job_id = dict(request.headers).get("x-inngest-job-id", "")
        self.under_way.append(job_id)
        try:
            return await reply
        finally:
            self.under_way.remove(job_id)

    async def close(self) -> None:
        pass


def _run_of(request: AppRequest) -> str:
    return dict(request.headers).get("X-Run-ID", "")
