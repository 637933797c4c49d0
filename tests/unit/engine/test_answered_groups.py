"""Parallel steps: when the app is asked again (sdk-protocol §4.4)."""

import pytest
from engine_builders import (
    EDGE,
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
)
from msgspec.structs import replace

from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.runs import RunStatus, StepStatus

RACE = {"parallel_mode": "race"}


def discoveries(decided):
    return [id for kind, id, _ in decided.added if kind == "edge"]


def reported(*ids, version=2, race=False):
    """The state of a run whose first answer planned these steps together."""
    mode = RACE if race else {}
    found = [op("StepPlanned", id, **mode) for id in ids]
    return answer(queued(), START, ops(*found, version=version)).run


# The worked example of §4.4


def test_a_group_of_version_2_is_followed_by_one_discovery():
    first = answer(
        queued(), START, ops(op("StepPlanned", "a"), op("StepPlanned", "b"), op("Sleep", "s", name="1s"))
    )
    assert first.added == [("plan", "a-plan", 0), ("plan", "b-plan", 0), ("sleep", "s-sleep", 1_000)]
    assert first.run.pending == ("a", "b", "s")
    assert first.run.force_plan
    assert first.run.branched
    assert all(each.parallel for each in first.run.steps.values())

    a = answer(first.run, plan("a"), ops(op("StepRun", "a", data=b"1")))
    assert a.added == []
    assert set(a.run.pending) == {"b", "s"}
    assert a.run.force_plan

    b = answer(a.run, plan("b"), ops(op("StepRun", "b", data=b"2")))
    assert b.added == []
    assert b.run.pending == ("s",)

    s = fall_due(b.run, job(JobKind.SLEEP, "s"))
    assert discoveries(s) == [f"{first.run.group}-discover"]
    assert s.run.pending == ()
    assert not s.run.force_plan
    assert s.run.stack == ("a", "b", "s")
    assert [s.run.steps[id].memo for id in s.run.stack] == [b'{"data":1}', b'{"data":2}', b"null"]

    (edge,) = s.named("job")
    assert answer(s.run, edge, result()).run.status is RunStatus.COMPLETED


def test_a_group_of_version_1_is_followed_by_a_discovery_for_each_step():
    state = answer(
        queued(),
        START,
        ops(op("StepPlanned", "a"), op("StepPlanned", "b"), op("Sleep", "s", name="1s"), version=1),
    ).run
    assert state.pending == ()
    a = answer(state, plan("a"), ops(op("StepRun", "a"), version=1))
    b = answer(a.run, plan("b"), ops(op("StepRun", "b"), version=1))
    s = fall_due(b.run, job(JobKind.SLEEP, "s"))
    assert [len(discoveries(each)) for each in (a, b, s)] == [1, 1, 1]
    assert s.run.force_plan


@pytest.mark.parametrize("order", ["abc", "acb", "bca", "cba"])
def test_the_order_in_which_a_group_ends_does_not_matter(order):
    state = reported("a", "b", "c")
    group = state.group
    for id in order[:-1]:
        decided = answer(state, plan(id), ops(op("StepRun", id)))
        assert decided.added == []
        state = decided.run
    last = answer(state, plan(order[-1]), ops(op("StepRun", order[-1])))
    assert discoveries(last) == [f"{group}-discover"]
    assert last.run.stack == tuple(order)


def test_the_key_of_a_group_is_of_its_run_and_its_steps_whatever_their_order():
    assert reported("a", "b").group == reported("b", "a").group
    assert reported("a", "b").group != reported("a", "c").group
    assert reported("a", "b").group != reported("a", "b", "c").group
    other = answer(queued(id="01OTHER"), START, ops(op("StepPlanned", "a"), op("StepPlanned", "b"))).run
    assert other.group != reported("a", "b").group


# When there is a group


