"""What flow control adds to runs and jobs, and its own records, as the surfaces show them."""

from inngest_fast.api.instants import shown
from inngest_fast.domain.apps import Function
from inngest_fast.domain.cancellations import Cancellation
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.ids import ZERO_UUID
from inngest_fast.domain.runs import Run, RunStatus
from inngest_fast.engine.flow import batch as batches
from inngest_fast.engine.flow import debounce as debounces
from inngest_fast.runtime.why_waiting import Waiting


def of_run(run: Run) -> dict[str, object]:
    """Why it was skipped, its batch, and the run that it repeats: each only where there is one."""
    more: dict[str, object] = {}
    if run.status is RunStatus.SKIPPED:
        more["skip_reason"] = run.skip_reason
        more["skip_existing_run_id"] = run.skipped_for or None
    if run.batch_id:
        more["batch_id"] = run.batch_id
    if run.original_run_id:
        more["original_run_id"] = run.original_run_id
    return more


def waiting(waiting: Waiting) -> dict[str, object]:
    """The sentence, and those fields that apply."""
    fields: dict[str, object] = {"reason": waiting.reason}
    if waiting.state:
        fields["state"] = waiting.state
    if waiting.state == "ready":
        fields["position"] = waiting.position
    if waiting.limited_by:
        fields["limited_by"] = waiting.limited_by
    if waiting.limit:
        fields |= {"limit": waiting.limit, "in_use": waiting.in_use}
    if waiting.key:
        fields |= {"key": waiting.key, "value": waiting.value}
    if waiting.holders:
        fields["holders"] = waiting.holders
    if waiting.opens_at:
        fields["opens_at"] = shown(waiting.opens_at)
    return fields


def debounce(row: FlowRow) -> dict[str, object]:
    """An open one: the event that will start the run, and when."""
    state = debounces.read(row)
    return {
        "event_id": state.event_id,
        "starts_at": shown(state.due),
        "deadline": shown(state.deadline),
    }


def batch(row: FlowRow, function: Function) -> dict[str, object]:
    """An open one: how full it is, and when it starts at the latest."""
    state, config = batches.read(row), function.config.batch
    return {
        "batch_id": state.batch_id,
        "count": state.count,
        "size": config.size if config is not None else None,
        "bytes": state.bytes,
        "starts_at": shown(state.due),
    }


def cancellation(one: Cancellation, function: Function | None) -> dict[str, object]:
    """`function` is the one that it is of, if it is known here."""
    return {
        "id": one.id,
        "environment_id": ZERO_UUID,
        "app_id": function.app_name if function is not None else one.app_id,
        "function_id": function.slug if function is not None else one.function_id,
        "function_internal_id": one.function_id,
        "started_after": shown(one.started_after),
        "started_before": shown(one.started_before),
        "if": one.expression or None,
        "created_at": shown(one.created_at),
        "done_at": shown(one.done_at),
        "cancelled": one.cancelled,
    }
