"""An event loop without sockets whose time is virtual and that does one thing at a time: between any two a process may die."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, ContextVar
from typing import Any, TypeVar

from tests.fixtures.virtual_loop import DeadlockError

T = TypeVar("T")

_BUSY_STEPS = 20_000  # in one moment: nothing that ends takes so many

PROCESS: ContextVar[object] = ContextVar("PROCESS")


class SimTask(asyncio.Task):
    """A task that knows which process it is of; None: it is of the world outside."""

    process: object = None
    number = 0


class SimLoop(asyncio.BaseEventLoop):
    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._clock_resolution = 1e-9
        self._tasks_made = 0
        self.steps = 0
        self._moved_at = 0
        self.alarm_at = 0
        self.alarm: Callable[[], None] = lambda: None
        self.faults: list[dict[str, Any]] = []
        self._stalled: dict[object, list[asyncio.Handle]] = {}  # what processes would have done meanwhile
        self.before_time_moves: Callable[[], None] = lambda: None
        self.killed = False  # a process: what it was told and did not hear is no fault
        self.set_exception_handler(self._fault)
        self.set_task_factory(self._task)

    def time(self) -> float:
        return self._now

    def tasks_of(self, process: object) -> list["SimTask"]:
        """The unfinished tasks of a process, in the order of their making."""
        found = [task for task in asyncio.all_tasks(self) if task.process is process]
        return sorted(found, key=lambda task: task.number)

    def stall(self, process: object) -> None:
        """Nothing of a process goes on until it is resumed."""
        self._stalled.setdefault(process, [])

    def resume(self, process: object) -> None:
        """A stalled process goes on as if nothing had happened."""
        self._ready.extend(self._stalled.pop(process, ()))

    def is_stalled(self, process: object) -> bool:
        return process in self._stalled

    def _fault(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not (self.killed and context["message"] == "Future exception was never retrieved"):
            self.faults.append(context)

    def _task(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], context: Context | None = None
    ) -> SimTask:
        task = SimTask(work, loop=loop, context=context)
        task.process = PROCESS.get(None) if context is None else context.get(PROCESS)
        task.number = self._tasks_made
        self._tasks_made += 1
        return task

    def _run_once(self) -> None:
        timers, ready = self._scheduled, self._ready
        if not ready:
            while timers and timers[0]._cancelled:
                heapq.heappop(timers)._scheduled = False
            if not timers:
                raise DeadlockError("nothing is ready and no timer is set")
            if timers[0]._when > self._now:
                self.before_time_moves()
                self._now = timers[0]._when
                self._moved_at = self.steps
        while timers and timers[0]._when <= self._now:
            timer = heapq.heappop(timers)
            timer._scheduled = False
            if not timer._cancelled:
                ready.append(timer)
        if not ready:
            return
        handle = ready.popleft()
        if handle._cancelled:
            return
        if self._stalled and (held := self._stalled.get(handle._context.get(PROCESS))) is not None:
            held.append(handle)
            return
        self.steps += 1
        if self.steps - self._moved_at > _BUSY_STEPS:
            raise DeadlockError("time does not go on: something is done again and again")
        if self.steps == self.alarm_at:
            self.alarm()
            if handle._cancelled:
                return
        handle._run()

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def _process_events(self, event_list: object) -> None:
        pass


def run_simulated(main: Callable[[SimLoop], Awaitable[T]]) -> T:
    """Runs `main` to its end. What no task handled fails here."""
    loop = SimLoop()
    try:
        asyncio.set_event_loop(loop)
        result = loop.run_until_complete(_awaited(main(loop)))
    finally:
        for _ in range(3):
            left = [task for task in asyncio.all_tasks(loop) if not task.done()]
            if not left:
                break
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.wait(left, timeout=1))
        asyncio.set_event_loop(None)
        loop.close()
    assert not loop.faults, loop.faults
    return result


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable
