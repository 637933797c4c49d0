"""Calls to users' apps."""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

Fault = Literal["refused", "timeout", "too_large", "redirects", "tls", "protocol"]


class AppRequest(msgspec.Struct, frozen=True):
    """One request. Header names are sent as given; `Host` and `Content-Length` are added."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    timeout_ms: int = 10_000  # for everything together
    max_body: int = 8 * 1024 * 1024
    max_redirects: int = 60


class AppResponse(msgspec.Struct, frozen=True):
    """A whole response. Header names are lower-case; the body is out of its content coding."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class AppCallError(Exception):
    """No usable response. `fault` is "refused" when nothing answered: no route, no listener, or a connection
    closed before the first byte.
    """

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.fault: Fault = fault


class AppClient(Protocol):
    async def send(self, request: AppRequest) -> AppResponse:
        """Sends, follows redirects with method, headers, body and query kept (sdk-protocol §2), reads.

        Raises AppCallError. A request may reach the app twice if a kept connection breaks at once, before a
        byte of the answer came.
        """
        ...

    async def close(self) -> None:
        """Ends every connection; calls in flight fail."""
        ...
