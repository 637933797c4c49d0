"""The HTTP listener: granian, in this process and on this loop."""

import asyncio
import errno
import logging
import resource
import socket
import warnings
from typing import Any

from inngest_fast.api.application import Application
from inngest_fast.domain.errors import InngestFastError

_BACKLOG = 1024
_MOST_CONNECTIONS = 10_000
_OTHER_FILES = 256  # the database's, and the connections to apps
_PORTS_TRIED = 100
_STARTED_WITHIN_S = 10.0

_log = logging.getLogger(__name__)


class ListenError(InngestFastError):
    """The address cannot be listened on."""

    code = "listen"


def free_port(host: str, port: int, *, search: bool) -> int:
    """The port to listen on: `port`, or with `search` the next one that is free; 0 means any.

    Raises ListenError. Granian shares ports with others that allow it, hence the look before.
    """
    tried = range(port, min(port + _PORTS_TRIED, 65_536)) if search and port else (port,)
    for candidate in tried:
        try:
            return _bound(host, candidate)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and search:
                continue
            reason = "it is in use by another program" if error.errno == errno.EADDRINUSE else error.strerror
            raise ListenError(
                f"cannot listen on {host}:{candidate}: {reason}; choose another with --port"
            ) from None
    raise ListenError(
        f"cannot listen on {host}: ports {tried[0]} to {tried[-1]} are all in use; choose one with --port"
    )


def _bound(host: str, port: int) -> int:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        return int(probe.getsockname()[1])


def _room() -> int:
    """How many connections to hold at once; beyond them even a probe is not answered. Idle ones count.

    Takes for it what the system lets this process have: shells start programs with few open files.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_CONNECTIONS + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    return max(min(_MOST_CONNECTIONS, soft - _OTHER_FILES), 1)


def _unless_late(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Granian tells a future that its last request has ended; with the loop at its end that one is gone."""
    if not isinstance(context.get("exception"), asyncio.InvalidStateError):
        loop.default_exception_handler(context)


class Listener:
    """start, then stop."""

    def __init__(self, application: Application, host: str, port: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from granian.constants import HTTPModes, Interfaces
            from granian.server.embed import Server

        self._host = host
        self._port = port
        self._server = Server(
            application,
            address=str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0]),
            port=port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=False,
            backlog=_BACKLOG,
            backpressure=_room(),
            log_enabled=False,
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns once connections are accepted. Raises ListenError."""
        self._task = asyncio.get_running_loop().create_task(self._server.serve(), name="listener")
        deadline = asyncio.get_running_loop().time() + _STARTED_WITHIN_S
        while not await self._accepts():
            if self._task.done() or asyncio.get_running_loop().time() > deadline:
                raise ListenError(f"the listener on {self._host}:{self._port} did not start")
            await asyncio.sleep(0.002)

    async def stop(self, timeout: float) -> None:
        """Accepts nothing more, and waits at most so many seconds for requests that are being answered."""
        if self._task is None or self._task.done():
            return
        self._server.stop()  # type: ignore[no-untyped-call]
        done, _ = await asyncio.wait((self._task,), timeout=timeout)
        if not done:
            _log.warning("requests were still open at the end")
            asyncio.get_running_loop().set_exception_handler(_unless_late)

    async def _accepts(self) -> bool:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104 compared with
        try:
            _, writer = await asyncio.open_connection(host, self._port)
        except OSError:
            return False
        writer.close()
        return True
