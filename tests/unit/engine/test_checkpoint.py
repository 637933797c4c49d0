"""Steps that are reported while their call goes on (sdk-protocol §7.1)."""

import pytest
from engine_builders import (
    EDGE,
    NOW,
    QUEUED_AT,
    RUN_ID,
    START,
    answer,
    done,
    failure,
    function,
    job,
    op,
    ops,
    plan,
    pure,
    queued,
    run,
    step,
)
from msgspec.structs import replace

from inngest_fast.domain.errors import CheckpointRefusedError
from inngest_fast.domain.runs import RunStatus, StepStatus
from inngest_fast.engine import limits
from inngest_fast.engine.lifecycle import before_call, checkpoint
from inngest_fast.engine.lifecycle.dispatches import Dispatch, dispatch_name, read_dispatch
from inngest_fast.engine.lifecycle.retry import counted

STALE = b'{"error":"NonRetriableError","message":"409","name":"StaleDispatchError"}'


class Entropy:
    def below(self, bound):
        return 0


def taken(state, the_job, *reported, started_at=NOW - 30, conflict=False):
    """What is decided on these ops."""
    decision = checkpoint.decide(state, function(), the_job, reported, started_at, NOW, Entropy())
    assert decision.conflict is conflict
    return pure(lambda *_: decision.transition)


def refused(state, *reported):
    with pytest.raises(CheckpointRefusedError) as error:
        checkpoint.decide(state, function(), EDGE, reported, NOW, NOW, Entropy())
    return error.value.code


# What may be reported


@pytest.mark.parametrize("kind", ["StepRun", "Step", "StepPlanned", "DeferAdd", "DeferAbort", "None"])
def test_steps_and_what_is_only_noted_may_be_reported(kind):
    checkpoint.check([op(kind, "a")])


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("Sleep", "cannot checkpoint async steps"),
        ("WaitForEvent", "cannot checkpoint async steps"),
        ("InvokeFunction", "cannot checkpoint async steps"),
        ("DiscoveryRequest", "cannot checkpoint async steps"),
        ("RunComplete", "cannot checkpoint opcode: RunComplete"),
        ("SyncRunComplete", "cannot checkpoint opcode: SyncRunComplete"),
        ("StepFailed", "cannot checkpoint opcode: StepFailed"),
        ("StepError", "cannot checkpoint opcode: StepError"),
    ],
)
def test_what_ends_or_takes_time_may_not(kind, text):
    with pytest.raises(CheckpointRefusedError, match=text) as error:
        checkpoint.check([op("StepRun", "a", data=b"1"), op(kind, "b")])
    assert error.value.code == "invalid"


def test_a_checkpoint_has_a_bound():
    with pytest.raises(CheckpointRefusedError):
        checkpoint.check([op("StepRun", str(n)) for n in range(limits.MAX_STEPS + 1)])


# What it does


def test_steps_get_their_memos_and_nothing_else_happens():
    decided = taken(run([done("a", 0)]), EDGE, op("StepRun", "b", data=b"1"), op("Step", "c", data=b"2"))
    assert decided.kinds == ["UpdateRun", "PutStep", "PutStep"]
    assert decided.transition.job is None
    assert {id: s.memo for id, s in decided.steps.items()} == {"b": b'{"data":1}', "c": b"2"}
    assert decided.run.stack == ("a", "b", "c")
    assert decided.run.status is RunStatus.RUNNING


def test_a_step_without_data_is_null():
    assert taken(run(), EDGE, op("StepRun", "a")).steps["a"].memo == b'{"data":null}'


def test_a_first_call_that_reports_has_started_its_run():
    decided = taken(queued(), START, op("StepRun", "a", data=b"1"))
    assert (decided.run.status, decided.run.started_at) == (RunStatus.RUNNING, NOW - 30)


@pytest.mark.parametrize(("said", "is_"), [(QUEUED_AT - 9, QUEUED_AT), (NOW + 9, NOW), (0, QUEUED_AT)])
def test_a_start_is_between_its_queueing_and_now(said, is_):
    assert taken(queued(), START, op("StepRun", "a", data=b"1"), started_at=said).run.started_at == is_


@pytest.mark.parametrize(
    ("said", "is_"), [(NOW - 9, NOW - 9), (0, NOW - 30), (NOW - 99, NOW - 30), (NOW + 9, NOW)]
)
def test_a_step_began_while_its_call_went_on(said, is_):
    found = taken(run(), EDGE, op("StepRun", "a", data=b"1", began_at=said)).steps["a"]
    assert (found.queued_at, found.started_at, found.ended_at) == (is_, is_, NOW)
    assert (found.group, found.attempts) == ("before", 1)


def test_what_is_known_changes_nothing():
    assert taken(run([done("a", 0)]), EDGE, op("StepRun", "a", data=b'"a"')).transition is None
    assert taken(run(), EDGE, op("StepPlanned", "a"), op("None")).transition is None


def test_of_a_repeated_checkpoint_only_the_rest_is_taken():
    decided = taken(run([done("a", 0)]), EDGE, op("StepRun", "a", data=b'"a"'), op("StepRun", "b", data=b"2"))
    assert list(decided.steps) == ["b"]


def test_a_reported_step_leaves_its_group():
    decided = taken(run([step("a"), step("b")], pending=("a", "b")), EDGE, op("StepRun", "a", data=b"1"))
    assert decided.run.pending == ("b",)
    assert decided.added == []


# Conflicts


