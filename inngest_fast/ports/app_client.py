"""Calls to users' apps."""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

Fault = Literal["refused", "timeout", "too_large", "redirects", "tls", "protocol", "forbidden"]
# "same": method, headers, body and query stay (sdk-protocol §2). "fetch": as browsers do, and what tells who
# asks goes to no other origin. "never": the redirect is the response.
Follow = Literal["same", "fetch", "never"]


class AppRequest(msgspec.Struct, frozen=True):
    """One request. Header names are sent as given; `Host` and `Content-Length` are added."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    timeout_ms: int = 10_000  # for everything together
    max_body: int = 8 * 1024 * 1024
    max_redirects: int = 60
    follow: Follow = "same"


class AppResponse(msgspec.Struct, frozen=True):
    """A whole response. Header names are lower-case; the body is out of its content coding."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class AppCallError(Exception):
    """No usable response. `fault` is "refused" when nothing answered: no route, no listener, or a connection
    closed before the first byte; "forbidden" for an address that this client does not connect to.
    """

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.fault: Fault = fault


class AppClient(Protocol):
    @property
    def connections(self) -> int:
        """Open ones, idle or busy."""
        ...

    async def send(self, request: AppRequest) -> AppResponse:
        """Sends, follows redirects as the request says, reads.

        Raises AppCallError. A request may reach the app twice if a kept connection breaks at once, before a
        byte of the answer came.
        """
        ...

    async def close(self) -> None:
        """Ends every connection; calls in flight fail."""
        ...
