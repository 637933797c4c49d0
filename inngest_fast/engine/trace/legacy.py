"""The tree that older suites read: one node for each group of calls (http-api §6.5)."""

from inngest_fast.domain.runs import RunStatus, Step
from inngest_fast.domain.trace_ids import span_id
from inngest_fast.domain.traces import Attempt, Span, SpanStatus, attempt_key
from inngest_fast.engine.trace.known import (
    RUN,
    Known,
    OutputPlace,
    attempt_span_id,
    ended_at,
    last_times,
    op_of,
    op_status,
    output_id,
    step_output_id,
)

_QUEUED = "queued"  # the id of what has not begun


def tree(known: Known) -> Span:
    run = known.run
    root = known.root(run.slug)
    root.scheduled_at = 0
    children = [_step(known, step, root.id) for step in known.shown_steps()]
    if (body := _body(known, root.id)) is not None:
        children.append(body)
    going = run.status is RunStatus.RUNNING
    if going and (not children or children[-1].ended_at):
        children.append(_queued(root.id, "Queued step", known.next_due()))
    root.children = children
    if run.status.ended and children:
        root.output_id = children[-1].output_id
    return root


def _step(known: Known, step: Step, root: str) -> Span:
    run, op = known.run, op_of(step)
    failures = known.failures_of(step)
    queued_at, started_at = last_times(step)
    leaf = Span(
        id=span_id(step.id),
        name=step.name,
        status=op_status(step, run, sleeping=SpanStatus.RUNNING),
        queued_at=queued_at,
        started_at=started_at or queued_at,
        ended_at=ended_at(step, run),
        attempts=0,
        parent_id=root,
        step_id=step.id,
        op=op,
        info=known.info(step),
        output_id=step_output_id(run.id, step),
    )
    failed = op == RUN and leaf.status is SpanStatus.FAILED
    if not failures and not failed and (step.memo is not None or op != RUN):
        return leaf
    node = Span(
        id=f"steprun-{step.group}",
        name=step.name,
        status=leaf.status,
        queued_at=min([queued_at, *(each.queued_at for each in failures)]),
        started_at=failures[0].started_at if failures else leaf.started_at,
        parent_id=root,
        step_id=step.id,
        op=op,
        info=leaf.info,
        children=[_attempt(known, each, root, step) for each in failures],
    )
    number = failures[-1].number + 1 if failures else 0
    if step.memo is None and op == RUN and not run.status.ended:
        node.status = SpanStatus.RUNNING
        node.attempts = number
        node.children.append(_queued(root, f"Attempt {number}", known.next_due(step.group)))
        return node
    if step.memo is not None or op != RUN:
        leaf.name = f"Attempt {number}"
        leaf.attempts = number
        node.children.append(leaf)
    node.ended_at, node.output_id = leaf.ended_at, leaf.output_id
    node.attempts = known.max_attempts if failed and number + 1 >= known.max_attempts else number
    if op != RUN:
        node.attempts = 0
    return node


def _body(known: Known, root: str) -> Span | None:
    """The calls in which the function itself ended, or will be called again."""
    run, last = known.run, known.run.last_call
    group, failures = known.body()
    if last is None and not failures:
        return None
    if last is not None and not failures and run.status is RunStatus.COMPLETED:
        leaf = _final(known, last, root)
        leaf.name, leaf.id = "function success", span_id(f"{run.id}:{group}")
        return leaf
    children = [_attempt(known, each, root, None) for each in failures]
    first = failures[0] if failures else last
    assert first is not None
    node = Span(
        id=f"exec-{group}",
        name="execute",
        status=SpanStatus.RUNNING,
        queued_at=first.queued_at,
        started_at=first.started_at,
        parent_id=root,
        children=children,
    )
    if last is None:
        number = failures[-1].number + 1
        node.attempts = number
        children.append(_queued(root, f"Attempt {number}", known.next_due(group)))
        return node
    final = _final(known, last, root)
    children.append(final)
    node.status, node.ended_at, node.output_id = final.status, final.ended_at, final.output_id
    node.attempts = last.number
    if final.status is SpanStatus.COMPLETED:
        node.name = "function success"
    else:
        if not failures:
            node.name = "function error"
        if last.number + 1 >= known.max_attempts:
            node.attempts = known.max_attempts
    return node


def _final(known: Known, last: Attempt, root: str) -> Span:
    return Span(
        id=attempt_span_id(known.run.id, last),
        name=f"Attempt {last.number}",
        status=known.status,
        queued_at=last.queued_at,
        started_at=last.started_at,
        ended_at=last.ended_at,
        attempts=last.number,
        parent_id=root,
        output_id=output_id(OutputPlace(known.run.id)),
    )


def _attempt(known: Known, attempt: Attempt, root: str, step: Step | None) -> Span:
    return Span(
        id=attempt_span_id(known.run.id, attempt),
        name=f"Attempt {attempt.number}",
        status=SpanStatus.FAILED,
        queued_at=attempt.queued_at,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        attempts=attempt.number,
        parent_id=root,
        step_id=step.id if step is not None else "",
        op=op_of(step) if step is not None and attempt.step_id else "",
        output_id=output_id(OutputPlace(known.run.id, attempt=attempt_key(attempt))),
    )


def _queued(root: str, name: str, due: int) -> Span:
    return Span(id=_QUEUED, name=name, status=SpanStatus.QUEUED, queued_at=due, parent_id=root)
