"""Failures that no handler answers, in the shape that the callers of each surface read."""

from msgspec.structs import replace

from inngest_fast.api.http import Response, error_response, json_response
from inngest_fast.api.rest_v2 import replies as rest_v2


def failure(path: str, text: str, status: int, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """The error envelope of the surface that `path` is of (http-api §0, §2.1 and §5.1, api-v1)."""
    if path.startswith("/e/"):
        return json_response({"ids": [], "status": status, "error": text}, status, headers)
    if path.startswith("/api/v1/"):
        return json_response({"error": text, "status": status}, status, headers)
    if path.startswith(rest_v2.PREFIXES):
        return rest_v2.failure(text, status, headers)
    if path == "/dev":  # SDKs take JSON of any status for a dev server (http-api §3.2)
        return Response(status, text.encode(), "text/plain; charset=utf-8", headers)
    return replace(error_response(text, status), headers=headers)
