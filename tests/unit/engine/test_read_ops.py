"""The ops of an answer (sdk-protocol §§3, 4)."""

import json

import pytest
from engine_builders import NOW

from inngest_fast.domain.ops import Op, Opcode
from inngest_fast.engine.answer import Failure, Ops, read_answer
from inngest_fast.engine.answer.error_object import standard_error

SDK = {"x-inngest-sdk": "inngest-js:v4.18.1"}
MIB = 1024 * 1024
ID = "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"


def read(body):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(206, SDK, body, now_ms=NOW)


def one(body):
    answer = read(body)
    assert isinstance(answer, Ops), standard_error(answer.error, "")
    (op,) = answer.ops
    return op


def message(body):
    answer = read(body)
    assert isinstance(answer, Failure)
    assert not answer.no_retry
    return json.loads(answer.error)["message"]


@pytest.mark.parametrize("opcode", list(Opcode))
@pytest.mark.parametrize("spell", [str, str.lower, str.upper])
def test_the_case_of_an_opcode_does_not_count(opcode, spell):
    assert one({"op": spell(opcode.value), "id": ID}).op is opcode


@pytest.mark.parametrize(
    ("body", "op"),
    [
        (
            {
                "op": "StepRun",
                "id": ID,
                "name": "a",
                "displayName": "A",
                "opts": {},
                "userland": {"id": "a", "index": 1},
                "data": "A",
                "timing": {"a": 1795425381016000000, "b": 0},
                "mode": "sync",
                "hashedId": ID,
            },
            Op(
                op=Opcode.STEP_RUN,
                id=ID,
                name="a",
                display_name="A",
                data=b'"A"',
                began_at=1_795_425_381_016,
            ),
        ),
        (
            {
                "op": "StepRun",
                "id": ID,
                "name": "a",
                "displayName": "a",
                "opts": None,
                "userland": {"id": "a", "index": None},
                "data": {"b": 1.0, "a": None},
            },
            Op(op=Opcode.STEP_RUN, id=ID, name="a", display_name="a", data=b'{"a":null,"b":1}'),
        ),
        (
            {"op": "Sleep", "id": ID, "name": "1s", "opts": {}, "userland": {"id": "s"}, "data": None},
            Op(op=Opcode.SLEEP, id=ID, name="1s", display_name="1s"),
        ),
        (
            {"op": "Sleep", "id": ID, "name": "s", "opts": {"duration": "2s"}},
            Op(op=Opcode.SLEEP, id=ID, name="s", display_name="s", duration="2s"),
        ),
        (
            {
                "op": "WaitForEvent",
                "id": ID,
                "name": "w/e",
                "opts": {"timeout": "2d", "if": "event.data.id == async.data.id"},
            },
            Op(
                op=Opcode.WAIT_FOR_EVENT,
                id=ID,
                name="w/e",
                display_name="w/e",
                timeout="2d",
                expression="event.data.id == async.data.id",
            ),
        ),
        (
            {
                "op": "WaitForEvent",
                "id": ID,
                "name": "x",
                "opts": {"event": "w/e", "timeout": "1s", "if": None},
            },
            Op(op=Opcode.WAIT_FOR_EVENT, id=ID, name="x", display_name="x", timeout="1s", event="w/e"),
        ),
        (
            {
                "op": "WaitForSignal",
                "id": ID,
                "name": "sig-1",
                "opts": {"signal": "sig-1", "timeout": "10m", "conflict": "replace"},
            },
            Op(
                op=Opcode.WAIT_FOR_SIGNAL,
                id=ID,
                name="sig-1",
                display_name="sig-1",
                timeout="10m",
                signal="sig-1",
                conflict="replace",
            ),
        ),
        (
            {
                "op": "InvokeFunction",
                "id": ID,
                "opts": {"payload": {"data": {"a": 1}}, "function_id": "shop-target", "timeout": "1m"},
            },
            Op(
                op=Opcode.INVOKE_FUNCTION,
                id=ID,
                display_name=ID,
                timeout="1m",
                function_id="shop-target",
                payload=b'{"data":{"a":1}}',
            ),
        ),
        (
            {"op": "StepPlanned", "id": ID, "name": "b", "opts": {"parallelMode": "race", "input": [1]}},
            Op(op=Opcode.STEP_PLANNED, id=ID, name="b", display_name="b", parallel_mode="race"),
        ),
        (
            {
                "op": "StepError",
                "id": ID,
                "error": {"name": "E", "message": "m", "stack": "s", "data": {"x": 1}, "cause": {}},
                "data": None,
            },
            Op(
                op=Opcode.STEP_ERROR,
                id=ID,
                display_name=ID,
                error=b'{"cause":{},"data":{"x":1},"message":"m","name":"E","stack":"s"}',
            ),
        ),
        (
            {"op": "StepRun", "id": ID, "opts": {"type": "step.sendEvent"}, "data": {"ids": ["1"]}},
            Op(op=Opcode.STEP_RUN, id=ID, display_name=ID, data=b'{"ids":["1"]}'),
        ),
        ({"op": "RunComplete", "data": {"a": 1}}, Op(op=Opcode.RUN_COMPLETE, id="", data=b'{"a":1}')),
        ({"op": "None", "id": "", "data": None}, Op(op=Opcode.NONE, id="")),
    ],
)
def test_an_op(body, op):
    assert one(body) == op
    assert one([body]) == op


