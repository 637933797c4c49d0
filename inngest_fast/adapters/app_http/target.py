"""Where a URL points, and where a redirect leads."""

from base64 import b64encode
from functools import lru_cache
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import msgspec

from inngest_fast.ports.app_client import AppCallError


class Target(msgspec.Struct, frozen=True):
    """One URL taken apart. `origin` tells which connections can carry it."""

    origin: tuple[str, str, int]  # scheme, host, port
    authority: str
    path: str  # with the query
    authorization: str = ""  # from user:password in the URL


@lru_cache(maxsize=4096)
def parse_target(url: str) -> Target:
    """Raises AppCallError for what is no http or https URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise AppCallError("protocol", f"{url!r} is no URL: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise AppCallError("protocol", f"{url!r} is no http or https URL")
    if not url.isprintable() or " " in url:
        raise AppCallError("protocol", f"{url!r} has blanks or control characters")
    default = 443 if parts.scheme == "https" else 80
    name = f"[{host}]" if ":" in host else host.encode("idna").decode() if not host.isascii() else host
    authority = name if port in (None, default) else f"{name}:{port}"
    path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    authorization = ""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + b64encode(pair.encode()).decode()
    path = path.encode("ascii", "ignore").decode() if not path.isascii() else path
    return Target((parts.scheme, host, port or default), authority, path, authorization)


def redirected(url: str, location: str) -> str:
    """The URL that a Location leads to; it keeps the query if the Location has none of its own."""
    moved = urlsplit(urljoin(url, location))
    query = moved.query or urlsplit(url).query
    return urlunsplit((moved.scheme, moved.netloc, moved.path, query, ""))
