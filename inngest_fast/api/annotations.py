"""What is noted on runs from outside: metadata, and spans of the apps' own tracing (http-api §§4.4, 4.5)."""

import asyncio
import zlib
from collections.abc import Callable, Sequence
from types import ModuleType

import msgspec

from inngest_fast.api.http import Access, BodyTooLargeError, Request, Response, Route, error_response
from inngest_fast.api.services import Services
from inngest_fast.domain.errors import AnnotationRefusedError
from inngest_fast.domain.ids import is_ulid
from inngest_fast.engine.otlp import InvalidPayloadError, Received
from inngest_fast.engine.trace.metadata import Entry, Place

MAX_TRACES = 8 * 1024 * 1024  # bytes of a request, out of its coding
_AT_ONCE = 64 * 1024  # larger ones are read on a thread
_GZIP = 16 + zlib.MAX_WBITS
_STATUS = {"invalid": 400, "unknown": 404, "too_large": 413}
_PROTOBUF = "application/x-protobuf"


class _Metadata(msgspec.Struct):
    metadata: list[Entry]
    target: Place = Place()


_decoder = msgspec.json.Decoder(_Metadata)


class _Surface:
    def __init__(self, services: Services) -> None:
        self._annotations = services.annotations

    async def metadata(self, request: Request) -> Response:
        id = request.params["id"]
        if not is_ulid(id):
            return error_response(f"Invalid run ID: {id}", 400)
        try:
            sent = _decoder.decode(await request.body())
        except msgspec.DecodeError:
            return error_response("Invalid metadata", 400)
        try:
            await self._annotations.add_metadata(id, sent.target, sent.metadata)
        except AnnotationRefusedError as refused:
            return error_response(str(refused), _STATUS[refused.code])
        return Response()

    async def userland(self, request: Request) -> Response:
        return await self._spans(request, in_json="json" in request.header("content-type").lower())

    async def dev_traces(self, request: Request) -> Response:
        kind = request.header("content-type").partition(";")[0].strip().lower()
        if kind not in ("application/json", _PROTOBUF):
            return error_response(f"unable to handle unknown content type for traces: {kind}", 400)
        return await self._spans(request, in_json=kind == "application/json")

    async def _spans(self, request: Request, *, in_json: bool) -> Response:
        form = _form(in_json=in_json)
        try:
            body = _uncoded(await request.body(), request.header("content-encoding"))
            spans = await _read(form.read_request, body)
        except BodyTooLargeError:
            return _refused("Payload too large", 413, in_json=in_json)
        except InvalidPayloadError:
            return _refused("Invalid payload", 400, in_json=in_json)
        rejected = await self._annotations.add_spans(spans)
        answer: bytes = form.partial_success(rejected)
        headers: tuple[tuple[str, str], ...] = ()
        if answer and "gzip" in request.header("accept-encoding").lower():
            answer = zlib.compress(answer, wbits=_GZIP)
            headers = (("content-encoding", "gzip"),)
        return Response(200, answer, "application/json" if in_json else _PROTOBUF, headers)


def _form(*, in_json: bool) -> ModuleType:
    if in_json:
        from inngest_fast.engine.otlp import json_form

        return json_form
    from inngest_fast.engine.otlp import protobuf_form

    return protobuf_form


async def _read(read: Callable[[bytes], Sequence[Received]], body: bytes) -> Sequence[Received]:
    return read(body) if len(body) <= _AT_ONCE else await asyncio.to_thread(read, body)


def _uncoded(body: bytes, coding: str) -> bytes:
    """Raises BodyTooLargeError, and InvalidPayloadError for another coding or what is not in it."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        found = body
    elif coding in ("gzip", "x-gzip"):
        stream = zlib.decompressobj(_GZIP)
        try:
            found = stream.decompress(body, MAX_TRACES + 1)
        except zlib.error as error:
            raise InvalidPayloadError(str(error)) from None
        if len(found) <= MAX_TRACES and not stream.eof:
            raise InvalidPayloadError("the body is cut off")
    else:
        raise InvalidPayloadError(f"the body has the unknown coding {coding}")
    if len(found) > MAX_TRACES:
        raise BodyTooLargeError
    return found


def _refused(message: str, status: int, *, in_json: bool) -> Response:
    """A google.rpc.Status."""
    if in_json:
        return Response(status, msgspec.json.encode({"message": message}))
    from inngest_fast.engine.otlp import protobuf_form

    return Response(status, protobuf_form.status(message), _PROTOBUF)


def routes(services: Services) -> list[Route]:
    surface = _Surface(services)
    return [
        Route("POST", "/v1/runs/{id}/metadata", surface.metadata, Access.SDK),
        Route("POST", "/v1/traces/userland", surface.userland, Access.SDK),
        Route("POST", "/dev/traces", surface.dev_traces, Access.SDK),
    ]
