"""Where a URL points, and where a redirect leads."""

from base64 import b64encode
from functools import lru_cache
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

import msgspec

from inngest_fast.ports.app_client import AppCallError

# Every printable ASCII character: what an app escaped, or not, is not ours to change.
_AS_IT_IS = "".join(map(chr, range(0x21, 0x7F)))


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
        if host and not host.isascii():
            host = host.encode("idna").decode()
    except ValueError as error:
        raise AppCallError("protocol", f"{url!r} is no URL: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise AppCallError("protocol", f"{url!r} is no http or https URL")
    if not url.isprintable() or " " in url:
        raise AppCallError("protocol", f"{url!r} has blanks or control characters")
    default = 443 if parts.scheme == "https" else 80
    port = default if port is None else port
    name = f"[{host}]" if ":" in host else host
    authority = name if port == default else f"{name}:{port}"
    path = quote(parts.path or "/", safe=_AS_IT_IS)
    if parts.query:
        path += "?" + quote(parts.query, safe=_AS_IT_IS)
    authorization = ""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + b64encode(pair.encode()).decode()
    return Target((parts.scheme, host, port), authority, path, authorization)


def redirected(url: str, location: str, *, keep_query: bool = True) -> str:
    """The URL that a Location leads to; it may keep the query if the Location has none of its own.

    `location` is as it came, latin-1 of whatever bytes. Raises AppCallError if it makes no URL.
    """
    try:
        moved = urlsplit(urljoin(url, quote(location.encode("latin-1"), safe=_AS_IT_IS)))
    except ValueError as error:
        raise AppCallError(
            "protocol", f"the app redirects to {location!r}, which is no URL: {error}"
        ) from None
    query = moved.query or (urlsplit(url).query if keep_query else "")
    return urlunsplit((moved.scheme, moved.netloc, moved.path, query, ""))
