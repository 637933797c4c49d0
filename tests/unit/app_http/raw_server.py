"""Servers that are told byte by byte what to say."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field


@dataclass
class Received:
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return ", ".join(value for key, value in self.headers if key.lower() == name.lower())


@dataclass
class Peer:
    """The server's end of one connection. `number` counts the connections from 1."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: "RawServer"

    async def request(self) -> Received | None:
        """The next request, None when the client has closed the connection."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        first, *lines = head[:-4].decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = [(line.partition(": ")[0], line.partition(": ")[2]) for line in lines]
        received = Received(method, target, headers, b"")
        received.body = await self.reader.readexactly(int(received.header("content-length") or 0))
        self.server.requests.append(received)
        return received

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        """The polite end."""
        self.writer.close()

    def reset(self) -> None:
        """The impolite one: RST."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Waits until the client has closed the connection."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65_536):
                pass


Handler = Callable[[Peer], Awaitable[None]]


@dataclass
class RawServer:
    url: str
    connections: int = 0  # that ever were
    open: int = 0
    requests: list[Received] = field(default_factory=list)


@contextlib.asynccontextmanager
async def serving(
    handler: Handler, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[RawServer]:
    """A server with one handler for every connection, which is closed when the handler returns."""
    server = RawServer("")
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        server.connections += 1
        server.open += 1
        try:
            await handler(Peer(server.connections, reader, writer, server))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            server.open -= 1
            tasks.discard(task)
            writer.close()

    listener = await asyncio.start_server(accept, host, 0, ssl=tls, backlog=2_048)
    port = listener.sockets[0].getsockname()[1]
    name = f"[{host}]" if ":" in host else host
    server.url = f"{'https' if tls else 'http'}://{name}:{port}"
    try:
        yield server
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answering(*responses: bytes) -> Handler:
    """Answers each request of a connection with the next of these, the last one again and again."""

    async def handle(peer: Peer) -> None:
        left = list(responses)
        while await peer.request() is not None:
            await peer.send(left.pop(0) if len(left) > 1 else left[0])

    return handle


def closing(response: bytes) -> Handler:
    """Answers one request, then closes."""

    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.send(response)

    return handle


def reply(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """A well-formed response; `content_type="x"` becomes `content-type: x`."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def until(ask: Callable[[], object], within: float = 5.0) -> None:
    """Gives the loop its turns until the condition holds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while not ask():
        if loop.time() > deadline:
            raise AssertionError("the condition did not come true")
        await asyncio.sleep(0.001)
