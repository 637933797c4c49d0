"""What steps that end later do to their run (sdk-protocol §§4.2, 8)."""

import pytest
from engine_builders import (
    EDGE,
    NOW,
    RUN_ID,
    answer,
    done,
    event,
    failure,
    op,
    ops,
    plain,
    result,
    run,
    step,
    wait,
)

from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.runs import RunStatus, StepStatus
from inngest_fast.domain.waits import WaitKind
from inngest_fast.engine.lifecycle import answered
from inngest_fast.engine.routing.meeting import meets

DAY = 86_400_000
YEAR = 365 * DAY

# Steps that end later


def test_a_planned_step_gets_a_job_of_its_own():
    decided = answer(run(), EDGE, ops(op("StepPlanned", "a")))
    assert decided.added == [("plan", "a-plan", 0)]
    assert decided.steps["a"].reserved
    assert decided.steps["a"].status is StepStatus.PLANNED
    assert decided.run.stack == ()
    assert decided.named("job")[0].step_id == "a"


@pytest.mark.parametrize(
    ("fields", "delay"),
    [
        ({"name": "1s"}, 1_000),
        ({"name": "1h30m"}, 5_400_000),
        ({"name": "7d"}, 7 * DAY),
        ({"name": "366d"}, 366 * DAY),
        ({"name": ""}, 0),
        ({"name": "2026-11-23T09:14:22.400Z"}, 10_000),
        ({"name": "2026-11-23T09:14:22.500Z"}, 11_000),
        ({"name": "2020-01-01T00:00:00Z"}, 0),
        ({"name": "-5s"}, 0),
        ({"name": "ignored", "duration": "2s"}, 2_000),
    ],
)
def test_a_sleep_gets_a_job_when_it_ends(fields, delay):
    decided = answer(run(), EDGE, ops(op("Sleep", "s", **fields)))
    assert decided.added == [("sleep", "s-sleep", delay)]
    assert decided.steps["s"].status is StepStatus.SLEEPING
    assert not decided.ended


@pytest.mark.parametrize(
    ("fields", "expires", "expression"),
    [
        ({"name": "w/e", "timeout": "2d"}, 2 * DAY, ""),
        ({"name": "w/e", "timeout": "366d"}, 366 * DAY, ""),
        ({"name": "w/e"}, 0, ""),
        ({"name": "w/e", "timeout": "2026-11-23T09:14:22Z"}, 10_000, ""),
        ({"name": "w/e", "timeout": "2020-01-01T00:00:00Z"}, 0, ""),
        ({"name": "x", "event": "w/e", "timeout": "1s"}, 1_000, ""),
        ({"name": "w/e", "timeout": "1s", "expression": "event.data.total > 100.0"}, 1_000, "false"),
        ({"name": "w/e", "timeout": "1s", "expression": "event.data.total > 1.0"}, 1_000, ""),
    ],
)
def test_a_wait_for_an_event_is_stored_with_its_timeout(fields, expires, expression):
    decided = answer(run(), EDGE, ops(op("WaitForEvent", "w", **fields)))
    (stored,) = decided.waits
    assert (stored.kind, stored.event, stored.expression) == (WaitKind.EVENT, "w/e", expression)
    assert (stored.run_id, stored.step_id, stored.created_at) == (RUN_ID, "w", NOW)
    assert stored.expires_at == NOW + expires
    assert decided.added == [("wait-timeout", "w-timeout", expires)]
    assert decided.steps["w"].wait_id == stored.id
    assert decided.steps["w"].status is StepStatus.WAITING
    assert decided.run.branched


def test_a_wait_keeps_what_its_expression_asks_of_the_later_event():
    decided = answer(
        run(),
        EDGE,
        ops(op("WaitForEvent", "w", name="w/e", timeout="1d", expression="event.data.id == async.data.id")),
    )
    (stored,) = decided.waits
    assert "event." not in stored.expression
    assert meets(stored, event("w/e", b'{"id":"o1"}'), NOW)
    assert not meets(stored, event("w/e", b'{"id":"o2"}'), NOW)


