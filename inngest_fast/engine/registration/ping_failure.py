"""What an app's answer to a ping says is wrong with it (sdk-protocol §1.6)."""

import msgspec

_BY_STATUS = {
    401: "unauthorized",
    403: "forbidden",
    404: "url_not_found",
    500: "internal_server_error",
}
_BY_MESSAGE = (
    ("signing key is invalid", "invalid_signing_key"),
    ("invalid signing key", "invalid_signing_key"),
    ("no functions", "no_functions"),
    ("function is invalid", "invalid_function"),
    ("invalid function", "invalid_function"),
    ("missing signing key", "missing_signing_key"),
    ("signing key is required", "missing_signing_key"),
    ("missing branch", "missing_branch_env_name"),
    ("branch environment name is required", "missing_branch_env_name"),
)

# What a later good answer takes back; other errors stay until a sync succeeds.
PING_FAILURES = frozenset(
    ("unreachable", "unsupported_protocol", *_BY_STATUS.values(), *(code for _, code in _BY_MESSAGE))
)


class _Reply(msgspec.Struct):
    message: str = ""


def ping_failure(status: int, body: bytes) -> str:
    """The code, or the app's own words, for an answer to `PUT`; "" for one of success."""
    if status < 400:
        return ""
    if status == 400:
        message = _message(body)
        lower = message.lower()
        for text, code in _BY_MESSAGE:
            if text in lower:
                return code
        return message or "the app answered HTTP 400"
    return _BY_STATUS.get(status, f"the app answered HTTP {status}")


def _message(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Reply).message[:500]
    except (msgspec.DecodeError, RecursionError):
        return ""
