"""Who may call what (http-api §7)."""

from inngest_fast.api.failures import failure
from inngest_fast.api.http import Access, Request, Response, json_response
from inngest_fast.auth.signature import accepts_bearer, any_key, bearer
from inngest_fast.domain.settings import Settings

_NO_KEY = Response(401, b"Authentication failed", "text/plain; charset=utf-8")
_NO_EVENT_KEY = json_response({"status": 401, "message": "", "error": "Event key not found"}, 401)


class Gate:
    """Holds a route's access against what the caller sent. `dev` asks nothing."""

    def __init__(self, settings: Settings) -> None:
        self._open = settings.mode == "dev"
        self._key = settings.signing_key
        self._fallback = settings.signing_key_fallback
        self._event_keys = settings.event_keys

    def refusal(self, access: Access, request: Request) -> Response | None:
        """The 401 for this caller, None if it may pass."""
        if self._open or access is Access.OPEN:
            return None
        if access is Access.EVENT_KEY:
            return None if any_key(request.params["key"], self._event_keys) else _NO_EVENT_KEY
        header = request.header("authorization")
        if accepts_bearer(header, self._key, self._fallback):
            return None
        if access is Access.SIGNING_OR_EVENT_KEY and any_key(bearer(header), self._event_keys):
            return None
        if request.path.startswith("/api/v1/"):
            return failure(request.path, "Authentication failed", 401)
        return _NO_KEY
