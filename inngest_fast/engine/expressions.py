"""Compiled expressions, kept while they are in use (flow-control §2.5, §2.9)."""

from functools import lru_cache

from inngest_fast._native import expr

_EVENT = frozenset({"event"})
_EVENT_AND_ASYNC = frozenset({"event", "async"})

ALWAYS = ""
NEVER = "false"


class InvalidExpressionError(Exception):
    """An expression that does not compile."""


@lru_cache(maxsize=4096)
def over_event(source: str) -> expr.Program:
    """A program over `event`. Raises InvalidExpressionError."""
    return _compile(source, _EVENT)


@lru_cache(maxsize=4096)
def over_both(source: str) -> expr.Program:
    """A program over `event` and `async`. Raises InvalidExpressionError, also for unknown names (§2.6)."""
    return _compile(source, _EVENT_AND_ASYNC, check=True)


@lru_cache(maxsize=4096)
def over_async(source: str) -> expr.Program:
    """The program of a residue. Raises InvalidExpressionError."""
    return _compile(source, _EVENT_AND_ASYNC)


def residue(source: str, event: bytes, now_ms: int) -> str:
    """What of an expression is left to ask of a later event: ALWAYS, NEVER, or a source over `async`.

    Raises InvalidExpressionError for a source that does not compile. One that fails on this event can
    never be met: NEVER.
    """
    if not source:
        return ALWAYS
    try:
        left = over_both(source).interpolate(event, now_ms=now_ms)
    except expr.EvaluationError:
        return NEVER
    return ALWAYS if left == "true" else left


def _compile(source: str, names: frozenset[str], *, check: bool = False) -> expr.Program:
    try:
        return expr.compile(source, names=names, check=check)
    except expr.CompileError as error:
        raise InvalidExpressionError(str(error.message)) from None
