"""Answers that say nothing, or not what was asked for; limits (sdk-protocol §§4.3, 4.5, 9)."""

import pytest
from engine_builders import (
    EDGE,
    NOW,
    START,
    answer,
    done,
    fall_due,
    job,
    op,
    ops,
    plan,
    queued,
    result,
    run,
    step,
)

from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.runs import RunStatus, StepStatus

RACE = {"parallel_mode": "race"}


def reported(*ids, version=2, race=False):
    """The state of a run whose first answer planned these steps together."""
    mode = RACE if race else {}
    found = [op("StepPlanned", id, **mode) for id in ids]
    return answer(queued(), START, ops(*found, version=version)).run


# Answers that say nothing


@pytest.mark.parametrize("found", [[], [op("None")], [op("None"), op("None")], [op("DeferAdd", "d")]])
@pytest.mark.parametrize("asked", [START, EDGE])
def test_an_answer_without_a_step_is_asked_for_again(found, asked):
    before = queued() if asked is START else run()
    decided = answer(before, asked, ops(*found))
    assert [(kind, due) for kind, _, due in decided.added] == [("edge", 1_000)]
    assert decided.moved is None
    assert decided.run.status is RunStatus.RUNNING


def test_discoveries_without_a_step_do_not_share_an_id():
    once = answer(run(), EDGE, ops())
    (edge,) = once.named("job")
    again = answer(once.run, edge, ops())
    assert again.named("job")[0].id != edge.id


@pytest.mark.parametrize("found", [[], [op("None")]])
def test_nothing_is_asked_while_steps_are_open(found):
    decided = answer(reported("a", "b"), EDGE, ops(*found))
    assert decided.kinds == ["UpdateRun"]


def test_none_among_others_is_nothing():
    assert answer(run(), EDGE, ops(op("None"), op("StepRun", "a"))).added == [("edge", "a", 0)]


def test_a_discovery_request_is_a_discovery():
    decided = answer(run(), EDGE, ops(op("DiscoveryRequest")))
    assert [(kind, due) for kind, _, due in decided.added] == [("edge", 0)]
    beside = answer(reported("a", "b"), EDGE, ops(op("DiscoveryRequest")))
    assert [(kind, due) for kind, _, due in beside.added] == [("edge", 0)]


# Calls that target a step


@pytest.mark.parametrize(
    "found",
    [
        [],
        [op("None")],
        [op("StepPlanned", "a")],
        [op("StepPlanned", "z")],
        [op("StepRun", "z")],
        [op("Sleep", "z", name="1h")],
    ],
)
def test_a_targeted_step_that_is_absent_can_be_reported_anew(found):
    decided = answer(reported("a", "b"), plan("a"), ops(*found))
    assert decided.run.steps["a"].status is StepStatus.ABANDONED
    assert "a" not in decided.run.pending
    assert any(kind == "edge" for kind, _, _ in decided.added)
    anew = answer(decided.run, EDGE, ops(op("StepPlanned", "a")))
    assert ("plan", "a-plan", 0) in anew.added


def test_a_targeted_call_to_a_function_that_is_done_ends_the_run():
    decided = answer(reported("a", "b"), plan("a"), result(b"null"))
    assert decided.run.status is RunStatus.COMPLETED


# Limits


@pytest.mark.parametrize("kind", ["StepRun", "StepPlanned"])
@pytest.mark.parametrize(("count", "fits"), [(1_000, True), (1_001, False)])
def test_a_thousand_ops_fit_in_an_answer(kind, count, fits):
    found = [op(kind, f"s{i}") for i in range(count)]
    decided = answer(run(), EDGE, ops(*found, op("None"), op("DeferAdd", "d")))
    assert decided.ended is not fits
    if not fits:
        assert decided.run.error == (
            b'{"error":"function has too many steps",'
            b'"message":"The function run exceeded the step limit of 1000 steps.",'
            b'"name":"InngestErrFunctionOverflowed"}'
        )
        assert decided.steps == {}
        assert decided.named("job") == []


@pytest.mark.parametrize(("before", "fits"), [(999, True), (1_000, False)])
def test_a_thousand_steps_fit_in_a_run(before, fits):
    decided = answer(run([done(f"s{i}", i) for i in range(before)]), EDGE, ops(op("StepRun", "new")))
    assert decided.ended is not fits


def test_a_repeated_step_does_not_overflow_a_full_run():
    full = run([done(f"s{i}", i) for i in range(1_000)])
    assert not answer(full, EDGE, ops(op("StepRun", "s0"))).ended


@pytest.mark.parametrize(("room", "fits"), [(len(b'{"data":1}'), True), (len(b'{"data":1}') - 1, False)])
def test_the_state_of_a_run_has_a_limit(room, fits):
    before = run(state_size=32 * 1024 * 1024 - room)
    decided = answer(before, EDGE, ops(op("StepRun", "a", data=b"1")))
    assert decided.ended is not fits
    if not fits:
        assert decided.run.status is RunStatus.FAILED
        assert decided.run.error == (
            b'{"error":"InngestErrStateOverflowed: The function run exceeded the state size limit of 33554432 bytes.",'
            b'"message":"The function run exceeded the state size limit of 33554432 bytes.",'
            b'"name":"InngestErrStateOverflowed"}'
        )
        assert decided.run.output is None


@pytest.mark.parametrize("kind", [JobKind.SLEEP, JobKind.RESUME, JobKind.WAIT_TIMEOUT])
def test_limits_count_for_steps_that_end_by_themselves(kind):
    open_step = step("w", StepStatus.WAITING, wait_id=3)
    full = run([done(f"s{i}", i) for i in range(1_000)] + [open_step], branched=True)
    decided = fall_due(full, job(kind, "w", payload=b"{}"))
    assert decided.run.status is RunStatus.FAILED
    assert decided.run.branched
    assert decided.run.ended_at == NOW
