"""Which runs of a function go first (flow-control §5.6)."""

from inngest_fast.engine.flow.keys import NoValueError, value_of

LIMIT_S = 43_200


def factor(expression: str, event: bytes, now: int) -> int:
    """Seconds by which a run counts as older than it is. Anything but a whole number is 0."""
    if not expression:
        return 0
    try:
        value = value_of(expression, event, now)
    except NoValueError:
        return 0
    # Numbers of JSON are doubles: a whole one is meant as one.
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return 0
    return int(max(-LIMIT_S, min(LIMIT_S, value)))
