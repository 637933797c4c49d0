"""How the server is, for load balancers and people (api-v1)."""

from inngest_fast.api.http import Access, Request, Response, Route, json_response
from inngest_fast.api.services import Services
from inngest_fast.version import VERSION


class _Surface:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def health(self, _: Request) -> Response:
        services = self._services
        vitals = services.vitals
        unready = vitals.unready
        reply = {
            "status": "degraded" if unready else "ok",
            "service": "inngest-fast",
            "version": VERSION,
            "mode": services.settings.mode,
            "store": services.store.name,
            "queue": services.queue.name,
            "postgres": _backend("postgres", services.store.name, unready),
            "redis": _backend("redis", services.queue.name, unready),
            "memory_mb": round(vitals.memory_mb(), 1),
            "uptime_s": round(vitals.uptime_s(), 3),
            "backends": {
                "store": dict(services.store.details()),
                "queue": dict(await services.queue.details()),
            },
            "counters": await vitals.counters(),
        }
        return json_response(reply, 503 if unready else 200)

    async def alive(self, _: Request) -> Response:
        return json_response({"status": "ok"})

    async def ready(self, _: Request) -> Response:
        unready = self._services.vitals.unready
        if not unready:
            return json_response({"status": "ready"})
        return json_response({"status": "unready", "reasons": unready}, 503)


def _backend(name: str, used: str, unready: dict[str, str]) -> str:
    if used != name:
        return "not configured"
    part = "store" if name == "postgres" else "queue"
    return "disconnected" if part in unready else "connected"


def routes(services: Services) -> list[Route]:
    surface = _Surface(services)
    return [
        Route("GET", "/health", surface.health, Access.HEALTH),
        Route("GET", "/livez", surface.alive, Access.HEALTH),
        Route("GET", "/readyz", surface.ready, Access.HEALTH),
        Route("GET", "/ready", surface.ready, Access.HEALTH),
    ]