@pytest.mark.parametrize(
    ("found", "version", "pending", "force"),
    [
        ([op("StepPlanned", "a")], 2, (), False),
        ([op("StepPlanned", "a"), op("StepPlanned", "b")], 2, ("a", "b"), True),
        ([op("StepPlanned", "a"), op("StepPlanned", "b")], 1, (), True),
        ([op("StepPlanned", "a"), op("StepPlanned", "b")], None, (), True),
        ([op("StepPlanned", "a"), op("DeferAdd", "d")], 2, (), False),
        ([op("StepPlanned", "a"), op("None")], 2, (), False),
        ([op("StepRun", "a"), op("StepPlanned", "b")], 2, ("b",), True),
        ([op("StepRun", "a"), op("StepRun", "b")], 2, (), False),
        ([op("StepRun", "a"), op("StepRun", "b")], 1, (), True),
        ([op("StepError", "a"), op("Sleep", "b", name="1h")], 2, ("a", "b"), True),
    ],
)
def test_a_group_is_more_than_one_op_of_which_one_ends_later(found, version, pending, force):
    after = answer(queued(), START, ops(*found, version=version)).run
    assert after.pending == pending
    assert after.force_plan is force


@pytest.mark.parametrize("version", [1, 2, None])
def test_steps_that_were_done_together_are_followed_by_one_discovery(version):
    decided = answer(queued(), START, ops(op("StepRun", "a"), op("StepRun", "b"), version=version))
    assert discoveries(decided) == ["b"]
    assert decided.run.stack == ("a", "b")


def test_without_a_version_no_step_waits_for_another():
    state = answer(queued(), START, ops(op("StepPlanned", "a"), op("StepPlanned", "b"), version=None)).run
    decided = answer(state, plan("a"), ops(op("StepRun", "a"), version=None))
    assert discoveries(decided) == ["a"]


@pytest.mark.parametrize("version", [1, 2])
def test_plans_are_forced_as_long_as_the_version_says(version):
    state = reported("a", "b", version=version)
    state = answer(state, plan("a"), ops(op("StepRun", "a"), version=version)).run
    assert state.force_plan
    state = answer(state, plan("b"), ops(op("StepRun", "b"), version=version)).run
    assert state.force_plan is (version == 1)
    state = answer(state, EDGE, ops(op("StepPlanned", "c"), version=version)).run
    state = answer(state, plan("c"), ops(op("StepRun", "c"), version=version)).run
    assert state.force_plan is (version == 1)


# Reported again


def test_what_is_open_when_it_is_reported_again_stays_as_it_is():
    """A sleep may be reported with another end: the first one counts."""
    first = answer(
        queued(),
        START,
        ops(op("Sleep", "s", name="2026-11-23T10:14:12Z"), op("StepPlanned", "a"), op("StepPlanned", "b")),
    )
    again = answer(
        first.run,
        EDGE,
        ops(op("Sleep", "s", name="2026-11-23T11:14:12Z"), op("StepPlanned", "b"), op("StepPlanned", "c")),
    )
    assert again.added == [("plan", "c-plan", 0)]
    assert set(again.steps) == {"c"}
    assert again.run.steps["s"] == first.run.steps["s"]
    assert set(again.run.pending) == {"s", "b", "c"}


def test_a_step_that_left_the_group_still_wakes_the_run():
    state = reported("a", "b")
    state = answer(state, EDGE, ops(op("StepPlanned", "c"), op("StepPlanned", "d"))).run
    assert set(state.pending) == {"c", "d"}
    old = answer(state, plan("a"), ops(op("StepRun", "a")))
    assert discoveries(old) == ["a"]
    assert set(old.run.pending) == {"c", "d"}
    assert old.run.force_plan


def test_a_group_of_steps_that_are_all_done_is_asked_for_again():
    """The answer was to a call that did not know of them yet."""
    before = run([done("a", 0), done("b", 1)])
    decided = answer(before, EDGE, ops(op("StepPlanned", "a"), op("StepPlanned", "b")))
    assert [(kind, due) for kind, _, due in decided.added] == [("edge", 1_000)]
    assert decided.run.pending == ()


def test_a_group_keeps_out_the_steps_that_are_done():
    before = run([done("a", 0)])
    decided = answer(
        before, EDGE, ops(op("StepPlanned", "a"), op("StepPlanned", "b"), op("StepPlanned", "c"))
    )
    assert decided.run.pending == ("b", "c")
    assert [id for _, id, _ in decided.added] == ["b-plan", "c-plan"]


