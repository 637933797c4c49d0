"""Routes of REST v2. What answers them loads on first use."""

from typing import TYPE_CHECKING, Final

from inngest_fast.api.http import Access, Handler, Request, Response, Route
from inngest_fast.api.operations.parts import Operation
from inngest_fast.api.operations.v2 import V2
from inngest_fast.api.rest_v2 import replies
from inngest_fast.api.rest_v2.replies import PREFIXES
from inngest_fast.api.services import Services

if TYPE_CHECKING:
    from inngest_fast.api.rest_v2.operations import Operations

_BOTH = ("GET", "POST")
# Of the hosted service only (http-api §5.3).
_ELSEWHERE: Final = (
    (_BOTH, "/partner/accounts"),
    (("POST",), "/envs"),
    (("PATCH",), "/envs/{id}"),
    (_BOTH, "/env/webhooks"),
    (("POST",), "/apps/{appId}/syncs"),
    *(
        (_BOTH, f"/{family}{rest}")
        for family in ("insights", "experiments", "sessions")
        for rest in ("", "/{first}", "/{first}/{second}", "/{first}/{second}/{third}")
    ),
)


class _Surface:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._operations: Operations | None = None

    def _loaded(self) -> "Operations":
        if self._operations is None:
            from inngest_fast.api.rest_v2.operations import Operations

            self._operations = Operations(self._services)
        return self._operations

    def handler(self, operation: Operation) -> Handler:
        async def answer(request: Request) -> Response:
            return await self._loaded().answer(operation, request)

        return answer

    async def catalogue(self, request: Request) -> Response:
        return await self._loaded().catalogue.operations(request)


async def _elsewhere(_: Request) -> Response:
    return replies.failed("Not implemented in a self-hosted server", 501, "not_implemented")


def routes(services: Services) -> list[Route]:
    surface = _Surface(services)
    found: list[Route] = []
    for prefix in PREFIXES:
        base = prefix.rstrip("/")
        for operation in V2:
            access = Access.WRITE if operation.writes else Access.READ
            handler = surface.handler(operation)
            found.append(Route(operation.method, base + operation.path, handler, access))
        found.append(Route("GET", f"{base}/operations", surface.catalogue, Access.READ))
        for methods, path in _ELSEWHERE:
            found += (Route(method, base + path, _elsewhere, Access.READ) for method in methods)
    return found
