"""What a live job waits for, in one sentence and in fields (flow-control §4, §5.1, §8)."""

import msgspec

from inngest_fast.domain.apps import Function
from inngest_fast.domain.durations import format_rfc3339
from inngest_fast.domain.flow import rule_of
from inngest_fast.domain.jobs import CALLS, Job, JobKind
from inngest_fast.domain.runs import Run
from inngest_fast.engine.flow.concurrency import expression_of
from inngest_fast.ports.queue import JobPlace

_WAITS_FOR = {
    JobKind.SLEEP: "sleeping",
    JobKind.WAIT_TIMEOUT: "waiting for an event, a signal or an invoked function",
    JobKind.START_TIMEOUT: "its timeouts.start runs",
    JobKind.FINISH_TIMEOUT: "its timeouts.finish runs",
    JobKind.SILENCE: "its endpoint works by itself",
    JobKind.CRON: "waiting for the next tick",
    JobKind.DEBOUNCE: "waiting for its events to stop",
    JobKind.BATCH: "waiting for its batch to fill",
}


class Waiting(msgspec.Struct, frozen=True, omit_defaults=True):
    """Empty fields do not apply. `limited_by` is as JobPlace's `blocked_by`; times are unix ms."""

    reason: str
    state: str = ""
    due: int = 0
    position: int = 0
    limited_by: str = ""
    limit: int = 0
    in_use: int = 0
    key: str = ""  # the expression
    value: str = ""  # of the key for this run
    holders: tuple[str, ...] = ()  # job ids, or run ids where live runs are limited
    opens_at: int = 0


def why_waiting(job: Job, place: JobPlace | None, run: Run | None, function: Function | None) -> Waiting:
    """`run` and `function` are the job's, where it has them."""
    if place is None:
        return Waiting("not queued; it will be queued again within seconds", due=job.due)
    key, value = _key(place, run, function)
    return Waiting(
        reason=_reason(job, place, key, value),
        state=place.state,
        due=place.due,
        position=place.position,
        limited_by=place.blocked_by,
        limit=place.limit,
        in_use=place.in_use,
        key=key,
        value=value,
        holders=place.holders,
        opens_at=place.opens_at,
    )


def _key(place: JobPlace, run: Run | None, function: Function | None) -> tuple[str, str]:
    if not place.counter or run is None:
        return "", ""
    flow = run.flow
    for known in (*flow.keys, flow.run, flow.throttle):
        if known is not None and known.counter == place.counter:
            expression = expression_of(function, rule_of(known.counter)) if function is not None else ""
            return expression, known.shown
    return "", ""


def _reason(job: Job, place: JobPlace, key: str, value: str) -> str:
    if place.state == "leased":
        return "being worked on"
    if place.state == "scheduled":
        when = format_rfc3339(place.due)
        if job.kind in CALLS:
            what = f"attempt {job.attempt + 1} is due" if job.attempt else "due"
            return f"{what} at {when}"
        what = _WAITS_FOR.get(job.kind, "")
        return f"{what} until {when}" if what else f"due at {when}"
    ahead = f"{place.position} ahead of it"
    if not place.blocked_by:
        return f"ready, {ahead}"
    if place.blocked_by == "paused":
        return f"its function is paused, {ahead}"
    of = f"{key} = {value}" if key else "its function"
    if place.blocked_by == "throttle":
        return f"throttled by {of}: the next start is at {format_rfc3339(place.opens_at)}, {ahead}"
    used = f"{place.in_use} of {place.limit}"
    if place.blocked_by == "app":
        return f"its app is at its limit: {used} calls at once, {ahead}"
    if place.blocked_by == "runs":
        return f"{of} is at its limit of live runs: {used}, {ahead}"
    return f"{of} is at its limit: {used} calls at once, {ahead}"
