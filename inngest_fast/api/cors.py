"""Cross-origin access, the same on the whole listener (http-api §0)."""

from typing import Final

from inngest_fast.api.http import Request, Response

_METHODS: Final = frozenset(("GET", "POST", "PUT", "DELETE", "OPTIONS"))
_EXPOSED: Final = (b"access-control-expose-headers", b"Link, Mcp-Session-Id")


class Cors:
    """Any origin, any header, no credentials."""

    def headers(self, request: Request) -> tuple[tuple[bytes, bytes], ...]:
        """What goes on every response."""
        origin = request.header("origin")
        if not origin:
            return ()
        return ((b"access-control-allow-origin", origin.encode("latin-1")), _EXPOSED)

    def preflight(self, request: Request) -> Response | None:
        """The answer to a preflight; None for an OPTIONS request that is none."""
        method = request.header("access-control-request-method")
        if not method or not request.header("origin"):
            return None
        if method.upper() not in _METHODS:
            return Response()
        granted = [("access-control-allow-methods", method.upper()), ("access-control-max-age", "3600")]
        asked = request.header("access-control-request-headers")
        if asked:
            granted.append(("access-control-allow-headers", asked))
        return Response(headers=tuple(granted))
