"""The tree that dashboards and newer suites read: one span a step, and Finalization (http-api §6.5)."""

from inngest_fast.domain.runs import Step
from inngest_fast.domain.trace_ids import span_id
from inngest_fast.domain.traces import Attempt, Metadata, RunInfo, Span, SpanStatus, attempt_key
from inngest_fast.engine.trace.known import (
    RUN,
    Known,
    OutputPlace,
    attempt_span_id,
    ended_at,
    group_id,
    last_times,
    op_of,
    op_status,
    output_id,
    step_output_id,
)
from inngest_fast.engine.trace.metadata import Target
from inngest_fast.engine.trace.notes import hang
from inngest_fast.engine.trace.userland import attach

FINALIZATION = "FINALIZATION"
TIMING = "inngest.timing"


def tree(known: Known) -> Span:
    run = known.run
    root = known.root("Run")
    root.metadata = list(known.notes.get(Target(), ()))
    if run.output is not None or run.error is not None:
        root.output_id = output_id(OutputPlace(run.id))
    root.children = [_step(known, step, root.id) for step in known.shown_steps()]
    if (last := _finalization(known, root.id)) is not None:
        root.children.append(last)
    attach(root, known.rows)
    hang(root, known.notes)
    return root


def _step(known: Known, step: Step, parent: str) -> Span:
    run, op = known.run, op_of(step)
    failures = known.failures_of(step)
    queued_at, started_at = last_times(step)
    is_run = op == RUN
    span = Span(
        id=span_id(step.id),
        name=step.name,
        status=op_status(step, run, sleeping=SpanStatus.WAITING),
        queued_at=min([step.queued_at, *(each.queued_at for each in failures)]),
        scheduled_at=step.queued_at,
        started_at=step.started_at or step.queued_at,
        ended_at=ended_at(step, run),
        attempts=failures[-1].number + 1 if failures and step.memo is not None else len(failures),
        parent_id=parent,
        group_id=group_id(run.id, step.group),
        step_id=step.id,
        op=op,
        type=op,
        info=known.info(step) or (RunInfo() if is_run else None),
        output_id=step_output_id(run.id, step),
        response=step.response,
        metadata=[
            *known.notes.get(Target(step.id), ()),
            *_timing(step.queued_at, step.started_at, step.ended_at),
        ],
    )
    if not failures:
        return span
    last = failures[-1].number + 1
    span.children = [_attempt(known, each, span) for each in failures]
    if step.memo is not None or not is_run:
        span.children.append(
            Span(
                id=span_id(f"{step.id}:{last}"),
                name=f"Attempt {last}",
                status=span.status,
                queued_at=queued_at,
                scheduled_at=queued_at,
                started_at=started_at or queued_at,
                ended_at=span.ended_at,
                attempts=last,
                parent_id=span.id,
                group_id=span.group_id,
                step_id=step.id,
                op=op,
                type=op,
                info=span.info,
                output_id=span.output_id,
                response=step.response,
            )
        )
    elif not run.status.ended:
        span.children.append(_next_attempt(known, step.group, span, last))
    return span


def _attempt(known: Known, attempt: Attempt, parent: Span) -> Span:
    run = known.run
    return Span(
        id=attempt_span_id(run.id, attempt),
        name=f"Attempt {attempt.number}",
        status=SpanStatus.FAILED,
        queued_at=attempt.queued_at,
        scheduled_at=attempt.queued_at,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        attempts=attempt.number,
        parent_id=parent.id,
        group_id=parent.group_id,
        step_id=parent.step_id,
        op=parent.op,
        type=parent.type,
        info=parent.info if parent.op == RUN else None,
        output_id=output_id(OutputPlace(run.id, attempt=attempt_key(attempt))),
        response=attempt.response,
        metadata=_timing(attempt.queued_at, attempt.started_at, attempt.ended_at),
    )


def _next_attempt(known: Known, group: str, parent: Span, number: int) -> Span:
    """The one that is queued, or called now."""
    due = known.next_due(group)
    return Span(
        id=span_id(f"{parent.id}:{number}"),
        name=f"Attempt {number}",
        status=SpanStatus.QUEUED,
        queued_at=due,
        scheduled_at=due,
        attempts=number,
        parent_id=parent.id,
        group_id=parent.group_id,
        step_id=parent.step_id,
        op=parent.op,
        type=parent.type,
    )


def _finalization(known: Known, parent: str) -> Span | None:
    """The call that ended the function, or one of its body that failed and will be made again."""
    run, last = known.run, known.run.last_call
    group, failures = known.body()
    if last is None and not failures:
        return None
    first = failures[0] if failures else last
    assert first is not None
    span = Span(
        id=span_id(f"{run.id}:finalization"),
        name="Finalization",
        status=known.status if last is not None else SpanStatus.RUNNING,
        queued_at=first.queued_at,
        scheduled_at=first.queued_at,
        started_at=first.started_at,
        ended_at=last.ended_at if last is not None else 0,
        attempts=last.number if last is not None else failures[-1].number,
        parent_id=parent,
        group_id=group_id(run.id, group),
        type=FINALIZATION,
        response=last.response if last is not None else None,
    )
    if last is not None:
        span.metadata = _timing(last.queued_at, last.started_at, last.ended_at)
    if not failures:
        return span
    span.children = [_attempt(known, each, span) for each in failures]
    if last is None:
        span.children.append(_next_attempt(known, group, span, failures[-1].number + 1))
        return span
    final = Span(
        id=attempt_span_id(run.id, last),
        name=f"Attempt {last.number}",
        status=span.status,
        queued_at=last.queued_at,
        scheduled_at=last.queued_at,
        started_at=last.started_at,
        ended_at=last.ended_at,
        attempts=last.number,
        parent_id=span.id,
        group_id=span.group_id,
        type=FINALIZATION,
        output_id=output_id(OutputPlace(run.id)),
        response=last.response,
    )
    span.children.append(final)
    return span


def _timing(queued_at: int, started_at: int, ended_at: int) -> list[Metadata]:
    if not started_at or not ended_at:
        return []
    delay = max(0, started_at - queued_at)
    values = {"queue_delay_ms": delay, "system_latency_ms": 0, "total_inngest_ms": delay}
    return [Metadata("request", TIMING, values, ended_at)]
