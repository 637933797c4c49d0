"""Metadata of attempts and spans, where a tree shows it."""

from inngest_fast.domain.traces import Metadata, Span, SpanStatus
from inngest_fast.engine.trace.metadata import Target
from inngest_fast.engine.trace.notes import hang

NOTE = Metadata("step_attempt", "userland.a", {"a": 1}, 1)
TIMING = Metadata("request", "inngest.timing", {}, 1)


def node(id, *children, **fields):
    span = Span(id=id, name=id, status=SpanStatus.COMPLETED, queued_at=1, **fields)
    span.children = list(children)
    return span


def tree():
    attempts = [node("a0", attempts=0, metadata=[TIMING]), node("a1", attempts=1)]
    return node("run", node("s", *attempts, step_id="s"), node("t", node("mine"), step_id="t"))


def noted(*targets):
    root = tree()
    hang(root, {target: [NOTE] for target in targets})
    found, left = {}, [root]
    while left:
        span = left.pop()
        if NOTE in span.metadata:
            found[span.id] = span.metadata
        left += span.children
    return found


def test_an_attempt_has_what_was_noted_on_it():
    assert noted(Target("s", 0), Target("s", 1)) == {"a0": [NOTE, TIMING], "a1": [NOTE]}


def test_an_attempt_without_a_span_is_its_step():
    assert noted(Target("t", 0)) == {"t": [NOTE]}
    assert noted(Target("s", 7)) == {"s": [NOTE]}


def test_a_span_has_what_was_noted_on_it():
    assert noted(Target(span_id="mine"), Target(span_id="gone")) == {"mine": [NOTE]}


def test_what_is_on_a_run_or_a_step_is_for_those_who_make_them():
    assert noted(Target(), Target("s"), Target("gone", 1)) == {}
