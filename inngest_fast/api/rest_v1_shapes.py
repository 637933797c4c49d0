"""What REST v1 shows of events, runs, jobs and functions (http-api §4.1 to §4.3)."""

import msgspec

from inngest_fast.api import flow_shapes
from inngest_fast.api.instants import shown
from inngest_fast.domain.apps import Function
from inngest_fast.domain.events import Event, parts
from inngest_fast.domain.ids import ZERO_UUID
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import Run, RunStatus
from inngest_fast.runtime.why_waiting import Waiting

_NO_TIME = "0001-01-01T00:00:00Z"
_NOTHING = (b"", b"null", b"{}")
_STATUS = {
    RunStatus.QUEUED: "Scheduled",
    RunStatus.RUNNING: "Running",
    RunStatus.COMPLETED: "Completed",
    RunStatus.FAILED: "Failed",
    RunStatus.CANCELLED: "Cancelled",
    RunStatus.SKIPPED: "Skipped",
}


def event(event: Event) -> dict[str, object]:
    """`user`, `v` and `meta` only where the sender set them."""
    sent = parts(event.wire)
    item: dict[str, object] = {
        "internal_id": event.id,
        "account_id": ZERO_UUID,
        "environment_id": ZERO_UUID,
        "source": "",
        "source_id": None,
        "received_at": shown(event.received_at),
        "id": event.external_id,
        "name": event.name,
        "data": sent.data,
        "ts": event.ts,
    }
    given = {"user": sent.user, "meta": sent.meta}
    item |= {name: value for name, value in given.items() if bytes(value) not in _NOTHING}
    if sent.v:
        item["v"] = sent.v
    return item


def run(run: Run) -> dict[str, object]:
    """`run_started_at` is when it was queued; `output` is there once it has ended with one."""
    item: dict[str, object] = {
        "run_id": run.id,
        "run_started_at": shown(run.queued_at),
        "function_id": run.function_id,
        "function_version": run.function_version,
        "environment_id": ZERO_UUID,
        "event_id": run.event_ids[0] if run.event_ids else None,
        "status": _STATUS[run.status],
        "ended_at": shown(run.ended_at),
    }
    output = run.output if run.output is not None else run.error
    if run.status.ended and output is not None:
        item["output"] = msgspec.Raw(output)
    if run.cron:
        item["cron"] = run.cron
    return item | flow_shapes.of_run(run)


def job(job: Job, waiting: Waiting) -> dict[str, object]:
    """A live job, and what it waits for."""
    return {
        "JobID": job.id,
        "at": shown(job.due),
        "position": waiting.position,
        "kind": job.kind,
        "attempt": job.attempt,
        "state": waiting.state,
        **flow_shapes.waiting(waiting),
    }


def function(function: Function) -> dict[str, object]:
    return {
        "internal_id": function.id,
        "env_id": ZERO_UUID,
        "app_id": function.app_id,
        "id": function.slug,
        "name": function.config.name,
        "config": function.config,
        "created_at": shown(function.created_at),
        "archived_at": _NO_TIME,
        "paused_at": shown(function.paused_at),
    }
