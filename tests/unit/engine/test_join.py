"""An invocation whose event id came before (flow-control §5.7, sdk-protocol §8.1)."""

import json

import pytest
from engine_builders import Counting, event, fall_due, function, job, plain, run, wait

from inngest_fast.domain.events import FINISHED
from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.runs import RunStatus
from inngest_fast.domain.waits import WaitKind
from inngest_fast.engine.flow.admission import admit
from inngest_fast.engine.lifecycle.schedule import schedule_run
from inngest_fast.engine.routing.meeting import meets, resumption

INVOKER = "01INVOKER.step"
JOIN = job(JobKind.JOIN, INVOKER, id="join", run_id="", payload=b"01FIRST")
NOW = 1_795_425_252_000


def memo_for_the_invoker(decided):
    [told] = decided.events
    assert told.name == FINISHED
    waiting = wait(1, WaitKind.INVOKE, key=INVOKER)
    assert meets(waiting, told, NOW)
    return plain(resumption(waiting, told, NOW).payload)


@pytest.mark.parametrize(
    ("first", "memo"),
    [
        (run(status=RunStatus.COMPLETED, output=b'{"n":1}'), {"data": {"n": 1}}),
        (run(status=RunStatus.COMPLETED, output=None), {"data": None}),
        (
            run(status=RunStatus.FAILED, error=b'{"message":"boom","name":"Error"}'),
            {"error": {"message": "boom", "name": "Error"}},
        ),
    ],
)
def test_what_the_first_came_to_is_told_at_once(first, memo):
    decided = fall_due(first, JOIN)
    assert memo_for_the_invoker(decided) == memo
    assert decided.transition.job is JOIN
    assert decided.run is None


@pytest.mark.parametrize("status", [RunStatus.CANCELLED, RunStatus.SKIPPED])
def test_the_first_was_not_done(status):
    memo = memo_for_the_invoker(fall_due(run(status=status), JOIN))
    assert json.dumps(memo["error"])


@pytest.mark.parametrize("earlier", ["", "01OTHER.step"])
def test_a_live_run_tells_it_when_it_ends(earlier):
    decided = fall_due(run(correlation_id=earlier), JOIN)
    assert decided.events == []
    assert INVOKER in (decided.run.correlation_id, *decided.run.correlated)
    assert earlier in ("", decided.run.correlation_id)
    assert fall_due(decided.run, JOIN).kinds == []


def test_a_run_tells_a_thousand_and_no_more():
    many = tuple(f"01OTHER.{n}" for n in range(1_000))
    full = run(correlation_id="01FIRST.step", correlated=many)
    assert memo_for_the_invoker(fall_due(full, JOIN))["error"]["message"].startswith("invoked function has")
    assert fall_due(run(correlation_id="01FIRST.step", correlated=many[1:]), JOIN).events == []


def test_only_a_run_with_an_invoker_and_a_key_has_someone_to_tell():
    invocation = event("inngest/function.invoked", correlation_id=INVOKER)

    def joins(event, key):
        return schedule_run(function(), [event], NOW, Counting(), key=key).if_taken

    [join] = joins(invocation, "k")
    assert (join.kind, join.step_id, join.run_id) == (JobKind.JOIN, INVOKER, "")
    assert joins(invocation, "") == ()
    assert joins(event("a"), "k") == ()


def test_a_repeatable_invocation_is_admitted_with_a_join():
    invocation = event("inngest/function.invoked", correlation_id=INVOKER, repeatable=True)
    [create] = admit(function(), invocation, NOW, Counting())
    assert [each.step_id for each in create.if_taken] == [INVOKER]
