"""A row of the golden tables: a request, and what is answered to the byte, but for ids and times."""

from dataclasses import dataclass, field
from typing import Any

from tests.fixtures.http import Reply
from tests.wire.normal import normal
from tests.wire.scene import Scene

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


@dataclass
class Case:
    """`path` may name ids of the scene as `{run}`. `expected` is bytes, or JSON as `normal` makes it."""

    method: str
    path: str
    status: int
    expected: Any
    send: Any = None  # bytes as they are, anything else as JSON
    content_type: str | None = JSON
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        sent = self.send if isinstance(self.send, bytes) else b""
        return f"{self.method} {self.path} {sent[:24]!r} {self.status}"

    def check(self, scene: Scene, **ids: str) -> Reply:
        path = self.path.format(**ids) if ids else self.path
        raw = self.send if isinstance(self.send, bytes) else None
        data = None if isinstance(self.send, bytes) else self.send
        reply = scene.call(self.method, path, data, body=raw, headers=self.headers)
        body = reply.body if isinstance(self.expected, bytes) else normal(reply.json())
        assert (reply.status, body) == (self.status, self.expected)
        if self.content_type is None:
            assert not reply.body
        else:
            assert reply.headers["content-type"] == self.content_type
        assert reply.headers["x-inngest-server-kind"] == "dev"
        assert "Origin" in reply.headers["vary"]
        return reply


def envelope(text: str, status: int) -> dict[str, Any]:
    """Of an error of `/fn`, `/v0` and `/v1` (http-api §0)."""
    return {"error": text, "data": None, "status": status}


def data(value: Any) -> dict[str, Any]:
    """Of an answer of `/v1` (http-api §4)."""
    return {"data": value, "metadata": {"fetched_at": "<time>"}}