def test_an_op_that_is_there_twice_counts_once():
    decided = answer(queued(), START, ops(op("StepPlanned", "a"), op("StepPlanned", "a")))
    assert decided.added == [("plan", "a-plan", 0)]
    last = answer(decided.run, plan("a"), ops(op("StepRun", "a")))
    assert last.run.pending == ()
    assert len(discoveries(last)) == 1


def test_a_doubled_answer_stores_one_memo_and_goes_on():
    """The second one is dropped by the fence of its job; were it not, nothing would be stored twice."""
    state = reported("a", "b")
    once = answer(state, plan("a"), ops(op("StepRun", "a", data=b"1"))).run
    twice = answer(once, plan("a"), ops(op("StepRun", "a", data=b"2")))
    assert twice.steps == {}
    assert twice.run.stack == ("a",)
    assert twice.run.steps["a"].memo == b'{"data":1}'
    assert twice.run.pending == ("b",)


# Failures within a group


def test_a_failed_step_counts_as_done_in_its_group():
    state = reported("a", "b")
    a = answer(state, plan("a"), ops(op("StepFailed", "a")))
    assert a.added == []
    b = answer(a.run, plan("b"), ops(op("StepRun", "b")))
    assert discoveries(b) == [f"{state.group}-discover"]


def test_a_step_that_is_retried_stays_in_its_group():
    state = reported("a", "b")
    a = answer(state, plan("a"), ops(op("StepError", "a")))
    assert a.moved.attempt == 1
    b = answer(a.run, plan("b"), ops(op("StepRun", "b")))
    assert b.added == []
    last = answer(b.run, replace(plan("a"), attempt=1), ops(op("StepRun", "a")))
    assert discoveries(last) == [f"{state.group}-discover"]


def test_the_call_that_is_repeated_asks_for_what_is_next():
    """A step failed inside a discovery while another was done: the repeated discovery sees both."""
    decided = answer(run(), EDGE, ops(op("StepRun", "a"), op("StepError", "b"), op("Sleep", "s", name="1h")))
    assert decided.moved.id == EDGE.id
    assert discoveries(decided) == []
    assert set(decided.run.pending) == {"b", "s"}
    assert decided.run.steps["b"].status is StepStatus.RETRYING


def test_the_last_attempt_of_a_step_in_a_mixed_answer_goes_on_with_the_group():
    late = replace(EDGE, attempt=4)
    alone = answer(run(), late, ops(op("StepRun", "a"), op("StepError", "b")))
    assert discoveries(alone) == ["b-failure"]
    assert alone.run.stack == ("a", "b")
    grouped = answer(run(), late, ops(op("StepError", "b"), op("Sleep", "s", name="1h")))
    assert discoveries(grouped) == []
    assert grouped.run.pending == ("s",)


# Failed steps and repeated calls


@pytest.mark.parametrize("found", [[], [op("None")], [op("Sleep", "s", name="1h")]])
def test_a_group_does_not_wait_for_a_failed_step_that_is_not_reported_again(found):
    """Its code took another way on the repeated call: nothing would ever finish that step."""
    failed = answer(run(), EDGE, ops(op("StepError", "b"), op("Sleep", "s", name="1h")))
    repeated = answer(failed.run, failed.moved, ops(*found))
    assert repeated.added == []
    assert discoveries(fall_due(repeated.run, job(JobKind.SLEEP, "s"))) != []


def test_a_group_waits_for_a_failed_step_that_is_planned_on_the_repeated_call():
    failed = answer(run(), EDGE, ops(op("StepError", "b"), op("Sleep", "s", name="1h")))
    repeated = answer(failed.run, failed.moved, ops(op("StepPlanned", "b"), op("Sleep", "s", name="1h")))
    assert repeated.added == [("plan", "b-plan", 0)]
    assert discoveries(fall_due(repeated.run, job(JobKind.SLEEP, "s"))) == []


def test_a_failed_step_that_waits_for_its_repeated_call_keeps_its_group_waiting():
    failed = answer(run(), EDGE, ops(op("StepError", "b"), op("StepPlanned", "c")))
    other = answer(failed.run, plan("c"), ops(op("StepRun", "c")))
    assert other.added == []