@pytest.mark.parametrize(
    ("fields", "signal", "expires"),
    [
        ({"name": "sig-1", "signal": "sig-1", "timeout": "10m"}, "sig-1", 600_000),
        ({"name": "sig-1"}, "sig-1", YEAR),
        ({"signal": "s2", "timeout": "1000d"}, "s2", 1000 * DAY),
    ],
)
@pytest.mark.parametrize("conflict", ["", "fail", "replace"])
def test_a_wait_for_a_signal_that_nobody_has(fields, signal, expires, conflict):
    decided = answer(run(), EDGE, ops(op("WaitForSignal", "w", conflict=conflict, **fields)))
    (stored,) = decided.waits
    assert (stored.kind, stored.key, stored.expires_at) == (WaitKind.SIGNAL, signal, NOW + expires)
    assert decided.added == [("wait-timeout", "w-timeout", expires)]
    assert "ConsumeWait" not in decided.kinds


@pytest.mark.parametrize("conflict", ["", "fail", "other"])
def test_a_signal_that_another_run_waits_for_fails_the_new_run(conflict):
    held = {"sig": [wait(5, WaitKind.SIGNAL, run_id="other", key="sig")]}
    decided = answer(
        run(), EDGE, ops(op("WaitForSignal", "w", signal="sig", conflict=conflict)), holders=held
    )
    assert decided.run.status is RunStatus.FAILED
    error = plain(decided.run.error)
    assert error["message"] == "Signal conflict; signal wait already exists for another run"
    assert decided.waits == []
    assert decided.named("job") == []


def test_a_signal_can_be_taken_from_another_run_which_waits_in_vain_until_its_timeout():
    held = wait(5, WaitKind.SIGNAL, step_id="theirs", run_id="other", key="sig")
    decided = answer(
        run(), EDGE, ops(op("WaitForSignal", "w", signal="sig", conflict="replace")), holders={"sig": [held]}
    )
    kinds = decided.kinds
    assert kinds.index("ConsumeWait") < kinds.index("AddWait")
    consumed = decided.actions[kinds.index("ConsumeWait")]
    assert consumed.wait_id == 5
    resumed = consumed.job
    assert (resumed.kind, resumed.run_id, resumed.step_id) == (JobKind.RESUME, "other", "theirs")
    assert (resumed.due, resumed.payload) == (held.expires_at, b"null")
    assert not decided.ended


def test_a_signal_is_taken_from_every_step_of_another_run_that_waits_for_it():
    held = [wait(n, WaitKind.SIGNAL, step_id=f"s{n}", run_id="other", key="sig") for n in (5, 6)]
    found = ops(op("WaitForSignal", "w", signal="sig", conflict="replace"))
    decided = answer(run(), EDGE, found, holders={"sig": held})
    assert [a.wait_id for a in decided.actions if type(a).__name__ == "ConsumeWait"] == [5, 6]


def test_the_signals_of_an_answer_are_named_for_their_holders_to_be_found():
    found = ops(
        op("WaitForSignal", "a", signal="s1"),
        op("WaitForSignal", "b", name="s2"),
        op("Sleep", "c", name="s3"),
    )
    assert answered.signals(found) == ["s1", "s2"]
    assert answered.signals(result()) == []
    assert answered.signals(failure()) == []


