"""Open connections by origin, kept for a moment between calls."""

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from inngest_fast.adapters.app_http.connection import Connection
from inngest_fast.ports.app_client import AppCallError

if TYPE_CHECKING:
    import ssl

Origin = tuple[str, str, int]

# Shorter than the five seconds after which Node.js and uvicorn close an idle connection.
IDLE_S = 4.0
MAX_IDLE_PER_ORIGIN = 100
CONNECT_TIMEOUT_S = 10.0


class Pool:
    """Last in, first out: under less load the surplus connections age and go."""

    def __init__(self, tls: "Callable[[], ssl.SSLContext]", *, public_only: bool = False) -> None:
        self._tls = tls
        self._public_only = public_only
        self._idle: dict[Origin, list[Connection]] = {}
        self._origins: dict[Connection, Origin] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    def __len__(self) -> int:
        """Open connections, idle or busy."""
        return len(self._origins)

    def take(self, origin: Origin) -> Connection | None:
        """An idle connection, if there is a fresh one."""
        stack = self._idle.get(origin)
        oldest = asyncio.get_running_loop().time() - IDLE_S
        while stack:
            connection = stack.pop()
            if connection.closed or not connection.reusable:
                continue
            if connection.idle_since >= oldest:
                return connection
            connection.close()
        return None

    async def connect(self, origin: Origin) -> Connection:
        """A new connection. Raises AppCallError."""
        scheme, host, port = origin
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                addresses = await _public_addresses(host, port) if self._public_only else [host]
                for address in addresses:
                    try:
                        _, connection = await loop.create_connection(
                            lambda: Connection(self._lost),
                            address,
                            port,
                            ssl=self._tls() if scheme == "https" else None,
                            server_hostname=host if scheme == "https" else None,
                        )
                        break
                    except OSError:
                        if address == addresses[-1]:
                            raise
        except TimeoutError:
            raise AppCallError("refused", f"{host}:{port} did not accept a connection in time") from None
        except socket.gaierror as error:
            raise AppCallError("refused", f"{host} has no address: {error.strerror}") from None
        except OSError as error:
            fault = "tls" if type(error).__module__ == "ssl" else "refused"
            raise AppCallError(fault, str(error)) from None  # type: ignore[arg-type]
        except UnicodeError:
            raise AppCallError("refused", f"{host} is no host name") from None
        if self._closed or connection.closed:
            connection.close()
            raise AppCallError("refused", "the connection was closed before the request")
        self._origins[connection] = origin
        return connection

    def give_back(self, connection: Connection) -> None:
        """The exchange is over."""
        origin = self._origins.get(connection)
        if origin is None or not connection.reusable:
            connection.close()
            return
        stack = self._idle.setdefault(origin, [])
        if len(stack) >= MAX_IDLE_PER_ORIGIN:
            connection.close()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        stack.append(connection)
        if self._sweep is None:
            self._sweep = loop.call_later(IDLE_S, self._close_stale)

    def close(self) -> None:
        """Ends every connection, and those that are being made as soon as they are."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        self._idle.clear()
        for connection in list(self._origins):
            connection.close()

    def _lost(self, connection: Connection) -> None:
        origin = self._origins.pop(connection, None)
        stack = self._idle.get(origin) if origin is not None else None
        if stack is not None and connection in stack:
            stack.remove(connection)

    def _close_stale(self) -> None:
        loop = asyncio.get_running_loop()
        oldest = loop.time() - IDLE_S
        for origin, stack in list(self._idle.items()):
            fresh = [c for c in stack if c.idle_since >= oldest]
            for connection in stack:
                if connection.idle_since < oldest:
                    connection.close()
            if fresh:
                self._idle[origin] = fresh
            else:
                del self._idle[origin]
        self._sweep = loop.call_later(IDLE_S, self._close_stale) if self._idle else None


async def _public_addresses(host: str, port: int) -> list[str]:
    """Those to connect to: what is looked at and what is used must not be two look-ups.

    Raises AppCallError for a name that leads anywhere else, if only in part.
    """
    from inngest_fast.adapters.app_http.addresses import is_public

    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(place[0]) for *_, place in found]
    if not addresses or not all(map(is_public, addresses)):
        raise AppCallError("forbidden", f"{host} is not a public address; see --gateway-allow-private")
    return addresses
