"""One connection to an app: one exchange at a time."""

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

from inngest_fast.ports.app_client import AppCallError

_INFORMATIONAL = 200
# Headers, trailers and chunk framing; an honest app needs a few KB, and up to 5 bytes a byte in tiny chunks.
MAX_OVERHEAD = 1024 * 1024
_FRAMING_PER_BYTE = 8


class Raw:
    """A response as it came."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class Connection(asyncio.Protocol):
    """An HTTP/1.1 client connection. `released` is called once it cannot be used any more."""

    def __init__(self, on_lost: Callable[["Connection"], None]) -> None:
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Raw] | None = None
        self._headers: dict[str, str] = {}
        self._body: bytes | bytearray = b""
        self._received = 0
        self._limit = 0
        self._in_body = False
        self._bodiless = False
        self._any_byte = False
        self.exchanges = 0
        self.idle_since = 0.0
        self.reusable = True
        self.closed = False

    def exchange(self, request: bytes, limit: int, *, bodiless: bool = False) -> asyncio.Future[Raw]:
        """Sends a request; the answer may have `limit` bytes of body. Ends in AppCallError on any fault.

        An answer to HEAD is `bodiless`, whatever length its headers tell. The fault is "refused" only if no
        byte came.
        """
        assert self._transport is not None
        self.exchanges += 1
        self._limit = limit
        self._bodiless = bodiless
        self._any_byte = False
        self._received = 0
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        self.reusable = False
        if self._transport is not None and not self.closed:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        self._any_byte = True
        if self._answer is None:
            self.close()  # bytes that nobody asked for
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("protocol", "the app switched protocols")
        except httptools.HttpParserError as error:
            if self._answer is None:
                self.close()
                return
            self._fail("protocol", f"malformed HTTP response: {error}")
        else:
            self._received += len(data)
            if self._received > MAX_OVERHEAD and self._answer is not None:
                self._check_overhead()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self.reusable = False
        if self._answer is not None:
            if self._in_body and exc is None and self._ends_with_connection():
                self.on_message_complete()
            elif self._any_byte:
                self._fail("protocol", "the connection was closed in the middle of the response")
            else:
                self._fail("refused", "the connection was closed before the response")
        self._on_lost(self)

    # httptools

    def on_message_begin(self) -> None:
        if self._answer is None:
            self.reusable = False  # more than the response that was asked for

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_body:
            return  # a trailer
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1").strip()
        known = self._headers.get(key)
        self._headers[key] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        self._in_body = True
        if self._bodiless and self._parser.get_status_code() >= _INFORMATIONAL:
            self.on_message_complete()
            self.reusable = False  # the parser waits for the body that the headers told of

    def on_body(self, body: bytes) -> None:
        if self._answer is None:
            return
        if len(self._body) + len(body) > self._limit:
            self._fail("too_large", f"the response has more than {self._limit} bytes")
        elif not self._body:
            self._body = body  # most come in one piece, and are not copied
        else:
            if isinstance(self._body, bytes):
                self._body = bytearray(self._body)
            self._body += body

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        headers, body = self._headers, self._body
        self._headers, self._body, self._in_body = {}, b"", False
        if status < _INFORMATIONAL:
            return
        answer, self._answer = self._answer, None
        self.reusable = self.reusable and self._parser.should_keep_alive()
        if answer is not None and not answer.done():
            answer.set_result(Raw(status, headers, bytes(body)))

    def _ends_with_connection(self) -> bool:
        headers = self._headers
        return "content-length" not in headers and "transfer-encoding" not in headers

    def _check_overhead(self) -> None:
        if self._received - len(self._body) > MAX_OVERHEAD + _FRAMING_PER_BYTE * len(self._body):
            self._fail("protocol", "the response has too many bytes of headers or framing")

    def _fail(self, fault: str, message: str) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(AppCallError(fault, message))  # type: ignore[arg-type]
        self.close()
