"""One request as ASGI brings it."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from inngest_fast.api.http import BodyTooLargeError
from inngest_fast.domain import api_keys

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


_MAX_DIGITS = 18


BODY_TIMEOUT_S = 60


class ClientGoneError(Exception):
    """The client broke its request off."""


class BodyTimeoutError(Exception):
    """The body takes too long to come: such a client holds a connection, and may mean to."""


class AsgiRequest:
    """api.http.Request over an ASGI scope."""

    __slots__ = (
        *("_body", "_headers", "_max_body", "_receive"),
        *("granted", "method", "params", "path", "peer", "query_string"),
    )

    def __init__(self, scope: Scope, receive: Receive, max_body: int) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query_string: str = scope["query_string"].decode("latin-1")
        self.params: dict[str, str] = {}
        self.granted: api_keys.Scope | None = None
        self.peer: str = (scope.get("client") or ("",))[0]
        # Reversed, so that of repeated ones the first remains.
        self._headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))
        self._receive = receive
        self._max_body = max_body
        self._body: bytes | None = None

    def header(self, name: str) -> str:
        value = self._headers.get(name.encode("latin-1"))
        return "" if value is None else value.decode("latin-1")

    async def body(self) -> bytes:
        if self._body is not None:
            return self._body
        announced = self._headers.get(b"content-length", b"")
        if announced.isdigit() and (len(announced) > _MAX_DIGITS or int(announced) > self._max_body):
            raise BodyTooLargeError
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                body = await self._read()
        except TimeoutError:
            raise BodyTimeoutError from None
        self._body = body
        return body

    async def _read(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        body: bytes = message.get("body", b"")
        if message.get("more_body", False):
            return await self._rest(body)
        if len(body) > self._max_body:
            raise BodyTooLargeError
        return body

    async def _rest(self, first: bytes) -> bytes:
        chunks = [first]
        size = len(first)
        more = True
        while more:
            if size > self._max_body:
                raise BodyTooLargeError
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            chunk: bytes = message.get("body", b"")
            chunks.append(chunk)
            size += len(chunk)
            more = message.get("more_body", False)
        if size > self._max_body:
            raise BodyTooLargeError
        return b"".join(chunks)
