"""What a person at a terminal sees first."""

from inngest_fast.cli.help import PROGRAM
from inngest_fast.domain.settings import Settings, redact_postgres, redact_uris
from inngest_fast.version import VERSION

_ALL_INTERFACES = ("0.0.0.0", "::")  # noqa: S104 compared with


def banner(settings: Settings) -> str:
    """Mode, version, URL, store, queue and how apps are found; of the configured port, not the one got."""
    host = settings.bind_host
    shown = "localhost" if host in _ALL_INTERFACES else f"[{host}]" if ":" in host else host
    where = f"http://{shown}:{settings.port}" if settings.port else f"http://{shown}, a free port"
    if host in _ALL_INTERFACES:
        where += " (all interfaces)"
    rows = {
        "url": where,
        "store": _store(settings),
        "queue": f"Redis {redact_uris(settings.redis_uri)}"
        if settings.redis_uri
        else "memory, rebuilt from the store",
        "apps": _apps(settings),
    }
    if settings.workers > 1:
        rows["workers"] = f"{settings.workers} processes"
    lines = "\n".join(f"  {name:<9}{text}" for name, text in rows.items())
    return f"\n{PROGRAM} {VERSION} ({settings.mode})\n\n{lines}\n"


def _store(settings: Settings) -> str:
    if settings.postgres_uri:
        return f"PostgreSQL {redact_postgres(settings.postgres_uri)}, schema {settings.postgres_schema}"
    if settings.database == ":memory:":
        return "memory (gone at exit; --persist keeps it)"
    return f"SQLite {settings.database}"


def _apps(settings: Settings) -> str:
    known = len(settings.sdk_urls)
    if known:
        return f"{known} given by --sdk-url"
    if settings.mode == "dev" and settings.discovery:
        return "looking on local ports; --sdk-url URL names one"
    return "none yet; --sdk-url URL names one, or let the app register itself"
