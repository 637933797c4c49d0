"""Sends events over keep-alive connections, and tells the server of the app."""

import asyncio
import hashlib
import itertools
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, cast

import httptools
import msgspec

from bench.server import Server

_REFUSED = frozenset({429, 503})


class Reply(msgspec.Struct):
    status: int
    body: bytes


class Accepted(msgspec.Struct):
    ids: list[str]


_accepted = msgspec.json.Decoder(Accepted)


class Connection(asyncio.Protocol):
    """One request at a time, always to one address. May be connected again once it is closed, as a server
    does with an idle one."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self._transport: asyncio.Transport | None = None
        self._parser: Any = None
        self._reply: asyncio.Future[Reply] | None = None
        self._body: list[bytes] = []

    @property
    def closed(self) -> bool:
        return self._transport is None

    async def request(self, message: bytes) -> Reply:
        """Raises ConnectionError."""
        if self._transport is None:
            raise ConnectionError("the server closed the connection")
        self._reply = asyncio.get_running_loop().create_future()
        self._body = []
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(message)
        return await self._reply

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        if self._parser is not None:
            self._parser.feed_data(data)

    def eof_received(self) -> None:
        self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(ConnectionError("the server closed the connection"))

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.close()
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(Reply(self._parser.get_status_code(), b"".join(self._body)))


class Sender:
    """A fixed number of connections, to the servers in turn; used as a context."""

    def __init__(self, server: Server, connections: int) -> None:
        self._server = server
        self._count = connections
        self._turns = itertools.cycle(server.addresses)
        path = f"/e/{server.event_key}"
        self._heads = {address: _lines(address, path, ()) for address in server.addresses}
        self.connections: list[Connection] = []

    async def __aenter__(self) -> Self:
        for _ in range(self._count):
            self.connections.append(await self.connect())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self.connections:
            connection.close()

    async def connect(self, connection: Connection | None = None) -> Connection:
        """A new connection, or this one again."""
        again = connection or Connection(next(self._turns))
        await asyncio.get_running_loop().create_connection(lambda: again, *again.address)
        return again

    async def post(
        self, connection: Connection, body: bytes, events: int, refused: Callable[[], None]
    ) -> None:
        """Sends events until they are accepted; a server that is overloaded is asked again.

        SystemExit on any other answer: what follows would measure nothing.
        """
        message = self._heads[connection.address] + str(len(body)).encode() + b"\r\n\r\n" + body
        pause = 0.01
        while True:
            if connection.closed:
                await self.connect(connection)
            reply = await connection.request(message)
            if reply.status == 200:
                break
            if reply.status not in _REFUSED:
                raise SystemExit(f"bench: the server answered {reply.status} to an event: {reply.body!r}")
            refused()
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)
        accepted = len(_accepted.decode(reply.body).ids)
        if accepted != events:
            raise SystemExit(f"bench: {events} events were sent and {accepted} accepted")

    async def register(self, request: dict[str, Any]) -> None:
        """Registers the app (sdk-protocol §1.2). SystemExit when it is refused."""
        headers = [("x-inngest-sdk", request["sdk"])]
        if self._server.signing_key:
            headers.append(("Authorization", f"Bearer {bearer_token(self._server.signing_key)}"))
        body = msgspec.json.encode(request)
        head = _lines(self._server.addresses[0], "/fn/register", headers)
        connection = await self.connect(Connection(self._server.addresses[0]))
        try:
            reply = await connection.request(head + str(len(body)).encode() + b"\r\n\r\n" + body)
        finally:
            connection.close()
        if reply.status != 200:
            raise SystemExit(f"bench: the app was refused with {reply.status}: {reply.body!r}")


def _lines(address: tuple[str, int], path: str, headers: Any) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: {}:{}".format(*address), "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "Content-Length: "]).encode()


def bearer_token(key: str) -> str:
    """What an app sends of the signing key (sdk-protocol §6.2)."""
    prefix, dash, digits = key.rpartition("-")
    return prefix + dash + hashlib.sha256(bytes.fromhex(digits)).hexdigest()
