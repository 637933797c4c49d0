"""One connection: bytes out, replies in. It is used once and never repaired."""

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, cast

import hiredis

from inngest_fast.adapters.redis.address import Address
from inngest_fast.adapters.redis.errors import RedisRefusedError, RedisUnavailableError

_KEEPALIVE = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 30_000))

_MORE = object()

# Scripts whose last argument says whether they may have been carried out before: 0 or 1.
_DOUBTED = ("add", "done", "requeue")

Argument = str | int | bytes


class Command:
    """What was asked, and who waits for the answer; None if nobody does."""

    __slots__ = ("answer", "packed", "replay", "script")

    def __init__(
        self,
        arguments: tuple[Argument, ...],
        answer: asyncio.Future[Any] | None,
        *,
        replay: bool = False,
        script: str = "",
    ) -> None:
        self.packed: bytes = hiredis.pack_command(cast("Any", arguments))
        self.answer = answer
        self.replay = replay
        self.script = script

    def doubt(self) -> None:
        """From now on it may have been carried out before."""
        if self.script in _DOUBTED:
            self.packed = self.packed[:-3] + b"1\r\n"


class Connection(asyncio.Protocol):
    """Replies come in the order of the commands; messages to subscribers come between them (RESP3)."""

    def __init__(
        self,
        on_reply: Callable[[Command, Any], None],
        on_push: Callable[[list[Any]], None],
        on_lost: Callable[["Connection"], None],
    ) -> None:
        self._on_reply = on_reply
        self._on_push = on_push
        self._on_lost = on_lost
        self._reader = hiredis.Reader(replyError=RedisRefusedError, notEnoughData=_MORE)
        self._transport: asyncio.Transport | None = None
        self.unanswered: deque[Command] = deque()
        self.paused = False
        self.lost = False
        self.replies = 0
        self.on_resume: Callable[[], None] | None = None

    @classmethod
    async def open(
        cls,
        address: Address,
        on_reply: Callable[[Command, Any], None],
        on_push: Callable[[list[Any]], None],
        on_lost: Callable[["Connection"], None],
    ) -> "Connection":
        """Raises OSError."""
        loop = asyncio.get_running_loop()

        def create() -> Connection:
            return cls(on_reply, on_push, on_lost)

        if address.path:
            return (await loop.create_unix_connection(create, address.path))[1]
        return (await loop.create_connection(create, address.host, address.port, ssl=address.tls_context()))[
            1
        ]

    def write(self, commands: Iterable[Command]) -> None:
        commands = list(commands)
        self.unanswered.extend(commands)
        if self._transport is None:  # lost in this turn of the loop: they are dealt with as unanswered
            return
        self._transport.write(b"".join([command.packed for command in commands]))

    async def call(self, *arguments: Argument) -> Any:
        """Raises RedisRefusedError or RedisUnavailableError."""
        self._check()
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.write([Command(arguments, answer)])
        return await answer

    def tell(self, *arguments: Argument) -> None:
        """For what is answered by messages only. Raises RedisUnavailableError."""
        self._check().write(Command(arguments, None).packed)

    def _check(self) -> asyncio.Transport:
        if self._transport is None:
            raise RedisUnavailableError("Redis closed the connection")
        return self._transport

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            # The kernel finds out that the other side is gone; no timer of ours is needed.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in _KEEPALIVE:
                if hasattr(socket, name):
                    sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not _MORE:
                if isinstance(reply, hiredis.PushNotification):
                    self._on_push(reply)
                else:
                    self.replies += 1
                    self._answer(self.unanswered.popleft(), reply)
        except (hiredis.ProtocolError, IndexError):
            self.abort()

    def _answer(self, command: Command, reply: Any) -> None:
        if command.script or command.answer is None:
            self._on_reply(command, reply)
        elif not command.answer.done():
            if isinstance(reply, RedisRefusedError):
                command.answer.set_exception(reply)
            else:
                command.answer.set_result(reply)

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        if self.on_resume is not None:
            self.on_resume()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.lost = True
        for command in self.unanswered:
            if not command.script and command.answer is not None and not command.answer.done():
                command.answer.set_exception(RedisUnavailableError("Redis closed the connection"))
        self._on_lost(self)
