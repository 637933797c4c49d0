"""An app as an HTTP server, as bare as can be, so that little of what is measured is its own."""

import asyncio
import socket
from types import TracebackType
from typing import Any, Final, Self, cast
from urllib.parse import parse_qs

import httptools
import msgspec

from bench.functions import FUNCTIONS, SDK, Answer, Call, registration
from bench.journal import Journal
from bench.sender import Sender

PATH: Final = "/api/inngest"

_call = msgspec.json.Decoder(Call)
_INSPECTION: Final = msgspec.json.encode(
    {
        "function_count": len(FUNCTIONS),
        "has_event_key": True,
        "has_signing_key": False,
        "mode": "dev",
        "schema_version": "2024-05-24",
    }
)


class App:
    """Listens from `async with` on; every call goes into the journal."""

    def __init__(self, journal: Journal, sender: Sender) -> None:
        self._journal = journal
        self._sender = sender
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

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

    async def register(self) -> None:
        await self._sender.register(registration(self.url))

    def answer(self, method: bytes, query: bytes, body: bytes) -> Answer:
        if method == b"POST":
            return self._called(query, body)
        if method == b"PUT":  # a sync that the server began: it wants to be told again
            task = asyncio.get_running_loop().create_task(self.register())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return Answer(200, b'{"message":"Successfully registered","modified":false}')
        return Answer(200, _INSPECTION)

    def _called(self, query: bytes, body: bytes) -> Answer:
        asked = parse_qs(query.decode())
        call = _call.decode(body)
        n = call.event.data.n
        self._journal.call(n, call.ctx.attempt)
        function = FUNCTIONS[asked["fnId"][0].removeprefix("bench-")]
        answer = function(call, asked["stepId"][0])
        if answer.last:
            self._journal.end(n)
        return answer


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
        answer = self._app.answer(self._parser.get_method(), query, b"".join(self._body))
        if self._transport is None:
            return
        length = str(len(answer.body)).encode()
        self._transport.write(_LINES[answer.status] + _HEADERS + length + b"\r\n\r\n" + answer.body)
        if not self._parser.should_keep_alive():
            self._transport.close()