def test_ops_stay_in_order_and_may_be_none():
    assert [op.id for op in read([{"op": "StepRun", "id": id} for id in "bac"]).ops] == ["b", "a", "c"]
    assert read([]).ops == ()


@pytest.mark.parametrize("value", [0, False, "", [], {}, "null"])
def test_data_that_looks_like_nothing_is_something(value):
    assert json.loads(one({"op": "StepRun", "id": ID, "data": value}).data) == value


@pytest.mark.parametrize("name", ["StepNotFound", "SendEvent", "", "Step Run", "step.run"])
def test_an_unknown_opcode_is_a_failure(name):
    found = [{"op": "StepRun", "id": "a", "data": 1}, {"op": name, "id": "b"}]
    assert message(found) == f"error reading generator opcode response: unknown opcode {name!r}"


@pytest.mark.parametrize(
    "body",
    [
        {"op": 1, "id": "a"},
        {"op": None, "id": "a"},
        {"id": "a"},
        {"op": "StepRun", "id": 1},
        {"op": "StepRun", "id": "a", "opts": []},
        {"op": "Sleep", "id": "a", "name": 5},
        {"op": "WaitForEvent", "id": "a", "opts": {"timeout": 5}},
        [[{"op": "StepRun", "id": "a"}]],
    ],
)
def test_an_op_of_the_wrong_shape_is_a_failure(body):
    assert message(body).startswith("error reading generator opcode response: ")


@pytest.mark.parametrize("opcode", list(Opcode))
def test_an_op_about_a_step_needs_an_id(opcode):
    body = {"op": opcode.value, "id": None, "name": "n"}
    if opcode in (Opcode.NONE, Opcode.RUN_COMPLETE, Opcode.SYNC_RUN_COMPLETE, Opcode.DISCOVERY_REQUEST):
        assert one(body).id == ""
    else:
        assert message(body) == f"error validating generator opcode {opcode.value}: it has no id"


@pytest.mark.parametrize(
    ("member", "text"),
    [
        ("data", f"error validating generator opcode {ID}: step output size is greater than the limit"),
        ("input", f"error validating generator opcode {ID}: step input size is greater than the limit"),
    ],
)
@pytest.mark.parametrize(("over", "fits"), [(0, True), (1, False)])
def test_a_step_has_at_most_4_mib_of_input_and_of_output(member, text, over, fits):
    big = b'"%s"' % (b"x" * (4 * MIB - 2 + over))
    if member == "input":
        big = b"[" + big[:-3] + b'"]'
    assert len(big) == 4 * MIB + over
    body = {
        "data": b'{"op":"StepRun","id":"%s","data":%s}',
        "input": b'{"op":"StepRun","id":"%s","opts":{"input":%s}}',
    }
    body = body[member] % (ID.encode(), big)
    if fits:
        assert one(body).id == ID
    else:
        assert message(body) == text


@pytest.mark.parametrize(
    ("opcode", "lazy", "plans"),
    [
        (opcode, opcode.value.startswith("Defer"), opcode in PLANS)
        for PLANS in [
            {
                Opcode.AI_GATEWAY,
                Opcode.GATEWAY,
                Opcode.INVOKE_FUNCTION,
                Opcode.SLEEP,
                Opcode.STEP_PLANNED,
                Opcode.WAIT_FOR_EVENT,
                Opcode.WAIT_FOR_SIGNAL,
            }
        ]
        for opcode in Opcode
    ],
)
def test_which_ops_are_lazy_and_which_end_later(opcode, lazy, plans):
    op = Op(op=opcode, id="a")
    assert (op.lazy, op.plans) == (lazy, plans)


@pytest.mark.parametrize(
    ("timing", "began_at"),
    [
        ({"a": 1_795_425_381_016_000_000, "b": 5}, 1_795_425_381_016),
        ({"a": 1.795425381016e18, "b": 5}, 1_795_425_381_016),
        ({"a": -5}, 0),
        ({"a": "x"}, 0),
        ({}, 0),
        (None, 0),
        ("soon", 0),
    ],
)
def test_when_a_step_began_is_read_where_it_is_told(timing, began_at):
    assert one({"op": "StepRun", "id": "a", "timing": timing}).began_at == began_at
