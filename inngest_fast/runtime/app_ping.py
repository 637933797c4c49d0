"""Asking apps to register (sdk-protocol §1.1), now and again, and looking for them (§1.7)."""

import asyncio
import logging
from collections.abc import Callable, Sequence

import msgspec

from inngest_fast.domain.app_urls import normalise_app_url, with_scheme
from inngest_fast.domain.apps import App
from inngest_fast.domain.errors import StoreError
from inngest_fast.engine import limits
from inngest_fast.engine.registration.ping_failure import PING_FAILURES, ping_failure
from inngest_fast.ports.app_client import AppCallError, AppClient, AppRequest, AppResponse
from inngest_fast.runtime.app_sync import UNREACHABLE, AppSync
from inngest_fast.runtime.catalog import Catalog

Sign = Callable[[bytes], str]

PORTS = (80, 443, *range(3000, 3011), 4321, 5000, 5173, 8000, 8080, 8081, 8888, *range(8910, 8916), 8787)
PATHS = ("/api/inngest", "/x/inngest", "/.netlify/functions/inngest", "/.redwood/functions/inngest")
_DIAL_TIMEOUT_S = 2.0
_PROBE_TIMEOUT_MS = 2_000
_REPLY_LIMIT = 4 * 1024 * 1024

_UNASKED = frozenset(("api", "endpoint"))  # apps that serve no registration

_log = logging.getLogger(__name__)


class AppPing:
    def __init__(
        self,
        *,
        catalog: Catalog,
        sync: AppSync,
        client: AppClient,
        sign: Sign | None,
        server_kind: str,
        urls: Sequence[str],
        interval: float,
        poll: bool,
        discovery: bool,
        discovery_port: int,
        own_port: int,
    ) -> None:
        self._catalog = catalog
        self._sync = sync
        self._client = client
        self._sign = sign
        self._server_kind = server_kind
        self._urls = tuple(normalise_app_url(with_scheme(url)) for url in urls)
        self._interval = interval
        self._poll = poll
        self._discovery = discovery
        ports = (*PORTS, discovery_port) if discovery_port else PORTS
        self._ports = tuple(dict.fromkeys(port for port in ports if port != own_port))

    async def run(self) -> None:
        """Pings the given URLs at once, then all known apps each interval, and looks for others."""
        while True:
            try:
                await self.round()
            except StoreError as error:
                _log.warning("apps could not be synced", extra={"error": str(error)})
            except Exception:
                _log.exception("the round of pings failed")
            await asyncio.sleep(self._interval)

    async def round(self) -> None:
        """One round of discovery and pings. Raises StoreError."""
        for url in self._urls:
            await self._sync.expect(url, "url")
        if self._discovery and not self._catalog.apps():
            await self._discover()
        known = (app for app in self._catalog.apps() if app.source not in _UNASKED)
        due = [app for app in known if self._poll or app.error]
        await asyncio.gather(*(self._ping(app) for app in due))

    async def _ping(self, app: App) -> None:
        syncs = app.updated_at
        error, detail = await self.ask(app.url)
        now = self._catalog.app(app.id)
        if now is None:
            return  # a placeholder that gave way to the app that it stood for
        if now.error and now.updated_at != syncs:
            return  # the register call that the ping caused has said more than the ping can
        if error or now.error in PING_FAILURES:
            await self._sync.note(app.id, error, detail)

    async def ask(self, url: str) -> tuple[str, str]:
        """Sends one `PUT`. What was wrong, as code and detail; two empty texts if the app answered well."""
        body = msgspec.json.encode({"url": url})
        headers = [("Content-Type", "application/json"), ("X-Inngest-Server-Kind", self._server_kind)]
        if self._sign is not None:
            headers.append(("X-Inngest-Signature", self._sign(body)))
        try:
            reply = await self._send("PUT", url, tuple(headers), body, limits.PING_TIMEOUT)
        except AppCallError as error:
            plain = error.fault == "tls" and "WRONG_VERSION_NUMBER" in str(error)
            return ("unsupported_protocol" if plain else UNREACHABLE), str(error)
        return ping_failure(reply.status, reply.body), ""

    async def _discover(self) -> None:
        found = await asyncio.gather(*(self._listens(port) for port in self._ports))
        for port in (port for port, listens in zip(self._ports, found, strict=True) if listens):
            for path in PATHS:
                url = f"{'https' if port == 443 else 'http'}://localhost:{port}{path}"
                if await self._is_app(url):
                    _log.info("found an app", extra={"url": url})
                    await self._sync.expect(normalise_app_url(url), "url")
                    break

    async def _is_app(self, url: str) -> bool:
        try:
            reply = await self._send("GET", url, (), b"", _PROBE_TIMEOUT_MS)
        except AppCallError:
            return False
        return "x-inngest-sdk" in reply.headers

    @staticmethod
    async def _listens(port: int) -> bool:
        try:
            async with asyncio.timeout(_DIAL_TIMEOUT_S):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True

    async def _send(
        self, method: str, url: str, headers: tuple[tuple[str, str], ...], body: bytes, timeout_ms: int
    ) -> AppResponse:
        return await self._client.send(
            AppRequest(method, url, headers, body, timeout_ms=timeout_ms, max_body=_REPLY_LIMIT)
        )
