"""What is asked next after a redirect."""

from msgspec.structs import replace

from inngest_fast.adapters.app_http.target import parse_target, redirected
from inngest_fast.ports.app_client import AppRequest

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_SEE_OTHER = 303
_WERE_POST = frozenset((301, 302))
_OF_BODY = frozenset(("content-encoding", "content-language", "content-location", "content-type"))
# What tells who asks, in the names that APIs use.
_CREDENTIALS = frozenset(("api-key", "authorization", "cookie", "x-api-key", "x-goog-api-key"))


def redirection(request: AppRequest, status: int, location: str | None) -> AppRequest | None:
    """The request that a response leads to; None if it is the answer itself. Raises AppCallError."""
    if location is None or status not in _REDIRECTS or request.follow == "never":
        return None
    if request.follow == "same":
        return replace(request, url=redirected(request.url, location))
    url = redirected(request.url, location, keep_query=False)
    method, body, left_out = request.method, request.body, frozenset[str]()
    if (status == _SEE_OTHER and method not in ("GET", "HEAD")) or (
        status in _WERE_POST and method == "POST"
    ):
        method, body, left_out = "GET", b"", _OF_BODY
    if parse_target(url).origin != parse_target(request.url).origin:
        left_out |= _CREDENTIALS
    headers = tuple((name, value) for name, value in request.headers if name.lower() not in left_out)
    return replace(request, url=url, method=method, body=body, headers=headers)
