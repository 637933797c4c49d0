"""An app as an HTTP server, as bare as can be, so that little of what is measured is its own."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, cast
from urllib.parse import parse_qs

import httptools
import msgspec

from bench.functions import FUNCTIONS, SDK, Answer, Call, Function, registration
from bench.hold import Hold
from bench.journal import Journal
from bench.sender import Sender

PATH: Final = "/api/inngest"

_call = msgspec.json.Decoder(Call)
Flow = Mapping[str, Mapping[str, Any]]


class App:
    """Listens from `async with` on; every call goes into the journal.

    `flow` is what of flow control its functions have, `holds` keep answers of some of them back.
    """

    def __init__(
        self,
        journal: Journal,
        sender: Sender,
        name: str = "bench",
        functions: Mapping[str, Function] = FUNCTIONS,
        flow: Flow | None = None,
    ) -> None:
        self.name = name
        self.holds: dict[str, Hold] = {}
        self.connections: set[_Connection] = set()
        self.url = ""
        self._journal = journal
        self._sender = sender
        self._functions = functions
        self._flow: Flow = flow or {}
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._inspection = msgspec.json.encode(
            {
                "function_count": len(functions),
                "has_event_key": True,
                "has_signing_key": False,
                "mode": "dev",
                "schema_version": "2024-05-24",
            }
        )

    async def __aenter__(self) -> Self:
        """Both addresses of `localhost`: servers call an app of 127.0.0.1 by that name (§1.3)."""
        loop = asyncio.get_running_loop()
        first = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self._servers.append(first)
        port = first.sockets[0].getsockname()[1]
        if socket.has_ipv6:
            try:
                self._servers.append(await loop.create_server(lambda: _Connection(self), "::1", port))
            except OSError:
                pass  # a machine without an IPv6 loopback
        self.url = f"http://127.0.0.1:{port}{PATH}"
        await self.register()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.close()
        for connection in self.connections:
            connection.close()

    async def register(self) -> None:
        await self._sender.register(registration(self.name, self.url, self._functions, self._flow))

    async def change(self, flow: Flow) -> None:
        """A deploy that only changes the flow control of its functions."""
        self._flow = flow
        await self.register()

    def answer(self, method: bytes, query: bytes, body: bytes, reply: Callable[[Answer], None]) -> None:
        """Replies now or later."""
        if method == b"POST":
            self._called(query, body, reply)
        elif method == b"PUT":  # a sync that the server began: it wants to be told again
            task = asyncio.get_running_loop().create_task(self.register())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            reply(Answer(200, b'{"message":"Successfully registered","modified":false}'))
        else:
            reply(Answer(200, self._inspection))

    def _called(self, query: bytes, body: bytes, reply: Callable[[Answer], None]) -> None:
        asked = parse_qs(query.decode())
        call = _call.decode(body)
        n = call.event.data.n
        self._journal.call(n, call.ctx.attempt)
        name = asked["fnId"][0].removeprefix(f"{self.name}-")
        answer = self._functions[name](call, asked["stepId"][0])
        hold = self.holds.get(name)
        if hold is None:
            self._answered(n, answer, reply)
        else:
            hold.pass_on(partial(self._answered, n, answer, reply))

    def _answered(self, n: int, answer: Answer, reply: Callable[[Answer], None]) -> None:
        if answer.last:
            self._journal.end(n)
        reply(answer)


_HEADERS = (
    f"Content-Type: application/json\r\nX-Inngest-SDK: {SDK}\r\n"
    "X-Inngest-Req-Version: 2\r\nX-Inngest-Framework: bench\r\nContent-Length: "
).encode()
_LINES = {200: b"HTTP/1.1 200 OK\r\n", 206: b"HTTP/1.1 206 Partial Content\r\n"}


class _Connection(asyncio.Protocol):
    def __init__(self, app: App) -> None:
        self._app = app
        self._transport: asyncio.Transport | None = None
        self._parser: Any = httptools.HttpRequestParser(self)
        self._url = b""
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._app.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._app.connections.discard(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._url = b""
        self._body = []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        query = self._url.partition(b"?")[2]
        self._app.answer(self._parser.get_method(), query, b"".join(self._body), self._reply)

    def _reply(self, answer: Answer) -> None:
        if self._transport is None:
            return
        length = str(len(answer.body)).encode()
        self._transport.write(_LINES[answer.status] + _HEADERS + length + b"\r\n\r\n" + answer.body)
        if not self._parser.should_keep_alive():
            self._transport.close()
