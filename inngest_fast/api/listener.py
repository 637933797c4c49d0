"""The HTTP listener: granian, in this process and on this loop."""

import asyncio
import errno
import logging
import os
import resource
import socket
import warnings
from typing import TYPE_CHECKING, Any, cast

from inngest_fast.domain.errors import InngestFastError

if TYPE_CHECKING:  # the supervisor of workers only binds
    from inngest_fast.api.application import Application

_BACKLOG = 1024
_MOST_CONNECTIONS = 10_000
_OTHER_FILES = 256  # the database's, and the connections to apps
_PORTS_TRIED = 100
_REQUESTS_ARRIVE_S = 0.1  # after their connections

_log = logging.getLogger(__name__)


class ListenError(InngestFastError):
    """The address cannot be listened on."""

    code = "listen"


def bound(
    host: str, port: int, *, search: bool = False, shared: bool = False, flag: str = "--port"
) -> socket.socket:
    """A socket at `port`, or with `search` at the next one that is free; 0 means any. Raises ListenError,
    which names the `flag` to set.

    It does not listen yet: until `Listener.start` clients are refused. `shared`: other processes that say so
    may have a socket there as well, and each connection goes to any one of them.
    """
    tried = range(port, min(port + _PORTS_TRIED, 65_536)) if search and port else (port,)
    for candidate in tried:
        try:
            return _bound(host, candidate, shared=shared)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and search:
                continue
            raise _refused(f"{host}:{candidate}", error, flag) from None
    raise ListenError(
        f"cannot listen on {host}: ports {tried[0]} to {tried[-1]} are all in use; choose one with --port"
    )


def _bound(host: str, port: int, *, shared: bool) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Past connections do not keep the port.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        found.bind(address)
    except OSError:
        found.close()
        raise
    return found


def _refused(address: str, error: OSError, flag: str = "--port") -> ListenError:
    reason = "it is in use by another program" if error.errno == errno.EADDRINUSE else error.strerror
    return ListenError(f"cannot listen on {address}: {reason}; choose another with {flag}")


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
    """start, then stop.

    `place` is a bound socket, which becomes the listener's own. Several processes may have it: then each
    connection goes to whichever takes it first, and those that one had not yet taken at its end are not lost.
    """

    def __init__(self, application: "Application", place: socket.socket) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from granian._granian import SocketHolder
            from granian.constants import HTTPModes, Interfaces
            from granian.server.embed import Server

        holder = cast("Any", SocketHolder)  # its stub knows no arguments

        class AtPlace(Server):
            """Granian would bind a socket of its own, and share its port with any who do alike."""

            def _init_shared_socket(self) -> None:
                self._shd = holder(place.detach(), False, _BACKLOG)

        self._place = place
        self._fd = place.fileno()
        self._server = AtPlace(
            application,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=False,
            backlog=_BACKLOG,
            backpressure=_room(),
            log_enabled=False,
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns once connections are accepted by this process. Raises ListenError."""
        host, port = self._place.getsockname()[:2]
        address = f"{host}:{port}"
        try:
            self._place.listen(_BACKLOG)
        except OSError as error:  # another program was at the same port, and was faster
            self._place.close()
            raise _refused(address, error) from None
        self._place.setblocking(False)
        begun = asyncio.Event()
        self._server.on_startup(begun.set)
        self._task = asyncio.get_running_loop().create_task(self._server.serve(), name="listener")
        waiting = asyncio.ensure_future(begun.wait())
        await asyncio.wait((self._task, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        # In the same step granian makes a task for its worker; that accepts from its own first step on. A
        # connection to the port would prove nothing: the kernel takes it, or another process.
        await asyncio.sleep(0)
        (worker,) = self._server.wrks or (None,)
        if worker is None or self._task.done() or not worker.is_alive():  # type: ignore[no-untyped-call]
            raise ListenError(f"the listener on {address} did not start")

    async def leave(self, timeout: float) -> None:
        """As `stop`, where other processes have the same socket: connections that come now go to them.

        Those taken last have a moment to say what they want.
        """
        if self._task is not None and not self._task.done():
            # Granian accepts until it closes all it has: so let there be nothing to accept at its descriptor.
            with socket.create_server(("127.0.0.1", 0)) as unused:
                unused.setblocking(False)
                os.dup2(unused.fileno(), self._fd, inheritable=False)
            await asyncio.sleep(_REQUESTS_ARRIVE_S)
        await self.stop(timeout)

    async def stop(self, timeout: float) -> None:
        """Accepts nothing more, and waits at most so many seconds for requests that are being answered."""
        if self._task is None:
            self._place.close()
            return
        if self._task.done():
            return
        self._server.stop()  # type: ignore[no-untyped-call]
        done, _ = await asyncio.wait((self._task,), timeout=timeout)
        if not done:
            _log.warning("requests were still open at the end")
            asyncio.get_running_loop().set_exception_handler(_unless_late)
