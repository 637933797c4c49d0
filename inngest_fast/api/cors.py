"""Cross-origin access, the same on the whole listener (http-api §0, docs/auth.md)."""

from typing import Final

from inngest_fast.api.http import Request, Response
from inngest_fast.domain.settings import Settings

_METHODS: Final = frozenset(("GET", "POST", "PUT", "DELETE", "OPTIONS"))
_EXPOSED: Final = (b"access-control-expose-headers", b"Link, Mcp-Session-Id")


class Cors:
    """Any header, no credentials. `dev` lets any origin in, `start` those that it was given."""

    def __init__(self, settings: Settings) -> None:
        self._all = settings.mode == "dev" or "*" in settings.cors_origins
        self._origins = frozenset(settings.cors_origins)

    def headers(self, request: Request) -> tuple[tuple[bytes, bytes], ...]:
        """What goes on every response."""
        origin = self._let_in(request)
        if not origin:
            return ()
        return ((b"access-control-allow-origin", origin.encode("latin-1")), _EXPOSED)

    def preflight(self, request: Request) -> Response | None:
        """The answer to a preflight; None for an OPTIONS request that is none."""
        method = request.header("access-control-request-method")
        if not method or not request.header("origin"):
            return None
        if method.upper() not in _METHODS or not self._let_in(request):
            return Response()
        granted = [("access-control-allow-methods", method.upper()), ("access-control-max-age", "3600")]
        asked = request.header("access-control-request-headers")
        if asked:
            granted.append(("access-control-allow-headers", asked))
        return Response(headers=tuple(granted))

    def _let_in(self, request: Request) -> str:
        """The request's origin; "" for none, and for one that is not let in."""
        origin = request.header("origin")
        return origin if self._all or origin in self._origins else ""
