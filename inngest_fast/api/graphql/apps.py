"""`App` (http-api §6.3)."""

from inngest_fast.api.graphql.request import Info, Resolvers
from inngest_fast.domain.apps import App

_UNTOLD = {"ready": False, "reason": "the SDK does not say"}


def apps(_: object, info: Info, filter: dict[str, str] | None = None) -> list[App]:
    method = (filter or {}).get("method")
    return [app for app in info.context.catalog.apps() if method in (None, _method(app))]


def app(_: object, info: Info, id: str) -> App | None:
    return info.context.catalog.app(id)


def _method(app: App) -> str:
    return "API" if app.source in ("api", "endpoint") else "SERVE"


def _sdk(app: App, place: int) -> str:
    """Language and version of `js:v4.24.0`."""
    return app.sdk.partition(":")[place]


def _autodiscovered(app: App, info: Info) -> bool:
    """Whether it was found, and not given by hand; one that has synced since is as any other."""
    return app.source == "url" and info.context.services.settings.discovery


RESOLVERS: Resolvers = {
    "Query": {"apps": apps, "app": app},
    "App": {
        "id": lambda app, _: app.id,
        "externalID": lambda app, _: app.name,
        "name": lambda app, _: app.name,
        "sdkLanguage": lambda app, _: _sdk(app, 0),
        "sdkVersion": lambda app, _: _sdk(app, 2),
        "framework": lambda app, _: app.framework or None,
        "url": lambda app, _: app.url or None,
        "checksum": lambda app, _: app.checksum or None,
        "error": lambda app, _: app.error or None,
        "functions": lambda app, info: info.context.functions_of(app.id),
        "method": lambda app, _: _method(app),
        "appVersion": lambda app, _: app.app_version or None,
        "connected": lambda app, _: not app.error,
        "functionCount": lambda app, info: len(info.context.functions_of(app.id)),
        "autodiscovered": _autodiscovered,
        "sdkFeatureReadiness": lambda app, _: app,
    },
    "SDKFeatureReadiness": {
        "aiMetadataExtraction": lambda *_: _UNTOLD,
        "extendedTraces": lambda *_: _UNTOLD,
    },
}