@pytest.mark.parametrize(
    ("fields", "data", "rest", "expires"),
    [
        ({"payload": b'{"data":{"a":1}}', "timeout": "1m"}, {"a": 1}, {}, 60_000),
        ({}, {}, {}, YEAR),
        ({"payload": b"{}"}, {}, {}, YEAR),
        ({"payload": b'{"data":null,"user":null,"v":null}'}, {}, {}, YEAR),
        ({"payload": b'{"data":{"_inngest":{"fn_id":"x"}}}'}, {}, {}, YEAR),
        (
            {
                "payload": b'{"data":{"b":[1.5]},"id":"mine","name":"n","ts":1700000000000,"user":{"u":1},"v":"2"}'
            },
            {"b": [1.5]},
            {"user": {"u": 1}, "v": "2", "id": "mine", "ts": 1_700_000_000_000},
            YEAR,
        ),
    ],
)
def test_an_invocation_publishes_its_event_and_waits_for_the_end(fields, data, rest, expires):
    decided = answer(run(), EDGE, ops(op("InvokeFunction", "i", function_id="shop-target", **fields)))
    (sent,) = decided.events
    (stored,) = decided.waits
    correlation = f"{RUN_ID}.i"
    assert (stored.kind, stored.key, stored.expires_at) == (WaitKind.INVOKE, correlation, NOW + expires)
    assert decided.added == [("wait-timeout", "i-timeout", expires)]
    assert (sent.name, sent.target, sent.correlation_id) == (
        "inngest/function.invoked",
        "shop-target",
        correlation,
    )
    wire = plain(sent.wire)
    meta = wire["data"].pop("_inngest")
    assert wire == {"name": sent.name, "id": sent.id, "ts": NOW, "user": {}, "data": data, **rest}
    assert meta["correlation_id"] == correlation
    assert meta["fn_id"] == "shop-target"
    assert meta["expire"] == NOW + expires
    assert (meta["source_app_id"], meta["source_fn_id"], meta["source_fn_v"]) == (
        run().app_id,
        run().function_id,
        3,
    )
    assert sent.repeatable is ("id" in rest)
    assert decided.kinds.index("AddWait") < decided.kinds.index("PutEvent")


@pytest.mark.parametrize(
    "found",
    [
        op("StepPlanned", "x"),
        op("Sleep", "x", name="1h"),
        op("WaitForEvent", "x", name="w/e", timeout="1h"),
        op("WaitForSignal", "x", signal="sig"),
        op("InvokeFunction", "x", function_id="shop-target"),
    ],
)
@pytest.mark.parametrize(
    "known",
    [
        step("x", StepStatus.PLANNED),
        step("x", StepStatus.SLEEPING),
        step("x", StepStatus.WAITING, wait_id=4),
        done("x", 0),
    ],
)
def test_a_step_that_is_reported_again_is_not_started_again(found, known):
    """Another holder of the signal is the proof that nothing even looks at it."""
    held = {"sig": [wait(5, WaitKind.SIGNAL, run_id="other", key="sig")]}
    decided = answer(run([known]), EDGE, ops(found), holders=held)
    assert decided.steps == {}
    assert decided.waits == []
    assert decided.events == []
    assert not decided.ended
    kinds = [kind for kind, _, _ in decided.added]
    assert kinds == ([] if known.reserved else ["edge"])


@pytest.mark.parametrize("status", [StepStatus.RETRYING, StepStatus.ABANDONED])
@pytest.mark.parametrize(
    ("found", "kind"),
    [(op("StepPlanned", "x"), "plan"), (op("Sleep", "x", name="1h"), "sleep")],
)
def test_a_step_that_nothing_will_finish_is_started_anew(status, found, kind):
    decided = answer(run([step("x", status, attempts=2)]), EDGE, ops(found))
    assert [each[0] for each in decided.added] == [kind]
    assert decided.steps["x"].reserved
    assert decided.steps["x"].attempts == 2


def test_a_sleep_does_not_keep_out_the_call_that_follows_its_step():
    """An app may report as done what it had reported as a sleep; two jobs of one id are one."""
    asleep = answer(run(request_version=1), EDGE, ops(op("Sleep", "s", name="1h"))).named("job")
    woken = answer(run([step("s", StepStatus.SLEEPING)]), EDGE, ops(op("StepRun", "s"))).named("job")
    assert len({j.id for j in asleep + woken}) == 2


@pytest.mark.parametrize("status", [StepStatus.PLANNED, StepStatus.SLEEPING, StepStatus.WAITING])
def test_an_error_does_not_take_a_step_from_what_will_finish_it(status):
    """Started anew beside its live job or wait, it would have two."""
    decided = answer(run([step("x", status, wait_id=4)]), EDGE, ops(op("StepError", "x")))
    assert decided.run.steps["x"].status is status
    assert decided.moved.attempt == 1
