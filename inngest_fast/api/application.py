"""The ASGI application: routing, access, limits, CORS, and errors as responses."""

import logging
import math
from collections.abc import Awaitable, Callable, Iterable

from inngest_fast.api import (
    annotations,
    api_v1,
    cancellations,
    checkpoint,
    dev,
    events,
    functions,
    graphql,
    health,
    mcp,
    metrics,
    openapi,
    register,
    rest_v1,
    run_limits,
    runs_v0,
    sync_runs,
    telemetry,
    test_mode,
)
from inngest_fast.api.asgi import (
    BODY_TIMEOUT_S,
    AsgiRequest,
    BodyTimeoutError,
    ClientGoneError,
    Receive,
    Scope,
    Send,
)
from inngest_fast.api.cors import Cors
from inngest_fast.api.failures import failure
from inngest_fast.api.gate import Gate
from inngest_fast.api.http import Access, BodyTooLargeError, Response, Route
from inngest_fast.api.rest_v2 import routes as rest_v2
from inngest_fast.api.router import Router
from inngest_fast.api.services import Services
from inngest_fast.auth.api_keys import KnownKeys
from inngest_fast.domain.errors import OverloadedError, StoreError

Application = Callable[[Scope, Receive, Send], Awaitable[None]]

STORE_RETRY_AFTER_S = 1

_log = logging.getLogger(__name__)


def all_routes(services: Services) -> list[Route]:
    """Every route that is served."""
    surfaces = (
        events,
        register,
        run_limits,
        runs_v0,
        api_v1,
        rest_v1,
        functions,
        cancellations,
        checkpoint,
        sync_runs,
        annotations,
        rest_v2,
        openapi,
        mcp,
        graphql,
        telemetry,
        test_mode,
        health,
        metrics,
        dev,
    )
    return [route for surface in surfaces for route in surface.routes(services)]


def application(services: Services, more: Iterable[Route] = ()) -> Application:
    """The application over these services. `more` are routes of surfaces that are built elsewhere."""
    routes = [*all_routes(services), *more]
    if services.settings.metrics_addr:
        routes = [route for route in routes if route.access is not Access.METRICS]
    return _Application(services, routes).serve


def metrics_application(services: Services) -> Application:
    """What is served at `--metrics-addr`: metrics, and the health probes as everywhere."""
    served = (Access.METRICS, Access.HEALTH)
    return _Application(services, [route for route in all_routes(services) if route.access in served]).serve


class _Application:
    def __init__(self, services: Services, routes: list[Route]) -> None:
        settings = services.settings
        self._router = Router(routes)
        self._gate = Gate(settings, KnownKeys(services.store.api_keys, services.clock))
        self._max_body = settings.max_body
        self._common = (
            (b"vary", b"Origin"),
            (b"x-inngest-server-kind", settings.server_kind.encode()),
        )
        self._cors = Cors(settings)
        self._vitals = services.vitals

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close"})
            return
        request = AsgiRequest(scope, receive, self._max_body)
        try:
            response = await self._answer(request, scope.get("raw_path") or b"")
        except ClientGoneError:
            # Whoever broke it off may still read: a half-closed upload, a malformed chunk.
            response = failure(request.path, "the request body is broken off or malformed", 400)
        except BodyTimeoutError:
            response = failure(request.path, f"the request body did not come within {BODY_TIMEOUT_S} s", 408)
        await self._send(request, response, send)

    async def _answer(self, request: AsgiRequest, raw_path: bytes) -> Response:
        method, path = request.method, request.path
        if method == "OPTIONS" and (granted := self._cors.preflight(request)) is not None:
            return granted
        found = self._router.find(path, raw_path)
        if found is None:
            return failure(path, "404 page not found", 404)
        entry = found.methods.get(method)
        if entry is None:
            if method == "HEAD":
                entry = found.methods.get("GET")
            if entry is None:
                allowed = ", ".join(sorted(found.methods))
                return failure(path, f"{method} is not allowed here", 405, (("allow", allowed),))
        route, names = entry
        if names:
            request.params = dict(zip(names, found.values, strict=True))
        try:
            refusal = await self._gate.refusal(route.access, request, route.pattern)
            return await route.handler(request) if refusal is None else refusal
        except BodyTooLargeError:
            return failure(path, f"Request body is over the max size: Max {self._max_body} bytes", 413)
        except OverloadedError as error:
            seconds = max(1, math.ceil(error.retry_after))
            return failure(path, str(error), 429, (("retry-after", str(seconds)),))
        except StoreError as error:
            cause = {"pattern": route.pattern, "cause": str(error)}  # never the path: it may hold a key
            _log.warning("request refused: the store cannot serve", extra=cause)
            retry = (("retry-after", str(STORE_RETRY_AFTER_S)),)
            return failure(path, "the store is unavailable, try again", 503, retry)
        except (ClientGoneError, BodyTimeoutError):
            raise
        except Exception:
            _log.exception("request failed", extra={"method": method, "pattern": route.pattern})
            return failure(path, "internal server error", 500)

    async def _send(self, request: AsgiRequest, response: Response, send: Send) -> None:
        body = response.body
        headers = [
            (b"content-length", b"%d" % len(body)),
            *self._common,
            *self._cors.headers(request),
        ]
        if self._vitals.draining:  # a client that kept it would find it closed when it next asks
            headers.append((b"connection", b"close"))
        if body:
            headers.append((b"content-type", response.content_type.encode("latin-1")))
        for name, value in response.headers:
            headers.append((name.encode("latin-1"), value.encode("latin-1")))
        if response.status == 204:
            del headers[0]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else body})
