"""`/v0/gql` (http-api §6). The library behind it is loaded by the first document."""

import asyncio
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import msgspec

from inngest_fast.api import gate
from inngest_fast.api.http import Access, Request, Response, Route, json_response, query
from inngest_fast.api.services import Services
from inngest_fast.domain.api_keys import Scope

if TYPE_CHECKING:
    from inngest_fast.api.graphql.execution import Execution

MAX_BODY: Final = 4 * 1024 * 1024  # an invocation brings the data of an event

_PAGE_HEADERS: Final = (("content-security-policy", "default-src 'self' 'unsafe-inline'"),)


class _Body(msgspec.Struct):
    query: str | None = None
    variables: dict[str, Any] | None = None
    operationName: str | None = None  # noqa: N815 its name on the wire


_body = msgspec.json.Decoder(_Body)
_variables = msgspec.json.Decoder(dict[str, Any] | None)


def _error(message: str, status: int) -> Response:
    return json_response({"errors": [{"message": message}], "data": None}, status)


class _Surface:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._execution: Execution | None = None
        self._loading = asyncio.Lock()

    async def post(self, request: Request) -> Response:
        kind = request.header("content-type").partition(";")[0].strip().lower()
        if kind != "application/json":
            return _error("transport not supported", 400)
        body = await request.body()
        if len(body) > MAX_BODY:
            return _error(f"the request body is over the max size: Max {MAX_BODY} bytes", 413)
        try:
            asked = _body.decode(body)
        except RecursionError:
            return _error("json request body could not be decoded: nested too deeply", 400)
        except ValueError as error:
            return _error(f"json request body could not be decoded: {error}", 400)
        return await self._answer(request, asked)

    async def get(self, request: Request) -> Response:
        given = query(request)
        try:
            variables = _variables.decode(given.get("variables") or "null")
        except (ValueError, RecursionError):
            return _error("variables could not be decoded", 400)
        asked = _Body(given.get("query"), variables, given.get("operationName") or None)
        return await self._answer(request, asked)

    async def page(self, _: Request) -> Response:
        page = files(__name__).joinpath("playground.html").read_bytes()
        return Response(200, page, "text/html; charset=utf-8", _PAGE_HEADERS)

    async def _answer(self, request: Request, asked: _Body) -> Response:
        execution = self._execution or await self._load()
        from inngest_fast.api.graphql.documents import InvalidDocumentError
        from inngest_fast.api.graphql.execution import answer

        try:
            name = asked.operationName or None
            prepared = execution.prepare(asked.query or "", asked.variables or {}, name)
        except InvalidDocumentError as error:
            return json_response(answer(error.errors, error.code), 422)
        if prepared.writes:
            if request.method != "POST":
                return _error("GET requests only allow query operations", 406)
            if not self._may_write(request):
                return _error("this key may not change anything", 403)
        return json_response(await execution.run(prepared))

    def _may_write(self, request: Request) -> bool:
        return gate.allows(request, Scope.WRITE)

    async def _load(self) -> "Execution":
        """Takes a tenth of a second: meanwhile the loop goes on."""
        async with self._loading:
            if self._execution is None:
                self._execution = await asyncio.to_thread(_make, self._services)
        return self._execution


def _make(services: Services) -> "Execution":
    from inngest_fast.api.graphql.execution import Execution

    return Execution(services)


def routes(services: Services) -> list[Route]:
    """None without a user interface: GraphQL is a part of it (http-api §0)."""
    if not services.settings.ui:
        return []
    surface = _Surface(services)
    return [
        Route("POST", "/v0/gql", surface.post, Access.GRAPHQL),
        Route("GET", "/v0/gql", surface.get, Access.GRAPHQL),
        Route("GET", "/v0/", surface.page, Access.GRAPHQL),
    ]
