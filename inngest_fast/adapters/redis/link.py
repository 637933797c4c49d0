"""The way to Redis: commands share round trips, and outlive a lost connection."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from inngest_fast.adapters.redis.address import Address
from inngest_fast.adapters.redis.connection import Argument, Command, Connection
from inngest_fast.adapters.redis.dialing import CONNECT_S, Dialer
from inngest_fast.adapters.redis.errors import RedisRefusedError, RedisUnavailableError
from inngest_fast.adapters.redis.scripts import scripts

ANSWER_S = 10.0  # a server that is silent for so long is given up
QUESTION_S = 5.0  # how long a question waits, for a connection too
HELD_BYTES = 64 * 1024 * 1024

# Not errors of the command, but of where it went: it is sent again over a new connection.
_ELSEWHERE = (
    "MOVED ",
    "ASK ",
    "READONLY",
    "LOADING",
    "CLUSTERDOWN",
    "MASTERDOWN",
    "TRYAGAIN",
    "NOREPLICAS",
)
# These need memory, and so show that the server takes changes again.
_CHANGING = frozenset(("add", "hold", "join", "limit_function", "requeue"))

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Link:
    """All of one turn of the event loop goes out in one write, in the order it was asked for.

    What is sent `after_loss` of a connection goes before all else. While there is no connection up to
    `held_bytes` are kept; what is more is dropped, and counted.
    """

    def __init__(self, home: Address, base: str, node_id: str, *, held_bytes: int = HELD_BYTES) -> None:
        self._dialer = Dialer(home, node_id)
        self._address = home
        self._base = base
        self._held_bytes = held_bytes
        self._receivers: dict[bytes, Callable[[bytes], None]] = {}
        self._after_loss: list[Callable[[], None]] = []
        self._on_flush: Callable[[], None] | None = None
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._unsent: deque[Command] = deque()
        self._unsent_bytes = 0
        self._turned_away: list[Command] = []  # not executed
        self._flushing = False
        self._watch: asyncio.TimerHandle | None = None
        self._quiet: list[asyncio.Future[None]] = []
        self._opened = False
        self._closed = False
        self._down = f"Redis at {home} cannot be reached"
        self._refusal = ""
        self.server: dict[str, str] = {}
        self.dropped = 0
        self.reconnected = 0

    @property
    def connected(self) -> bool:
        return self._connection is not None

    @property
    def busy(self) -> bool:
        """Whether an answer, or a connection, is still to come."""
        return bool(self._unsent or (self._connection is not None and self._connection.unanswered))

    @property
    def place(self) -> str:
        """Where it is connected, or was last."""
        return str(self._address)

    @property
    def trouble(self) -> str:
        """Why nothing can be changed there now, or ""."""
        return self._down or self._refusal

    # Before it is opened

    def listen(self, channel: str, receive: Callable[[bytes], None]) -> None:
        """`receive` is called with each message there."""
        self._receivers[channel.encode()] = receive

    def after_loss(self, connected: Callable[[], None]) -> None:
        """`connected` is called after each reconnection, and may send."""
        self._after_loss.append(connected)

    def on_flush(self, flushed: Callable[[], None]) -> None:
        """`flushed` is called when the server, if it can, tells that keys were flushed."""
        self._on_flush = flushed

    async def open(self, script: str, *arguments: Argument) -> Any:
        """Connects, and runs a script: its answer. Raises RedisUnavailableError or RedisRefusedError; then it
        may be tried again.
        """
        self._closed = False
        asked: asyncio.Future[Any] | None = None
        try:
            await self._connect()
            asked = self.ask(script, *arguments)
            async with asyncio.timeout(CONNECT_S):  # it may lead to another server
                answer = await asked
        except BaseException as error:
            why = self._down or f"Redis at {self._address} does not answer"
            await self._give_up(asked)
            if isinstance(error, TimeoutError):
                raise RedisUnavailableError(why) from error
            raise
        self._opened = True
        return answer

    async def close(self) -> None:
        """Sends what is unsent if there is a connection, and waits for the answers."""
        if self._connection is not None and self.busy:
            quiet = asyncio.get_running_loop().create_future()
            self._quiet.append(quiet)
            await quiet
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._connection is not None:
            self._connection.abort()
        self._fail(self._unsent)

    # Commands

    def hint(self, script: str, *arguments: Argument) -> None:
        """Runs a script once Redis can be reached; nobody waits. Sent again if the answer is lost."""
        self._send(Command(self._evalsha(script, arguments), None, replay=True, script=script))

    def ask(self, script: str, *arguments: Argument, replay: bool = True) -> asyncio.Future[Any]:
        """The script's answer. Fails with RedisRefusedError or RedisUnavailableError."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._send(Command(self._evalsha(script, arguments), answer, replay=replay, script=script))
        return answer

    async def answered(self, answer: Awaitable[T]) -> T:
        """The answer to a question; one that cannot be asked in time raises RedisUnavailableError."""
        try:
            async with asyncio.timeout(QUESTION_S):
                return await answer
        except TimeoutError:
            raise RedisUnavailableError(self.trouble or f"Redis at {self.place} does not answer") from None

    def publish(self, channel: str, message: bytes) -> None:
        """To whoever listens there now. Not kept."""
        if self._connection is not None and not self._closed:
            self._send(Command(("PUBLISH", channel, message), None))

    def note_refusal(self, text: str) -> None:
        """Why Redis refuses changes, as it told otherwise than in an error; "" if it takes them."""
        self._refusal = f"Redis at {self._address} refuses changes: {text}" if text else ""

    def _evalsha(self, script: str, arguments: tuple[Argument, ...]) -> tuple[Argument, ...]:
        known = scripts()[script]
        if known.operation:
            arguments = (known.operation, *arguments)
        return ("EVALSHA", known.sha, 1, self._base, *arguments)

    def _send(self, command: Command) -> None:
        kept = command.answer is not None and not command.replay  # a lease: as many as wait for one
        if self._closed or (not kept and self._unsent_bytes + len(command.packed) > self._held_bytes):
            self.dropped += 1
            self._fail((command,))
            return
        self._unsent.append(command)
        self._unsent_bytes += len(command.packed)
        self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._flushing and self._connection is not None and not self._connection.paused:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        connection = self._connection
        if connection is None or connection.paused or not self._unsent:
            return
        connection.write(self._unsent)
        self._unsent.clear()
        self._unsent_bytes = 0
        if self._watch is None:
            self._watch_from(connection.replies)

    def _watch_from(self, replies: int) -> None:
        self._watch = asyncio.get_running_loop().call_later(ANSWER_S, self._look, replies)

    def _look(self, replies: int) -> None:
        self._watch = None
        connection = self._connection
        if connection is None or not connection.unanswered:
            return
        if connection.replies == replies:
            _log.warning("Redis does not answer; connecting anew", extra={"redis": self.place})
            connection.abort()
        else:
            self._watch_from(connection.replies)

    # Answers

    def _on_push(self, push: list[Any]) -> None:
        receive: Callable[..., None] | None = None
        arguments: list[bytes] = []
        if push[0] == b"message":
            receive, arguments = self._receivers.get(push[1]), push[2:3]
        elif push[0] == b"invalidate" and push[1] is None:
            receive = self._on_flush
        if receive is not None:
            asyncio.get_running_loop().call_soon(receive, *arguments)

    def _on_reply(self, command: Command, reply: Any) -> None:
        if not command.script:  # a message, or a script that is loaded
            if isinstance(reply, RedisRefusedError):
                _log.error("Redis refused a command", extra={"error": str(reply)})
        elif isinstance(reply, RedisRefusedError):
            self._on_refused(command, reply)
        else:
            if self._down or (self._refusal and command.script in _CHANGING):
                self._on_accepted(command)
            if command.answer is not None and not command.answer.done():
                command.answer.set_result(reply)
        if self._connection is not None and not self._connection.unanswered:
            if self._watch is not None:
                self._watch.cancel()
                self._watch = None
            if not self._unsent:
                self._say_quiet()

    def _on_accepted(self, command: Command) -> None:
        self._down = ""
        self._dialer.was_of_use()
        if command.script in _CHANGING:
            self._refusal = ""

    def _on_refused(self, command: Command, error: RedisRefusedError) -> None:
        text = str(error)
        if text.startswith("NOSCRIPT"):
            self._unsent.append(Command(("SCRIPT", "LOAD", scripts()[command.script].source), None))
            self._unsent.append(command)
            self._flush_soon()
            return
        if text.startswith(_ELSEWHERE):
            self._turned_away.append(command)
            if text.startswith("MOVED "):
                self._dialer.redirect(text, self._address)
            else:
                self._dialer.forget()
            self._down = f"Redis at {self._address} cannot serve: {text}"
            if self._connection is not None:
                self._connection.abort()
            return
        self._down = ""
        self.note_refusal(text)
        if command.answer is None:
            self.dropped += 1
            _log.error("Redis refused a change", extra={"operation": command.script, "error": text})
        elif not command.answer.done():
            command.answer.set_exception(error)

    # Connections

    def _on_lost(self, connection: Connection) -> None:
        if connection is not self._connection:
            return
        self._connection = None
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._down = self._down or f"Redis at {self._address} cannot be reached"
        again = [command for command in connection.unanswered if command.replay]
        for command in again:
            command.doubt()
        # In place before anybody hears of the loss: who asks anew comes after what was asked before.
        self._unsent.extendleft(reversed([*self._turned_away, *again]))
        self._unsent_bytes = sum(len(command.packed) for command in self._unsent)
        self._turned_away.clear()
        self._fail(command for command in connection.unanswered if command.script and not command.replay)
        self._say_quiet()
        if not self._closed:
            if self._opened:
                _log.warning("lost the connection to Redis", extra={"redis": self.place})
            self._connecting = asyncio.get_running_loop().create_task(self._reconnect())

    async def _reconnect(self) -> None:
        while True:
            await self._dialer.wait()
            try:
                await self._connect()
            except (RedisUnavailableError, RedisRefusedError) as error:
                _log.debug("Redis cannot be reached yet", extra={"error": str(error)})
            else:
                break
        self._connecting = None
        if not self._opened:
            return
        self.reconnected += 1
        _log.info("connected to Redis again", extra={"redis": self.place})
        kept, self._unsent = self._unsent, deque()
        for connected in self._after_loss:
            connected()
        if not self._dialer.redirected:  # others may have made up for what was not heard of
            for command in kept:
                command.doubt()
        self._unsent.extend(kept)

    async def _connect(self) -> None:
        """Raises RedisUnavailableError or RedisRefusedError."""
        try:
            dialed = await self._dialer.dial(self._receivers, self._on_reply, self._on_push, self._on_lost)
        except (RedisUnavailableError, RedisRefusedError) as error:
            self._down = str(error)
            raise
        self._connection, self._address, self.server = dialed
        self._connection.on_resume = self._flush_soon
        self._flush_soon()

    async def _give_up(self, asked: asyncio.Future[Any] | None) -> None:
        """Nothing was opened."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
            self._connecting = None
        if self._connection is not None:
            self._connection.abort()
            self._connection = None
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._unsent = deque(command for command in self._unsent if command.answer is not asked)
        self._dialer.was_of_use()

    def _fail(self, commands: Iterable[Command]) -> None:
        for command in commands:
            if command.answer is not None and not command.answer.done():
                command.answer.set_exception(
                    RedisUnavailableError(f"Redis at {self.place} cannot be reached")
                )

    def _say_quiet(self) -> None:
        for quiet in self._quiet:
            if not quiet.done():
                quiet.set_result(None)
        self._quiet.clear()
