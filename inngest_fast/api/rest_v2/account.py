"""The account, its one environment, and keys. There is one account, and nothing of it can be changed."""

from typing import Any

from inngest_fast.api.http import Request, Response
from inngest_fast.api.rest_v2 import replies
from inngest_fast.api.rest_v2.input import Values
from inngest_fast.api.rest_v2.paging import cut
from inngest_fast.api.rest_v2.replies import some
from inngest_fast.api.services import Services
from inngest_fast.domain.api_keys import Scope
from inngest_fast.domain.ids import ACCOUNT, ENVIRONMENT

_ACCOUNT = {"email": "dev@inngest.local", "id": ACCOUNT, "name": "Dev Server"}
_ENVIRONMENT = {"id": ENVIRONMENT, "name": "dev", "type": "TEST"}


class Account:
    def __init__(self, services: Services) -> None:
        self._settings = services.settings
        self._clock = services.clock

    async def health(self, _: Values, __: Request) -> Response:
        return replies.single({"status": "ok"}, self._clock.now_ms())

    async def account(self, _: Values, __: Request) -> Response:
        return replies.single(_ACCOUNT, self._clock.now_ms())

    async def envs(self, values: Values, _: Request) -> Response:
        return self._page([_ENVIRONMENT], values)

    async def event_keys(self, values: Values, request: Request) -> Response:
        keys = [key for key in self._settings.event_keys if key]
        named = {f"event-key-{number:03}": key for number, key in enumerate(keys, 1)}
        return self._page(_shown(named, request), values)

    async def signing_keys(self, values: Values, request: Request) -> Response:
        settings = self._settings
        named = {"signing-key": settings.signing_key, "signing-key-fallback": settings.signing_key_fallback}
        return self._page(_shown(named, request), values)

    def _page(self, items: list[dict[str, Any]], values: Values) -> Response:
        found, limit, cursor = cut(items, lambda item: str(item["id"]), values)
        return replies.page(found, limit, cursor, self._clock.now_ms())


def _shown(named: dict[str, str], request: Request) -> list[dict[str, Any]]:
    """Keys, and their values where the caller has an admin credential."""
    secret = request.granted is not Scope.ADMIN
    return [
        some(id=id, name=id, environment=_ENVIRONMENT["name"], key="" if secret else key)
        for id, key in named.items()
        if key
    ]
