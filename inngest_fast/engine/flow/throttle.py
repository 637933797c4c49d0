"""Starts at a rate (flow-control §5.1). The queue applies it; what was paid is kept in rows."""

from collections.abc import Iterable

from inngest_fast.domain.apps import Function
from inngest_fast.domain.flow import FlowRow, KeyValue, ThrottleRate
from inngest_fast.domain.functions import Throttle
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.transitions import ExtendRow
from inngest_fast.engine.flow.keys import key_value, rule

KIND = "throttle"
PAID_FOR_MS = 300_000  # within which a start that is tried again does not pay again

_RULE = "t"


def throttle_key(function: Function, event: bytes, now: int) -> KeyValue | None:
    throttle = function.config.throttle
    return None if throttle is None else key_value(_RULE, throttle.key, function.id, event, now)


def rate(throttle: Throttle) -> ThrottleRate:
    period = throttle.period_s * 1_000
    return ThrottleRate(
        rule=rule(_RULE, throttle.key),
        emission=max(period // throttle.limit, 1),
        cap=throttle.limit + throttle.burst,
    )


def paid(job: Job) -> ExtendRow:
    """Keeps what a start has paid: its row lasts until the arrival time."""
    return ExtendRow(f"{KIND}:{job.throttle}", job.arrival)


def arrivals(rows: Iterable[FlowRow]) -> dict[str, int]:
    """What starts have paid, by counter."""
    return {row.key.partition(":")[2]: row.until for row in rows}
