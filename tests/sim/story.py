"""The trace of a simulation as text."""

import json
from collections.abc import Iterable
from typing import Any

from inngest_fast.domain.transitions import Committed, Transition
from inngest_fast.ports.app_client import AppRequest, AppResponse

_FIRST, _LAST = 600, 200

Entry = tuple[Any, ...]


def lines(trace: list[Entry]) -> Iterable[str]:
    """A line for each thing that happened, without the middle of a long story."""
    cut = len(trace) - _FIRST - _LAST
    if cut <= 0:
        yield from map(_line, trace)
        return
    yield from map(_line, trace[:_FIRST])
    yield f"… {cut} more …"
    yield from map(_line, trace[-_LAST:])


def _line(entry: Entry) -> str:
    time, step, what, *rest = entry
    return f"{time:10.4f} {step:6d} {what:16s} {' '.join(map(_words, rest))}"


def _words(item: object) -> str:
    if isinstance(item, AppRequest):
        ctx = json.loads(item.body)["ctx"] if item.method == "POST" else {}
        return f"{ctx.get('job_id')}#{ctx.get('attempt')}"
    if isinstance(item, AppResponse):
        return f"{item.status} {item.body.decode()}"
    if isinstance(item, Transition):
        job = f"{item.job.id}#{item.job.attempt}" if item.job is not None else "-"
        return f"job={job} wait={item.wait_id} [{', '.join(map(_action, item.actions))}]"
    if isinstance(item, Committed):
        if item.reason:
            return f"→ dropped by {item.reason}"
        admitted = f" admitted [{', '.join(map(_action, item.admitted))}]" if item.admitted else ""
        return (
            f"→ +{[job.id for job in item.jobs]} -{item.dropped_jobs} refused {item.refused_runs}{admitted}"
        )
    return str(item)


def _action(action: object) -> str:
    kind = type(action).__name__
    for name in ("job", "wait", "step", "event", "run", "cancellation"):
        item: Any = getattr(action, name, None)
        if item is not None:
            of = getattr(item, "version", "") or getattr(item, "name", "")
            return f"{kind} {item.id} {of}".rstrip()
    row = getattr(action, "row", None)
    named = [getattr(action, name, "") for name in ("wait_id", "job_id", "event_id", "batch_id", "key")]
    return f"{kind} {row.key if row is not None else next(filter(None, named), '')}".rstrip()
