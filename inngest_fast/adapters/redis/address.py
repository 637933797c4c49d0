"""Where Redis is, and who we are there."""

import ssl
from typing import Self
from urllib.parse import unquote, urlsplit

import msgspec

_PORT = 6379


class Address(msgspec.Struct, frozen=True):
    """`redis://[user[:password]@]host[:port][/db]`, `rediss://…` for TLS, `unix://[user[:password]@]/path`."""

    host: str
    port: int = _PORT
    path: str = ""  # of a Unix socket, then there is no host
    tls: bool = False
    user: str = ""
    password: str = ""
    database: int = 0

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Raises ValueError, with a message that has no password in it."""
        parts = urlsplit(uri)
        if parts.scheme not in ("redis", "rediss", "unix"):
            raise ValueError("a Redis URI starts with redis://, rediss:// or unix://")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if parts.scheme == "unix":
            return cls("", 0, path=unquote(parts.path), user=user, password=password)
        try:
            port = parts.port or _PORT
        except ValueError:
            raise ValueError("the port of a Redis URI must be a number up to 65535") from None
        database = parts.path.strip("/") or "0"
        if not database.isdecimal():
            raise ValueError("the path of a Redis URI must be the number of a database")
        return cls(
            parts.hostname or "localhost",
            port,
            tls=parts.scheme == "rediss",
            user=user,
            password=password,
            database=int(database),
        )

    def at(self, host: str, port: int) -> "Address":
        """The same on another machine. An empty host means this one."""
        return msgspec.structs.replace(self, host=host or self.host, port=port)

    def tls_context(self) -> ssl.SSLContext | None:
        return ssl.create_default_context() if self.tls else None

    def __str__(self) -> str:
        return self.path or f"{self.host}:{self.port}"