def test_another_result_than_the_known_one_is_refused():
    decided = taken(
        run([done("a", 0)]),
        EDGE,
        op("StepRun", "a", data=b"2"),
        op("StepRun", "b", data=b"3"),
        conflict=True,
    )
    assert decided.kinds == ["UpdateRun"]
    assert decided.run.refused == (EDGE.id, EDGE.generation)
    assert decided.run.stack == ("a",)


def test_a_call_that_gave_way_is_made_again_and_costs_no_attempt():
    state = run([done("a", 0)], refused=(EDGE.id, EDGE.generation))
    decided = answer(state, EDGE, failure(error=STALE, no_retry=True))
    assert (decided.moved.attempt, decided.moved.generation) == (1, 2)
    assert decided.moved.due == NOW + limits.REDISCOVERY_DELAY
    assert counted(decided.run, decided.moved) == 0


@pytest.mark.parametrize("refused_as", [("", 0), (EDGE.id, 2), (START.id, 1)])
def test_a_function_that_throws_such_an_error_itself_fails(refused_as):
    decided = answer(run(refused=refused_as), EDGE, failure(error=STALE, no_retry=True))
    assert decided.run.status is RunStatus.FAILED


def test_an_end_that_rests_on_another_result_is_not_taken():
    state = run([done("a", 0)])
    decided = answer(state, EDGE, ops(op("StepRun", "a", data=b"2"), op("RunComplete", "c", data=b"2")))
    assert not decided.ended
    assert (decided.moved.generation, decided.moved.due) == (2, NOW + limits.REDISCOVERY_DELAY)
    assert counted(decided.run, decided.moved) == 0


def test_an_end_that_brings_the_known_result_along_is_taken():
    state = run([done("a", 0)])
    decided = answer(state, EDGE, ops(op("StepRun", "a", data=b'"a"'), op("RunComplete", "c", data=b"2")))
    assert decided.run.status is RunStatus.COMPLETED


# The call's own answer


def test_an_answer_that_repeats_a_checkpoint_goes_on():
    """The fallback of an SDK that did not hear of its checkpoint."""
    decided = answer(run([done("a", 0)]), EDGE, ops(op("StepRun", "a", data=b'"a"')))
    assert decided.added == [("edge", "a", 0)]
    assert decided.steps == {}


# Attempts


def test_a_checkpoint_makes_the_attempt_the_first_again():
    late = replace(EDGE, attempt=3, generation=4)
    decided = taken(run(), late, op("StepRun", "a", data=b"1"))
    assert counted(decided.run, late) == 0
    assert counted(decided.run, replace(late, attempt=5)) == 2
    assert counted(decided.run, job(step_id="another", attempt=3)) == 3


def test_retries_count_from_the_checkpoint():
    late = replace(EDGE, attempt=4, generation=5)
    assert answer(run(), late, failure()).run.status is RunStatus.FAILED
    decided = answer(run(checkpointed=(EDGE.id, 4)), late, failure())
    assert (decided.moved.attempt, decided.moved.due) == (5, NOW + 15_000)


# Calls that are made again


def test_a_call_that_has_reported_is_made_again_under_another_name():
    """Its server died: it may still be going on, and is to be heard no more."""
    state = run([done("a", 0)], reported=(EDGE.id, EDGE.generation))
    decided = pure(before_call.obstacle, state, function(), EDGE, NOW)
    assert (decided.moved.attempt, decided.moved.generation, decided.moved.due) == (1, 2, NOW)
    assert counted(decided.run, decided.moved) == 0


def test_a_call_after_one_that_has_reported_is_made_as_it_is():
    state = run([done("a", 0)], reported=(EDGE.id, 1))
    assert before_call.obstacle(state, function(), replace(EDGE, generation=2), NOW, Entropy()) is None
    assert before_call.obstacle(state, function(), plan("b"), NOW, Entropy()) is None


def test_a_checkpoint_says_whose_it_was():
    decided = taken(run(), replace(EDGE, generation=3), op("StepRun", "a", data=b"1"))
    assert decided.run.reported == (EDGE.id, 3)


# Limits


def test_a_run_does_not_outgrow_its_steps():
    full = run([done(str(n), n) for n in range(limits.MAX_STEPS)])
    assert refused(full, op("StepRun", "one more", data=b"1")) == "too_many"
    assert taken(full, EDGE, op("StepRun", "7", data=b'"7"')).transition is None


def test_a_run_does_not_outgrow_its_state():
    large = run(state_size=limits.MAX_STATE_SIZE - 2)
    assert refused(large, op("StepRun", "a", data=b'"too much"')) == "too_large"


# Names


@pytest.mark.parametrize("id", ["start", "é::3", "\udc80", "a" * 2_000])
def test_a_dispatch_is_known_by_its_name(id):
    dispatched = job(id=id, generation=7)
    found = read_dispatch(dispatch_name(dispatched).decode())
    assert found == Dispatch(f"{RUN_ID}:{id}", 7)
    assert found.is_of(dispatched)
    assert not found.is_of(replace(dispatched, generation=8))
    assert not found.is_of(None)


@pytest.mark.parametrize("name", ["", "?", "YWJj", "Ojox", "YTo6", "YTo6eA==", "YTo6LTE=", "\u00e9"])
def test_other_texts_name_no_dispatch(name):
    assert read_dispatch(name) is None


def test_a_failed_step_keeps_its_error():
    state = run([step("a", StepStatus.FAILED, memo=b'{"error":{}}', seq=0)])
    assert taken(state, EDGE, op("StepRun", "a", data=b"1"), conflict=True).run.refused[0] == EDGE.id
