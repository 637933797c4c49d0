"""What an invocation from outside came to (http-api §5.2)."""

import pytest
from engine_builders import NOW, Counting, event, function
from msgspec.structs import replace

from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.functions import Batch, Debounce, RateLimit, Singleton
from inngest_fast.domain.invocations import InvokeOutcome
from inngest_fast.domain.transitions import Admit, Committed, CreateRun, PutEvent, PutRow, Transition
from inngest_fast.engine.flow.admission import admit
from inngest_fast.engine.flow.outcome import outcome

LIMITED = RateLimit(1, 60)


def invoke(fn, rows, entropy, holder=""):
    """One invocation, as a store would decide on it."""
    invocation = event("inngest/function.invoked", id=entropy.ulid(NOW), target=fn.slug, repeatable=True)
    transition = Transition([PutEvent(invocation), *admit(fn, invocation, NOW, entropy)])
    committed = Committed()
    for action in transition.actions:
        if isinstance(action, Admit):
            committed.admitted += action.admission.decide(rows)
    for action in (*transition.actions, *committed.admitted):
        if isinstance(action, PutRow):
            rows[action.row.key] = action.row
        elif isinstance(action, CreateRun):
            rows.update({row.key: row for row in action.rows})
            if holder:
                committed.refused_runs[action.run.id] = holder
    came_to = outcome(invocation, transition, committed)
    assert came_to.event_id == invocation.id
    return came_to


@pytest.mark.parametrize(
    ("config", "first", "second"),
    [
        ({}, InvokeOutcome.STARTED, InvokeOutcome.STARTED),
        ({"rate_limit": LIMITED}, InvokeOutcome.STARTED, InvokeOutcome.RATE_LIMITED),
        ({"debounce": Debounce(60)}, InvokeOutcome.DEBOUNCED, InvokeOutcome.DEBOUNCED),
        (
            {"debounce": Debounce(60), "rate_limit": LIMITED},
            InvokeOutcome.DEBOUNCED,
            InvokeOutcome.RATE_LIMITED,
        ),
        ({"singleton": Singleton("skip")}, InvokeOutcome.STARTED, InvokeOutcome.SKIPPED),
        ({"singleton": Singleton("cancel")}, InvokeOutcome.STARTED, InvokeOutcome.STARTED),
        ({"batch": Batch(5, 1_000)}, InvokeOutcome.BATCHED, InvokeOutcome.BATCHED),
        (
            {"rate_limit": RateLimit(1, 60, 'event.data.a < "x"')},
            InvokeOutcome.STARTED,
            InvokeOutcome.RATE_LIMITED,
        ),
    ],
)
def test_two_in_a_row(config, first, second):
    rows: dict[str, FlowRow] = {}
    entropy = Counting()
    fn = function(**config)
    found = [invoke(fn, rows, entropy) for _ in range(2)]
    assert [each.outcome for each in found] == [first, second]
    with_run = (InvokeOutcome.STARTED, InvokeOutcome.SKIPPED)
    assert [bool(each.run_id) for each in found] == [each.outcome in with_run for each in found]


def test_a_repetition_names_the_first_run():
    came_to = invoke(function(), {}, Counting(), holder="01FIRST")
    assert (came_to.outcome, came_to.run_id) == (InvokeOutcome.DUPLICATE, "01FIRST")


def test_a_paused_function_skips():
    assert invoke(replace(function(), paused_at=1), {}, Counting()).outcome is InvokeOutcome.SKIPPED
