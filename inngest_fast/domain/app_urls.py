"""App URLs in the one spelling that they are compared and stored in (sdk-protocol §1.3, end)."""

from urllib.parse import unquote_plus, urlsplit, urlunsplit

_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_LOOPBACK = frozenset({"127.0.0.1", "0.0.0.0", "localhost"})  # noqa: S104 - compared, never bound
_DROPPED_PARAMETERS = frozenset({"deployId", "probe"})


def with_scheme(url: str) -> str:
    """The URL with `http://` in front if it names no scheme, as in `-u host:port/path` (http-api §1.2)."""
    return url if "://" in url else f"http://{url}"


def normalise_app_url(url: str) -> str:
    """The canonical spelling of a serve or runtime URL; a canonical one comes back unchanged.

    Drops the parameters `deployId` and `probe` and the scheme's default port, and writes the loopback
    hosts, when they have a port, as `localhost`. Raises ValueError, saying why, for what is no http, https,
    ws or wss URL with a host.
    """
    if not url.isprintable() or " " in url:
        raise ValueError(f"{url!r} is no URL: it has blanks or control characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{url!r} is no URL: {error}") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"{url!r} is no URL of an app: it must begin with http, https, ws or wss")
    if not host:
        raise ValueError(f"{url!r} is no URL of an app: it names no host")
    if port is not None and host in _LOOPBACK:
        host = "localhost"
    authority = f"[{host}]" if ":" in host else host
    if port is not None and port != _DEFAULT_PORTS[parts.scheme]:
        authority = f"{authority}:{port}"
    user, at, _ = parts.netloc.rpartition("@")
    query = "&".join(
        pair
        for pair in parts.query.split("&")
        if pair and unquote_plus(pair.partition("=")[0]) not in _DROPPED_PARAMETERS
    )
    return urlunsplit((parts.scheme, f"{user}{at}{authority}", parts.path, query, parts.fragment))
