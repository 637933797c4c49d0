"""What a person at a terminal sees first."""

from inngest_fast.cli.help import PROGRAM
from inngest_fast.domain.settings import Settings
from inngest_fast.version import VERSION

_ALL_INTERFACES = ("0.0.0.0", "::")  # noqa: S104 compared with


def banner(settings: Settings) -> str:
    """Mode, version, URL, store, queue and how apps are found; of the configured port, not the one got."""
    host = settings.bind_host
    shown = "localhost" if host in _ALL_INTERFACES else f"[{host}]" if ":" in host else host
    where = f"http://{shown}:{settings.port}" if settings.port else f"http://{shown}, a free port"
    if host in _ALL_INTERFACES:
        where += " (all interfaces)"
    database = settings.database
    store = "memory (gone at exit; --persist keeps it)" if database == ":memory:" else f"SQLite {database}"
    rows = (
        ("url", where),
        ("store", store),
        ("queue", "memory, rebuilt from the store"),
        ("apps", _apps(settings)),
    )
    lines = "\n".join(f"  {name:<7}{text}" for name, text in rows)
    return f"\n{PROGRAM} {VERSION} ({settings.mode})\n\n{lines}\n"


def _apps(settings: Settings) -> str:
    known = len(settings.sdk_urls)
    if known:
        return f"{known} given by --sdk-url"
    if settings.mode == "dev" and settings.discovery:
        return "looking on local ports; --sdk-url URL names one"
    return "none yet; --sdk-url URL names one, or let the app register itself"
