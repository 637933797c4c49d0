"""The gates that expressions pass at registration (flow-control §2.6)."""

from typing import Literal

_EVENT = frozenset({"event"})
_EVENT_AND_ASYNC = frozenset({"event", "async"})


def checked(source: str) -> str:
    """Why an expression over `event` doesn't compile, or "" if it does or is empty."""
    return _compile(source, _EVENT, "full", check=True)


def parsed(source: str) -> str:
    """As `checked`, for the places where only the syntax counts."""
    return _compile(source, _EVENT, "full", check=False)


def restricted(source: str) -> str:
    """As `checked`, for expressions over `event` and `async`, under the restrictive policy."""
    return _compile(source, _EVENT_AND_ASYNC, "restricted", check=True)


def _compile(
    source: str,
    names: frozenset[str],
    policy: Literal["full", "restricted"],
    *,
    check: bool,
) -> str:
    if not source:
        return ""
    from inngest_fast._native import expr

    try:
        expr.compile(source, names=names, policy=policy, check=check)
    except expr.CompileError as error:
        return str(error.message)
    return ""
