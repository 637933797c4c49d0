"""The request and the response that handlers are written against, whatever serves them."""

import enum
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol
from urllib.parse import parse_qsl

import msgspec

from inngest_fast.api.instants import shown
from inngest_fast.domain.api_keys import Scope


class BodyTooLargeError(Exception):
    """A body above the limit; reading stopped there."""


class Access(enum.Enum):
    """What `start` asks of a caller (docs/auth.md). `dev` asks nothing but a non-empty event key.

    The signing key opens everything. API keys have a scope, each of which includes the ones before.
    """

    OPEN = "open"  # to everybody, in `start` too
    HEALTH = "health"  # as OPEN: what balancers ask
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"
    SDK = "sdk"  # what SDKs call, with the signing key: as WRITE
    EVENT_KEY = "event key"  # in the path, as {key}
    SIGNING_OR_EVENT_KEY = "signing or event key"  # WRITE, or an event key as a bearer
    INVOKE = "invoke"  # the same, unless `--open-invoke`
    GRAPHQL = "graphql"  # READ, unless `--open-graphql`; mutations ask `gate.allows` for more
    MCP = "mcp"  # WRITE, unless `--open-mcp`
    METRICS = "metrics"  # READ, unless `--open-metrics`
    OWN_TOKEN = "own token"  # noqa: S105 the handler checks it; `gate.allows` tells of other credentials


class Request(Protocol):
    """One request. Header names are lower-case; `path` is decoded, `params` are its named parts."""

    method: str
    path: str
    params: dict[str, str]
    query_string: str
    peer: str  # the address that it came from; "" if that is not known
    granted: Scope | None  # what the caller's credential is good for

    def header(self, name: str) -> str:
        """The first value of that header, "" if absent. `name` is lower-case."""
        ...

    async def body(self) -> bytes:
        """The whole body. Raises BodyTooLargeError as soon as it is known to pass the limit."""
        ...


class Response(msgspec.Struct, frozen=True):
    """A whole response. Server-wide headers are added by the application."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Request], Awaitable[Response]]


class Route(msgspec.Struct, frozen=True):
    """One method on one path. `{name}` matches one segment, and is decoded."""

    method: str
    pattern: str
    handler: Handler
    access: Access


_encoder = msgspec.json.Encoder()


def json_response(value: object, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    return Response(status, _encoder.encode(value), headers=headers)


def error_response(text: str, status: int, code: str = "", data: object = None) -> Response:
    """The envelope of `/fn`, `/v0` and `/v1` errors (http-api §0)."""
    fields: dict[str, object] = {"code": code} if code else {}
    return json_response({**fields, "error": text, "data": data, "status": status}, status)


def data_response(data: object, now_ms: int, status: int = 200) -> Response:
    """The envelope of `/v1` answers (http-api §4)."""
    return json_response({"data": data, "metadata": {"fetched_at": shown(now_ms)}}, status)


def query(request: Request) -> Mapping[str, str]:
    """Query parameters, decoded; of a repeated one the first."""
    pairs = parse_qsl(request.query_string, keep_blank_values=True)
    return dict(reversed(pairs))
