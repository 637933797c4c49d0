"""A queue in virtual time, and what happens around it."""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from inngest_fast.domain.flow import FunctionLimits, ThrottleRate
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.ports.queue import Depth, JobPlace, Queue
from tests.fixtures.virtual_loop import VirtualClock


class Scene:
    """A queue, and the time that passes for it. What is on its way over a network arrives first."""

    def __init__(
        self,
        queue: Queue,
        loop: asyncio.AbstractEventLoop,
        clock: VirtualClock,
        busy: Callable[[], bool] | None = None,
    ) -> None:
        self.queue = queue
        self.clock = clock
        self.networked = busy is not None
        self._busy = busy or (lambda: False)
        self.timers_fired = 0  # of the queue: what the scene itself waits for is not counted
        self._set_timer = loop.call_at
        loop.call_at = self._counting  # type: ignore[method-assign]

    @property
    def now(self) -> int:
        return self.clock.now_ms()

    def job(
        self,
        id: str,
        *,
        function: str = "f",
        app: str = "a",
        after: int = 0,
        score: int = 0,
        attempt: int = 0,
        kind: JobKind = JobKind.EDGE,
        run: str = "",
        counters: tuple[str, ...] = (),
        run_counter: str = "",
        throttle: str = "",
    ) -> Job:
        """A counter is named rule/value."""
        return Job(
            id=id,
            kind=kind,
            app_id=app,
            function_id=function,
            due=self.now + after,
            score=score,
            attempt=attempt,
            run_id=run,
            counters=counters,
            run_counter=run_counter,
            throttle=throttle,
        )

    def start(self, id: str, **how: Any) -> Job:
        """Queues the first call of a run; the run has the same id."""
        return self.add(id, kind=JobKind.START, run=id, **how)

    def limit(
        self,
        function: str = "f",
        *,
        calls: int = 0,
        throttle: ThrottleRate | None = None,
        paused: bool = False,
        **rules: int,
    ) -> None:
        """Limits a function; numbers by name are those of rules."""
        self.queue.limit_function(
            function, FunctionLimits(calls=calls, rules=rules, throttle=throttle, paused=paused)
        )

    def add(self, id: str, **how: Any) -> Job:
        """Queues a new job."""
        job = self.job(id, **how)
        self.queue.add(job)
        return job

    async def added(self, job: Job) -> bool:
        """Adds a job that may be there."""
        return await self.queue.add_missing([job]) == [job.id]

    async def has(self, id: str) -> bool:
        return await self.queue.missing([id]) == []

    async def size(self) -> int:
        return await self.queue.size()

    async def explain(self, id: str) -> JobPlace | None:
        return await self.queue.explain(id)

    async def depth(self) -> dict[str, Depth]:
        return await self.queue.depth()

    async def oldest_ready(self) -> int | None:
        return await self.queue.oldest_ready()

    async def take(self, n: int = 1) -> list[str]:
        """Ids of a lease that need not wait."""
        leasing = await self.waiting(n)
        assert leasing.done(), "nothing to lease"
        return [job.id for job in leasing.result()]

    async def take_nothing(self) -> None:
        """Nothing can be leased now."""
        leasing = await self.waiting()
        assert not leasing.done(), ids(leasing)
        leasing.cancel()
        await self.settle()

    async def work_off(self, n: int) -> list[tuple[int, str]]:
        """Leases n jobs one by one, each done at once: how many ms from now each was given, and its id."""
        start = self.now
        given: list[tuple[int, str]] = []
        while len(given) < n:
            [job] = await self.queue.lease(1)
            given.append((self.now - start, job.id))
            self.queue.done(job.id)
        return given

    async def waiting(self, n: int = 1) -> "asyncio.Task[list[Job]]":
        """A lease that has gone as far as it can."""
        leasing = asyncio.ensure_future(self.queue.lease(n))
        await self.settle()
        return leasing

    async def settle(self) -> None:
        """Lets everything happen that is to happen now."""
        quiet = 0
        while quiet < 20:
            await asyncio.sleep(0)
            quiet = 0 if self._busy() else quiet + 1

    async def pass_ms(self, ms: int) -> None:
        """Lets time pass."""
        passed = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()
        self._set_timer(loop.time() + ms / 1_000, passed.set_result, None)
        await passed
        await self.settle()

    def _counting(self, when: float, callback: Callable[..., object], *args: Any, **how: Any) -> Any:
        def fired() -> None:
            self.timers_fired += 1
            callback(*args)

        return self._set_timer(when, fired, **how)


def ids(leasing: "asyncio.Task[list[Job]]") -> list[str]:
    """What a lease gave. It must have ended."""
    return [job.id for job in leasing.result()]


def scenario(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """A test that is told in virtual time: its `scene`, and fixtures as usual."""

    @functools.wraps(test)
    def run(on_scene: Callable[..., None], **fixtures: Any) -> None:
        on_scene(lambda scene: test(scene, **fixtures))

    asked = list(inspect.signature(test).parameters.values())[1:]
    opening = inspect.Parameter("on_scene", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    run.__signature__ = inspect.Signature([opening, *asked])  # type: ignore[attr-defined]
    return run
