"""`GET /api/openapi.json`: the REST surfaces as OpenAPI 3.1."""

from inngest_fast.api.http import Access, Request, Response, Route
from inngest_fast.api.services import Services


class _Surface:
    def __init__(self, services: Services) -> None:
        self._guarded = services.settings.mode != "dev"
        self._body = b""

    async def document(self, _: Request) -> Response:
        if not self._body:
            import msgspec

            from inngest_fast.api.openapi.document import document

            self._body = msgspec.json.encode(document(guarded=self._guarded))
        return Response(200, self._body)


def routes(services: Services) -> list[Route]:
    return [Route("GET", "/api/openapi.json", _Surface(services).document, Access.READ)]
