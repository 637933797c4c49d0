"""Calls of durable endpoints: the caller's own request again, for a run to go on by (sdk-protocol §7.2)."""

import base64
import binascii
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from inngest_fast._native.canonical import CanonicalError, canonicalize
from inngest_fast.domain.events import parts

Coding = Literal["text", "base64"]

_BODIED = frozenset(("POST", "PUT", "PATCH", "DELETE"))


class HttpRequest(msgspec.Struct):
    """`data` of `inngest/http.request`: what an endpoint was asked. `fn` names its function, or nothing."""

    domain: str
    method: str
    path: str
    fn: str | None = None
    content_type: str | None = None
    query_params: str | None = None
    body: str | None = None

    @property
    def slug(self) -> str:
        return self.fn or f"{self.method} {self.path}"

    @property
    def url(self) -> str:
        query = (self.query_params or "").lstrip("?")
        return f"{self.domain.rstrip('/')}{self.path}" + (f"?{query}" if query else "")


_decoder = msgspec.json.Decoder(HttpRequest)


def read_request(data: bytes) -> HttpRequest:
    """Raises ValueError for what is no request to an http or https URL."""
    try:
        request = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
    url = urlsplit(request.domain)
    if url.scheme not in ("http", "https") or not url.hostname or url.path.strip("/") or url.query:
        raise ValueError(f"{request.domain!r} is no origin of an app")
    if not request.path.startswith("/"):
        raise ValueError(f"{request.path!r} is no path")
    method = request.method
    if not (method.isascii() and method.isalpha()) or not request.url.isprintable() or " " in request.url:
        raise ValueError("it has no usable method or URL")
    return request


class NoRequestError(ValueError):
    """A run of an endpoint that no request of a caller started: nobody knows what to call."""


def request_of(event: bytes) -> HttpRequest:
    """What a run of an endpoint was started by; `event` is the wire form. Raises NoRequestError."""
    try:
        return read_request(bytes(parts(event).data))
    except ValueError as error:
        text = f"a durable endpoint is started by a request of its own, not by an event: {error}"
        raise NoRequestError(text) from None


def body_of(request: HttpRequest, coding: Coding) -> bytes:
    text = request.body or ""
    if request.method.upper() not in _BODIED:
        return b""
    if coding == "base64":
        try:
            return base64.b64decode(text, validate=True)
        except (ValueError, binascii.Error):
            pass  # a body that came as it is
    return text.encode("utf-8", "surrogatepass")


def signed_form(body: bytes) -> bytes:
    """What the signature of such a call is made of: SDKs check it over the canonical form of JSON."""
    try:
        return canonicalize(body) if body else b""
    except CanonicalError:
        return body
