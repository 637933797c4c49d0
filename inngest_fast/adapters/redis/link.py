"""The way to Redis: commands share round trips, and outlive a lost connection."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from inngest_fast.adapters.redis.address import Address
from inngest_fast.adapters.redis.connection import Argument, Command, Connection
from inngest_fast.adapters.redis.errors import RedisRefusedError, RedisUnavailableError
from inngest_fast.adapters.redis.handshake import greet
from inngest_fast.adapters.redis.scripts import scripts

CONNECT_S = 5.0
ANSWER_S = 10.0  # a server that is silent for so long is given up
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0
HELD_BYTES = 64 * 1024 * 1024

# Not errors of the command, but of where it went: it is sent again over a new connection.
_ELSEWHERE = ("MOVED ", "ASK ", "READONLY", "LOADING", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN")

_log = logging.getLogger(__name__)


class Link:
    """All of one turn of the event loop goes out in one write, in the order it was asked for.

    What `on_connected` sends after a loss goes before all else.
    While there is no connection up to `held_bytes` are kept; what is more is dropped, and counted.
    """

    def __init__(
        self,
        address: Address,
        base: str,
        node_id: str,
        *,
        on_wake: Callable[[], None],
        on_connected: Callable[[], None],
        held_bytes: int = HELD_BYTES,
    ) -> None:
        self._home = self._address = address
        self._base = base
        self._name = f"inngest-fast:{node_id}"
        self._channels = (f"{base}:wake", f"{base}:wake:{node_id}")
        self._on_wake = on_wake
        self._on_connected = on_connected
        self._held_bytes = held_bytes
        # Nodes must not come back all at once; that each does it its own way is all that is needed.
        self._jitter = random.Random(node_id)  # noqa: S311
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._unsent: deque[Command] = deque()
        self._unsent_bytes = 0
        self._turned_away: list[Command] = []  # not executed
        self._flushing = False
        self._watch: asyncio.TimerHandle | None = None
        self._quiet: list[asyncio.Future[None]] = []
        self._closed = False
        self.dropped = 0
        self.reconnected = 0

    @property
    def connected(self) -> bool:
        return self._connection is not None

    @property
    def busy(self) -> bool:
        """Whether an answer, or a connection, is still to come."""
        return bool(self._unsent or (self._connection is not None and self._connection.unanswered))

    async def open(self) -> None:
        """Raises RedisUnavailableError or RedisRefusedError."""
        try:
            await self._connect()
        except (OSError, TimeoutError) as error:
            raise RedisUnavailableError(
                f"cannot connect to Redis at {self._address}: {error or 'no answer'}"
            ) from error

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

    def hint(self, script: str, *arguments: Argument) -> None:
        """Runs a script once Redis can be reached; nobody waits. Sent again if the answer is lost."""
        self._send(Command(self._evalsha(script, arguments), None, replay=True, script=script))

    def ask(self, script: str, *arguments: Argument, replay: bool = True) -> asyncio.Future[Any]:
        """The script's answer. Fails with RedisRefusedError or RedisUnavailableError."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._send(Command(self._evalsha(script, arguments), answer, replay=replay, script=script))
        return answer

    def _evalsha(self, script: str, arguments: tuple[Argument, ...]) -> tuple[Argument, ...]:
        return ("EVALSHA", scripts()[script].sha, 1, self._base, *arguments)

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
            _log.warning("Redis does not answer; connecting anew", extra={"redis": str(self._address)})
            connection.abort()
        else:
            self._watch_from(connection.replies)

    def _on_reply(self, command: Command, reply: Any) -> None:
        if isinstance(reply, RedisRefusedError):
            self._on_refused(command, reply)
        elif command.answer is not None and not command.answer.done():
            command.answer.set_result(reply)
        if self._connection is not None and not self._connection.unanswered:
            if self._watch is not None:
                self._watch.cancel()
                self._watch = None
            if not self._unsent:
                self._say_quiet()

    def _on_refused(self, command: Command, error: RedisRefusedError) -> None:
        text = str(error)
        if text.startswith("NOSCRIPT"):
            self._unsent.append(Command(("SCRIPT", "LOAD", scripts()[command.script].source), None))
            self._unsent.append(command)
            self._flush_soon()
        elif text.startswith(_ELSEWHERE):
            self._turned_away.append(command)
            self._address = self._home
            if text.startswith("MOVED "):
                host, _, port = text.split(" ")[2].rpartition(":")
                self._address = self._home.at(host, int(port))
            if self._connection is not None:
                self._connection.abort()
        elif command.answer is None:
            self.dropped += 1
            _log.error("Redis refused a change", extra={"operation": command.script, "error": text})
        elif not command.answer.done():
            command.answer.set_exception(error)

    def _on_lost(self, connection: Connection) -> None:
        if connection is not self._connection:
            return
        self._connection = None
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        again = [command for command in connection.unanswered if command.replay]
        # In place before anybody hears of the loss: who asks anew comes after what was asked before.
        self._unsent.extendleft(reversed([*self._turned_away, *again]))
        self._unsent_bytes = sum(len(command.packed) for command in self._unsent)
        self._turned_away.clear()
        self._fail(command for command in connection.unanswered if command.script and not command.replay)
        self._say_quiet()
        if not self._closed:
            _log.warning("lost the connection to Redis", extra={"redis": str(self._address)})
            self._connecting = asyncio.get_running_loop().create_task(self._reconnect())

    async def _reconnect(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            try:
                await self._connect()
            except (OSError, TimeoutError, RedisRefusedError, RedisUnavailableError) as error:
                self._address = self._home
                _log.debug("Redis cannot be reached yet", extra={"error": str(error)})
                await asyncio.sleep(pause * (0.5 + self._jitter.random() / 2))
                pause = min(pause * 2, LONGEST_PAUSE_S)
            else:
                break
        self._connecting = None
        self.reconnected += 1
        _log.info("connected to Redis again", extra={"redis": str(self._address)})
        kept, self._unsent = self._unsent, deque()
        self._on_connected()
        self._unsent.extend(kept)

    async def _connect(self) -> None:
        async with asyncio.timeout(CONNECT_S):
            connection = await Connection.open(self._address, self._on_reply, self._on_wake, self._on_lost)
            try:
                await greet(connection, self._address, self._name, self._channels)
            except BaseException:
                connection.abort()
                raise
        if connection.lost:
            raise RedisUnavailableError("Redis closed the connection")
        connection.on_resume = self._flush_soon
        self._connection = connection
        self._flush_soon()

    def _fail(self, commands: Iterable[Command]) -> None:
        for command in commands:
            if command.answer is not None and not command.answer.done():
                command.answer.set_exception(RedisUnavailableError("Redis cannot be reached"))

    def _say_quiet(self) -> None:
        for quiet in self._quiet:
            if not quiet.done():
                quiet.set_result(None)
        self._quiet.clear()
