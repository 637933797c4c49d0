"""Sends requests, follows redirects, and opens what comes back."""

import asyncio
from typing import TYPE_CHECKING

from inngest_fast.adapters.app_http.connection import Connection, Raw
from inngest_fast.adapters.app_http.content_coding import decoded
from inngest_fast.adapters.app_http.pool import Pool
from inngest_fast.adapters.app_http.target import Target, parse_target, redirected
from inngest_fast.ports.app_client import AppCallError, AppRequest, AppResponse
from inngest_fast.version import VERSION

if TYPE_CHECKING:
    import ssl

_REDIRECTS = frozenset((301, 302, 303, 307, 308))

# A kept connection that the app was closing anyway breaks within a round trip. One that breaks later took a
# request along that may have been worked on: sending it again is for a retry, which counts, to decide.
STALE_S = 1.0


class HttpAppClient:
    """ports.app_client.AppClient. TLS trusts what the system, or SSL_CERT_FILE, trusts."""

    def __init__(self) -> None:
        self._pool = Pool(self._tls)
        self._context: ssl.SSLContext | None = None
        self._closed = False

    @property
    def connections(self) -> int:
        return len(self._pool)

    async def send(self, request: AppRequest) -> AppResponse:
        if self._closed:
            raise AppCallError("refused", "the client is closed")
        try:
            async with asyncio.timeout(request.timeout_ms / 1_000):
                return await self._follow(request)
        except TimeoutError:
            raise AppCallError("timeout", f"no response within {request.timeout_ms / 1_000:g} s") from None

    async def close(self) -> None:
        self._closed = True
        self._pool.close()

    async def _follow(self, request: AppRequest) -> AppResponse:
        url = request.url
        for _ in range(request.max_redirects + 1):
            target = parse_target(url)
            raw = await self._exchange(target, _encode(request, target), request.max_body)
            location = raw.headers.get("location") if raw.status in _REDIRECTS else None
            if location is None:
                body = raw.body
                if coding := raw.headers.get("content-encoding"):
                    body = decoded(body, coding, request.max_body)
                return AppResponse(raw.status, raw.headers, body)
            url = redirected(url, location)
        raise AppCallError("redirects", f"stopped after {request.max_redirects} redirects")

    async def _exchange(self, target: Target, data: bytes, limit: int) -> Raw:
        connection = self._pool.take(target.origin)
        if connection is not None:
            sent = asyncio.get_running_loop().time()
            try:
                return await self._on(connection, data, limit)
            except AppCallError as error:
                late = asyncio.get_running_loop().time() - sent > STALE_S
                if error.fault != "refused" or late or self._closed:
                    raise
        return await self._on(await self._pool.connect(target.origin), data, limit)

    async def _on(self, connection: Connection, data: bytes, limit: int) -> Raw:
        try:
            raw = await connection.exchange(data, limit)
        except BaseException:
            connection.close()
            raise
        self._pool.give_back(connection)
        return raw

    def _tls(self) -> "ssl.SSLContext":
        if self._context is None:
            import ssl

            self._context = ssl.create_default_context()
            self._context.set_alpn_protocols(["http/1.1"])
        return self._context


def _encode(request: AppRequest, target: Target) -> bytes:
    lines = [
        f"{request.method} {target.path} HTTP/1.1",
        f"Host: {target.authority}",
        f"User-Agent: inngest-fast/{VERSION}",
        "Accept-Encoding: gzip, br",
    ]
    if target.authorization:
        lines.append(f"Authorization: {target.authorization}")
    lines += [f"{name}: {value}" for name, value in request.headers]
    if request.body or request.method in ("POST", "PUT"):
        lines.append(f"Content-Length: {len(request.body)}")
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + request.body
