"""Sends requests, follows redirects, and opens what comes back."""

import asyncio
from typing import TYPE_CHECKING

from inngest_fast.adapters.app_http.connection import Connection, Raw
from inngest_fast.adapters.app_http.content_coding import decoded
from inngest_fast.adapters.app_http.pool import Pool
from inngest_fast.adapters.app_http.redirects import redirection
from inngest_fast.adapters.app_http.target import Target, parse_target
from inngest_fast.ports.app_client import AppCallError, AppRequest, AppResponse
from inngest_fast.version import VERSION

if TYPE_CHECKING:
    import ssl

# A kept connection that the app was closing anyway breaks within a round trip. One that breaks later took a
# request along that may have been worked on: sending it again is for a retry, which counts, to decide.
STALE_S = 1.0


class HttpAppClient:
    """ports.app_client.AppClient. TLS trusts what the system, or SSL_CERT_FILE, trusts.

    With `public_only` it connects to public addresses alone, whatever names and redirects lead to.
    """

    def __init__(self, *, public_only: bool = False) -> None:
        self._pool = Pool(self._tls, public_only=public_only)
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
        asked = request
        for _ in range(request.max_redirects + 1):
            target = parse_target(asked.url)
            raw = await self._exchange(target, asked, _encode(asked, target))
            following = redirection(asked, raw.status, raw.headers.get("location"))
            if following is None:
                body = raw.body
                if coding := raw.headers.get("content-encoding"):
                    body = decoded(body, coding, request.max_body)
                return AppResponse(raw.status, raw.headers, body)
            asked = following
        raise AppCallError("redirects", f"stopped after {request.max_redirects} redirects")

    async def _exchange(self, target: Target, request: AppRequest, data: bytes) -> Raw:
        connection = self._pool.take(target.origin)
        if connection is not None:
            sent = asyncio.get_running_loop().time()
            try:
                return await self._on(connection, request, data)
            except AppCallError as error:
                late = asyncio.get_running_loop().time() - sent > STALE_S
                if error.fault != "refused" or late or self._closed:
                    raise
        return await self._on(await self._pool.connect(target.origin), request, data)

    async def _on(self, connection: Connection, request: AppRequest, data: bytes) -> Raw:
        try:
            raw = await connection.exchange(data, request.max_body, bodiless=request.method == "HEAD")
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
        "Accept-Encoding: gzip, br",
    ]
    given = {name.lower() for name, _ in request.headers}
    if "user-agent" not in given:
        lines.append(f"User-Agent: inngest-fast/{VERSION}")
    if target.authorization and "authorization" not in given:
        lines.append(f"Authorization: {target.authorization}")
    lines += [f"{name}: {value}" for name, value in request.headers]
    if request.body or request.method in ("POST", "PUT"):
        lines.append(f"Content-Length: {len(request.body)}")
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + request.body
