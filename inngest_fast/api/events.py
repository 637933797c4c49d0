"""`/e/{key}` and `/invoke/{slug}` (http-api §2)."""

import msgspec

from inngest_fast.api.http import Access, Request, Response, Route, error_response, json_response
from inngest_fast.api.services import Services
from inngest_fast.domain.errors import InvalidEventError
from inngest_fast.domain.ids import Seed
from inngest_fast.domain.trace_context import TraceContext, read_context
from inngest_fast.engine.intake import read_events, read_invocation

SEED_HEADER = "x-inngest-event-id-seed"

_encode = msgspec.json.Encoder().encode
_NO_KEY = Response(401, b"Event key is required", "text/plain; charset=utf-8")


def seed_of(request: Request) -> Seed | None:
    """The seed that the sender gave; a malformed one is none."""
    header = request.header(SEED_HEADER)
    return Seed.read(header) if header else None


def caller_of(request: Request) -> TraceContext | None:
    """The trace that a request belongs to (http-api §2.2)."""
    parent = request.header("traceparent")
    return read_context(parent, request.header("tracestate")) if parent else None


class _Surface:
    def __init__(self, services: Services) -> None:
        self._ingest = services.ingest
        self._metrics = services.metrics
        self._clock = services.clock
        self._entropy = services.entropy

    async def events(self, request: Request) -> Response:
        body = await request.body()
        intake = read_events(
            body,
            now_ms=self._clock.now_ms(),
            entropy=self._entropy,
            seed=seed_of(request),
            caller=caller_of(request),
        )
        events = intake.events
        if events:
            await self._ingest.accept(events)
        ids = [event.id for event in events]
        if intake.error:
            self._metrics.refused("invalid")
            return json_response({"ids": ids, "status": 400, "error": intake.error}, 400)
        return Response(200, b'{"ids":%b,"status":200}' % _encode(ids))

    async def no_key(self, _: Request) -> Response:
        return _NO_KEY

    async def invoke(self, request: Request) -> Response:
        body = await request.body()
        try:
            event = read_invocation(
                body,
                slug=request.params["slug"],
                now_ms=self._clock.now_ms(),
                entropy=self._entropy,
                seed=seed_of(request),
            )
        except InvalidEventError as error:
            return error_response(str(error), 400)
        await self._ingest.accept((event,))
        return json_response({"id": event.id, "status": 200})


def routes(services: Services) -> list[Route]:
    surface = _Surface(services)
    return [
        Route("POST", "/e/{key}", surface.events, Access.EVENT_KEY),
        Route("POST", "/e", surface.no_key, Access.EVENT_KEY),
        Route("POST", "/e/", surface.no_key, Access.EVENT_KEY),
        Route("POST", "/invoke/{slug}", surface.invoke, Access.INVOKE),
    ]
