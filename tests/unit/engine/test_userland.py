"""Spans of the app's own tracing, in the tree of their run (connect-realtime §3.2)."""

import pytest
from engine_builders import FUNCTION_ID, NOW, RUN_ID

from inngest_fast.domain.traces import Span, SpanStatus
from inngest_fast.engine.otlp import Received
from inngest_fast.engine.trace.userland import attach, place

MS = 1_000_000
ROOT = "00" * 8
STEP = "5" * 40


def span(id, parent="", name="", at=0, took=5, step="", attempt=0, scope="mine", status=1, **attributes):
    given = {
        "inngest.traceref": "%7B%7D",
        "inngest.traceparent": "00-…",
        "sdk.run.id": RUN_ID,
        "sdk.app.id": "app",
        "sys.app.id": "app",
        "sys.function.id": FUNCTION_ID,
        **attributes,
    }
    if step:
        given |= {"inngest.step.hash": step, "inngest.step.attempt": attempt, "inngest.step.id": "s"}
    start = (NOW + at) * MS
    return Received(
        trace_id="a" * 32,
        span_id=id,
        name=name or id,
        start=start,
        end=start + took * MS,
        parent_id=parent,
        kind="INTERNAL",
        status=status,
        attributes=given,
        resource={"service.name": "shop", "list": [1]},
        scope_name=scope,
        scope_version="1",
    )


def execution(id=ROOT):
    return span(id, name="inngest.execution", scope="inngest")


def tree():
    """A run with a step that has a failed attempt, and a second one."""

    def node(id, **fields):
        return Span(id=id, name=id, status=SpanStatus.COMPLETED, queued_at=NOW, **fields)

    root = node("run")
    step = node("step", step_id=STEP)
    step.children = [node("first", step_id=STEP, attempts=0), node("second", step_id=STEP, attempts=1)]
    root.children = [step, node("other", step_id="6" * 40)]
    return root


def attached(*spans):
    root = tree()
    attach(root, [placed.row for each in spans if (placed := place(each)) is not None])
    return root


def shape(node):
    """Names of userland spans under each node that has some."""
    found = {}
    under = [child.name for child in node.children if child.userland is not None]
    if under:
        found[node.name] = under
    for child in node.children:
        found |= shape(child)
    return found


def test_a_span_without_a_step_is_under_the_run():
    assert shape(attached(execution(), span("q", ROOT))) == {"run": ["q"]}


def test_a_span_in_a_step_is_under_its_attempt():
    spans = [span("a", ROOT, step=STEP), span("b", ROOT, step=STEP, attempt=1), span("c", step="6" * 40)]
    assert shape(attached(*spans)) == {"first": ["a"], "second": ["b"], "other": ["c"]}


def test_an_attempt_that_is_not_shown_is_its_step():
    assert shape(attached(span("a", step=STEP, attempt=7))) == {"step": ["a"]}
    assert shape(attached(span("a", step="7" * 40))) == {"run": ["a"]}


def test_spans_are_under_each_other_in_order_of_their_start():
    spans = [
        execution(),
        span("in", "out", at=1),
        span("later", ROOT, at=9),
        span("out", ROOT),
        span("in2", "out"),
    ]
    assert shape(attached(*spans)) == {"run": ["out", "later"], "out": ["in2", "in"]}


def test_the_span_around_everything_is_not_shown():
    wrapped = [span("outer"), span(ROOT, "outer", "inngest.execution", scope="inngest"), span("in", ROOT)]
    assert shape(attached(*wrapped)) == {"run": ["outer"], "outer": ["in"]}
    named = span("x", name="inngest.execution", scope="mine")
    assert shape(attached(named)) == {"run": ["inngest.execution"]}


def test_a_parent_that_never_came_is_no_parent():
    assert shape(attached(span("a", "gone"))) == {"run": ["a"]}


def test_spans_in_a_ring_are_shown_once():
    ring = [span("a", "c"), span("b", "a"), span("c", "b"), span("d", "a"), span("e", "e")]
    assert shape(attached(*ring)) == {"run": ["a", "b", "c", "d", "e"]}


def test_what_a_span_shows():
    spans = attached(span("q", name="query", at=3, db="pg", rows=[1], **{"_inngest.x": "y"})).children
    [found] = [child for child in spans if child.userland is not None]
    assert (found.id, found.parent_id, found.status) == ("q", "run", SpanStatus.COMPLETED)
    assert (found.started_at, found.ended_at, found.duration) == (NOW + 3, NOW + 8, 5)
    userland = found.userland
    assert (userland.name, userland.kind, userland.service) == ("query", "INTERNAL", "shop")
    assert (userland.scope_name, userland.scope_version) == ("mine", "1")
    assert userland.attributes == {"sdk.app.id": "app", "db": "pg", "rows": ""}
    assert userland.resource == {"service.name": "shop", "list": ""}


@pytest.mark.parametrize(
    ("status", "shown"), [(0, SpanStatus.COMPLETED), (1, SpanStatus.COMPLETED), (2, SpanStatus.FAILED)]
)
def test_the_status_of_a_span(status, shown):
    assert attached(span("q", status=status)).children[-1].status is shown


def test_a_model_that_was_traced_tells_of_its_cost():
    asked = {
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 1_000_000,
        "gen_ai.system": "openai",
    }
    [noted] = attached(span("q", **asked)).children[-1].metadata
    assert (noted.scope, noted.kind) == ("extended_trace", "inngest.ai")
    assert noted.values == {
        "request_model": "gpt-4o",
        "provider": "openai",
        "input_tokens": 1_000_000,
        "latency_ms": 5,
        "estimated_cost": 2.5,
    }
    assert attached(span("q")).children[-1].metadata == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"inngest.traceref": None},
        {"sdk.run.id": "nobody"},
        {"sdk.run.id": 7},
        {"sys.function.id": None},
        {"text": "x" * (64 * 1024)},
    ],
)
def test_a_span_that_says_not_where_it_belongs_is_rejected(wrong):
    assert place(span("q", **wrong)) is None
    assert place(span("", "")) is None


def test_other_rows_of_a_trace_are_no_spans():
    root = tree()
    attach(root, [("a:x", b"\xc1"), ("m:x", b"\xc1")])
    assert shape(root) == {}
