"""ports.peers.Peers on Linux' abstract sockets: names without files, gone with their process.

They are apart by network namespace as ports are, so a name made of the address that the workers share is
theirs alone.
"""

import asyncio
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

ANSWER_S: Final = 0.5
_MAX_ANSWER: Final = 16 * 1024 * 1024
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid

_log = logging.getLogger(__name__)


class WorkerSockets:
    """`address` is the one that the workers share."""

    def __init__(self, number: int, count: int, address: str) -> None:
        self.number = number
        self.count = count
        self._address = address
        self._server: asyncio.Server | None = None

    async def serve(self, answer: Callable[[], Awaitable[bytes]]) -> None:
        async def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                if _is_ours(writer):
                    writer.write(await answer())
                    await writer.drain()
            except OSError:
                pass  # it has gone
            finally:
                writer.close()

        place = _socket()
        try:
            place.bind(self._name(self.number))
            self._server = await asyncio.start_unix_server(connected, sock=place)
        except OSError as error:
            place.close()
            _log.warning("the other workers cannot ask this one for its metrics", extra={"error": str(error)})

    async def ask(self) -> Mapping[int, bytes]:
        others = [number for number in range(1, self.count + 1) if number != self.number]
        answers = await asyncio.gather(*map(self._ask, others))
        return {number: answer for number, answer in zip(others, answers, strict=True) if answer is not None}

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _name(self, number: int) -> str:
        return f"\0inngest-fast/{self._address}/{number}"

    async def _ask(self, number: int) -> bytes | None:
        place = _socket()
        try:
            place.connect(self._name(number))  # at once, or not at all
            async with asyncio.timeout(ANSWER_S):
                reader, writer = await asyncio.open_unix_connection(sock=place, limit=_MAX_ANSWER)
                try:
                    return await reader.read() if _is_ours(writer) else None
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            place.close()
            return None


def _socket() -> socket.socket:
    """Made here: uvloop knows no such names."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.setblocking(False)
    return made


def _is_ours(writer: asyncio.StreamWriter) -> bool:
    """Whether a process of our own user is at the other end."""
    sock = writer.get_extra_info("socket")
    found = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return bool(_CREDENTIALS.unpack(found)[1] == os.getuid())
