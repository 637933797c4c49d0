"""`/fn/step-limit` and `/fn/state-size-limit`: lower limits for the runs of a function (http-api §3.1)."""

from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import parse_qsl

from inngest_fast.api.http import Access, Request, Response, Route, error_response, query
from inngest_fast.api.services import Services
from inngest_fast.domain.apps import Function
from inngest_fast.engine import limits

_What = Literal["step", "state size"]
_MOST: Final[Mapping[_What, int]] = {"step": limits.MAX_STEPS, "state size": limits.MAX_STATE_SIZE}


class _Surface:
    def __init__(self, services: Services, what: _What) -> None:
        self._apps = services.apps
        self._catalog = services.catalog
        self._what: _What = what

    async def set(self, request: Request) -> Response:
        """No limit can be set above the one that there is anyway."""
        asked = await _form(request)
        text = asked.get("limit", "")
        if not (text.isascii() and text.isdigit() and 0 < int(text) <= _MOST[self._what]):
            return error_response(f"Invalid limit: {text}", 400)
        id = asked.get("functionId", "")
        if await self._put(id, int(text)) is None:
            return error_response(f"Function not found: {id}", 404)
        return Response()

    async def lift(self, request: Request) -> Response:
        id = (await _form(request)).get("functionId", "")
        before = await self._put(id, 0)
        known = 0
        if before is not None:
            known = before.max_steps if self._what == "step" else before.max_state_size
        if not known:
            return error_response(f"No {self._what} limit set for function: {id}", 404)
        return Response()

    async def _put(self, id: str, limit: int) -> Function | None:
        """The function as it was."""
        function = self._catalog.target(id)
        if function is None:
            return None
        if self._what == "step":
            return await self._apps.limit(function.id, steps=limit)
        return await self._apps.limit(function.id, state_size=limit)


async def _form(request: Request) -> Mapping[str, str]:
    """Fields of the query, and of a form in the body, which go first."""
    fields = dict(query(request))
    if request.header("content-type").startswith("application/x-www-form-urlencoded"):
        fields |= parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True)
    return fields


def routes(services: Services) -> list[Route]:
    found: list[Route] = []
    for path, surface in (
        ("/fn/step-limit", _Surface(services, "step")),
        ("/fn/state-size-limit", _Surface(services, "state size")),
    ):
        found += [
            Route("POST", path, surface.set, Access.ADMIN),
            Route("DELETE", path, surface.lift, Access.ADMIN),
        ]
    return found
