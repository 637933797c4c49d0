"""What `/api/v1` shows of functions, events and runs (api-v1)."""

import base64
import binascii
from collections.abc import Sequence

import msgspec

from inngest_fast.api import flow_shapes
from inngest_fast.api.instants import shown
from inngest_fast.domain.apps import App, Function
from inngest_fast.domain.events import Accepted, Event
from inngest_fast.domain.ids import is_ulid
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import Run, Step
from inngest_fast.runtime.why_waiting import Waiting

_absent = msgspec.Raw(b"")


class _Memo(msgspec.Struct, forbid_unknown_fields=True):
    """A memo that is wrapped (sdk-protocol §2.2)."""

    data: msgspec.Raw = _absent
    error: msgspec.Raw = _absent


_memo = msgspec.json.Decoder(_Memo)


def function(function: Function) -> dict[str, object]:
    config = function.config
    return {
        "id": function.id,
        "slug": function.slug,
        "name": config.name,
        "app": function.app_name,
        "triggers": config.triggers,
        "config": config,
        "url": config.url,
        "created_at": shown(function.created_at),
        "updated_at": shown(function.updated_at),
        "paused_at": shown(function.paused_at),
    }


def app(app: App, functions: int) -> dict[str, object]:
    """An app, with what is wrong with it (sdk-protocol §1.4, §1.6)."""
    return {
        "id": app.id,
        "name": app.name,
        "url": app.url,
        "sdk": app.sdk,
        "framework": app.framework,
        "app_version": app.app_version,
        "functions": functions,
        "error": app.error or None,
        "error_detail": app.error_detail or None,
        "created_at": shown(app.created_at),
        "updated_at": shown(app.updated_at),
    }


def accepted(event: Event, did: Accepted) -> dict[str, object]:
    """An event that was taken in."""
    return {
        "id": event.id,
        "status": "queued" if did.matched else "no_functions",
        "run_ids": did.run_ids,
    }


def run(run: Run) -> dict[str, object]:
    """A run without its steps."""
    return {
        "id": run.id,
        "function_id": run.function_id,
        "function_slug": run.slug,
        "event_id": run.event_ids[0] if run.event_ids else None,
        "status": run.status.name.lower(),
        "queued_at": shown(run.queued_at),
        "started_at": shown(run.started_at),
        "ended_at": shown(run.ended_at),
        "output": _raw(run.output),
        "error": _raw(run.error),
        **flow_shapes.of_run(run),
    }


def whole_run(whole: Run, attempt: int, jobs: Sequence[dict[str, object]]) -> dict[str, object]:
    """A run with its events, its steps and its live jobs."""
    return {
        **run(whole),
        "event_ids": whole.event_ids,
        "events": [msgspec.Raw(wire) for wire in whole.events],
        "attempt": attempt,
        "steps": [_step(step) for step in whole.steps.values()],
        "jobs": jobs,
    }


def job(job: Job, waiting: Waiting) -> dict[str, object]:
    """A live job, and what it waits for."""
    return {
        "id": job.id,
        "run_id": job.run_id,
        "kind": job.kind,
        "step_id": job.step_id or None,
        "attempt": job.attempt,
        "due": shown(job.due),
        **flow_shapes.waiting(waiting),
    }


def _step(step: Step) -> dict[str, object]:
    output, error = _results(step.memo)
    return {
        "id": step.id,
        "name": step.name,
        "op": step.op,
        "status": step.status,
        "attempts": step.attempts,
        "started_at": shown(step.started_at or step.queued_at),
        "ended_at": shown(step.ended_at),
        "output": output,
        "error": error,
    }


def _results(memo: bytes | None) -> tuple[msgspec.Raw | None, msgspec.Raw | None]:
    """The output and the error that a memo holds; one that is not wrapped is all output."""
    if memo is None:
        return None, None
    if memo.startswith((b'{"data":', b'{"error":')):
        try:
            read = _memo.decode(memo)
        except msgspec.DecodeError:  # an event that a wait met has a `data` of its own
            pass
        else:
            return _raw(read.data), _raw(read.error)
    return msgspec.Raw(memo), None


def _raw(value: bytes | msgspec.Raw | None) -> msgspec.Raw | None:
    return msgspec.Raw(value) if value else None


def cursor(run_id: str) -> str:
    """The place after this run; opaque to callers."""
    return base64.urlsafe_b64encode(run_id.encode()).rstrip(b"=").decode()


def read_cursor(text: str) -> str:
    """The run id of a cursor, "" if it is none."""
    try:
        id = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except (ValueError, binascii.Error):
        return ""
    return id if is_ulid(id) else ""
