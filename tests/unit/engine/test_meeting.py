"""Which waits an event meets, and what it leaves for the run (sdk-protocol §§2.2, 8; flow-control §§6.1, 7)."""

import pytest
from engine_builders import (
    EDGE,
    NOW,
    RUN_ID,
    answer,
    event,
    failure,
    fall_due,
    function,
    job,
    plain,
    pure,
    result,
    run,
    step,
    wait,
)
from msgspec.structs import replace

from inngest_fast._native.match import WaitIndex
from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.ops import Opcode
from inngest_fast.domain.runs import StepStatus
from inngest_fast.domain.waits import WaitKind
from inngest_fast.engine.lifecycle import due
from inngest_fast.engine.routing.meeting import (
    by_event,
    by_invoke,
    by_signal,
    index_entry,
    meets,
    resumption,
    signalled,
)

VOID = event("order/void", b'{"id":"o1","n":1.5,"ok":true}')


def waiting_for(name="order/void", expression="", kind=WaitKind.EVENT, **fields):
    return wait(1, kind, event=name, expression=expression, **fields)


def invoking(key=f"{RUN_ID}.w"):
    return wait(1, WaitKind.INVOKE, key=key)


def finished(data, correlation_id=f"{RUN_ID}.w"):
    return event("inngest/function.finished", data, correlation_id=correlation_id)


# Which


@pytest.mark.parametrize("kind", [WaitKind.EVENT, WaitKind.CANCEL])
@pytest.mark.parametrize(
    ("name", "expression", "met"),
    [
        ("order/void", "", True),
        ("order/voi", "", False),
        ("order/*", "", False),
        ("order/void", 'async.data.id == "o1"', True),
        ("order/void", 'async.data.id == "o2"', False),
        ("order/void", "async.data.n == 1.5", True),
        ("order/void", "async.data.ok", True),
        ("order/void", "async.data.n", False),
        ("order/void", "async.data.missing == null", True),
        ("order/void", 'async.data.missing == "o1"', False),
        ("order/void", 'async.name == "order/void" && async.data.n > 1.0', True),
        ("order/void", "false", False),
        ("order/void", "async.data.n +", False),
        ("order/void", "async.data.id > 1.0", False),
        ("order/void", "date(async.ts) > now()", False),
        ("order/void", "async.data.id.matches('(')", False),
        ("order/void", "async.data[0] == 1", False),
    ],
)
def test_an_event_meets_a_wait_by_its_exact_name_and_expression(kind, name, expression, met):
    assert meets(waiting_for(name, expression, kind), VOID, NOW) is met


@pytest.mark.parametrize(
    ("expires", "received", "now", "met"),
    [
        (NOW + 1, NOW, NOW, True),
        (NOW, NOW, NOW, True),
        (NOW - 1, NOW, NOW, False),
        (NOW - 1, NOW - 2, NOW, True),
        (NOW - 1, NOW - 1, NOW, True),
    ],
)
def test_an_expired_wait_is_met_only_by_what_came_in_time(expires, received, now, met):
    assert meets(waiting_for(expires_at=expires), replace(VOID, received_at=received), now) is met


@pytest.mark.parametrize(
    ("key", "correlation", "met"),
    [(f"{RUN_ID}.w", f"{RUN_ID}.w", True), (f"{RUN_ID}.w", f"{RUN_ID}.v", False), (f"{RUN_ID}.w", "", False)],
)
def test_an_invocation_is_met_by_the_end_of_its_own_run(key, correlation, met):
    assert meets(invoking(key), finished(b"{}", correlation), NOW) is met


def test_a_signal_is_not_met_by_an_event():
    assert not meets(wait(1, WaitKind.SIGNAL, key="order/void"), VOID, NOW)
    assert not meets(wait(1, WaitKind.SIGNAL, key="s", event="order/void"), VOID, NOW)


# Found through the index: whatever is met must be found


@pytest.mark.parametrize("kind", [WaitKind.EVENT, WaitKind.CANCEL])
@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("", True),
        ('async.data.id == "o1"', True),
        ('async.data.id == "o2"', False),
        ("async.data.n == 1.5", True),
        ("async.data.ok == true", True),
        ("async.data.missing == null", True),
        ('async.data.id != "o2"', True),
        ('async.data.id == "o2" || async.data.id == "o1"', True),
        ("false", False),
        ("async.data.n +", False),
    ],
)
def test_a_wait_is_found_by_what_it_asks_for(kind, expression, found):
    index = WaitIndex()
    index.insert(1, *index_entry(waiting_for(expression=expression, kind=kind)))
    assert index.candidates(*by_event(VOID)) == ([1] if found else [])
    assert index.candidates(*by_event(event("order/voided", b'{"id":"o1"}'))) == []


