"""Failures that no handler answers, in the shape that the callers of each surface read."""

from msgspec.structs import replace

from inngest_fast.api.http import Response, error_response, json_response


def failure(path: str, text: str, status: int, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """The error envelope of the surface that `path` is of (http-api §0 and §2.1, api-v1)."""
    if path.startswith("/e/"):
        return json_response({"ids": [], "status": status, "error": text}, status, headers)
    if path.startswith("/api/v1/"):
        return json_response({"error": text, "status": status}, status, headers)
    if path == "/dev":  # SDKs take JSON of any status for a dev server (http-api §3.2)
        return Response(status, text.encode(), "text/plain; charset=utf-8", headers)
    return replace(error_response(text, status), headers=headers)
