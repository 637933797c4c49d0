"""Where Redis is, and who we are there."""

import ssl
from collections.abc import Callable
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

_PORT, _SENTINEL_PORT = 6379, 26379
_SCHEMES = ("redis", "rediss", "redis-sentinel", "rediss-sentinel", "redis-cluster", "rediss-cluster", "unix")
_CERT_REQS = {"none": "none", "optional": "required", "required": "required"}
_SENTINEL_OPTIONS = ("sentinel_username", "sentinel_password")

Place = tuple[str, int]


class Tls(msgspec.Struct, frozen=True):
    """How a server proves who it is, and we. The options are those of redis-py."""

    ssl_ca_certs: str = ""  # a file; without it, the authorities of this machine
    ssl_certfile: str = ""
    ssl_keyfile: str = ""
    ssl_cert_reqs: str = "required"  # or "none"
    ssl_check_hostname: bool = True

    def context(self) -> ssl.SSLContext:
        """Raises OSError."""
        context = ssl.create_default_context(cafile=self.ssl_ca_certs or None)
        if self.ssl_certfile:
            context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile or None)
        if self.ssl_cert_reqs == "none":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif not self.ssl_check_hostname:
            context.check_hostname = False
        return context


class Address(msgspec.Struct, frozen=True):
    """`redis://[[user]:password@]host[:port][/db]`, or one of

    - `rediss://…` for TLS: `?ssl_ca_certs=file&ssl_certfile=file&ssl_keyfile=file`, `ssl_cert_reqs=none`,
      `ssl_check_hostname=false`;
    - `unix://[[user]:password@]/path[?db=n]`;
    - `redis-sentinel://[[user]:password@]host[:port],…/master[/db][?sentinel_username=…&sentinel_password=…]`:
      the hosts are sentinels, which are asked for the master of that name; user and password are for that;
    - `redis-cluster://[[user]:password@]host[:port],…`: nodes of a cluster, of which one is enough;
    - `rediss-sentinel://…`, `rediss-cluster://…`: the same with TLS, for the sentinels too.
    """

    host: str
    port: int = _PORT
    path: str = ""  # of a Unix socket, then there is no host
    tls: Tls | None = None
    user: str = ""
    password: str = ""
    database: int = 0
    seeds: tuple[Place, ...] = ()  # sentinels, or nodes of a cluster
    master: str = ""  # its name with the sentinels
    sentinel_user: str = ""
    sentinel_password: str = ""

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Raises ValueError, with a message that has no password in it."""
        try:
            parts = urlsplit(uri)
        except ValueError:
            raise ValueError("a Redis URI has an IPv6 address in brackets") from None
        if parts.scheme not in _SCHEMES:
            raise ValueError("a Redis URI starts with " + ", ".join(f"{scheme}://" for scheme in _SCHEMES))
        kind = parts.scheme.partition("-")[2]
        credentials, _, hosts = parts.netloc.rpartition("@")
        user, _, password = credentials.partition(":")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        database = options.pop("db", "")
        tls = _tls(options) if parts.scheme.startswith("rediss") else None
        path = [unquote(part) for part in parts.path.split("/") if part]
        sentinel_user, sentinel_password = "", ""
        master = ""
        if kind == "sentinel":
            if not path:
                raise ValueError("a redis-sentinel URI names the master after the hosts: host:26379/name")
            master = path.pop(0)
            sentinel_user, sentinel_password = (options.pop(name, "") for name in _SENTINEL_OPTIONS)
        if options:
            raise ValueError(f"a {parts.scheme} URI has no option {min(options)!r}")
        if parts.scheme == "unix":
            database, path = database or "0", []
        database = database or "/".join(path) or "0"
        if not database.isdecimal():
            raise ValueError("the path of a Redis URI must be the number of a database")
        if kind == "cluster" and int(database):
            raise ValueError("a Redis cluster has no database but 0")
        seeds = _places(hosts, _SENTINEL_PORT if kind == "sentinel" else _PORT)
        if not kind and len(seeds) > 1:
            raise ValueError("several hosts are for redis-sentinel:// and redis-cluster://")
        unix = parts.scheme == "unix"
        return cls(
            "" if unix else seeds[0][0],
            0 if unix else seeds[0][1],
            path=unquote(parts.path) if unix else "",
            tls=tls,
            user=unquote(user),
            password=unquote(password),
            database=int(database),
            seeds=seeds if kind else (),
            master=master,
            sentinel_user=sentinel_user,
            sentinel_password=sentinel_password,
        )

    def at(self, host: str, port: int) -> "Address":
        """The server there, with the same credentials. An empty host means this one."""
        return msgspec.structs.replace(self, host=host or self.host, port=port, seeds=(), master="")

    def tls_context(self) -> ssl.SSLContext | None:
        """Raises OSError."""
        return None if self.tls is None else self.tls.context()

    def __str__(self) -> str:
        hosts = ",".join(_shown(*seed) for seed in self.seeds)
        if self.master:
            return f"{hosts}/{self.master}"
        return hosts or self.path or _shown(self.host, self.port)


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _places(hosts: str, port: int) -> tuple[Place, ...]:
    return tuple(_place(host, port) for host in hosts.split(","))


def _place(text: str, default: int) -> Place:
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = text, str(default)
    if not port.isdecimal() or int(port) > 65_535:
        raise ValueError("the port of a Redis URI must be a number up to 65535")
    return host.strip("[]") or "localhost", int(port)


def _tls(options: dict[str, str]) -> Tls:
    asked = options.pop("ssl_cert_reqs", "required")
    check = options.pop("ssl_check_hostname", "true").lower()
    if asked not in _CERT_REQS:
        raise ValueError("ssl_cert_reqs is none, optional or required")
    if check not in ("true", "false"):
        raise ValueError("ssl_check_hostname is true or false")
    take: Callable[[str], str] = lambda name: options.pop(name, "")  # noqa: E731
    return Tls(
        take("ssl_ca_certs"),
        take("ssl_certfile"),
        take("ssl_keyfile"),
        _CERT_REQS[asked],
        check == "true",
    )
