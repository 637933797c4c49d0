"""Envelopes of REST v2, and how values are written there (http-api §5.1)."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from inngest_fast.api.http import Response

GENERIC: Final = "api_error"
PREFIXES: Final = ("/api/v2/", "/v2/")

_encode = msgspec.json.Encoder(order="sorted").encode
_JSON = "application/json"


class RefusedError(Exception):
    """What the caller asked for is not done."""

    def __init__(self, message: str, status: int, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def some(**fields: Any) -> dict[str, Any]:
    """Those that are not zero. A field's name may end in `_` where the word is Python's."""
    return {
        name.rstrip("_"): value for name, value in fields.items() if value or isinstance(value, msgspec.Raw)
    }


def instant(ms: int) -> str:
    """RFC 3339 with three digits of a second or none, as in protobuf's JSON; "" for 0."""
    if not ms:
        return ""
    seconds, rest = divmod(ms, 1_000)
    text = datetime.fromtimestamp(seconds, UTC).isoformat().removesuffix("+00:00")
    return f"{text}.{rest:03}Z" if rest else f"{text}Z"


def single(data: Any, now_ms: int, status: int = 200) -> Response:
    return written({"data": data, "metadata": {"fetchedAt": instant(now_ms)}}, status)


def page(
    items: list[dict[str, Any]],
    limit: int,
    cursor: str,
    now_ms: int,
    time_range: dict[str, str] | None = None,
) -> Response:
    """One page of a list. `cursor` begins the next one; "" if there is none."""
    body = some(
        data=items,
        metadata=some(fetchedAt=instant(now_ms), timeRange=time_range),
        page=some(cursor=cursor, hasMore=bool(cursor), limit=limit),
    )
    return written(body)


def refused(error: RefusedError) -> Response:
    return failed(str(error), error.status, error.code)


def failed(
    message: str, status: int, code: str = GENERIC, headers: tuple[tuple[str, str], ...] = ()
) -> Response:
    return written({"errors": [{"code": code, "message": message}]}, status, headers)


def failure(text: str, status: int, headers: tuple[tuple[str, str], ...]) -> Response:
    """Of what no handler has answered: a wrong method is 501 here."""
    match status:
        case 404:
            return failed("Not Found", 404)
        case 405:
            return failed("Method Not Allowed", 501, headers=headers)
    return failed(text, status, GENERIC if status < 500 else "internal_error", headers)


def written(body: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    return Response(status, _encode(body), _JSON, headers)
