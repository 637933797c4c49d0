"""`/v1/cancellations`: runs of a function, cancelled in bulk (flow-control §6.3, http-api §4.7)."""

import msgspec

from inngest_fast.api import flow_shapes as shapes
from inngest_fast.api.http import Access, Request, Response, Route, data_response, error_response, query
from inngest_fast.api.instants import read as read_instant
from inngest_fast.api.instants import shown
from inngest_fast.api.numbers import whole
from inngest_fast.api.services import Services
from inngest_fast.domain.apps import Function
from inngest_fast.domain.cancellations import Cancellation
from inngest_fast.domain.errors import InvalidDurationError
from inngest_fast.domain.ids import is_ulid
from inngest_fast.engine.registration.expressions import checked
from inngest_fast.runtime.cancellations import MAX_AHEAD_MS

DEFAULT_CANCELLATIONS = 20
MAX_CANCELLATIONS = 100


class _Body(msgspec.Struct):
    app_id: str | None = None
    function_id: str | None = None
    started_after: str | int | None = None
    started_before: str | int | None = None
    condition: str | None = msgspec.field(default=None, name="if")
    id: str | None = None


class _Asked(msgspec.Struct, frozen=True):
    """A request that is well formed. Times are unix ms; "" and 0 where nothing was given."""

    app: str
    function: str
    started_after: int
    started_before: int
    expression: str
    id: str


class _InvalidError(Exception):
    """A request that is refused; the message says what to write."""


_decoder = msgspec.json.Decoder(_Body)


def _read(body: bytes, now: int) -> _Asked:
    """Raises _InvalidError."""
    try:
        sent = _decoder.decode(body)
    except RecursionError:
        raise _InvalidError("Invalid cancellation: nested too deeply") from None
    except ValueError as error:
        raise _InvalidError(f"Invalid cancellation: {error}") from None
    before = _instant("started_before", sent.started_before)
    given = {"app_id": sent.app_id, "function_id": sent.function_id, "started_before": before}
    if missing := [f"{name} is required" for name, value in given.items() if not value]:
        raise _InvalidError("\n".join(missing))
    if before > now + MAX_AHEAD_MS:
        raise _InvalidError(f"started_before must not be later than now, which is {shown(now)}")
    after = _instant("started_after", sent.started_after)
    if after > before:
        raise _InvalidError("started_after must not be later than started_before")
    expression = sent.condition or ""
    if problem := checked(expression):
        raise _InvalidError(f"if is no expression over `event`: {problem}")
    id = sent.id or ""
    if id and not is_ulid(id):
        raise _InvalidError(f"Invalid id: {id}: give a ULID, or none")
    return _Asked(sent.app_id or "", sent.function_id or "", after, before, expression, id)


def _instant(name: str, value: str | int | None) -> int:
    """Unix ms, 0 for none: so are times before 1970, among them the zero time of Go."""
    if not value:
        return 0
    try:
        ms = read_instant(value) if isinstance(value, str) else value
    except InvalidDurationError:
        raise _InvalidError(
            f"{name} is no time: write it like '2026-11-23T09:17:11Z', or in ms since 1970"
        ) from None
    return max(ms, 0)


class _Surface:
    def __init__(self, services: Services) -> None:
        self._cancellations = services.cancellations
        self._store = services.store
        self._catalog = services.catalog
        self._clock = services.clock

    async def add(self, request: Request) -> Response:
        try:
            asked = _read(await request.body(), self._clock.now_ms())
        except _InvalidError as error:
            return error_response(str(error), 400)
        function = self._function(asked.app, asked.function)
        if function is None:
            return error_response(f"Function not found: {asked.function} of the app {asked.app}", 404)
        added = await self._cancellations.add(
            function,
            started_after=asked.started_after,
            started_before=asked.started_before,
            expression=asked.expression,
            id=asked.id,
        )
        # Times may differ: who repeats a request may compute them anew.
        if (added.function_id, added.expression) != (function.id, asked.expression):
            return error_response(f"There is another cancellation with this id: {asked.id}", 409)
        return self._data(self._shape(added), 201)

    async def listed(self, request: Request) -> Response:
        asked = query(request)
        cursor = asked.get("cursor", "")
        if cursor and not is_ulid(cursor):
            return error_response("Invalid cursor query parameter", 400)
        limit = whole(asked.get("limit", ""), DEFAULT_CANCELLATIONS, 1, MAX_CANCELLATIONS)
        found = await self._store.cancellations(cursor, limit)
        return self._data([self._shape(each) for each in found])

    async def one(self, request: Request) -> Response:
        id = request.params["id"]
        if not is_ulid(id):
            return error_response(f"Invalid cancellation ID: {id}", 400)
        found = await self._store.cancellation(id)
        if found is None:
            return error_response(f"Cancellation not found: {id}", 404)
        return self._data(self._shape(found))

    async def remove(self, request: Request) -> Response:
        id = request.params["id"]
        if not is_ulid(id):
            return error_response(f"Invalid cancellation ID: {id}", 400)
        if not await self._cancellations.remove(id):
            return error_response(f"Cancellation not found: {id}", 404)
        return Response(204)

    def _function(self, app: str, text: str) -> Function | None:
        """By slug, with or without its app's prefix, or by id: then also one that is archived, for its
        runs go on.
        """
        by_id = self._catalog.function(text)
        known = [*self._catalog.functions(), *([by_id] if by_id is not None else [])]
        of_app = [each for each in known if app in (each.app_name, each.app_id)]
        for name in (text, f"{of_app[0].app_name}-{text}") if of_app else ():
            for function in of_app:
                if name in (function.slug, function.id):
                    return function
        return None

    def _shape(self, one: Cancellation) -> dict[str, object]:
        return shapes.cancellation(one, self._catalog.function(one.function_id))

    def _data(self, data: object, status: int = 200) -> Response:
        return data_response(data, self._clock.now_ms(), status)


def routes(services: Services) -> list[Route]:
    surface = _Surface(services)
    read, write = Access.READ, Access.WRITE
    return [
        Route("POST", "/v1/cancellations", surface.add, write),
        Route("GET", "/v1/cancellations", surface.listed, read),
        Route("GET", "/v1/cancellations/{id}", surface.one, read),
        Route("DELETE", "/v1/cancellations/{id}", surface.remove, write),
    ]
