"""Who may call what (docs/auth.md, http-api §7)."""

import logging
import math
from typing import Final

from inngest_fast.api.failures import failure
from inngest_fast.api.http import Access, Request, Response, json_response
from inngest_fast.auth.api_keys import PREFIX, KnownKeys
from inngest_fast.auth.signature import accepts_bearer, any_key, bearer
from inngest_fast.auth.slow_down import SlowDown, network_of
from inngest_fast.domain.api_keys import Scope
from inngest_fast.domain.settings import Settings

# What a credential must be good for. OPEN and HEALTH ask for none, and OWN_TOKEN leaves it to the handler.
SCOPES: Final = {
    Access.READ: Scope.READ,
    Access.WRITE: Scope.WRITE,
    Access.ADMIN: Scope.ADMIN,
    Access.SDK: Scope.WRITE,
    Access.SIGNING_OR_EVENT_KEY: Scope.WRITE,
    Access.INVOKE: Scope.WRITE,
    Access.GRAPHQL: Scope.READ,
    Access.MCP: Scope.WRITE,
    Access.METRICS: Scope.READ,
}
EVENT_KEYS_TOO: Final = frozenset((Access.SIGNING_OR_EVENT_KEY, Access.INVOKE))

_NO_KEY = Response(401, b"Authentication failed", "text/plain; charset=utf-8")
_NO_EVENT_KEY = json_response({"status": 401, "message": "", "error": "Event key not found"}, 401)
_EVENT_KEY_ABSENT = Response(401, b"Event key is required", "text/plain; charset=utf-8")

_log = logging.getLogger(__name__)


def allows(request: Request, scope: Scope) -> bool:
    """Whether the caller may do what asks for `scope`, where a route's own access does not tell."""
    return request.granted is not None and request.granted >= scope


class Gate:
    """Holds a route's access against what the caller sent. `dev` asks nothing."""

    def __init__(self, settings: Settings, keys: KnownKeys) -> None:
        self._dev = settings.mode == "dev"
        self._key = settings.signing_key
        self._fallback = settings.signing_key_fallback
        self._event_keys = settings.event_keys
        self._keys = keys
        self._slow_down = SlowDown()
        self._open: dict[Access, Scope | None] = {Access.OPEN: None, Access.HEALTH: None} | {
            access: Scope.WRITE
            for access, is_open in (
                (Access.GRAPHQL, settings.open_graphql),
                (Access.MCP, settings.open_mcp),
                (Access.METRICS, settings.open_metrics),
                (Access.INVOKE, settings.open_invoke),
            )
            if is_open
        }

    async def refusal(self, access: Access, request: Request, pattern: str) -> Response | None:
        """None if this caller may pass: then `granted` says what it may do. Else what to answer, once those
        who keep guessing have waited for it.

        Raises StoreError when an API key cannot be looked up. `pattern` is the route's, for the log.
        """
        if self._dev:
            request.granted = Scope.ADMIN
            return None
        if access is Access.EVENT_KEY:
            key = request.params.get("key", "")
            if any_key(key, self._event_keys):
                return None
            return await self._refused(request, pattern, key, _NO_EVENT_KEY if key else _EVENT_KEY_ABSENT)
        if access in self._open:
            request.granted = self._open[access]
            return None
        header = request.header("authorization")
        request.granted = await self._granted(header) if header else None
        if access is Access.OWN_TOKEN or allows(request, SCOPES[access]):
            return None
        token = bearer(header)
        if access in EVENT_KEYS_TOO and any_key(token, self._event_keys):
            return None
        answer = _NO_KEY
        if request.path.startswith("/api/v1/"):
            answer = failure(request.path, "Authentication failed", 401)
        # A good key that is not good for this is no guess.
        return await self._refused(request, pattern, "" if request.granted else token, answer)

    async def _granted(self, header: str) -> Scope | None:
        """What the bearer of a header may do."""
        if accepts_bearer(header, self._key, self._fallback):
            return Scope.ADMIN
        key = await self._keys.find(bearer(header))
        return key.scope if key else None

    async def _refused(self, request: Request, pattern: str, credential: str, answer: Response) -> Response:
        if not credential:
            return answer
        peer = network_of(request.peer)
        failures = self._slow_down.failed(peer)
        if failures.bit_count() == 1:  # the first, and ever fewer of those who go on
            kind = "API key" if credential.startswith(PREFIX) else "other"
            about = {"peer": peer, "pattern": pattern, "credential": kind, "failures": failures}
            _log.warning("authentication failed", extra=about)
        wait = await self._slow_down.hold(peer, failures)
        if wait:
            retry = (("retry-after", str(math.ceil(wait))),)
            return failure(request.path, "too many failed attempts, try again later", 429, retry)
        return answer
