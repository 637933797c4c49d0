"""The apps and functions of this moment, in memory; the store has the same."""

from collections.abc import Sequence

from inngest_fast.domain.apps import App, Function
from inngest_fast.engine.routing.triggers import Triggers


class Catalog:
    """Looked up on every event and call, changed by syncs only, after their commit."""

    def __init__(self) -> None:
        self._apps: dict[str, App] = {}
        self._functions: dict[str, Function] = {}
        self._slugs: dict[str, str] = {}
        self.triggers = Triggers()

    def apps(self) -> Sequence[App]:
        return list(self._apps.values())

    def app(self, app_id: str) -> App | None:
        return self._apps.get(app_id)

    def app_at(self, url: str) -> App | None:
        """The app of a normalised URL; a synced one before a placeholder."""
        found = [app for app in self._apps.values() if app.url == url]
        return next((app for app in found if app.name), found[0] if found else None)

    def functions(self) -> Sequence[Function]:
        live = (f for f in self._functions.values() if f.live)
        return sorted(live, key=lambda f: (f.app_name, f.slug))

    def of_app(self, app_id: str) -> list[Function]:
        """The live functions of an app."""
        return [f for f in self._functions.values() if f.app_id == app_id and f.live]

    def all_of_app(self, app_id: str) -> list[Function]:
        """Every function that an app ever had, archived ones too."""
        return [f for f in self._functions.values() if f.app_id == app_id]

    def all_functions(self) -> Sequence[Function]:
        """Every function that there ever was, in any order; archived ones may still have runs."""
        return list(self._functions.values())

    def function(self, function_id: str) -> Function | None:
        return self._functions.get(function_id)

    def slug_of(self, function_id: str) -> str:
        """Of a function; "" for an unknown one."""
        function = self._functions.get(function_id)
        return function.slug if function is not None else ""

    def by_slug(self, slug: str) -> Function | None:
        return self._functions.get(self._slugs.get(slug, ""))

    def target(self, text: str) -> Function | None:
        """The live function that an invocation names, by slug or id."""
        function = self.by_slug(text) or self._functions.get(text)
        return function if function is not None and function.live else None

    def replace(self, apps: Sequence[App], functions: Sequence[Function]) -> None:
        """Takes in all that the store has. Functions are never deleted from it."""
        self._apps = {app.id: app for app in apps}
        for function in functions:
            if self._functions.get(function.id) != function:
                self.put_function(function)

    def put_app(self, app: App) -> None:
        self._apps[app.id] = app

    def remove_app(self, app_id: str) -> None:
        self._apps.pop(app_id, None)

    def put_function(self, function: Function) -> None:
        self._functions[function.id] = function
        if function.live:
            self._slugs[function.slug] = function.id
        elif self._slugs.get(function.slug) == function.id:
            del self._slugs[function.slug]
        self.triggers.put(function)
