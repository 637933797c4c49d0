"""`/dev`: what the JS SDK takes for a dev server if it is JSON (http-api §3.2)."""

from inngest_fast.api.http import Access, Request, Response, Route, json_response
from inngest_fast.api.services import Services
from inngest_fast.domain.apps import Function
from inngest_fast.domain.functions import Trigger
from inngest_fast.domain.settings import Settings, redact_uris
from inngest_fast.version import VERSION

# In `start` nothing here may be JSON, whatever its status.
_NOT_DEV = Response(404, b"404 page not found", "text/plain; charset=utf-8")
_NS = 1_000_000_000


class _Surface:
    def __init__(self, services: Services) -> None:
        self._settings = services.settings
        self._catalog = services.catalog

    async def info(self, _: Request) -> Response:
        settings = self._settings
        if settings.mode != "dev":
            return _NOT_DEV
        return json_response(
            {
                "version": VERSION,
                "authed": False,
                "startOpts": _options(settings),
                "functions": [_function(function) for function in self._catalog.functions()],
                "handlers": None,
                "isSingleNodeService": False,
                "isMissingSigningKey": False,
                "isMissingEventKeys": False,
                "features": {
                    "FEATURE_CEL_SEARCH": False,
                    "enable-step-metadata": True,
                    "run-details-v4": True,
                    **dict(settings.feature_flags),
                },
            }
        )


def _options(settings: Settings) -> dict[str, object]:
    return {
        "dir": "",
        "urls": [redact_uris(url) for url in settings.sdk_urls],
        "autodiscover": settings.discovery,
        "poll": settings.poll,
        "poll_interval": _seconds(settings.poll_interval),
        "tick": int(settings.tick * _NS),
        "retry_interval": _seconds(settings.retry_interval),
        "queue_workers": settings.queue_workers,
        "require_keys": False,
        "connectGatewayPort": settings.connect_gateway_port,
        "connectGatewayHost": settings.bind_host,
        "connectGRPCConfig": {
            "Gateway": {
                "IP": settings.connect_gateway_grpc_ip,
                "Port": settings.connect_gateway_grpc_port,
            },
            "Executor": {
                "IP": settings.connect_executor_grpc_ip,
                "Port": settings.connect_executor_grpc_port,
            },
        },
        "NoUI": not settings.ui,
        "persist": settings.persist,
        "redis_uri": redact_uris(settings.redis_uri),
        "postgres_uri": redact_uris(settings.postgres_uri),
        "postgres-max-idle-conns": settings.postgres_max_idle_conns,
        "postgres-max-open-conns": settings.postgres_max_open_conns,
        "postgres-conn-max-idle-time": int(settings.postgres_conn_max_idle_time / 60),
        "postgres-conn-max-lifetime": int(settings.postgres_conn_max_lifetime / 60),
        "sqlite_dir": settings.sqlite_dir if settings.persist else "",
        "debugAPIPort": settings.debug_api_port,
    }


def _seconds(value: float) -> int | float:
    """Whole ones without a fraction."""
    return int(value) if value.is_integer() else value


def _function(function: Function) -> dict[str, object]:
    config = function.config
    return {
        "id": function.id,
        "fv": function.version,
        "name": config.name,
        "slug": function.slug,
        "triggers": [trigger_json(trigger) for trigger in config.triggers],
        "steps": [
            {"id": config.step_id, "name": config.step_name, "uri": config.url, "retries": config.retries}
        ],
    }


def trigger_json(trigger: Trigger) -> dict[str, object]:
    """A trigger as SDKs write it (sdk-protocol §1.3)."""
    if trigger.cron:
        return {"cron": trigger.cron}
    return {"event": trigger.event, **({"expression": trigger.expression} if trigger.expression else {})}


def routes(services: Services) -> list[Route]:
    return [Route("GET", "/dev", _Surface(services).info, Access.READ)]
