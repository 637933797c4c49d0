"""What the dashboard tells of itself (http-api §3.1). Nobody is interested."""

from inngest_fast.api.http import Access, Request, Response, Route
from inngest_fast.api.services import Services


async def _taken(_: Request) -> Response:
    return Response()


def routes(_: Services) -> list[Route]:
    return [Route("POST", "/v0/telemetry", _taken, Access.READ)]
