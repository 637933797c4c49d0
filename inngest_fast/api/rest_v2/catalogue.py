"""Apps and their functions, and the catalogue of operations itself."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from inngest_fast.api.http import Request, Response
from inngest_fast.api.operations.parts import Operation
from inngest_fast.api.operations.v2 import OFFERED
from inngest_fast.api.rest_v2 import replies, shapes
from inngest_fast.api.rest_v2.input import Values
from inngest_fast.api.rest_v2.paging import cut
from inngest_fast.api.rest_v2.replies import RefusedError
from inngest_fast.api.services import Services
from inngest_fast.domain.apps import App, Function

_CACHED = (("cache-control", "public, max-age=300"),)


class Catalogue:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._catalog = services.catalog

    async def apps(self, values: Values, _: Request) -> Response:
        """Removed apps are kept nowhere: there are none to show."""
        apps = [] if values.get("archived") else self._catalog.apps()
        found, limit, cursor = cut(apps, lambda app: app.id, values)
        count = Counter(each.app_id for each in self._catalog.functions())
        items = [shapes.app(app, count[app.id]) for app in found]
        return replies.page(items, limit, cursor, self._now())

    async def app(self, values: Values, _: Request) -> Response:
        app = self._app(values["appId"])
        if app is None:
            raise RefusedError("App not found", 404, "not_found")
        count = sum(each.app_id == app.id for each in self._catalog.functions())
        return replies.single(shapes.app(app, count), self._now())

    async def functions(self, values: Values, _: Request) -> Response:
        text = values["appId"]
        functions = [each for each in self._catalog.functions() if text in (each.app_name, each.app_id)]
        if not functions and self._app(text) is None:
            raise RefusedError("App not found", 404, "not_found")
        found, limit, cursor = cut(functions, lambda each: each.id, values)
        return replies.page([shapes.function(each) for each in found], limit, cursor, self._now())

    async def function(self, values: Values, _: Request) -> Response:
        return replies.single(shapes.function(self.named(values)), self._now())

    def named(self, values: Values) -> Function:
        """The live function of `appId` and `functionId`. Raises RefusedError."""
        app, text = values["appId"], values["functionId"]
        for each in self._catalog.functions():
            names = (shapes.bare(each.slug, each.app_name), each.slug, each.id)
            if app in (each.app_name, each.app_id) and text in names:
                return each
        raise RefusedError("Function not found", 404, "not_found")

    def ids_of(self, apps: Sequence[str], functions: Sequence[str]) -> tuple[str, ...]:
        """Of all functions that there ever were the ids of those of these apps; by name or id, as given."""
        return tuple(
            each.id
            for each in self._catalog.all_functions()
            if (each.app_name in apps or each.app_id in apps)
            and (
                not functions
                or not {shapes.bare(each.slug, each.app_name), each.slug, each.id}.isdisjoint(functions)
            )
        )

    async def operations(self, request: Request) -> Response:
        headers: tuple[tuple[str, str], ...] = _CACHED
        if not request.header("origin"):  # else the server's own rules for origins speak
            headers += (("access-control-allow-origin", "*"),)
        return replies.written({"data": [_operation(each) for each in OFFERED]}, headers=headers)

    def _app(self, text: str) -> App | None:
        return next((app for app in self._catalog.apps() if text in (app.name, app.id)), None)

    def _now(self) -> int:
        return self._services.clock.now_ms()


def _operation(operation: Operation) -> dict[str, Any]:
    return {
        "id": operation.id,
        "summary": operation.summary,
        "description": operation.description or f"{operation.summary}.",
        "http": {"method": operation.method, "path": f"/api/v2{operation.path}"},
        "cli": {"command": operation.command},
        "mcp": {"tool": operation.tool, "inputSchema": operation.arguments},
    }
