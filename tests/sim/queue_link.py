"""The way of one node to the shared queue and back: in order, late, broken, and gone on with."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context
from random import Random
from typing import Any, TypeVar

from inngest_fast.domain.errors import QueueError
from tests.sim.loop import SimLoop
from tests.sim.shared_queue import SharedQueue

T = TypeVar("T")

_QUESTION_S = 5.0
_PAUSE_S = 0.5  # before another attempt to connect, at most
_APART_S = 1e-6  # what comes later does so by the clock
_AGAIN = ("add", "requeue", "done")  # these know whether they may have been carried out before


class Command:
    __slots__ = ("answer", "arguments", "lost", "named", "operation", "replay", "sent")

    def __init__(
        self,
        operation: str,
        arguments: tuple[Any, ...],
        named: dict[str, bool],
        answer: "asyncio.Future[Any] | None",
        *,
        replay: bool,
    ) -> None:
        self.operation = operation
        self.arguments = arguments
        self.named = named
        self.answer = answer
        self.replay = replay
        self.sent = False
        self.lost = False

    def doubt(self) -> None:
        """From now on it may have been carried out before."""
        for name in self.named:
            self.named[name] = True


class QueueLink:
    """What was sent arrives although its sender stalls, and perhaps although it dies. A lost connection leaves
    open what was carried out; hints are sent again.
    """

    def __init__(
        self,
        queue: SharedQueue,
        node: str,
        loop: SimLoop,
        random: Random,
        outside: Context,
        inside: Context,
        delay: Callable[[], float],
    ) -> None:
        self._queue = queue
        self._node = node
        self._loop = loop
        self._random = random
        self._outside = outside
        self._inside = inside
        self._delay = delay
        self._line: deque[Command] = deque()  # unsent or unanswered
        self._life = 0  # of the connection
        self._arrives = 0.0
        self._returns = 0.0
        self._after_loss: list[Callable[[], None]] = []
        self.connected = False
        self.dead = False
        self.closed = False
        self.reconnected = 0

    @property
    def busy(self) -> bool:
        return bool(self._line)

    @property
    def trouble(self) -> str:
        return "" if self.connected else "the queue cannot be reached"

    def after_loss(self, connected: Callable[[], None]) -> None:
        """`connected` is called after each reconnection; what it sends goes first."""
        self._after_loss.append(connected)

    async def open(self) -> None:
        """Raises QueueError."""
        await asyncio.sleep(self._delay())
        if not self._queue.reachable:
            raise QueueError("the queue cannot be reached")
        self.connected = True
        for command in self._line:
            self._dispatch(command)

    async def close(self) -> None:
        while self._line and self.connected:  # noqa: ASYNC110 - virtual time costs nothing
            await asyncio.sleep(0.01)
        self.closed = True

    def hint(self, operation: str, *arguments: Any, **named: bool) -> None:
        self._send(Command(operation, arguments, named, None, replay=True))

    def ask(
        self, operation: str, *arguments: Any, replay: bool = True, **named: bool
    ) -> "asyncio.Future[Any]":
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._send(Command(operation, arguments, named, answer, replay=replay))
        return answer

    async def answered(self, answer: Awaitable[T]) -> T:
        """The answer to a question. Raises QueueError if it does not come in time."""
        try:
            async with asyncio.timeout(_QUESTION_S):
                return await answer
        except TimeoutError:
            raise QueueError("the queue does not answer") from None

    def _send(self, command: Command) -> None:
        if self.dead:
            return
        if self.closed:
            _fail(command)
            return
        self._line.append(command)
        if self.connected:
            self._dispatch(command)

    def _dispatch(self, command: Command) -> None:
        command.sent = True
        self._arrives = max(self._arrives + _APART_S, self._loop.time() + self._delay())
        self._loop.call_at(self._arrives, self._arrive, command, self._life, context=self._outside)

    def _arrive(self, command: Command, life: int) -> None:
        if life != self._life or command.lost:
            return
        result = self._carry_out(command)
        self._returns = max(self._returns + _APART_S, self._loop.time() + self._delay())
        self._loop.call_at(self._returns, self._answer, command, life, result, context=self._inside)

    def _carry_out(self, command: Command) -> Any:
        command.lost = True  # it is not to arrive once more
        return self._queue.carry_out(self._node, command.operation, *command.arguments, **command.named)

    def _answer(self, command: Command, life: int, result: Any) -> None:
        if self.dead or life != self._life:
            return
        self._line.remove(command)
        if command.answer is not None and not command.answer.done():
            command.answer.set_result(result)

    # Ends

    def die(self) -> None:
        """What was on its way arrives up to some point."""
        self.dead = True
        on_way = [command for command in self._line if command.sent and not command.lost]
        for command in on_way[self._random.randint(0, len(on_way)) :]:
            command.lost = True

    def break_off(self, *, nothing_arrives: bool) -> None:
        """The connection is lost."""
        if not self.connected or self.dead:
            return
        self.connected = False
        on_way = [command for command in self._line if command.sent and not command.lost]
        arrived = 0 if nothing_arrives else self._random.randint(0, len(on_way))
        for command in on_way[:arrived]:
            self._carry_out(command)
        self._life += 1
        self._loop.call_soon(self._on_broken, context=self._inside)

    def _on_broken(self) -> None:
        line, self._line = self._line, deque()
        for command in line:
            if command.replay:
                command.lost = False
                self._line.append(command)
            else:
                _fail(command)
        self._loop.call_later(_PAUSE_S * self._random.random(), self._reconnect)

    def _reconnect(self) -> None:
        if self.dead or self.closed or self.connected:
            return
        if not self._queue.reachable:
            self._loop.call_later(_PAUSE_S, self._reconnect)
            return
        self.connected = True
        self.reconnected += 1
        kept, self._line = self._line, deque()
        for connected in self._after_loss:
            connected()
        for command in kept:
            if command.operation in _AGAIN:
                command.doubt()
            self._line.append(command)
            self._dispatch(command)


def _fail(command: Command) -> None:
    if command.answer is not None and not command.answer.done():
        command.answer.set_exception(QueueError("the queue cannot be reached"))