def test_invocations_and_signals_are_found_by_their_key_alone():
    index = WaitIndex()
    for id, each in enumerate(
        [wait(1, WaitKind.INVOKE, key="k"), wait(1, WaitKind.SIGNAL, key="k"), waiting_for("k")], 1
    ):
        index.insert(id, *index_entry(each))
    assert index.candidates(*by_invoke("k")) == [1]
    assert index.candidates(*by_signal("k")) == [2]
    assert index.candidates(*by_event(event("k"))) == [3]
    assert index.candidates(*by_invoke("other")) == []
    assert index.candidates(*by_signal("")) == []


# What it leaves


def test_an_event_is_the_memo_of_its_wait_as_it_is():
    resumed = resumption(waiting_for(), VOID, NOW)
    assert (resumed.kind, resumed.run_id, resumed.step_id) == (JobKind.RESUME, RUN_ID, "w")
    assert resumed.id == f"{RUN_ID}:w-event"
    assert (resumed.due, resumed.score) == (NOW, waiting_for().score)
    assert resumed.payload == VOID.wire
    memo = plain(resumed.payload)
    assert set(memo) == {"data", "id", "name", "ts", "user"}
    assert type(memo["ts"]) is int


def test_a_cancelling_event_leaves_its_own_id():
    cancelling = resumption(waiting_for(kind=WaitKind.CANCEL, step_id=""), VOID, NOW)
    assert (cancelling.kind, cancelling.run_id, cancelling.due) == (JobKind.CANCEL, RUN_ID, NOW)
    assert fall_due(run(), cancelling).ended
    assert not fall_due(run(event_ids=(VOID.id,)), cancelling).ended


@pytest.mark.parametrize("data", [b"null", b'{"a":1}', b'"text"', b"[1]"])
def test_a_signal_leaves_its_data(data):
    resumed = signalled(wait(1, WaitKind.SIGNAL, key='s"1'), data, NOW)
    assert (resumed.kind, resumed.id) == (JobKind.RESUME, f"{RUN_ID}:w-event")
    assert plain(resumed.payload) == {"data": {"signal": 's"1', "data": plain(data)}}


@pytest.mark.parametrize(
    ("data", "memo"),
    [
        (b'{"result":{"x":1}}', {"data": {"x": 1}}),
        (b'{"result":null}', {"data": None}),
        (b"{}", {"data": None}),
        (b'{"result":0}', {"data": 0}),
        (b'{"error":{"name":"E"},"result":{"message":"raw"}}', {"error": {"name": "E"}}),
        (b'{"_inngest":{"status":"Completed"},"result":1}', {"data": 1}),
        (b'{"_inngest":{"status":"Failed"},"error":{"name":"E"}}', {"error": {"name": "E"}}),
    ],
)
def test_the_end_of_an_invoked_run_leaves_its_result_or_error(data, memo):
    resumed = resumption(invoking(), finished(data), NOW)
    assert resumed.kind is JobKind.RESUME
    assert plain(resumed.payload) == memo


def test_a_cancelled_invoked_run_is_an_error():
    memo = plain(resumption(invoking(), finished(b'{"_inngest":{"status":"Cancelled"}}'), NOW).payload)
    assert set(memo) == {"error"}
    assert memo["error"]["name"]
    assert memo["error"]["message"]


@pytest.mark.parametrize(
    ("end", "memo"),
    [
        (lambda child: answer(child, EDGE, result(b'{"x":1}')), {"data": {"x": 1}}),
        (lambda child: answer(child, EDGE, result(None)), {"data": None}),
        (
            lambda child: answer(child, EDGE, failure(no_retry=True)),
            {"error": {"error": "boom", "message": "boom", "name": "Error"}},
        ),
        (lambda child: pure(due.cancel, child, function(), NOW), None),
    ],
)
def test_from_the_end_of_a_child_to_the_step_of_its_parent(end, memo):
    child = run(id="01CHILD", correlation_id=f"{RUN_ID}.w")
    told = end(child).events[0]
    assert meets(invoking(), told, NOW)
    parent = run([step("w", StepStatus.WAITING, Opcode.INVOKE_FUNCTION, wait_id=1)])
    decided = fall_due(parent, resumption(invoking(), told, NOW))
    stored = plain(decided.run.steps["w"].memo)
    assert stored == memo if memo is not None else set(stored) == {"error"}
    assert decided.run.steps["w"].status is (StepStatus.FAILED if "error" in stored else StepStatus.COMPLETED)


def test_a_wait_that_is_met_and_times_out_at_once_has_one_outcome():
    """Both jobs may exist; the first to be decided wins, the other changes nothing."""
    state = run([step("w", StepStatus.WAITING, Opcode.WAIT_FOR_EVENT, wait_id=1)])
    met = resumption(waiting_for(), VOID, NOW)
    late = job(JobKind.WAIT_TIMEOUT, "w")
    assert fall_due(fall_due(state, met).run, late).actions == []
    assert fall_due(fall_due(state, late).run, met).actions == []
